/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APR's pools, each a child of its thread's one, which has an allocator of its
 * own: no lock is taken.
 */
#include "apr.h"

#include <apr_allocator.h>

#define PEER_SHARED SHARED_NONE

static const struct peer_info peer = {
	"APR pools, children",
	APR_VERSION_STRING,
	"peer",
	"none",
	NULL,
	"children of one parent a thread, with an allocator of its own",
};

static inline peer_pool *peer_create(void)
{
	static _Thread_local apr_pool_t *parent;
	apr_allocator_t *allocator;
	apr_pool_t *pool;

	if (parent == NULL &&
	    (apr_allocator_create(&allocator) != APR_SUCCESS ||
	     apr_pool_create_ex(&parent, NULL, NULL, allocator) != APR_SUCCESS))
		worker_die("apr_pool_create_ex");
	if (apr_pool_create(&pool, parent) != APR_SUCCESS)
		worker_die("apr_pool_create");
	return pool;
}

#include "../workloads.h"
