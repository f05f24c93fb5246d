/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the floors of one cursor that all threads share have in common. It
 * stands in a cache line of its own.
 */
#ifndef TARN_BENCH_PEERS_FLOOR_CURSOR_H
#define TARN_BENCH_PEERS_FLOOR_CURSOR_H

#include <stdatomic.h>

#include "floor.h"

typedef struct cursor {
	_Atomic size_t used __attribute__((aligned(128))); /* bytes */
} peer_pool;

typedef peer_pool peer_local;

static peer_pool cursor;

static peer_pool *peer_create(void)
{
	return &cursor;
}

static void peer_reset(peer_pool *pool)
{
	/* ORDER: the threads that bump have been waited for. */
	atomic_store_explicit(&pool->used, 0, memory_order_relaxed);
}

static peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

#endif
