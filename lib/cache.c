/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: see cache.h.
 *
 * Invariants: `room` is what a magazine's hot list has fewer units than a whole
 * one, and its spare list is whole; a magazine is set once in the cache's table
 * and stays until the cache ends. A cache of a watched pool has neither
 * magazines nor slabs: each object is a large allocation of its own, so that
 * each call is a miss. One of a pool that is sampled has no magazines, to the
 * same end.
 */
#include "cache.h"

#include <errno.h>

#include "sample.h"
#include "slab.h"
#include "watch.h"

/* Bytes: what a whole list has; but at least, and at most, so many units. */
static const size_t cache_list_bytes = (size_t)16 << 10;
static const size_t cache_list_least = 4;
static const size_t cache_list_most = 256;

/* All caches, for tarn_trim. */
static struct {
	tarn_cache *newest; /* [l] */
} cache_all MUTEX_GUARDED(slot_caches_mutex);

/* ---- a thread's magazine --------------------------------------------- */

static inline bool cache_is_own(const tarn_cache *cache)
{
	/* ORDER cache-owner (relaxed): as pool-owner. Pairs with cache_own. */
	return TARN_LIKELY(
		atomic_load_explicit(&cache->owner, memory_order_relaxed) ==
		slot_name());
}

/* The magazine of any other thread, or NULL where it has none yet. */
static inline struct magazine *cache_find_other(const tarn_cache *cache)
{
	/* ORDER cache-table (acquire): the entries that another thread copied
	   into a larger table; pairs with cache_grow_table. */
	struct slot_table *table =
		atomic_load_explicit(&cache->table, memory_order_acquire);

	return table != NULL ? slot_table_find(table, slot_name()) : NULL;
}

static inline struct magazine *cache_find(tarn_cache *cache)
{
	return cache_is_own(cache) ? &cache->own : cache_find_other(cache);
}

/* True for the one thread that becomes the owner of the first magazine. */
static bool cache_own(tarn_cache *cache)
{
	uint32_t unowned = SLOT_UNOWNED;

	/* ORDER cache-owner (relaxed): only who wrote its own name acts on it.
	   Pairs with cache_is_own. */
	return atomic_compare_exchange_strong_explicit(
		&cache->owner, &unowned, slot_name(), memory_order_relaxed,
		memory_order_relaxed);
}

static void magazine_init(struct magazine *magazine, const tarn_cache *cache)
{
	*magazine = (struct magazine){NULL, cache->list, NULL};
}

/* The table with room for one more, or NULL. Readers may stay in the old. */
static struct slot_table *cache_grow_table(tarn_cache *cache)
	MUTEX_HELD(cache->depot.grow)
{
	/* ORDER cache-table (relaxed): `grow` orders who sets it. Pairs with
	   cache_find_other. */
	struct slot_table *old = atomic_load_explicit(&cache->table,
						      memory_order_relaxed),
			  *table;
	uint32_t capacity = slot_table_larger(old);
	void *memory;

	if (capacity == 0)
		return old;
	memory = slab_memory(cache, slot_table_size(capacity));
	if (memory == NULL)
		return NULL;
	table = slot_table_init(memory, capacity, old);
	/* ORDER cache-table (release): the copied entries; pairs with
	   cache_find_other. */
	atomic_store_explicit(&cache->table, table, memory_order_release);
	return table;
}

static struct magazine *cache_add(tarn_cache *cache)
	MUTEX_HELD(cache->depot.grow)
{
	struct slot_table *table = cache_grow_table(cache);
	struct magazine *magazine = NULL;

	if (table != NULL)
		magazine = slab_memory(cache, sizeof(*magazine));
	if (magazine == NULL)
		return NULL;
	magazine_init(magazine, cache);
	slot_table_insert(table, slot_name(), magazine);
	return magazine;
}

/* As cache_find, made at the first use. NULL, errno untouched: there is no slot
   or no memory for it, and the thread goes to the depot itself. */
static struct magazine *cache_magazine(tarn_cache *cache)
{
	int error = errno;
	struct magazine *magazine;

	if (slot_get() == NULL || sample_is_on(cache->pool))
		return NULL;
	/* The slot may just have come with a dead thread's magazine. */
	magazine = cache_find(cache);
	if (magazine != NULL)
		return magazine;
	if (cache_own(cache))
		return &cache->own;
	mutex_lock(&cache->depot.grow);
	magazine = cache_add(cache);
	mutex_unlock(&cache->depot.grow);
	errno = error;
	return magazine;
}

/* ---- watched pools --------------------------------------------------- */

static void *cache_alloc_watched(tarn_cache *cache)
{
	tarn_pool *pool = cache->pool;
	struct large_use use = pool_large_use(pool);
	void *object;

	watch_enter(pool);
	object = large_alloc(&pool->large, &use, BIRTH_NONE, cache->alignment,
			     cache->size);
	watch_leave(pool);
	watch_trace_alloc(pool, cache->alignment, cache->size, object);
	return object;
}

static void cache_free_watched(tarn_cache *cache, void *object)
{
	tarn_pool *pool = cache->pool;
	struct large_use use = pool_large_use(pool);
	uint32_t id = watch_is_traced(pool) ? watch_trace_id(object) : 0;

	if (!large_free(&pool->large, &use, object)) {
		watch_blame(pool, "tarn_cache_free of what is no object of a "
				  "cache, or was freed before");
		return;
	}
	watch_freed(pool, object);
	watch_trace_move(object, NULL, id);
	if (watch_is_traced(pool))
		watch_trace(pool, TRACE_FREE_SIZED, cache->size, id);
}

/* ---- the miss -------------------------------------------------------- */

static bool magazine_fill(struct magazine *magazine, tarn_cache *cache)
{
	size_t count = cache->list;

	if (magazine->spare != NULL) {
		magazine->hot = magazine->spare;
		magazine->spare = NULL;
	} else {
		count = slab_take(cache, &magazine->hot);
	}
	magazine->room = cache->list - count;
	return count != 0;
}

/* Room for a list of its own. */
static void magazine_make_room(struct magazine *magazine, tarn_cache *cache)
{
	struct unit *spare = magazine->spare;

	magazine->spare = magazine->hot;
	magazine->hot = NULL;
	magazine->room = cache->list;
	if (spare != NULL)
		slab_put(cache, spare);
}

static inline void *magazine_pop(struct magazine *magazine)
{
	struct unit *unit = magazine->hot;

	magazine->hot = unit->next;
	magazine->room++;
	return unit;
}

static inline void magazine_push(struct magazine *magazine, struct unit *unit)
{
	unit->next = magazine->hot;
	magazine->hot = unit;
	magazine->room--;
}

static void *cache_serve(tarn_cache *cache)
{
	struct magazine *magazine = cache_magazine(cache);

	if (magazine == NULL)
		return slab_take_one(cache);
	if (magazine->hot == NULL && !magazine_fill(magazine, cache))
		return NULL;
	return magazine_pop(magazine);
}

/* The miss without the out-of-memory handler. */
static void *cache_alloc_try(tarn_cache *cache, const void *caller)
{
	WATCH_CALL(cache->pool, TRACE_MEMALIGN);
	int error = errno;
	void *object;

	if (pool_is_refused(cache->pool))
		return NULL;
	object = source_is_watched(&cache->pool->source)
			 ? cache_alloc_watched(cache)
			 : cache_serve(cache);
	if (object != NULL && sample_is_on(cache->pool))
		sample_object(cache->pool, object, cache->size, caller);
	/* A larger slab may have failed before a smaller one did not. */
	if (object != NULL)
		errno = error;
	return object;
}

static __attribute__((noinline)) void *cache_alloc_miss(tarn_cache *cache,
							tarn_pool *pool)
{
	void *object = cache_alloc_try(cache, __builtin_return_address(0));

	return pool_answer(pool, object, cache->size);
}

static __attribute__((noinline)) void
cache_free_miss(tarn_cache *cache, tarn_pool *pool, void *object)
{
	WATCH_CALL(pool, WATCH_AS_IT_IS);
	struct magazine *magazine;

	if (pool_is_refused(pool))
		return;
	if (sample_is_on(pool))
		sample_free(pool, object);
	if (source_is_watched(&pool->source)) {
		cache_free_watched(cache, object);
		return;
	}
	magazine = cache_magazine(cache);
	if (magazine == NULL) {
		slab_put_one(cache, object);
		return;
	}
	if (magazine->room == 0)
		magazine_make_room(magazine, cache);
	magazine_push(magazine, object);
}

/* ---- the calls ------------------------------------------------------- */

void *tarn_cache_alloc(tarn_cache *cache)
{
	struct magazine *magazine = cache_find(cache);

	if (TARN_LIKELY(magazine != NULL && magazine->hot != NULL))
		return magazine_pop(magazine);
	return cache_alloc_miss(cache, cache->pool);
}

void tarn_cache_free(tarn_cache *cache, void *object)
{
	struct magazine *magazine;

	if (object == NULL)
		return;
	magazine = cache_find(cache);
	if (TARN_LIKELY(magazine != NULL && magazine->room != 0))
		magazine_push(magazine, object);
	else
		cache_free_miss(cache, cache->pool, object);
}

/* Bytes of a unit; false: more than there can be. */
static bool cache_set_unit(tarn_cache *cache, size_t size, size_t alignment)
{
	size_t unit = align_max(size, UNIT_LEAST);

	cache->size = size;
	cache->alignment = align_max(alignment, _Alignof(struct unit *));
	if (alignment > PTRDIFF_MAX / 4 || unit > PTRDIFF_MAX / 4)
		return false;
	cache->unit = align_up(unit, cache->alignment);
	return true;
}

static void cache_link(tarn_cache *cache)
{
	tarn_pool *pool = cache->pool;

	mutex_lock(&pool->mutex);
	cache->older = pool->caches;
	pool->caches = cache;
	mutex_unlock(&pool->mutex);
	mutex_lock(&slot_caches_mutex);
	cache->forks = slot_caches_forks;
	cache->previous = NULL;
	cache->next = cache_all.newest;
	if (cache->next != NULL)
		cache->next->previous = cache;
	cache_all.newest = cache;
	mutex_unlock(&slot_caches_mutex);
}

static tarn_cache *cache_make(tarn_pool *pool, const tarn_cache *shape)
{
	tarn_cache *cache = pool_claim_object(pool, sizeof(*cache));

	if (cache == NULL)
		return NULL;
	atomic_init(&cache->owner, SLOT_UNOWNED);
	atomic_init(&cache->table, NULL);
	cache->pool = pool;
	cache->size = shape->size;
	cache->alignment = shape->alignment;
	cache->unit = shape->unit;
	cache->list = (uint32_t)align_clamp(cache_list_bytes / cache->unit, 1,
					    cache_list_least, cache_list_most);
	slab_init(&cache->depot);
	/* Of a pool that is watched it is a large allocation. */
	if (!source_is_watched(&pool->source))
		cache->depot.claimed = sizeof(*cache);
	magazine_init(&cache->own, cache);
	cache_link(cache);
	return cache;
}

/* As tarn_cache_create, but for the out-of-memory handler. */
static tarn_cache *cache_create(tarn_pool *pool, size_t size, size_t alignment)
{
	WATCH_CALL(pool, WATCH_HIDDEN);
	tarn_cache shape;

	if (pool_is_refused(pool))
		return NULL;
	if (!align_is_power(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	if (cache_set_unit(&shape, align_max(size, 1), alignment))
		return cache_make(pool, &shape);
	errno = ENOMEM;
	return NULL;
}

tarn_cache *tarn_cache_create(tarn_pool *pool, size_t size, size_t alignment)
{
	return pool_answer(pool, cache_create(pool, size, alignment),
			   sizeof(tarn_cache));
}

/* ---- all caches ------------------------------------------------------ */

static void cache_unlink_locked(tarn_cache *cache) MUTEX_HELD(slot_caches_mutex)
{
	if (cache->previous != NULL)
		cache->previous->next = cache->next;
	else
		cache_all.newest = cache->next;
	if (cache->next != NULL)
		cache->next->previous = cache->previous;
}

void cache_end_all(tarn_pool *pool)
{
	mutex_lock(&slot_caches_mutex);
	for (tarn_cache *cache = pool->caches; cache != NULL;
	     cache = cache->older) {
		cache_unlink_locked(cache);
		mutex_finish(&cache->depot.mutex);
		mutex_finish(&cache->depot.grow);
	}
	mutex_unlock(&slot_caches_mutex);
	pool->caches = NULL;
}

/* What was made before a fork may be torn in the child. */
void cache_trim_all(void)
{
	mutex_lock(&slot_caches_mutex);
	for (tarn_cache *cache = cache_all.newest; cache != NULL;
	     cache = cache->next)
		if (cache->forks == slot_caches_forks)
			slab_trim(cache, cache_find(cache));
	mutex_unlock(&slot_caches_mutex);
}

size_t cache_claimed_locked(const tarn_pool *pool)
{
	size_t bytes = 0;

	for (tarn_cache *cache = pool->caches; cache != NULL;
	     cache = cache->older) {
		mutex_lock(&cache->depot.mutex);
		bytes += cache->depot.claimed;
		mutex_unlock(&cache->depot.mutex);
	}
	return bytes;
}
