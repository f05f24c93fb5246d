/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floor: a thread-local bump, inlined. In the case of threads that come and
 * go, all but nothing: that is what a thread alone costs.
 */
#include "floor.h"

static const struct peer_info peer = {
	"bump, inlined, thread-local", "", "floor", "native", NULL, NULL,
};

typedef struct floor_room peer_local;
typedef char peer_pool;

static _Thread_local struct floor_room own;

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
	floor_enter(&own, thread);
	return &own;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	(void)local;
	return floor_bump(&own, size);
}

#include "../workloads.h"
