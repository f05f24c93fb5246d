/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference: the pool of nginx, its algorithm with its defects repaired, and
 * without a thought of threads. Small requests bump through a chain of blocks
 * of one size, a block that failed five requests is not looked at again, and
 * large ones go to malloc and are listed.
 */
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#define PEER_SHARED SHARED_MUTEX
#define PEER_LIVES
#define PEER_HANDED
#define PEER_HELD
#define PEER_FREES
#define PEER_REFUSES
#define PEER_SIZED
#define PEER_CLEANUP

static const struct peer_info peer = {
	"the original, repaired",
	"",
	"reference",
	"mutex",
	NULL,
	"the algorithm of nginx's pool, compiled into its user; under a mutex "
	"where threads share it",
};

enum {
	ORIGINAL_BLOCK = 4096,
	ORIGINAL_MAX = 4095,
	ORIGINAL_PATIENCE = 4
};

struct original_block {
	char *last;
	char *end;
	struct original_block *next;
	unsigned failed;
};

struct original_large {
	struct original_large *next;
	void *memory; /* NULL: freed */
	size_t size;
};

struct original_cleanup {
	struct original_cleanup *next;
	void (*fn)(void *data);
	void *data;
};

typedef struct original {
	struct original_block block;
	size_t size, max, held;
	struct original_block *current;
	struct original_large *large;
	struct original_cleanup *cleanups;
} peer_pool;

typedef peer_pool peer_local;

static inline size_t original_round(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

static inline void peer_begin(void)
{
}

static void *original_take(size_t size)
{
	void *memory = malloc(size);

	if (memory == NULL)
		worker_die("malloc");
	return memory;
}

static void original_begin_block(struct original_block *block, size_t used,
				 size_t size)
{
	block->last = (char *)block + original_round(used);
	block->end = (char *)block + size;
	block->failed = 0;
}

static peer_pool *original_create(size_t size)
{
	peer_pool *pool;

	size = original_round(size > sizeof(*pool) + 64 ? size
							: sizeof(*pool) + 64);
	pool = original_take(size);
	original_begin_block(&pool->block, sizeof(*pool), size);
	pool->block.next = NULL;
	pool->size = size;
	pool->held = size;
	pool->max = size - sizeof(*pool);
	if (pool->max > ORIGINAL_MAX)
		pool->max = ORIGINAL_MAX;
	pool->current = &pool->block;
	pool->large = NULL;
	pool->cleanups = NULL;
	return pool;
}

static inline peer_pool *peer_create_sized(size_t first_block)
{
	return original_create(first_block);
}

static inline peer_pool *peer_create(void)
{
	return original_create(ORIGINAL_BLOCK);
}

static void original_end_large(peer_pool *pool)
{
	for (struct original_large *large = pool->large; large != NULL;
	     large = large->next) {
		if (large->memory != NULL)
			pool->held -= large->size;
		free(large->memory);
	}
	pool->large = NULL;
}

static void original_clean(peer_pool *pool)
{
	for (struct original_cleanup *cleanup = pool->cleanups; cleanup != NULL;
	     cleanup = cleanup->next)
		cleanup->fn(cleanup->data);
	pool->cleanups = NULL;
}

static inline void peer_reset(peer_pool *pool)
{
	original_clean(pool);
	original_end_large(pool);
	original_begin_block(&pool->block, sizeof(*pool), pool->size);
	for (struct original_block *block = pool->block.next; block != NULL;
	     block = block->next)
		original_begin_block(block, sizeof(*block), pool->size);
	pool->current = &pool->block;
}

static inline void peer_destroy(peer_pool *pool)
{
	struct original_block *block, *next = pool->block.next;

	original_clean(pool);
	original_end_large(pool);
	while ((block = next) != NULL) {
		next = block->next;
		free(block);
	}
	free(pool);
}

static char *original_bump(struct original_block *block, size_t size)
{
	char *object = block->last;

	if ((size_t)(block->end - object) < size)
		return NULL;
	block->last = object + size;
	return object;
}

/* Counts the blocks passed, also where the next one is warm from a reset: or
   each miss would walk all that are full. */
static void *original_miss(peer_pool *pool, size_t size)
{
	struct original_block *block = pool->current, *next;
	char *object;

	for (; (next = block->next) != NULL; block = next) {
		if (block->failed++ > ORIGINAL_PATIENCE)
			pool->current = next;
		object = original_bump(next, size);
		if (object != NULL)
			return object;
	}
	next = original_take(pool->size);
	original_begin_block(next, sizeof(*next), pool->size);
	next->next = NULL;
	block->next = next;
	pool->held += pool->size;
	return original_bump(next, size);
}

static inline void *original_small(peer_pool *pool, size_t size)
{
	char *object;

	size = original_round(size);
	object = original_bump(pool->current, size);
	return object != NULL ? object : original_miss(pool, size);
}

/* A place in the list that was freed is used again. */
static void *original_large(peer_pool *pool, size_t size)
{
	struct original_large *large = pool->large;

	for (int i = 0; large != NULL && large->memory != NULL; i++)
		large = i < 3 ? large->next : NULL;
	if (large == NULL) {
		large = original_small(pool, sizeof(*large));
		large->next = pool->large;
		pool->large = large;
	}
	large->memory = original_take(size);
	large->size = size;
	pool->held += size;
	return large->memory;
}

static inline void *peer_alloc(peer_local *pool, size_t size)
{
	return size <= pool->max ? original_small(pool, size)
				 : original_large(pool, size);
}

/* Of a large object; any other is not found, and stays. */
static inline void peer_free(peer_pool *pool, void *object, size_t size)
{
	(void)size;
	for (struct original_large *large = pool->large; large != NULL;
	     large = large->next)
		if (large->memory == object) {
			free(object);
			large->memory = NULL;
			pool->held -= large->size;
			return;
		}
}

static void original_count(void *data)
{
	(*(size_t *)data)++;
}

/* Adds one to *count when the pool ends. */
static inline void peer_cleanup(peer_local *pool, size_t *count)
{
	struct original_cleanup *cleanup =
		original_small(pool, sizeof(*cleanup));

	cleanup->fn = original_count;
	cleanup->data = count;
	cleanup->next = pool->cleanups;
	pool->cleanups = cleanup;
}

static inline size_t peer_held(peer_pool *pool)
{
	return pool->held;
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

#include "../workloads.h"
