/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc's explicit arenas: each is reset as a whole.
 */
#include <jemalloc/jemalloc.h>
#include <stdio.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_FREES

static const struct peer_info peer = {
	"jemalloc, explicit arenas",
	JEMALLOC_VERSION,
	"optional",
	"native",
	NULL,
	"without the threads' caches, which would outlive the arena's reset; "
	"an arena is not made for each request",
};

typedef struct arena {
	unsigned number;
	int flags;
} peer_pool;

typedef peer_pool peer_local;

static void peer_begin(void)
{
}

static inline peer_pool *peer_create(void)
{
	peer_pool *pool = malloc(sizeof(*pool));
	size_t size = sizeof(pool->number);

	if (pool == NULL ||
	    mallctl("arenas.create", &pool->number, &size, NULL, 0) != 0)
		worker_die("arenas.create");
	pool->flags = MALLOCX_ARENA(pool->number) | MALLOCX_TCACHE_NONE;
	return pool;
}

static inline void peer_reset(peer_pool *pool)
{
	char name[32];

	snprintf(name, sizeof(name), "arena.%u.reset", pool->number);
	if (mallctl(name, NULL, NULL, NULL, 0) != 0)
		worker_die(name);
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return mallocx(size, local->flags);
}

static inline void peer_free(peer_local *local, void *object, size_t size)
{
	(void)size;
	dallocx(object, local->flags);
}

#include "../workloads.h"
