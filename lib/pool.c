/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lifetimes: pools are reset and destroyed here, and have memory for what the
 * library itself keeps in them. create.c makes them, and in pool_local.c each
 * thread gets its own part of them.
 *
 * Invariants: a pool stands in its own first block and goes with it; a child
 * is in its parent's list from create to destroy; while `busy` is set, the
 * thread of that slot alone uses the pool.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>

#include "cache.h"
#include "probe.h"
#include "reuse.h"
#include "sample.h"
#include "watch.h"

/* ---- the end of a round ---------------------------------------------- */

/* The number under which the calling thread is exclusive in a pool. */
static uint32_t pool_self(void)
{
	return slot_get() != NULL ? slot_name() : SLOT_GONE;
}

void pool_set_busy(tarn_pool *pool, uint32_t busy)
{
	/* ORDER pool-busy (relaxed): detects callers that broke the rules; the
	   rules order the others, and an exchange would only find two that
	   begin in the same instant. Pairs with pool_is_refused. */
	atomic_store_explicit(&pool->busy, busy, memory_order_relaxed);
}

/* The same of a child, under its parent's mutex: a report of the parent is
   there, or sees all that the reset did, or finds it busy. */
static __attribute__((noinline)) void pool_set_child_busy(tarn_pool *pool,
							  uint32_t busy)
{
	mutex_lock(&pool->parent->mutex);
	pool_set_busy(pool, busy);
	mutex_unlock(&pool->parent->mutex);
}

/* From here on the calling thread alone uses the pool. */
static inline void pool_enter_alone(tarn_pool *pool)
{
	pool_set_busy(pool, pool_self());
	if (!TARN_LIKELY(pool->watch == NULL))
		watch_exclusive(pool);
}

/* False with EBUSY: another reset or destroy is under way. */
static inline bool pool_begin(tarn_pool *pool)
{
	if (TARN_LIKELY(!pool_is_busy(pool))) {
		if (pool->parent != NULL)
			pool_set_child_busy(pool, pool_self());
		pool_enter_alone(pool);
		return true;
	}
	if (!pool_is_refused(pool))
		watch_blame(pool, "reset or destroyed from within its own "
				  "reset or destroy");
	errno = EBUSY;
	return false;
}

bool pool_is_refused_slow(const tarn_pool *pool, uint32_t busy)
{
	if (busy == pool_self())
		return false;
	watch_blame(pool, busy == SLOT_DESTROYED
				  ? "used, but it was destroyed"
				  : "used while another thread resets or "
				    "destroys it");
	errno = EBUSY;
	return true;
}

static void pool_unlink_locked(tarn_pool *parent, tarn_pool *child)
	MUTEX_HELD(parent->mutex)
{
	if (child->newer != NULL)
		child->newer->older = child->older;
	else
		parent->children = child->older;
	if (child->older != NULL)
		child->older->newer = child->newer;
	parent->child_count--;
}

/*
 * Takes the newest child off the list, or returns NULL. Leaves one whose reset
 * or destroy is under way, since its callers broke the rules: it takes itself
 * off at its end, and twice would be once too many.
 */
static tarn_pool *pool_pop_child(tarn_pool *pool)
{
	tarn_pool *child;

	/* Exclusive: that there is none can be seen without the mutex. */
	if (pool->children == NULL)
		return NULL;
	mutex_lock(&pool->mutex);
	child = pool->children;
	while (child != NULL && pool_is_busy(child)) {
		watch_blame(child, "its parent is reset or destroyed before "
				   "its own reset or destroy ended");
		child = child->older;
	}
	if (child != NULL)
		pool_unlink_locked(pool, child);
	mutex_unlock(&pool->mutex);
	return child;
}

static void pool_clear_large(tarn_pool *pool)
{
	struct large_use use = pool_large_use(pool);

	large_clear(&pool->large, &use);
}

void pool_release(tarn_pool *pool)
{
	struct limit *outer =
		pool->parent != NULL ? pool->parent->source.limit : NULL;
	struct block_cache *cache = slot_cache();
	bool watched = !TARN_LIKELY(pool->watch == NULL);

	probe_destroy(pool, cursor_held(&pool->cursor));
	if (pool->caches != NULL)
		cache_end_all(pool);
	if (watched)
		watch_reset(pool);
	/* A small pool has neither: what a pool per request costs. */
	if (!large_is_clear(&pool->large))
		pool_clear_large(pool);
	if (!cursor_is_clear(&pool->cursor))
		cursor_clear(&pool->cursor, cache, &pool->source);
	block_verify(pool->cursor.first);
	if (watched)
		watch_pool_end(pool);
	mutex_finish(&pool->large.home.mutex);
	mutex_finish(&pool->cursor.mutex);
	mutex_finish(&pool->mutex);
	/* A limit of the pool's own ends with the block that it stands in. */
	if (pool->source.limit != outer) {
		limit_finish(pool->source.limit);
		pool->source.limit = outer;
	}
	if (watched && watch_bury(pool))
		return;
	if (pool->taken != 0)
		block_give(cache, &pool->source,
			   block_memory(pool->cursor.first), pool->taken);
}

/* Whether there is nothing for pool_finish. Exclusive: no mutex is needed. */
static bool pool_is_bare(const tarn_pool *pool)
{
	return pool->children == NULL && pool->cleanups.newest == NULL;
}

/*
 * Ends all descendants and runs all cleanups, until neither is left: a cleanup
 * may add to both. Goes down and up by hand, since nesting has no bound.
 */
static void pool_finish(tarn_pool *pool)
{
	tarn_pool *at = pool;

	for (;;) {
		tarn_pool *child = pool_pop_child(at);

		if (child != NULL) {
			pool_enter_alone(child);
			at = child;
		} else if (!cleanup_run_newest(&at->cleanups)) {
			tarn_pool *ended = at;

			if (ended == pool)
				return;
			at = ended->parent;
			pool_release(ended);
		}
	}
}

/* All of it but what every other use of the pool looks at. */
static void pool_reset(tarn_pool *pool)
{
	struct block_cache *cache = slot_cache();
	struct large_use use = pool_large_use(pool);
	bool watched = source_is_watched(&pool->source);
	struct chunk first;
	struct local *local;
	uint32_t at, slot;

	pool_finish(pool);
	pool->data = NULL;
	if (pool->caches != NULL)
		cache_end_all(pool);
	large_reset(&pool->large, &use);
	if (!TARN_LIKELY(pool->source.watched == 0))
		watch_reset(pool);
	pool->own.claimer.again = NULL;
	for (at = 0; (local = pool_next_local(pool, &at, &slot)) != NULL;)
		local->claimer.again = NULL;
	reuse_reset(pool);
	first = cursor_reset(&pool->cursor, cache, &pool->source,
			     watched ? 0 : LOCAL_FIRST_CHUNK);
	local_reset(&pool->own, watched ? local_nothing(&pool->own) : first);
	for (at = 0; (local = pool_next_local(pool, &at, &slot)) != NULL;)
		local_reset(local, local_nothing(local));
	if (sample_is_on(pool))
		sample_pool(pool);
}

void tarn_pool_reset(tarn_pool *pool)
{
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	if (!pool_begin(pool))
		return;
	probe_reset(pool, cursor_held(&pool->cursor));
	pool_reset(pool);
	if (!TARN_LIKELY(pool->watch == NULL))
		watch_meet_report();
	if (pool->parent != NULL)
		pool_set_child_busy(pool, SLOT_NONE);
	else
		pool_set_busy(pool, SLOT_NONE);
	if (watch_is_traced(pool))
		watch_trace(pool, TRACE_RESET, 0, 0);
}

static inline bool pool_destroy(tarn_pool *pool)
{
	tarn_pool *parent;

	if (!pool_begin(pool))
		return false;
	if (!pool_is_bare(pool))
		pool_finish(pool);
	parent = pool->parent;
	if (parent != NULL) {
		mutex_lock(&parent->mutex);
		pool_unlink_locked(parent, pool);
		mutex_unlock(&parent->mutex);
	}
	pool_release(pool);
	return true;
}

/* Of a pool that is watched, for the call at `caller`. */
static __attribute__((noinline)) void pool_destroy_watched(tarn_pool *pool,
							   const void *caller)
{
	struct watch_call call WATCH_UNTIL_END =
		watch_begin(pool, caller, WATCH_AS_IT_IS);
	uint32_t number = watch_number(pool);

	if (pool_destroy(pool) && number != 0)
		watch_trace_ended(number);
}

void tarn_pool_destroy(tarn_pool *pool)
{
	if (pool == NULL)
		return;
	if (TARN_LIKELY(pool->source.watched == 0))
		pool_destroy(pool);
	else
		pool_destroy_watched(pool, __builtin_return_address(0));
}

/* ---- memory for the library's own ------------------------------------ */

void *pool_claim_lasting(tarn_pool *pool, size_t size)
{
	struct claim claim = {size, size, true, true, NULL, 0};
	struct chunk chunk;

	return cursor_claim(&pool->cursor, slot_cache(), &pool->source, &claim,
			    &chunk)
		       ? chunk.start
		       : NULL;
}

static void *pool_claim_freed(tarn_pool *pool, size_t size, bool hard)
{
	struct wanted wanted = {BLOCK_LINE, size, 0};
	struct chunk chunk;

	return reuse_claim(pool, &wanted, hard, &chunk) ? chunk.start : NULL;
}

/* From freed memory, a new block if need be, or all that there is. */
static void *pool_claim_any(tarn_pool *pool, size_t size)
{
	struct claim claim = {size, size, true, false, NULL, 0};
	void *memory = pool_claim_freed(pool, size, false);
	int error = errno;
	struct chunk chunk;

	if (memory != NULL)
		return memory;
	if (cursor_claim(&pool->cursor, slot_cache(), &pool->source, &claim,
			 &chunk))
		return chunk.start;
	memory = pool_claim_freed(pool, size, true);
	if (memory != NULL)
		errno = error;
	return memory;
}

void *pool_claim_object(tarn_pool *pool, size_t size)
{
	struct large_use use;

	if (!source_is_watched(&pool->source))
		return pool_claim_any(pool, size);
	use = pool_large_use(pool);
	return large_alloc(&pool->large, &use, BIRTH_NONE, BLOCK_LINE, size);
}
