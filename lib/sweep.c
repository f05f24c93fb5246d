/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sweeps: see sweep.h.
 *
 * Invariants, under the depot's mutex: between sweeps no slab is `leaving`; a
 * slab that a sweep returns has all its units in no list and is in no table, so
 * that nobody else can find it. `regrets` is at most sweep_regrets_most.
 */
#include "sweep.h"

#include "slab.h"

/* Bytes of slabs below which free ones are left to tarn_trim. */
static const size_t sweep_quiet = (size_t)128 << 10;

/* A sweep is due when this part of the units came or went since the last one;
   twice as many for each one that was in vain, so often at most. */
static const size_t sweep_part = 4;
static const unsigned sweep_regrets_most = 6;

/* It leaves this part of the units in use free. */
static const size_t sweep_keep_part = 4;

/* ---- one sweep ------------------------------------------------------- */

/* All units of the depot as one list; each slab's are counted. */
static struct unit *sweep_gather_locked(struct cache_depot *depot)
	MUTEX_HELD(depot->mutex)
{
	struct unit *all = NULL, *list = depot->loose;
	struct slab *slab = depot->slabs[0];

	for (size_t i = 0; i < depot->count; i++)
		depot->slabs[i]->free = 0;
	for (; list != NULL || shelf_has(&depot->full);
	     list = shelf_get(&depot->full))
		while (list != NULL) {
			struct unit *next = list->next;

			slab = slab_of_locked(depot, list, slab);
			slab->free++;
			list->next = all;
			all = list;
			list = next;
		}
	depot->loose = NULL;
	depot->loose_count = 0;
	return all;
}

/* Decides which slabs are to be given back: those that are wholly free, as long
   as `keep` units stay free. */
static void sweep_choose_locked(struct cache_depot *depot, size_t keep)
	MUTEX_HELD(depot->mutex)
{
	for (size_t i = 0; i < depot->count; i++) {
		struct slab *slab = depot->slabs[i];

		slab->leaving = slab->free == slab->carved &&
				depot->free >= keep + slab->free;
		if (!slab->leaving)
			continue;
		depot->free -= slab->free;
		depot->units -= slab->free;
		depot->bytes -= slab->size;
		if (depot->carving == slab)
			depot->carving = NULL;
	}
}

/* Makes whole lists of `all`, but for the units of slabs that leave. */
static void sweep_lay_locked(tarn_cache *cache, struct unit *all)
	MUTEX_HELD(cache->depot.mutex)
{
	struct slab *slab = cache->depot.slabs[0];

	while (all != NULL) {
		struct unit *unit = all;

		all = unit->next;
		slab = slab_of_locked(&cache->depot, unit, slab);
		if (!slab->leaving)
			slab_loosen_locked(cache, unit);
	}
}

/* Takes the slabs that leave out of the table, as a list. */
static struct slab *sweep_remove_locked(struct cache_depot *depot)
	MUTEX_HELD(depot->mutex)
{
	struct slab *leaving = NULL;
	size_t count = 0;

	for (size_t i = 0; i < depot->count; i++) {
		struct slab *slab = depot->slabs[i];

		if (slab->leaving) {
			slab->next = leaving;
			leaving = slab;
		} else {
			depot->slabs[count++] = slab;
		}
	}
	depot->count = count;
	return leaving;
}

struct slab *sweep_locked(tarn_cache *cache, size_t keep)
{
	struct unit *all;

	if (cache->depot.count == 0)
		return NULL;
	all = sweep_gather_locked(&cache->depot);
	sweep_choose_locked(&cache->depot, keep);
	sweep_lay_locked(cache, all);
	cache->depot.passed = 0;
	return sweep_remove_locked(&cache->depot);
}

/* ---- when one is due ------------------------------------------------- */

/* Whether most units are free, and enough of them moved since the last look. */
static bool sweep_is_due_locked(const struct cache_depot *depot)
	MUTEX_HELD(depot->mutex)
{
	return depot->free > depot->units / 2 && depot->bytes > sweep_quiet &&
	       depot->passed >= (depot->units / sweep_part) << depot->regrets;
}

struct slab *sweep_tidy_locked(tarn_cache *cache)
{
	struct cache_depot *depot = &cache->depot;
	struct slab *leaving;

	if (TARN_LIKELY(!sweep_is_due_locked(&cache->depot)))
		return NULL;
	leaving = sweep_locked(cache,
			       (depot->units - depot->free) / sweep_keep_part);
	depot->given = leaving != NULL;
	if (leaving == NULL && depot->regrets < sweep_regrets_most)
		depot->regrets++;
	return leaving;
}

void sweep_regret_locked(struct cache_depot *depot)
{
	if (depot->given && depot->regrets < sweep_regrets_most)
		depot->regrets++;
	depot->given = false;
}
