/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floor: a bump behind a call into a shared library, that finds the calling
 * thread's room by a thread-local variable.
 */
#include "floor.h"

static const struct peer_info peer = {
	"bump behind a call and a thread-local lookup",
	"",
	"floor",
	"native",
	NULL,
	NULL,
};

typedef struct floor_room peer_local;
typedef char peer_pool;

static peer_pool *peer_create(void)
{
	return floor_memory;
}

static void peer_reset(peer_pool *pool)
{
	(void)pool;
	floor_reset();
}

static peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)pool;
	floor_enter(floor_tls_room(), thread);
	return floor_tls_room();
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	(void)local;
	return floor_tls(size);
}

#include "../workloads.h"
