/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loose memory: see loose.h.
 *
 * Invariants: once a pool has a depot, nothing is loose; the list and whether
 * there is a depot change under the pool's mutex, or exclusively.
 */
#include "loose.h"

#include <errno.h>

#include "reuse.h"

static void depot_publish_locked(tarn_pool *pool, struct depot *depot,
				 bool lasting) MUTEX_HELD(pool->mutex)
{
	reuse_begin(pool);
	depot_init(depot, lasting);
	for (struct run *run = pool->loose, *next; run != NULL; run = next) {
		next = run->next;
		depot_put(depot, (char *)run, run->size);
	}
	pool->loose = NULL;
	/* ORDER depot-publish (release): the depot made ready; pairs with
	   pool_depot. */
	atomic_store_explicit(&pool->depot, depot, memory_order_release);
}

struct depot *loose_depot_locked(tarn_pool *pool)
{
	struct depot *depot = pool_depot(pool);
	int error = errno;

	if (depot != NULL)
		return depot;
	depot = pool_claim_lasting(pool, sizeof(*depot));
	if (depot != NULL)
		depot_publish_locked(pool, depot, true);
	errno = error;
	return depot;
}

void loose_put_locked(tarn_pool *pool, char *start, size_t size)
{
	struct run *run = (struct run *)start;

	if (size < UNIT_LEAST)
		return;
	run->size = size;
	run->next = pool->loose;
	pool->loose = run;
}

/* Part of the newest that serves; false: none. */
static bool loose_take_locked(tarn_pool *pool, const struct wanted *wanted,
			      struct chunk *chunk) MUTEX_HELD(pool->mutex)
{
	struct run *run = pool->loose, *before = NULL;
	char *end;

	for (; run != NULL; before = run, run = run->next) {
		*chunk = run_part(run, wanted);
		if (chunk->start != chunk->end)
			break;
	}
	if (run == NULL)
		return false;
	end = (char *)run + run->size;
	run_unlink(&pool->loose, before, run);
	loose_put_locked(pool, chunk->end, (size_t)(end - chunk->end));
	loose_put_locked(pool, (char *)run,
			 (size_t)(chunk->start - (char *)run));
	return true;
}

/* Joins them; a depot is made of one that has room for it. */
static void loose_join_locked(tarn_pool *pool) MUTEX_HELD(pool->mutex)
{
	static const struct wanted wanted = {TARN_ALIGNMENT,
					     sizeof(struct depot), 0};
	struct chunk chunk;

	pool->loose = run_join(pool->loose);
	if (loose_take_locked(pool, &wanted, &chunk))
		depot_publish_locked(pool, (struct depot *)chunk.start, false);
}

bool loose_claim(tarn_pool *pool, const struct wanted *wanted,
		 struct chunk *chunk)
{
	bool found;

	mutex_lock(&pool->mutex);
	found = loose_take_locked(pool, wanted, chunk);
	if (!found) {
		loose_join_locked(pool);
		found = loose_take_locked(pool, wanted, chunk);
	}
	mutex_unlock(&pool->mutex);
	return found;
}
