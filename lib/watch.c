/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watched pools: see watch.h.
 */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

#include "guard.h"

/* Objects of one page of the list of them. */
enum {
	WATCH_PAGE = 128
};

/* Pools that are remembered after their end. */
enum {
	WATCH_GRAVES = 256
};

/* One request served, found again at reset. */
struct watch_object {
	void *object;
	void *memory; /* its own, of upstream; NULL: it stands in a block */
	size_t size;  /* bytes of the memory, else of the object */
};

struct watch_page {
	struct watch_page *older;
	size_t count;
	struct watch_object objects[WATCH_PAGE];
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
	return (pool->source.watched & WATCH_LEAKS) != 0;
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
	pool->source.cached = false;
	pool->source.watched = debug_watched;
	pool->watch->guard = pool->source;
	pool->watch->guard.upstream = guard_upstream;
}

bool watch_pool(tarn_pool *pool, const tarn_options *options)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL) {
		errno = ENOMEM;
		return false;
	}
	pool->watch = watch;
	watch_empty(pool);
	watch_own(pool);
	mutex_lock(&debug_mutex);
	if (watch_is_told(pool))
		watch_link_locked(pool);
	if (watch_is_traced(pool))
		watch_trace_create_locked(pool, options);
	mutex_unlock(&debug_mutex);
	return true;
}

/* ---- the list of objects --------------------------------------------- */

static bool watch_is_listed(const tarn_pool *pool)
{
	return (pool->source.watched & (WATCH_GUARD | WATCH_MEMCHECK)) != 0;
}

static bool watch_list_locked(struct watch *watch, struct watch_object object)
{
	struct watch_page *page = watch->objects;

	if (page == NULL || page->count == WATCH_PAGE) {
		page = malloc(sizeof(*page));
		if (page == NULL)
			return false;
		page->older = watch->objects;
		page->count = 0;
		watch->objects = page;
	}
	page->objects[page->count++] = object;
	if (object.memory != NULL)
		watch->held += object.size;
	return true;
}

static bool watch_list(tarn_pool *pool, struct watch_object object)
{
	bool listed;

	mutex_lock(&pool->mutex);
	listed = watch_list_locked(pool->watch, object);
	mutex_unlock(&pool->mutex);
	return listed;
}

static void watch_drop_newest_locked(struct watch *watch)
{
	struct watch_page *page = watch->objects;

	if (--page->count == 0) {
		watch->objects = page->older;
		free(page);
	}
}

/* Where `object` is listed, the newest pages first; or NULL. */
static struct watch_object *watch_find_locked(struct watch *watch,
					      const void *object)
{
	for (struct watch_page *page = watch->objects; page != NULL;
	     page = page->older)
		for (size_t i = 0; i < page->count; i++)
			if (page->objects[i].object == object)
				return &page->objects[i];
	return NULL;
}

/* The newest takes the place of the one taken off. */
static bool watch_unlist(tarn_pool *pool, const void *object,
			 struct watch_object *taken)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = watch_find_locked(pool->watch, object);
	if (found != NULL) {
		*taken = *found;
		*found = pool->watch->objects
				 ->objects[pool->watch->objects->count - 1];
		watch_drop_newest_locked(pool->watch);
		if (taken->memory != NULL)
			pool->watch->held -= taken->size;
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
	struct watch *watch = pool->watch;

	/* Exclusive: no mutex is needed. */
	while (watch->objects != NULL) {
		struct watch_page *page = watch->objects;

		watch_end_object(pool, page->objects[page->count - 1]);
		watch_drop_newest_locked(watch);
	}
	watch->held = 0;
}

void watch_pool_end(tarn_pool *pool)
{
	mutex_lock(&debug_mutex);
	if (watch_is_told(pool))
		watch_unlink_locked(pool->watch);
	mutex_unlock(&debug_mutex);
	watch_own_end(pool);
	free(pool->watch);
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
	struct claim claim = {need, need, true, false, NULL};
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
	struct watch_object object = {NULL, NULL, size};

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
	return (struct watch_object){watch_claim(pool, alignment, size), NULL,
				     size};
}

void *watch_alloc(tarn_pool *pool, struct local *local, size_t alignment,
		  size_t size)
{
	struct watch_object object = watch_take(pool, alignment, size);

	if (object.object == NULL)
		return NULL;
	if (watch_is_listed(pool) && !watch_list(pool, object)) {
		if (object.memory != NULL)
			source_release(&pool->watch->guard, object.memory,
				       object.size);
		errno = ENOMEM;
		return NULL;
	}
	mark_give(pool->source.watched, watch_anchor(pool), object.object,
		  size);
	local_count(local, align_up(size, align_min(alignment, BLOCK_LINE)));
	return object.object;
}

/* One that is not listed was served as a large one, for want of a slot. */
void watch_cut(tarn_pool *pool, void *object, size_t from, size_t to)
{
	bool listed;

	mutex_lock(&pool->mutex);
	listed = watch_find_locked(pool->watch, object) != NULL;
	mutex_unlock(&pool->mutex);
	if (listed)
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

void watch_free(tarn_pool *pool, void *object, size_t size)
{
	struct watch_object found = {object, NULL, size};

	if (!watch_is_listed(pool) || watch_unlist(pool, object, &found))
		watch_end_object(pool, found);
}

/* ---- exit ------------------------------------------------------------ */

static void watch_tell_leak(tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

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
	for (struct watch *watch = watch_all.newest; watch != NULL;
	     watch = watch->older)
		if (watch->forks == debug_forks()) {
			watch_tell_leak(watch->pool);
			leaks++;
		}
	mutex_unlock(&debug_mutex);
	if (leaks != 0)
		debug_say("leaks: %zu pools", leaks);
}
