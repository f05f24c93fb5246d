/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lifetimes of watched pools, see watch.h: from creation to the graves, and
 * what is told at exit of those still there.
 *
 * Invariants: a pool that is told of is in the list until it ends, in the
 * process that made it; memory in a grave is malloc's, and charged to no limit.
 */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#include "guard.h"
#include "report.h"
#include "sample.h"

/* Pools that are remembered after their end. */
enum {
	WATCH_GRAVES = 256
};

static struct {
	struct watch *newest;            /* [l] debug mutex */
	tarn_pool *graves[WATCH_GRAVES]; /* [l] debug mutex */
	size_t graves_next;              /* [l] debug mutex */
} watch_all;

/* ---- lifetimes ------------------------------------------------------- */

/* Not in vain: a leak detector would find each pool by this list. */
static bool watch_is_told(const tarn_pool *pool)
{
	return (debug_watched & (WATCH_LEAKS | WATCH_REPORT)) != 0 &&
	       !pool->watch->untold;
}

static void watch_link_locked(tarn_pool *pool) MUTEX_HELD(debug_mutex)
{
	struct watch *watch = pool->watch;

	watch->pool = pool;
	watch->older = watch_all.newest;
	if (watch->older != NULL)
		watch->older->newer = watch;
	watch_all.newest = watch;
	watch->forks = debug_forks();
}

static void watch_unlink_locked(struct watch *watch) MUTEX_HELD(debug_mutex)
{
	if (watch->newer != NULL)
		watch->newer->older = watch->older;
	else
		watch_all.newest = watch->older;
	if (watch->older != NULL)
		watch->older->newer = watch->newer;
}

/* What of the first block is the library's. */
static size_t watch_own_size(const tarn_pool *pool)
{
	return pool->cursor.first->base * BLOCK_UNIT;
}

static void watch_own(tarn_pool *pool)
{
	unsigned watched = pool->source.watched;

	mark_pool(watched, pool, MARK_ZONE);
	mark_pool(watched, &pool->source, 0);
	if (watch_is_guarded(pool))
		mark_pool(watched, &pool->watch->guard, 0);
	block_watch(pool->cursor.first, &pool->source, watch_own_size(pool),
		    pool->taken);
}

static void watch_own_end(tarn_pool *pool)
{
	unsigned watched = pool->source.watched;

	block_watch_end(pool->cursor.first, &pool->source, watch_own_size(pool),
			pool->taken);
	if (watch_is_guarded(pool))
		mark_pool_end(watched, &pool->watch->guard);
	mark_pool_end(watched, &pool->source);
	mark_pool_end(watched, pool);
}

/* Nothing at hand, so that each request is a miss, and nothing in a cache. */
static void watch_empty(tarn_pool *pool)
{
	cursor_init(&pool->cursor, pool->cursor.first, pool->taken, 0);
	local_init(&pool->own, pool, pool->own.hot.max,
		   local_nothing(&pool->own));
	ledger_turn_off(&pool->own.ledger);
	pool->source.cached = false;
	pool->source.watched = debug_watched;
	pool->watch->guard = pool->source;
	pool->watch->guard.upstream = guard_upstream;
	if ((debug_watched & WATCH_ASAN) != 0)
		pool->watch->objects.mask = pool->watch->samples.mask =
			UINTPTR_MAX;
}

bool watch_pool(tarn_pool *pool, const tarn_options *options)
{
	int error = errno;
	struct watch *watch = calloc(1, sizeof(*watch));

	errno = watch != NULL ? error : ENOMEM;
	if (watch == NULL)
		return false;
	pool->watch = watch;
	/* These are to show a pool as it is without. */
	if ((debug_watched & ~(WATCH_REPORT | WATCH_SAMPLE)) != 0) {
		watch_empty(pool);
		watch_own(pool);
	}
	if ((debug_watched & WATCH_SAMPLE) != 0) {
		pool->source.watched |= WATCH_SAMPLE;
		sample_pool(pool);
	}
	mutex_lock(&debug_mutex);
	if (watch_is_told(pool))
		watch_link_locked(pool);
	if (watch_is_traced(pool))
		watch_trace_create_locked(pool, options);
	mutex_unlock(&debug_mutex);
	return true;
}

void watch_meet_report(void)
{
	/* By that word alone: to order threads is to hide their races. */
	if ((debug_watched & WATCH_REPORT) == 0)
		return;
	mutex_lock(&debug_mutex);
	mutex_unlock(&debug_mutex);
}

void watch_untell(tarn_pool *pool)
{
	mutex_lock(&debug_mutex);
	if (watch_is_told(pool))
		watch_unlink_locked(pool->watch);
	pool->watch->untold = true;
	mutex_unlock(&debug_mutex);
}

void watch_pool_end(tarn_pool *pool)
{
	int error = errno;

	mutex_lock(&debug_mutex);
	if (watch_is_told(pool))
		watch_unlink_locked(pool->watch);
	mutex_unlock(&debug_mutex);
	watch_own_end(pool);
	free(pool->watch);
	errno = error;
	pool->watch = NULL;
}

bool watch_bury(tarn_pool *pool)
{
	struct block *first = pool->cursor.first;
	tarn_pool *old;

	mark_wipe(pool->source.watched, block_at(first, first->base),
		  (block_end(first) - first->base) * BLOCK_UNIT);
	if ((pool->source.watched & WATCH_OWNER) == 0)
		return false;
	pool_set_busy(pool, SLOT_DESTROYED);
	if (pool->taken == 0 || !source_outlives(&pool->source))
		return false;
	limit_return(pool->source.limit, pool->taken);
	pool->source.limit = NULL;
	mutex_lock(&debug_mutex);
	old = watch_all.graves[watch_all.graves_next % WATCH_GRAVES];
	watch_all.graves[watch_all.graves_next++ % WATCH_GRAVES] = pool;
	mutex_unlock(&debug_mutex);
	if (old != NULL)
		source_release(&old->source, block_memory(old->cursor.first),
			       old->taken);
	return true;
}

/* ---- exit ------------------------------------------------------------ */

void watch_each_locked(void (*see)(void *with, tarn_pool *pool), void *with)
{
	for (struct watch *watch = watch_all.newest; watch != NULL;
	     watch = watch->older)
		if (watch->forks == debug_forks())
			see(with, watch->pool);
}

static void watch_tell_leak(void *with, tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;
	size_t *leaks = with;

	++*leaks;
	tarn_pool_stats(pool, &stats);
	debug_say("leaks: pool '%s' (%p): %zu bytes held, %zu handed out",
		  watch_name(pool), (void *)pool, stats.held, stats.handed_out);
}

/* As late as can be: other destructors may destroy pools. */
__attribute__((destructor)) static void watch_exit(void)
{
	size_t leaks = 0;

	if (debug_watched == 0)
		return;
	mutex_lock(&debug_mutex);
	trace_flush_locked();
	if ((debug_watched & WATCH_LEAKS) != 0)
		watch_each_locked(watch_tell_leak, &leaks);
	if ((debug_watched & WATCH_REPORT) != 0)
		report_all_locked();
	if ((debug_watched & WATCH_SAMPLE) != 0)
		sample_write_locked();
	mutex_unlock(&debug_mutex);
	if (leaks != 0)
		debug_say("leaks: %zu pools", leaks);
}
