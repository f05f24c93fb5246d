/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GNU obstacks, as glibc has them.
 */
#define _GNU_SOURCE 1
#include <obstack.h>
#include <stdlib.h>

#include "../worker.h"

#define PEER_SHARED SHARED_MUTEX
#define PEER_LIVES
#define PEER_HANDED
#define PEER_HELD

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static const struct peer_info peer = {
	"GNU obstack",
	WORKER_TEXT(__GLIBC__) "." WORKER_TEXT(__GLIBC_MINOR__),
	"peer",
	"mutex",
	WORKER_TUNED_GLIBC,
	NULL,
};

typedef struct stack {
	struct obstack obstack;
	void *first; /* object: what is freed with all after it */
} peer_pool;

typedef peer_pool peer_local;

static void peer_begin(void)
{
	if (worker_tuned)
		worker_tune_glibc();
}

static inline peer_pool *peer_create(void)
{
	peer_pool *pool = malloc(sizeof(*pool));

	if (pool == NULL)
		worker_die("malloc");
	obstack_init(&pool->obstack);
	pool->first = obstack_alloc(&pool->obstack, 0);
	return pool;
}

static inline void peer_reset(peer_pool *pool)
{
	obstack_free(&pool->obstack, pool->first);
	pool->first = obstack_alloc(&pool->obstack, 0);
}

static inline void peer_destroy(peer_pool *pool)
{
	obstack_free(&pool->obstack, NULL);
	free(pool);
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return obstack_alloc(&local->obstack, (int)size);
}

static inline size_t peer_held(peer_pool *pool)
{
	return (size_t)obstack_memory_used(&pool->obstack);
}

#include "../workloads.h"
