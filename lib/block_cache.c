/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block cache: see block.h. Only memory of malloc's upstream of exactly a
 * cached size is in it.
 *
 * Invariants: a slot's cache is touched by the slot's thread alone; the depot
 * under its mutex; neither holds more than its share after a call.
 */
#include "block.h"

#include <errno.h>
#include <stdlib.h>

#include "debug.h"
#include "host.h"
#include "mutex.h"

/* What a free block looks like. */
struct block_free {
	struct block_free *next;
	struct block_free *next_list; /* in the depot, of a list's first    */
	size_t list_bytes;            /* in the depot, of a list's first    */
};

/* Bytes: what moves between a slot and the depot at once. */
static const size_t block_list_bytes = (size_t)32 << 10;

/* [c] after block_cache_configure */
static size_t block_slot_share = BLOCK_CACHE_SLOT;
static size_t block_depot_share = BLOCK_CACHE_DEPOT;

static struct mutex depot_mutex = MUTEX_INITIALIZER;

static struct {
	size_t bytes MUTEX_GUARDED(depot_mutex); /* [l] */
	/* [a] written under the mutex */
	_Atomic(struct block_free *) lists[BLOCK_BINS];
} block_depot;

/* [a] how often tarn_trim was called: a slot that is behind empties itself. */
static _Atomic uint32_t block_trims;

void block_cache_configure(void)
{
	const char *text = host_getenv("TARN_CACHE");
	unsigned long long bytes;
	char *end;
	int error = errno;

	if (text == NULL || *text < '0' || *text > '9')
		return;
	bytes = strtoull(text, &end, 10);
	if (*end == '\0') {
		block_depot_share = (size_t)bytes;
		block_slot_share =
			align_min(BLOCK_CACHE_SLOT, block_depot_share / 16);
	}
	errno = error;
}

/* ---- bins ------------------------------------------------------------ */

struct bin {
	unsigned index;
	size_t size;
};

static bool bin_covers(size_t size)
{
	return size - BLOCK_BIN_LEAST <= BLOCK_BIN_MOST - BLOCK_BIN_LEAST;
}

/* The least bin of at least `size` bytes, a size within the cached range:
   the first five bits of size - 1, and one more. */
static struct bin bin_of(size_t size)
{
	unsigned exponent = 63U ^ (unsigned)__builtin_clzll(size - 1);
	unsigned shift = exponent - 4;
	size_t top = (size - 1) >> shift;

	return (struct bin){(exponent - 10) * 16 + (unsigned)top - 15,
			    (top + 1) << shift};
}

/* ---- the depot ------------------------------------------------------- */

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

static struct block_free *depot_first(unsigned bin)
{
	/* ORDER depot-first (relaxed): a hint where there is none; what a list
	   holds is read under the mutex. Pairs with depot_set_first. */
	return atomic_load_explicit(&block_depot.lists[bin],
				    memory_order_relaxed);
}

static void depot_set_first(unsigned bin, struct block_free *first)
	MUTEX_HELD(depot_mutex)
{
	/* ORDER depot-first (relaxed): under the mutex. Pairs with
	   depot_first. */
	atomic_store_explicit(&block_depot.lists[bin], first,
			      memory_order_relaxed);
}

static void depot_put(unsigned bin, struct block_list list)
{
	bool fits;

	if (list.first == NULL)
		return;
	list.first->list_bytes = list.bytes;
	mutex_lock(&depot_mutex);
	fits = list.bytes <= block_depot_share - block_depot.bytes;
	if (fits) {
		list.first->next_list = depot_first(bin);
		depot_set_first(bin, list.first);
		block_depot.bytes += list.bytes;
	}
	mutex_unlock(&depot_mutex);
	if (!fits)
		list_release(list);
}

static struct block_list depot_get(unsigned bin)
{
	struct block_list list = {NULL, 0};

	/* A pool that grows asks for each block, and mostly in vain. */
	if (depot_first(bin) == NULL)
		return list;
	mutex_lock(&depot_mutex);
	list.first = depot_first(bin);
	if (list.first != NULL) {
		list.bytes = list.first->list_bytes;
		depot_set_first(bin, list.first->next_list);
		block_depot.bytes -= list.bytes;
	}
	mutex_unlock(&depot_mutex);
	return list;
}

static void depot_trim(void)
{
	for (unsigned bin = 0; bin < BLOCK_BINS; bin++) {
		struct block_list list = depot_get(bin);

		while (list.first != NULL) {
			list_release(list);
			list = depot_get(bin);
		}
	}
}

void block_cache_lock(void) MUTEX_TAKEN(depot_mutex)
{
	mutex_lock(&depot_mutex);
}

void block_cache_unlock(void) MUTEX_DROPPED(depot_mutex)
{
	mutex_unlock(&depot_mutex);
}

/* ---- a slot's share -------------------------------------------------- */

static struct block_list list_take(struct block_cache *cache,
				   struct block_list *list)
{
	struct block_list taken = *list;

	*list = (struct block_list){NULL, 0};
	cache->bytes -= taken.bytes;
	return taken;
}

static void *list_pop(struct block_cache *cache, struct block_list *list,
		      size_t size)
{
	struct block_free *block = list->first;

	list->first = block->next;
	list->bytes -= size;
	cache->bytes -= size;
	return block;
}

static void list_push(struct block_cache *cache, struct block_list *list,
		      void *memory, size_t size)
{
	struct block_free *block = memory;

	block->next = list->first;
	list->first = block;
	list->bytes += size;
	cache->bytes += size;
}

void block_cache_leave(struct block_cache *cache)
{
	for (unsigned bin = 0; bin < BLOCK_BINS; bin++) {
		depot_put(bin, list_take(cache, &cache->hot[bin]));
		depot_put(bin, list_take(cache, &cache->spare[bin]));
	}
}

static void cache_release(struct block_cache *cache)
{
	for (unsigned bin = 0; bin < BLOCK_BINS; bin++) {
		list_release(list_take(cache, &cache->hot[bin]));
		list_release(list_take(cache, &cache->spare[bin]));
	}
}

void block_cache_trim(struct block_cache *cache)
{
	/* ORDER block-trims (relaxed): a hint; the blocks that a slot gives
	   back are its own. Pairs with cache_trims. */
	atomic_fetch_add_explicit(&block_trims, 1, memory_order_relaxed);
	depot_trim();
	if (cache != NULL)
		cache_release(cache);
}

static uint32_t cache_trims(void)
{
	/* ORDER block-trims (relaxed): see block_cache_trim. */
	return atomic_load_explicit(&block_trims, memory_order_relaxed);
}

static void cache_heed_trim(struct block_cache *cache)
{
	uint32_t trims = cache_trims();

	if (cache->trims != trims) {
		cache->trims = trims;
		cache_release(cache);
	}
}

static void cache_evict(struct block_cache *cache, unsigned bin,
			struct block_list *list)
{
	if (list->first != NULL && cache->bytes > block_slot_share)
		depot_put(bin, list_take(cache, list));
}

/* Down to the slot's share, one bin after the other. */
static void cache_shrink(struct block_cache *cache)
{
	while (cache->bytes > block_slot_share) {
		unsigned bin = cache->hand++ % BLOCK_BINS;

		cache_evict(cache, bin, &cache->spare[bin]);
		cache_evict(cache, bin, &cache->hot[bin]);
	}
}

/* Whether the hot list can serve; not if there was a trim. */
static bool cache_has(const struct block_cache *cache, struct bin bin)
{
	return cache->hot[bin.index].first != NULL &&
	       cache->trims == cache_trims();
}

/* From the slot's lists or the depot; NULL where all are empty. */
static void *cache_pop(struct block_cache *cache, struct bin bin)
{
	struct block_list *hot = &cache->hot[bin.index];
	void *memory = NULL;

	cache_heed_trim(cache);
	if (hot->first == NULL) {
		*hot = cache->spare[bin.index];
		cache->spare[bin.index] = (struct block_list){NULL, 0};
	}
	if (hot->first == NULL) {
		*hot = depot_get(bin.index);
		cache->bytes += hot->bytes;
	}
	if (hot->first != NULL)
		memory = list_pop(cache, hot, bin.size);
	cache_shrink(cache);
	return memory;
}

/* Whether the hot list can take one more; not if there was a trim. */
static bool cache_takes(const struct block_cache *cache, struct bin bin)
{
	size_t listed = cache->hot[bin.index].bytes;

	return (listed == 0 || listed + bin.size <= block_list_bytes) &&
	       cache->bytes + bin.size <= block_slot_share &&
	       cache->trims == cache_trims();
}

/* A full hot list becomes the spare one, and that goes to the depot. */
static void cache_push(struct block_cache *cache, struct bin bin, void *memory)
{
	struct block_list *hot = &cache->hot[bin.index];
	struct block_list *spare = &cache->spare[bin.index];

	cache_heed_trim(cache);
	if (hot->bytes != 0 && hot->bytes + bin.size > block_list_bytes) {
		depot_put(bin.index, list_take(cache, spare));
		*spare = *hot;
		*hot = (struct block_list){NULL, 0};
	}
	list_push(cache, hot, memory, bin.size);
	cache_shrink(cache);
}

/* ---- memory ---------------------------------------------------------- */

/* Whether such memory may be cached. */
static bool block_is_cached(const struct source *source, size_t size,
			    size_t alignment)
{
	return source->cached && bin_covers(size) &&
	       alignment <= TARN_ALIGNMENT;
}

/* Within limits, and where the cache has nothing at hand. */
static __attribute__((noinline)) void *
block_take_slow(struct block_cache *cache, const struct source *source,
		size_t least, size_t *size, size_t alignment)
{
	bool cached = block_is_cached(source, *size, alignment);
	struct bin bin = {0, *size};
	void *memory = NULL;

	if (cached)
		bin = bin_of(*size);
	*size = bin.size <= PTRDIFF_MAX
			? limit_charge(source->limit, least, bin.size)
			: 0;
	if (*size == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (cached && cache != NULL && *size == bin.size)
		memory = cache_pop(cache, bin);
	return memory != NULL ? memory : source_alloc(source, size, alignment);
}

void *block_take(struct block_cache *cache, const struct source *source,
		 size_t least, size_t *size, size_t alignment)
{
	/* What a pool per request costs is decided here. */
	if (TARN_LIKELY(block_is_cached(source, *size, alignment) &&
			source->limit == NULL && cache != NULL)) {
		struct bin bin = bin_of(*size);

		if (TARN_LIKELY(cache_has(cache, bin))) {
			*size = bin.size;
			return list_pop(cache, &cache->hot[bin.index],
					bin.size);
		}
	}
	return block_take_slow(cache, source, least, size, alignment);
}

/* Within limits too, and what was never cached. */
static __attribute__((noinline)) void
block_give_slow(struct block_cache *cache, const struct source *source,
		void *memory, size_t size)
{
	struct limit *limit = source->limit;

	if (cache == NULL || size > block_slot_share ||
	    !block_is_cached(source, size, TARN_ALIGNMENT) ||
	    bin_of(size).size != size) {
		source_release(source, memory, size);
		return;
	}
	cache_push(cache, bin_of(size), memory);
	limit_return(limit, size);
}

void block_give(struct block_cache *cache, const struct source *source,
		void *memory, size_t size)
{
	if (TARN_LIKELY(block_is_cached(source, size, TARN_ALIGNMENT) &&
			source->limit == NULL && cache != NULL)) {
		struct bin bin = bin_of(size);

		if (TARN_LIKELY(bin.size == size && cache_takes(cache, bin))) {
			list_push(cache, &cache->hot[bin.index], memory, size);
			return;
		}
	}
	block_give_slow(cache, source, memory, size);
}
