/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block cache: see block.h. Only memory of malloc's upstream, of exactly a
 * cached size and aligned to a line, is in it.
 *
 * Invariants: a slot's cache is touched by the slot's thread alone; the depot
 * under its mutex; neither holds more than its share after a call.
 */
#include "block.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* What a free block looks like. */
struct block_free {
	struct block_free *next;
	struct block_free *next_list; /* in the depot, of a list's first    */
	uint32_t count;               /* in the depot, of a list's first    */
};

/* Bytes: what moves between a slot and the depot at once. */
static const size_t block_list_bytes = (size_t)32 << 10;

/* [c] after block_cache_configure */
static size_t block_slot_share = BLOCK_CACHE_SLOT;
static size_t block_depot_share = BLOCK_CACHE_DEPOT;

static struct {
	pthread_mutex_t mutex;
	size_t bytes;                            /* [l] mutex */
	struct block_free *lists[BLOCK_CLASSES]; /* [l] mutex */
} block_depot = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* [a] how often tarn_trim was called: a slot that is behind empties itself. */
static _Atomic uint32_t block_trims;

void block_cache_configure(void)
{
	const char *text = getenv("TARN_CACHE");
	unsigned long long bytes;
	char *end;
	int error = errno;

	if (text == NULL || *text < '0' || *text > '9')
		return;
	bytes = strtoull(text, &end, 10);
	if (*end == '\0') {
		block_depot_share = (size_t)bytes;
		block_slot_share = align_min(BLOCK_CACHE_SLOT,
					     block_depot_share / 16);
	}
	errno = error;
}

/* ---- classes ------------------------------------------------------------------ */

/* The exponent of the largest power of two that is not above `size`. */
static unsigned block_exponent(size_t size)
{
	return (unsigned)(63 - __builtin_clzll((unsigned long long)size));
}

static size_t class_size(unsigned class)
{
	return (size_t)(8 + class % 8) << (7 + class / 8);
}

/* The least class of at least `size` bytes, a size within the cached range. */
static unsigned class_of(size_t size)
{
	unsigned exponent = block_exponent(size);
	size_t step = (size_t)1 << (exponent - 3);
	size_t above = size - ((size_t)1 << exponent);

	return (exponent - 10) * 8 +
	       (unsigned)((above + step - 1) >> (exponent - 3));
}

static bool class_covers(size_t size)
{
	return size - BLOCK_CLASS_LEAST <= BLOCK_CLASS_MOST - BLOCK_CLASS_LEAST;
}

/* How many blocks of a class make a full list. */
static uint32_t class_list(unsigned class)
{
	return (uint32_t)align_max(block_list_bytes >> (10 + class / 8), 1);
}

size_t block_round(size_t size)
{
	return class_covers(size) ? class_size(class_of(size)) : size;
}

/* ---- the depot ---------------------------------------------------------------- */

/* Straight to malloc: what is cached is charged to no limit. */
static void list_release(struct block_list list)
{
	const tarn_upstream *up = tarn_upstream_malloc();
	int error = errno;

	while (list.first != NULL) {
		struct block_free *block = list.first;

		list.first = block->next;
		up->release(up->ctx, block, 0);
	}
	errno = error;
}

static void depot_put(unsigned class, struct block_list list)
{
	size_t bytes = class_size(class) * list.count;
	bool fits;

	if (list.count == 0)
		return;
	list.first->count = list.count;
	pthread_mutex_lock(&block_depot.mutex);
	fits = bytes <= block_depot_share - block_depot.bytes;
	if (fits) {
		list.first->next_list = block_depot.lists[class];
		block_depot.lists[class] = list.first;
		block_depot.bytes += bytes;
	}
	pthread_mutex_unlock(&block_depot.mutex);
	if (!fits)
		list_release(list);
}

static struct block_list depot_get_locked(unsigned class)
{
	struct block_list list = {block_depot.lists[class], 0};

	if (list.first != NULL) {
		list.count = list.first->count;
		block_depot.lists[class] = list.first->next_list;
		block_depot.bytes -= class_size(class) * list.count;
	}
	return list;
}

static struct block_list depot_get(unsigned class)
{
	struct block_list list;

	pthread_mutex_lock(&block_depot.mutex);
	list = depot_get_locked(class);
	pthread_mutex_unlock(&block_depot.mutex);
	return list;
}

static void depot_trim(void)
{
	for (unsigned class = 0; class < BLOCK_CLASSES; class++) {
		struct block_list list = depot_get(class);

		while (list.count != 0) {
			list_release(list);
			list = depot_get(class);
		}
	}
}

void block_cache_lock(void)
{
	pthread_mutex_lock(&block_depot.mutex);
}

void block_cache_unlock(void)
{
	pthread_mutex_unlock(&block_depot.mutex);
}

/* ---- a slot's share -------------------------------------------------------------- */

static struct block_list list_take(struct block_cache *cache, unsigned class,
				   struct block_list *list)
{
	struct block_list taken = *list;

	*list = (struct block_list){NULL, 0};
	cache->bytes -= class_size(class) * taken.count;
	return taken;
}

void block_cache_leave(struct block_cache *cache)
{
	for (unsigned class = 0; class < BLOCK_CLASSES; class++) {
		depot_put(class, list_take(cache, class, &cache->hot[class]));
		depot_put(class, list_take(cache, class, &cache->spare[class]));
	}
}

static void cache_release(struct block_cache *cache)
{
	for (unsigned class = 0; class < BLOCK_CLASSES; class++) {
		list_release(list_take(cache, class, &cache->hot[class]));
		list_release(list_take(cache, class, &cache->spare[class]));
	}
}

void block_cache_trim(struct block_cache *cache)
{
	/* ORDER block-trims (relaxed): a hint; the blocks that a slot gives
	   back are its own. Pairs with cache_heed_trim. */
	atomic_fetch_add_explicit(&block_trims, 1, memory_order_relaxed);
	depot_trim();
	if (cache != NULL)
		cache_release(cache);
}

static void cache_heed_trim(struct block_cache *cache)
{
	/* ORDER block-trims (relaxed): see block_cache_trim. */
	uint32_t trims = atomic_load_explicit(&block_trims,
					      memory_order_relaxed);

	if (cache->trims != trims) {
		cache->trims = trims;
		cache_release(cache);
	}
}

/* Down to the slot's share, one class after the other. */
static void cache_shrink(struct block_cache *cache)
{
	while (cache->bytes > block_slot_share) {
		unsigned class = cache->hand++ % BLOCK_CLASSES;

		depot_put(class, list_take(cache, class, &cache->spare[class]));
		if (cache->bytes > block_slot_share)
			depot_put(class,
				  list_take(cache, class, &cache->hot[class]));
	}
}

static void *cache_pop(struct block_cache *cache, unsigned class)
{
	struct block_list *hot = &cache->hot[class];
	struct block_free *block;

	cache_heed_trim(cache);
	if (hot->count == 0) {
		*hot = cache->spare[class];
		cache->spare[class] = (struct block_list){NULL, 0};
	}
	if (hot->count == 0) {
		*hot = depot_get(class);
		cache->bytes += class_size(class) * hot->count;
	}
	block = hot->first;
	if (block != NULL) {
		hot->first = block->next;
		hot->count--;
		cache->bytes -= class_size(class);
	}
	if (cache->bytes > block_slot_share)
		cache_shrink(cache);
	return block;
}

static void cache_push(struct block_cache *cache, unsigned class, void *memory)
{
	struct block_list *hot = &cache->hot[class];
	struct block_free *block = memory;

	cache_heed_trim(cache);
	if (hot->count >= class_list(class)) {
		depot_put(class, list_take(cache, class, &cache->spare[class]));
		cache->spare[class] = *hot;
		*hot = (struct block_list){NULL, 0};
	}
	block->next = hot->first;
	hot->first = block;
	hot->count++;
	cache->bytes += class_size(class);
	if (cache->bytes > block_slot_share)
		cache_shrink(cache);
}

/* ---- memory ------------------------------------------------------------------------ */

/* Cached memory serves any alignment up to a line. */
static bool block_is_cached(const struct source *source, size_t size,
			    size_t alignment)
{
	return class_covers(size) && alignment <= BLOCK_LINE &&
	       upstream_is_cached(&source->upstream);
}

void *block_take(struct block_cache *cache, const struct source *source,
		 size_t least, size_t *size, size_t alignment)
{
	bool cached = block_is_cached(source, *size, alignment);

	if (*size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (cached) {
		*size = block_round(*size);
		alignment = BLOCK_LINE;
	}
	*size = limit_charge(source->limit, least, *size);
	if (*size == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (cached && cache != NULL && *size == block_round(*size)) {
		void *memory = cache_pop(cache, class_of(*size));

		if (memory != NULL)
			return memory;
	}
	return source_alloc(source, size, alignment);
}

void block_give(struct block_cache *cache, const struct source *source,
		void *memory, size_t size)
{
	if (cache == NULL || !block_is_cached(source, size, BLOCK_LINE) ||
	    size != block_round(size) ||
	    ((uintptr_t)memory & (BLOCK_LINE - 1)) != 0) {
		source_release(source, memory, size);
		return;
	}
	limit_return(source->limit, size);
	cache_push(cache, class_of(size), memory);
}
