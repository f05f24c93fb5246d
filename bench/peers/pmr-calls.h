/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of both memory resources, of the peer_pool that was defined.
 */
#ifndef TARN_BENCH_PEERS_PMR_CALLS_H
#define TARN_BENCH_PEERS_PMR_CALLS_H

static inline void peer_reset(peer_pool *pool)
{
	pool->resource.release();
}

static inline void peer_destroy(peer_pool *pool)
{
	delete pool;
}

static inline peer_local *peer_use(peer_pool *pool, int)
{
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return local->resource.allocate(size);
}

static inline size_t peer_held(peer_pool *pool)
{
	return pool->below.held();
}

#endif
