/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two ways of using APR's pools share. Their users may not use one
 * from two threads at once.
 */
#ifndef TARN_BENCH_PEERS_APR_H
#define TARN_BENCH_PEERS_APR_H

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_version.h>

#include "../worker.h"

#define PEER_LIVES
#define PEER_CLEANUP

typedef apr_pool_t peer_pool;
typedef apr_pool_t peer_local;

static inline void peer_begin(void)
{
	if (apr_initialize() != APR_SUCCESS)
		worker_die("apr_initialize");
}

static inline void peer_reset(peer_pool *pool)
{
	apr_pool_clear(pool);
}

static inline void peer_destroy(peer_pool *pool)
{
	apr_pool_destroy(pool);
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return apr_palloc(local, size);
}

static apr_status_t apr_count(void *data)
{
	(*(size_t *)data)++;
	return APR_SUCCESS;
}

/* Adds one to *count when the pool ends. */
static inline void peer_cleanup(peer_local *local, size_t *count)
{
	apr_pool_cleanup_register(local, count, apr_count,
				  apr_pool_cleanup_null);
}

#endif
