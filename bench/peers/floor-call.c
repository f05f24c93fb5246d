/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floor: a bump behind a call into a shared library, that is told the room.
 */
#include "floor.h"

static const struct peer_info peer = {
	"bump behind a call", "", "floor", "native", NULL, NULL,
};

typedef struct floor_room peer_local;
typedef char peer_pool;

/* Two lines each: no thread writes to another's. */
static struct {
	struct floor_room room __attribute__((aligned(128)));
} rooms[FLOOR_THREADS];

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
	floor_enter(&rooms[thread].room, thread);
	return &rooms[thread].room;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return floor_call(local, size);
}

#include "../workloads.h"
