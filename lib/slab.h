/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs: the memory that the units of a cache are carved from, and the depot
 * in which free units lie.
 *
 * A slab is small at first and grows with its cache; from some size on it is a
 * large allocation of the pool, which goes back to upstream, below it is a
 * chunk, which goes back to the pool.
 */
#ifndef TARN_SLAB_H
#define TARN_SLAB_H

#include "cache.h"

/* Units begin behind it, and are aligned for any type as it is. */
struct slab {
	struct slab *next; /* [l] of those to give back           */
	size_t size;       /* [c] bytes of its memory             */
	size_t units;      /* [c] that it has room for            */
	size_t carved;     /* [l] of these                        */
	size_t free;       /* [l] while a sweep counts: in the depot */
	bool leaving;      /* [l] it is to be given back          */
} __attribute__((aligned(TARN_ALIGNMENT)));

/* A depot without slabs. */
void slab_init(struct cache_depot *depot);

/* Memory of the pool's for a cache, which ends with it; or NULL with ENOMEM.
   Holds no mutex but, maybe, `grow`. */
void *slab_memory(tarn_cache *cache, size_t size);

/* Takes a list of units, a whole one at most; returns how many they are, or 0
   with ENOMEM. */
size_t slab_take(tarn_cache *cache, struct unit **list);

/* Takes one unit, or NULL with ENOMEM. */
struct unit *slab_take_one(tarn_cache *cache);

/* Takes a whole list, or one unit, back. */
void slab_put(tarn_cache *cache, struct unit *list);
void slab_put_one(tarn_cache *cache, struct unit *unit);

/* Calls see(with, memory) for each slab, under the depot's mutex. Any thread.
 */
void slab_each_locked(const struct cache_depot *depot,
		      void (*see)(void *with, struct chunk chunk), void *with)
	MUTEX_HELD(depot->mutex);

/* Takes what a magazine has, and gives back each slab that is free. */
void slab_trim(tarn_cache *cache, struct magazine *magazine);

/* ---- for sweeps ------------------------------------------------------ */

/* How many slabs are at or below `at`. */
size_t slab_rank_locked(const struct cache_depot *depot, const void *at)
	MUTEX_HELD(depot->mutex);

/* The slab of a unit; the last one is likely. */
static inline struct slab *slab_of_locked(const struct cache_depot *depot,
					  const struct unit *unit,
					  struct slab *last)
	MUTEX_HELD(depot->mutex)
{
	if ((uintptr_t)unit - (uintptr_t)last < last->size)
		return last;
	return depot->slabs[slab_rank_locked(depot, unit) - 1];
}

/* Lays a free unit down; a whole list goes on the shelf. */
static inline void slab_loosen_locked(tarn_cache *cache, struct unit *unit)
	MUTEX_HELD(cache->depot.mutex)
{
	struct cache_depot *depot = &cache->depot;

	unit->next = depot->loose;
	depot->loose = unit;
	if (++depot->loose_count < cache->list)
		return;
	shelf_put(&depot->full, unit);
	depot->loose = NULL;
	depot->loose_count = 0;
}

#endif
