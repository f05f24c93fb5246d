/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watched pools: see watch.h.
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

static bool watch_is_guarded(const tarn_pool *pool)
{
	return (pool->source.watched & WATCH_GUARD) != 0;
}

const struct source *watch_source(const tarn_pool *pool)
{
	return watch_is_guarded(pool) ? &pool->watch->guard : &pool->source;
}

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

/* Objects with zones around them, and all others. */
static const void *watch_anchor(const tarn_pool *pool)
{
	return watch_is_guarded(pool) ? (const void *)&pool->watch->guard
				      : pool;
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

/* ---- the list of objects --------------------------------------------- */

/* Not for ThreadSanitizer alone: the list's mutex would order threads, and hide
   their races. */
static bool watch_is_listed(const tarn_pool *pool)
{
	unsigned watched = pool->source.watched;

	return (watched & WATCH_TSAN) == 0 ||
	       (watched & (WATCH_ASAN | WATCH_GUARD | WATCH_MEMCHECK)) != 0;
}

static bool watch_list(tarn_pool *pool, struct watch_object object)
{
	struct watch *watch = pool->watch;
	bool listed;

	mutex_lock(&pool->mutex);
	listed = objects_add(&watch->objects, object);
	if (listed && object.memory != NULL)
		watch->held += object.size;
	mutex_unlock(&pool->mutex);
	return listed;
}

static void watch_unlist_locked(tarn_pool *pool, struct watch_object *found)
	MUTEX_HELD(pool->mutex)
{
	if (found->memory != NULL)
		pool->watch->held -= found->size;
	objects_remove(&pool->watch->objects, found);
}

static bool watch_unlist(tarn_pool *pool, void *object,
			 struct watch_object *taken)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL) {
		*taken = *found;
		taken->object = object;
		watch_unlist_locked(pool, found);
	}
	mutex_unlock(&pool->mutex);
	return found != NULL;
}

static void watch_end_object(tarn_pool *pool, struct watch_object object)
{
	mark_take(pool->source.watched, watch_anchor(pool), object.object,
		  object.memory == NULL || object.memory == object.object
			  ? object.size
			  : 0);
	if (object.memory != NULL)
		source_release(&pool->watch->guard, object.memory, object.size);
}

void watch_reset(tarn_pool *pool)
{
	struct objects *objects = &pool->watch->objects;
	int error = errno;

	/* Exclusive: no mutex is needed. */
	for (size_t i = 0; i < objects->capacity; i++)
		if (objects->entries[i].object != NULL)
			watch_end_object(pool, objects_show(objects, i));
	objects_clear(objects);
	pool->watch->held = 0;
	sample_reset(pool);
	errno = error;
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

/* ---- requests -------------------------------------------------------- */

/* Chunks begin on a line: so wider alignments alone take room of their own. */
static void *watch_claim(tarn_pool *pool, size_t alignment, size_t size)
{
	size_t zone = mark_zone(pool->source.watched);
	size_t front =
		alignment <= BLOCK_LINE ? align_up(zone, alignment) : alignment;
	size_t need =
		front + zone + align_up(align_max(size, 1), TARN_ALIGNMENT);
	struct claim claim = {need, need, true, false, NULL, 0};
	struct chunk chunk;

	if (!cursor_claim(&pool->cursor, slot_cache(), &pool->source, &claim,
			  &chunk))
		return NULL;
	chunk.start += zone;
	return chunk.start + (-(uintptr_t)chunk.start & (alignment - 1));
}

/* In pages of its own. What has no byte begins where the guard does. */
static struct watch_object watch_guard(tarn_pool *pool, size_t alignment,
				       size_t size)
{
	struct watch_object object = {.size = size};

	if (size == 0)
		object.size = alignment;
	else if (alignment >= TARN_ALIGNMENT)
		object.size = align_up(size, TARN_ALIGNMENT);
	object.memory = block_take(NULL, &pool->watch->guard, object.size,
				   &object.size, alignment);
	if (object.memory != NULL)
		object.object =
			(char *)object.memory + (size == 0 ? object.size : 0);
	return object;
}

static struct watch_object watch_take(tarn_pool *pool, size_t alignment,
				      size_t size)
{
	if (watch_is_guarded(pool))
		return watch_guard(pool, alignment, size);
	return (struct watch_object){
		.object = watch_claim(pool, alignment, size), .size = size};
}

/* Bytes that an object counts as handed out. */
static size_t watch_given(size_t alignment, size_t size)
{
	return align_up(size, align_min(alignment, BLOCK_LINE));
}

void *watch_alloc(tarn_pool *pool, struct local *local, size_t alignment,
		  size_t size)
{
	struct watch_object object = watch_take(pool, alignment, size);

	if (object.object == NULL)
		return NULL;
	object.asked = size;
	object.given = watch_given(alignment, size);
	object.birth = pool_birth(local);
	if (watch_is_listed(pool) && !watch_list(pool, object)) {
		if (object.memory != NULL)
			source_release(&pool->watch->guard, object.memory,
				       object.size);
		errno = ENOMEM;
		return NULL;
	}
	mark_give(pool->source.watched, watch_anchor(pool), object.object,
		  size);
	local_count(local, object.given);
	return object.object;
}

/* One that is not listed was served as a large one, for want of a slot. */
void watch_cut(tarn_pool *pool, void *object, size_t from, size_t to)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL) {
		size_t cut = found->given - watch_given(TARN_ALIGNMENT, to);

		found->asked = to;
		found->given -= cut;
		pool_count_freed(pool, pool_find_local(pool), cut);
	}
	mutex_unlock(&pool->mutex);
	if (found != NULL)
		mark_cut(pool->source.watched, watch_anchor(pool), object, from,
			 to);
	else
		mark_close(pool->source.watched, (char *)object + to,
			   from - to);
}

size_t watch_held(tarn_pool *pool)
{
	size_t held;

	mutex_lock(&pool->mutex);
	held = pool->watch->held;
	mutex_unlock(&pool->mutex);
	return held;
}

bool watch_free(tarn_pool *pool, void *object, size_t alignment, size_t size)
{
	struct watch_object found = {.object = object, .size = size};
	struct local *local = pool_find_local(pool);

	/* A rewind takes off all since, and does not know what is freed. */
	if (local == NULL || local_depth(local) == 0)
		found.given = watch_given(alignment, size);
	if (watch_is_listed(pool) && !watch_unlist(pool, object, &found))
		return false;
	watch_end_object(pool, found);
	pool_count_freed(pool, local, found.given);
	return true;
}

void watch_wrong_size(const tarn_pool *pool, size_t size, size_t asked,
		      const char *rounded)
{
	debug_die("pool '%s' (%p): freed with a size of %zu, but allocated "
		  "with %zu%s",
		  watch_name(pool), (const void *)pool, size, asked, rounded);
}

void watch_free_sized(tarn_pool *pool, void *object, size_t alignment,
		      size_t size)
{
	const struct watch_object *found;
	size_t asked = size;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL)
		asked = found->asked;
	mutex_unlock(&pool->mutex);
	if (asked != size)
		watch_wrong_size(pool, size, asked, "");
	if (watch_free(pool, object, alignment, size))
		watch_freed(pool, object);
	else
		watch_refused(pool, object);
}

/* A guard's memory is given back under the mutex: by the library itself. */
bool watch_rewind(tarn_pool *pool, uint32_t depth, size_t *given)
{
	struct objects *objects = &pool->watch->objects;

	*given = 0;
	if (!watch_is_listed(pool))
		return false;
	mutex_lock(&pool->mutex);
	for (size_t i = 0; i < objects->capacity;) {
		struct watch_object *at = &objects->entries[i];

		/* Into the place of one that is taken out another may move. */
		if (at->object == NULL ||
		    !birth_is_since(at->birth, slot_name(), depth)) {
			i++;
			continue;
		}
		*given += at->given;
		watch_end_object(pool, objects_show(objects, i));
		watch_unlist_locked(pool, at);
	}
	mutex_unlock(&pool->mutex);
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
