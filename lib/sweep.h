/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sweeps: which slabs of a cache go back. A sweep looks at all free units of
 * the depot at once, when so many have moved since the last one that it pays.
 *
 * What it returns is a list of slabs that nothing leads to any more; who called
 * gives their memory back, without the depot's mutex.
 */
#ifndef TARN_SWEEP_H
#define TARN_SWEEP_H

#include "cache.h"

/* Takes out slabs that are wholly free, as long as `keep` units stay free. */
struct slab *sweep_locked(tarn_cache *cache, size_t keep)
	MUTEX_HELD(cache->depot.mutex);

/* The same, where it is due. */
struct slab *sweep_tidy_locked(tarn_cache *cache)
	MUTEX_HELD(cache->depot.mutex);

/* A slab came: what the last sweep gave back was wanted again. */
void sweep_regret_locked(struct cache_depot *depot) MUTEX_HELD(depot->mutex);

#endif
