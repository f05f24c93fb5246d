/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the ways of using tarn have in common as peers.
 */
#ifndef TARN_BENCH_PEERS_TARN_H
#define TARN_BENCH_PEERS_TARN_H

#include <tarn.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_LIVES
#define PEER_HANDED
#define PEER_HELD
#define PEER_FREES
#define PEER_GIVES
#define PEER_REFUSES
#define PEER_SIZED
#define PEER_PACKS
#define PEER_ZEROES
#define PEER_ALIGNS
#define PEER_CLEANUP

typedef tarn_pool peer_pool;

static inline void peer_begin(void)
{
}

static inline peer_pool *peer_create(void)
{
	return tarn_pool_create(NULL);
}

/* What a server whose pools begin alike would do. */
static inline peer_pool *peer_create_sized(size_t first_block)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.first_block = first_block;
	return tarn_pool_create(first_block == 4096 ? NULL : &options);
}

static inline void peer_reset(peer_pool *pool)
{
	tarn_pool_reset(pool);
}

static inline void peer_destroy(peer_pool *pool)
{
	tarn_pool_destroy(pool);
}

static inline size_t peer_held(peer_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_stats(pool, &stats);
	return stats.held;
}

static inline void tarn_count(void *data)
{
	(*(size_t *)data)++;
}

#endif
