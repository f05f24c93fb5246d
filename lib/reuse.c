/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reuse: see reuse.h.
 *
 * Invariants: while a local pool's bins hold anything and no mark is open, its
 * room is aside; a byte of the pool is handed out, in a room or tail, in a bin,
 * or in the depot, and never in two of them. What a thread frees is taken off
 * its own `given`, whoever had it: so the sum of all is right, each alone is
 * not.
 */
#include "reuse.h"

#include <errno.h>

#include "loose.h"
#include "rewind.h"

/* What the bins of one thread may hold: this part of what the pool does, in a
   pool of several threads and in that of one; within these bounds, in bytes. */
static const size_t reuse_shared_part = 128;
static const size_t reuse_own_part = 16;
static const size_t reuse_least = 1024;
static const size_t reuse_most = (size_t)64 << 10;

/* Requests served by the room before what the bins hold goes to the depot:
   nobody here asks for it. */
static const unsigned reuse_patience = 64;

/* How many pieces are looked at for one of a wide alignment. */
static const int reuse_looks = 4;

/* ---- bins ------------------------------------------------------------ */

static void bins_set_budget(struct local *local)
{
	tarn_pool *pool = local->pool;
	size_t part = pool_is_shared(pool) ? reuse_shared_part : reuse_own_part;

	bins_of(local)->budget =
		align_clamp(cursor_held(&pool->cursor) / part, reuse_least,
			    reuse_least, reuse_most);
}

static void bins_flush(struct local *local)
{
	struct bins *bins = bins_of(local);

	if (bins->bytes != 0)
		depot_put_lists(pool_depot(local->pool), bins->lists,
				bins->bytes);
	bins->bytes = 0;
	bins->slow = 0;
	bins_set_budget(local);
}

void reuse_settle(struct local *local)
{
	local_set_aside(local);
	if (bins_of(local)->bytes > bins_of(local)->budget)
		bins_flush(local);
}

/* In memory that lasts, or near a limit in what was freed, but not for a
   request: that may be what it was freed for. */
static struct bins *bins_make(struct local *local, bool request)
{
	static const struct wanted wanted = {TARN_ALIGNMENT,
					     sizeof(struct bins), 0};
	tarn_pool *pool = local->pool;
	struct bins *bins = pool_claim_lasting(pool, sizeof(*bins));
	bool lasting = bins != NULL;
	struct chunk chunk;

	if (!lasting && !request && pool_depot(pool) != NULL &&
	    depot_get(pool_depot(pool), &wanted, &chunk))
		bins = (struct bins *)chunk.start;
	if (bins == NULL)
		return NULL;
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		bins->lists[kind] = NULL;
	bins->bytes = 0;
	bins->slow = 0;
	local_side_init(&bins->side, 0, lasting);
	if ((pool->source.watched & WATCH_SAMPLE) != 0)
		bins->side.marks.large = LOCAL_BIRTHS_ANY;
	local->side = &bins->side;
	bins_set_budget(local);
	return bins;
}

/* The thread's, made now if it has none; NULL: there is no memory. */
static struct bins *bins_get(struct local *local, bool request)
{
	int error = errno;
	struct bins *bins = bins_of(local);

	if (bins == NULL)
		bins = bins_make(local, request);
	errno = error;
	return bins;
}

/* The same, where no mark is open and there is a depot to flush them to: from
   now on pieces come to them by a few stores, save where each is looked at. */
static struct bins *bins_open(struct local *local, bool request)
{
	struct bins *bins = bins_get(local, request);

	if (bins != NULL && TARN_LIKELY(local->pool->source.watched == 0))
		bins->side.most =
			align_min(local->pool->own.hot.max, DEPOT_SMALL);
	return bins;
}

struct local_side *reuse_side(struct local *local)
{
	struct bins *bins = bins_get(local, false);

	return bins != NULL ? &bins->side : NULL;
}

/* ---- the depot of a pool --------------------------------------------- */

/* As loose_depot_locked, without the mutex. */
static struct depot *depot_of(tarn_pool *pool)
{
	struct depot *depot = pool_depot(pool);

	if (depot != NULL)
		return depot;
	mutex_lock(&pool->mutex);
	depot = loose_depot_locked(pool);
	mutex_unlock(&pool->mutex);
	return depot;
}

/* ---- taking ---------------------------------------------------------- */

/* The first of a few in a list that is aligned so. */
static struct unit *list_take(struct unit **list, size_t alignment)
{
	struct unit *unit = *list, *before = NULL;

	for (int i = 0; unit != NULL && i < reuse_looks; i++) {
		struct unit *next = unit->next;

		if (((uintptr_t)unit & (alignment - 1)) == 0) {
			if (before != NULL)
				before->next = next;
			else
				*list = next;
			return unit;
		}
		before = unit;
		unit = next;
	}
	return NULL;
}

/* From the thread's list of a class, or one from the depot. */
static void *bins_take(struct local *local, unsigned kind, size_t alignment)
{
	struct unit **list = &bins_of(local)->lists[kind];
	struct unit *unit;
	size_t bytes;

	if (*list == NULL) {
		*list = depot_get_list(pool_depot(local->pool), kind, &bytes);
		bins_of(local)->bytes += bytes;
	}
	unit = list_take(list, alignment);
	if (unit != NULL) {
		bins_of(local)->bytes -= depot_class_size(kind);
		local_add_given(local, depot_class_size(kind));
	}
	return unit;
}

/* Of each class that may have such a piece. One that began on the next coarser
   grain, and whose size that divides, would be of the coarser class. */
static void *bins_take_any(struct local *local, size_t alignment, size_t size)
{
	static const size_t grains[] = {16, 8, 1};
	size_t coarser = SIZE_MAX;
	void *object = NULL;

	for (int i = 0; i < 3 && object == NULL; i++) {
		unsigned kind = depot_class(grains[i], size);

		if (size % grains[i] == 0 && kind != DEPOT_CLASSES &&
		    (alignment < coarser || size % coarser != 0))
			object = bins_take(local, kind, alignment);
		coarser = grains[i];
	}
	return object;
}

static void *run_take(struct local *local, size_t alignment, size_t size)
{
	struct wanted wanted = {alignment, size, 0};
	struct chunk chunk;

	if (!depot_get(pool_depot(local->pool), &wanted, &chunk))
		return NULL;
	local_add_given(local, size);
	return chunk.start;
}

void *reuse_take(struct local *local, size_t alignment, size_t size)
{
	void *object = NULL;

	if (size < UNIT_LEAST || local_depth(local) != 0 ||
	    pool_depot(local->pool) == NULL || bins_open(local, true) == NULL)
		return NULL;
	if (size <= DEPOT_SMALL)
		object = bins_take_any(local, alignment, size);
	if (object == NULL &&
	    (size > DEPOT_SMALL || size % TARN_ALIGNMENT != 0))
		object = run_take(local, alignment, size);
	if (object != NULL && bins_of(local)->bytes != 0)
		local_set_aside(local);
	return object;
}

void reuse_begin_room(struct local *local)
{
	if (local->side != NULL)
		local_put_back(local);
}

void reuse_end_room(struct local *local)
{
	struct bins *bins = bins_of(local);

	if (bins == NULL || bins->bytes == 0 || local_depth(local) != 0)
		return;
	if (++bins->slow >= reuse_patience)
		bins_flush(local);
	else
		local_set_aside(local);
}

bool reuse_claim(tarn_pool *pool, const struct wanted *wanted, bool hard,
		 struct chunk *chunk)
{
	struct local *local = pool_find_local(pool);
	size_t held = cursor_held(&pool->cursor);
	struct depot *depot;
	bool join;

	if (hard && pool_depot(pool) == NULL &&
	    loose_claim(pool, wanted, chunk))
		return true;
	depot = pool_depot(pool);
	if (depot == NULL)
		return false;
	if (depot_get(depot, wanted, chunk))
		return true;
	if (!hard && depot_get_piece(depot, wanted, held, chunk, &join))
		return true;
	if (!hard && !join)
		return false;
	if (local != NULL && local->side != NULL)
		bins_flush(local);
	return hard ? depot_get_any(depot, wanted, chunk)
		    : depot_join(depot, wanted, held, chunk);
}

/* ---- giving ---------------------------------------------------------- */

/* What is loose is so while there is no depot: both under one lock. */
void reuse_give_run(tarn_pool *pool, char *start, size_t size)
{
	struct depot *depot = pool_depot(pool);

	if (size < UNIT_LEAST)
		return;
	if (depot == NULL) {
		mutex_lock(&pool->mutex);
		depot = loose_depot_locked(pool);
		if (depot == NULL) {
			reuse_begin(pool);
			loose_put_locked(pool, start, size);
		}
		mutex_unlock(&pool->mutex);
	}
	if (depot != NULL)
		depot_put(depot, start, size);
}

void reuse_give(tarn_pool *pool, struct local *local, char *start, size_t size)
{
	unsigned kind = depot_class((uintptr_t)start, size);
	struct unit *unit = (struct unit *)start;

	if (local != NULL && rewind_covers(local, start))
		return;
	pool_count_freed(pool, local, size);
	if (size < UNIT_LEAST || kind == DEPOT_CLASSES || local == NULL ||
	    local_depth(local) != 0 || depot_of(pool) == NULL ||
	    bins_open(local, false) == NULL) {
		reuse_give_run(pool, start, size);
		return;
	}
	bins_of(local)->bytes += size;
	unit->next = bins_of(local)->lists[kind];
	bins_of(local)->lists[kind] = unit;
	reuse_settle(local);
}

size_t reuse_bytes(tarn_pool *pool)
{
	struct depot *depot = pool_depot(pool);
	size_t bytes = depot != NULL ? depot_bytes(depot) : 0;

	mutex_lock(&pool->mutex);
	for (const struct run *run = pool->loose; run != NULL; run = run->next)
		bytes += run->size;
	mutex_unlock(&pool->mutex);
	return bytes;
}

static void bins_reset(struct local *local)
{
	struct bins *bins = bins_of(local);

	if (bins == NULL)
		return;
	if (!bins->side.lasting) {
		local->side = NULL;
		return;
	}
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		bins->lists[kind] = NULL;
	bins->bytes = 0;
	bins->side.most = 0;
}

void reuse_reset(tarn_pool *pool)
{
	struct depot *depot = pool_depot(pool);
	struct local *local;
	uint32_t at = 0, slot;

	pool->loose = NULL;
	/* ORDER exclusive (relaxed): of all words. */
	atomic_store_explicit(&pool->unowned, 0, memory_order_relaxed);
	atomic_store_explicit(&pool->strays, false, memory_order_relaxed);
	if (depot != NULL && depot->lasting) {
		depot_reset(depot);
	} else {
		atomic_store_explicit(&pool->freed, false,
				      memory_order_relaxed);
		atomic_store_explicit(&pool->depot, NULL, memory_order_relaxed);
	}
	bins_reset(&pool->own);
	while ((local = pool_next_local(pool, &at, &slot)) != NULL)
		bins_reset(local);
}
