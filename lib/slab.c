/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs: see slab.h.
 *
 * Invariants, under the depot's mutex: `slabs` is sorted by address; each list
 * on the shelf has `list` units, `loose` has fewer; `units` are the units that
 * were ever carved from the slabs that there are, `free` of which are in the
 * depot; all slabs but `carving` are carved to their ends. Slabs are only
 * added by who holds `grow`. Memory is taken and given back without `mutex`.
 */
#include "slab.h"

#include <errno.h>
#include <string.h>

#include "reuse.h"
#include "sweep.h"

/* Bytes: what a slab is at most, if units are not larger. */
static const size_t slab_most = (size_t)64 << 10;

/* Bytes: the least that is a large allocation. */
static const size_t slab_large = (size_t)8 << 10;

/* A new slab brings this part of what the cache has; first so many units,
   within a limit in bytes. */
static const size_t slab_part = 4;
static const size_t slab_first_units = 4;
static const size_t slab_first_most = (size_t)4 << 10;

/* What there is no memory for is tried in this part of the size. */
static const size_t slab_less = 4;

/* ---- memory ---------------------------------------------------------- */

void *slab_memory(tarn_cache *cache, size_t size)
{
	struct large_use use;
	void *memory;

	if (size >= slab_large) {
		use = pool_large_use(cache->pool);
		return large_alloc(&cache->pool->large, &use, BIRTH_NONE,
				   TARN_ALIGNMENT, size);
	}
	memory = pool_claim_object(cache->pool, size);
	if (memory != NULL) {
		mutex_lock(&cache->depot.mutex);
		cache->depot.claimed += size;
		mutex_unlock(&cache->depot.mutex);
	}
	return memory;
}

/* The same given back before. */
static void slab_memory_end(tarn_cache *cache, void *memory, size_t size)
{
	struct large_use use;

	if (size >= slab_large) {
		use = pool_large_use(cache->pool);
		large_free(&cache->pool->large, &use, memory);
		return;
	}
	mutex_lock(&cache->depot.mutex);
	cache->depot.claimed -= size;
	mutex_unlock(&cache->depot.mutex);
	reuse_give_run(cache->pool, memory, size);
}

static void slab_end_list(tarn_cache *cache, struct slab *slab)
{
	while (slab != NULL) {
		struct slab *next = slab->next;

		slab_memory_end(cache, slab, slab->size);
		slab = next;
	}
}

/* ---- one slab -------------------------------------------------------- */

static struct unit *slab_unit(const tarn_cache *cache, struct slab *slab,
			      size_t i)
{
	char *first = (char *)(slab + 1);

	first += -(uintptr_t)first & (cache->alignment - 1);
	return (struct unit *)(first + i * cache->unit);
}

/* How many units a new slab had better have. */
static size_t slab_want_locked(const tarn_cache *cache)
	MUTEX_HELD(cache->depot.mutex)
{
	size_t least =
		align_min(slab_first_units * cache->unit, slab_first_most);
	size_t size = align_max(least, cache->depot.bytes / slab_part);

	return align_max(align_min(size, slab_most) / cache->unit, 1);
}

static struct slab *slab_make(tarn_cache *cache, size_t units)
{
	/* Units begin in memory that is aligned for any type. */
	size_t pad =
		align_max(cache->alignment, TARN_ALIGNMENT) - TARN_ALIGNMENT;
	size_t size = sizeof(struct slab) + pad + units * cache->unit;
	struct slab *slab = slab_memory(cache, size);

	if (slab != NULL)
		*slab = (struct slab){NULL, size, units, 0, 0, false};
	return slab;
}

/* ---- the table of slabs ---------------------------------------------- */

size_t slab_rank_locked(const struct cache_depot *depot, const void *at)
{
	size_t low = 0, high = depot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uintptr_t)depot->slabs[middle] <= (uintptr_t)at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void slab_insert_locked(struct cache_depot *depot, struct slab *slab)
	MUTEX_HELD(depot->mutex)
{
	size_t i = slab_rank_locked(depot, slab);

	memmove(depot->slabs + i + 1, depot->slabs + i,
		(depot->count - i) * sizeof(*depot->slabs));
	depot->slabs[i] = slab;
	depot->count++;
	depot->bytes += slab->size;
	depot->carving = slab;
	sweep_regret_locked(depot);
}

/* Room in the table for one more, of so many units; false with ENOMEM. */
static bool slab_reserve(tarn_cache *cache, size_t *units)
	MUTEX_HELD(cache->depot.grow)
{
	struct cache_depot *depot = &cache->depot;
	struct slab **old = depot->slabs, **slabs;
	size_t capacity = depot->capacity;
	bool has_room;

	/* Others only take away: at worst there is more room than is seen. */
	mutex_lock(&cache->depot.mutex);
	has_room = depot->count < capacity;
	*units = slab_want_locked(cache);
	mutex_unlock(&cache->depot.mutex);
	if (has_room)
		return true;
	slabs = slab_memory(cache, 2 * capacity * sizeof(*slabs));
	if (slabs == NULL)
		return false;
	mutex_lock(&cache->depot.mutex);
	memcpy(slabs, old, depot->count * sizeof(*slabs));
	depot->slabs = slabs;
	depot->capacity = 2 * capacity;
	mutex_unlock(&cache->depot.mutex);
	if (old != depot->few)
		slab_memory_end(cache, old, capacity * sizeof(*slabs));
	return true;
}

/* ---- taking ---------------------------------------------------------- */

/* At once as many as a whole list has, in the order of their addresses. */
static size_t slab_carve_locked(tarn_cache *cache, struct unit **list)
	MUTEX_HELD(cache->depot.mutex)
{
	struct slab *slab = cache->depot.carving;
	struct unit *unit = NULL;
	size_t count;

	if (slab == NULL)
		return 0;
	count = align_min(slab->units - slab->carved, cache->list);
	for (size_t i = count; i > 0; i--) {
		struct unit *after = unit;

		unit = slab_unit(cache, slab, slab->carved + i - 1);
		unit->next = after;
	}
	slab->carved += count;
	cache->depot.units += count;
	if (slab->carved == slab->units)
		cache->depot.carving = NULL;
	*list = unit;
	return count;
}

static size_t slab_take_locked(tarn_cache *cache, struct unit **list)
	MUTEX_HELD(cache->depot.mutex)
{
	struct cache_depot *depot = &cache->depot;
	size_t count = cache->list;

	*list = shelf_get(&depot->full);
	if (*list == NULL) {
		if (depot->loose == NULL)
			return slab_carve_locked(cache, list);
		*list = depot->loose;
		count = depot->loose_count;
		depot->loose = NULL;
		depot->loose_count = 0;
	}
	depot->free -= count;
	depot->passed += count;
	return count;
}

/* From a new slab. */
static size_t slab_grow(tarn_cache *cache, struct unit **list)
	MUTEX_HELD(cache->depot.grow)
{
	struct slab *slab;
	size_t want, count;

	if (!slab_reserve(cache, &want))
		return 0;
	/* Where there is less memory, a smaller one does. */
	while ((slab = slab_make(cache, want)) == NULL && want > 1)
		want = align_max(want / slab_less, 1);
	if (slab == NULL)
		return 0;
	mutex_lock(&cache->depot.mutex);
	slab_insert_locked(&cache->depot, slab);
	count = slab_take_locked(cache, list);
	mutex_unlock(&cache->depot.mutex);
	return count;
}

static size_t slab_try(tarn_cache *cache, struct unit **list)
{
	size_t count;

	mutex_lock(&cache->depot.mutex);
	count = slab_take_locked(cache, list);
	mutex_unlock(&cache->depot.mutex);
	return count;
}

size_t slab_take(tarn_cache *cache, struct unit **list)
{
	size_t count = slab_try(cache, list);

	if (count != 0)
		return count;
	mutex_lock(&cache->depot.grow);
	/* Others that found none may have made a slab meanwhile. */
	count = slab_try(cache, list);
	if (count == 0)
		count = slab_grow(cache, list);
	mutex_unlock(&cache->depot.grow);
	return count;
}

/* ---- giving back ----------------------------------------------------- */

void slab_put(tarn_cache *cache, struct unit *list)
{
	struct slab *leaving;

	mutex_lock(&cache->depot.mutex);
	shelf_put(&cache->depot.full, list);
	cache->depot.free += cache->list;
	cache->depot.passed += cache->list;
	leaving = sweep_tidy_locked(cache);
	mutex_unlock(&cache->depot.mutex);
	slab_end_list(cache, leaving);
}

/* ---- threads without a magazine -------------------------------------- */

static void slab_put_one_locked(tarn_cache *cache, struct unit *unit)
	MUTEX_HELD(cache->depot.mutex)
{
	slab_loosen_locked(cache, unit);
	cache->depot.free++;
}

void slab_put_one(tarn_cache *cache, struct unit *unit)
{
	struct slab *leaving;

	mutex_lock(&cache->depot.mutex);
	slab_put_one_locked(cache, unit);
	cache->depot.passed++;
	leaving = sweep_tidy_locked(cache);
	mutex_unlock(&cache->depot.mutex);
	slab_end_list(cache, leaving);
}

struct unit *slab_take_one(tarn_cache *cache)
{
	struct unit *unit;

	if (slab_take(cache, &unit) == 0)
		return NULL;
	mutex_lock(&cache->depot.mutex);
	for (struct unit *rest = unit->next; rest != NULL;) {
		struct unit *next = rest->next;

		slab_put_one_locked(cache, rest);
		rest = next;
	}
	mutex_unlock(&cache->depot.mutex);
	return unit;
}

/* ---- trim ------------------------------------------------------------ */

/* What a magazine has becomes loose: for a moment there may be too many. */
static void slab_empty_locked(struct cache_depot *depot, struct unit *list)
	MUTEX_HELD(depot->mutex)
{
	while (list != NULL) {
		struct unit *next = list->next;

		list->next = depot->loose;
		depot->loose = list;
		depot->loose_count++;
		depot->free++;
		list = next;
	}
}

void slab_trim(tarn_cache *cache, struct magazine *magazine)
{
	struct slab *leaving;

	mutex_lock(&cache->depot.mutex);
	if (magazine != NULL) {
		slab_empty_locked(&cache->depot, magazine->hot);
		slab_empty_locked(&cache->depot, magazine->spare);
		magazine->hot = magazine->spare = NULL;
		magazine->room = cache->list;
	}
	leaving = sweep_locked(cache, 0);
	mutex_unlock(&cache->depot.mutex);
	slab_end_list(cache, leaving);
}

void slab_init(struct cache_depot *depot)
{
	mutex_init(&depot->mutex);
	mutex_init(&depot->grow);
	shelf_init(&depot->full);
	depot->loose = NULL;
	depot->loose_count = depot->free = depot->units = 0;
	depot->passed = depot->bytes = depot->claimed = 0;
	depot->regrets = 0;
	depot->given = false;
	depot->carving = NULL;
	depot->slabs = depot->few;
	depot->count = 0;
	depot->capacity = CACHE_FEW;
}

void slab_each_locked(const struct cache_depot *depot,
		      void (*see)(void *with, struct chunk chunk), void *with)
{
	for (size_t i = 0; i < depot->count; i++) {
		char *start = (char *)depot->slabs[i];

		see(with, (struct chunk){start, start + depot->slabs[i]->size});
	}
}
