/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mimalloc's heaps: each ends as a whole, and is of one thread alone.
 */
#include <mimalloc.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NONE
#define PEER_LIVES
#define PEER_FREES

static const struct peer_info peer = {
	"mimalloc heaps",
	WORKER_TEXT(MI_MALLOC_VERSION),
	"peer",
	"none",
	NULL,
	"a heap serves only the thread that made it; a reset is destroy and "
	"make anew",
};

typedef struct heap {
	mi_heap_t *heap;
} peer_pool;

typedef peer_pool peer_local;

static void peer_begin(void)
{
}

static inline peer_pool *peer_create(void)
{
	peer_pool *pool = mi_malloc(sizeof(*pool));

	if (pool == NULL)
		worker_die("mi_malloc");
	pool->heap = mi_heap_new();
	return pool;
}

static inline void peer_destroy(peer_pool *pool)
{
	mi_heap_destroy(pool->heap);
	mi_free(pool);
}

static inline void peer_reset(peer_pool *pool)
{
	mi_heap_destroy(pool->heap);
	pool->heap = mi_heap_new();
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return mi_heap_malloc(local->heap, size);
}

static inline void peer_free(peer_local *local, void *object, size_t size)
{
	(void)local;
	(void)size;
	mi_free(object);
}

#include "../workloads.h"
