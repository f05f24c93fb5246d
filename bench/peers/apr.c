/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APR's pools, each a root.
 */
#include "apr.h"

#define PEER_SHARED SHARED_MUTEX
#define PEER_HANDED

static const struct peer_info peer = {
	"APR pools", APR_VERSION_STRING,
	"peer",      "mutex",
	NULL,        "root pools, of APR's one allocator",
};

static inline peer_pool *peer_create(void)
{
	apr_pool_t *pool;

	if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
		worker_die("apr_pool_create");
	return pool;
}

#include "../workloads.h"
