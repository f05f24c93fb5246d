/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a caller has no more use for, or in another size: freed and
 * resized here. What is large goes to the large list, small memory to reuse.
 */
#include "reuse.h"

#include <errno.h>
#include <string.h>

#include "sample.h"
#include "watch.h"

/* ---- resizing -------------------------------------------------------- */

/* What a smaller object leaves behind it is free, unless it may be one of the
   large list, which is freed whole. */
static void prealloc_cut(tarn_pool *pool, struct local *local, char *object,
			 size_t old_size, size_t new_size)
{
	size_t from = align_up(new_size, TARN_ALIGNMENT);
	size_t to = align_up(old_size, TARN_ALIGNMENT);

	if (from < to && reuse_is_active(pool) && !pool_has_strays(pool))
		reuse_give(pool, local, object + from, to - from);
}

/* Of an object that is not large; what grows beyond `max` is, for tarn_pfree.
 */
static void *prealloc_keep_small(tarn_pool *pool, struct local *local,
				 void *ptr, size_t old_size, size_t new_size)
{
	bool kept;

	reuse_begin_room(local);
	kept = new_size <= local->hot.max &&
	       local_resize(local, ptr, old_size, new_size);
	if (kept && sample_is_on(pool))
		sample_room(local);
	reuse_end_room(local);
	if (!kept && new_size > old_size)
		return NULL;
	if (!kept)
		prealloc_cut(pool, local, ptr, old_size, new_size);
	if (new_size == 0 && sample_is_on(pool))
		sample_free(pool, ptr);
	return ptr;
}

static void *prealloc_large(tarn_pool *pool, void *ptr, size_t new_size)
{
	struct large_use use = pool_large_use(pool);

	return large_resize(&pool->large, &use, ptr, new_size);
}

/* Its sample ends with the rewind that ends it. */
static void prealloc_age(tarn_pool *pool, const void *object)
{
	struct large_use use = pool_large_use(pool);

	sample_age(pool, object, large_birth(&pool->large, &use, object));
}

/* What was taken off the list of samples, if it was, is gone or still there. */
static void pfree_settle_sample(tarn_pool *pool, bool sampled,
				const struct watch_object *taken, bool gone)
{
	if (sampled && gone)
		sample_freed(taken);
	else if (sampled)
		sample_put_back(pool, taken);
}

/* As if the old one were freed, and a new one allocated. */
static __attribute__((noinline)) void *
prealloc_large_sampled(tarn_pool *pool, void *ptr, size_t new_size)
{
	struct watch_object taken;
	bool sampled = sample_take(pool, ptr, &taken);
	void *kept = prealloc_large(pool, ptr, new_size);

	if (kept != NULL) {
		sample_object(pool, kept, new_size,
			      watch_caller(__builtin_return_address(0)));
		prealloc_age(pool, kept);
	}
	pfree_settle_sample(pool, sampled, &taken, kept != NULL);
	return kept;
}

/* In place, or by upstream; NULL where it has to be copied. */
static void *prealloc_keep(tarn_pool *pool, void *ptr, size_t old_size,
			   size_t new_size)
{
	struct local *local = pool_find_local(pool);

	if (local != NULL && old_size <= local->hot.max)
		return prealloc_keep_small(pool, local, ptr, old_size,
					   new_size);
	if (new_size <= pool->own.hot.max || new_size > PTRDIFF_MAX)
		return NULL;
	return sample_is_on(pool) ? prealloc_large_sampled(pool, ptr, new_size)
				  : prealloc_large(pool, ptr, new_size);
}

/* Moves what it can, so that a pointer to the old place is found out. */
static void *prealloc_keep_watched(tarn_pool *pool, void *ptr, size_t old_size,
				   size_t new_size)
{
	if (new_size > old_size || old_size > pool->own.hot.max)
		return NULL;
	watch_cut(pool, ptr, old_size, new_size);
	return ptr;
}

/* Within a mark a large object stays as old as it was, wherever it goes. */
static void prealloc_inherit(tarn_pool *pool, const void *ptr,
			     const void *moved)
{
	const struct local *local = pool_find_local(pool);
	struct large_use use;

	if (local == NULL || local_depth(local) == 0)
		return;
	use = pool_large_use(pool);
	large_inherit(&pool->large, &use, ptr, moved);
	if (sample_is_on(pool))
		prealloc_age(pool, moved);
}

static bool pfree_large(tarn_pool *pool, void *ptr)
{
	struct large_use use = pool_large_use(pool);

	return large_free(&pool->large, &use, ptr);
}

static void *prealloc_move(tarn_pool *pool, void *ptr, size_t old_size,
			   size_t new_size)
{
	void *moved = tarn_palloc(pool, new_size);
	bool watched = source_is_watched(&pool->source);

	if (moved == NULL)
		return NULL;
	if (sample_is_on(pool))
		sample_free(pool, ptr);
	memcpy(moved, ptr, align_min(old_size, new_size));
	if (align_min(old_size, new_size) > pool->own.hot.max)
		prealloc_inherit(pool, ptr, moved);
	if (old_size <= pool->own.hot.max && !watched)
		tarn_pfree_sized(pool, ptr, old_size);
	else if (!pfree_large(pool, ptr) && watched)
		watch_free(pool, ptr, TARN_ALIGNMENT, old_size);
	return moved;
}

static void *prealloc(tarn_pool *pool, void *ptr, size_t old_size,
		      size_t new_size)
{
	void *kept =
		source_is_watched(&pool->source)
			? prealloc_keep_watched(pool, ptr, old_size, new_size)
			: prealloc_keep(pool, ptr, old_size, new_size);

	return kept != NULL ? kept
			    : prealloc_move(pool, ptr, old_size, new_size);
}

static void *prealloc_traced(tarn_pool *pool, void *ptr, size_t old_size,
			     size_t new_size)
{
	uint32_t id = watch_trace_id(ptr);
	void *object = prealloc(pool, ptr, old_size, new_size);

	if (object != NULL)
		watch_trace_move(ptr, object, id);
	watch_trace(pool, TRACE_RESIZE, new_size, object != NULL ? id : 0);
	return object;
}

void *tarn_prealloc(tarn_pool *pool, void *ptr, size_t old_size,
		    size_t new_size)
{
	WATCH_REQUEST(pool, ptr != NULL ? WATCH_HIDDEN : WATCH_AS_IT_IS);

	if (ptr == NULL)
		return tarn_palloc(pool, new_size);
	return watch_is_traced(pool)
		       ? prealloc_traced(pool, ptr, old_size, new_size)
		       : prealloc(pool, ptr, old_size, new_size);
}

/* ---- freeing --------------------------------------------------------- */

/* As pfree_large; what is refused stays sampled. */
static bool pfree_large_sampled(tarn_pool *pool, void *ptr)
{
	struct watch_object taken;
	bool sampled = sample_take(pool, ptr, &taken);
	bool freed = pfree_large(pool, ptr);

	pfree_settle_sample(pool, sampled, &taken, freed);
	return freed;
}

static bool pfree_watched(tarn_pool *pool, void *ptr)
{
	uint32_t id = watch_is_traced(pool) ? watch_trace_id(ptr) : 0;
	bool freed = sample_is_on(pool) ? pfree_large_sampled(pool, ptr)
					: pfree_large(pool, ptr);

	if (freed) {
		watch_freed(pool, ptr);
		watch_trace_move(ptr, NULL, id);
	} else {
		watch_refused(pool, ptr);
	}
	if (watch_is_traced(pool))
		watch_trace(pool, freed ? TRACE_FREE : TRACE_REFUSED, 0, id);
	return freed;
}

int tarn_pfree(tarn_pool *pool, void *ptr)
{
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	if (TARN_LIKELY(pool->source.watched == 0) ? pfree_large(pool, ptr)
						   : pfree_watched(pool, ptr))
		return 0;
	errno = ENOENT;
	return -1;
}

/* ---- freeing by size ------------------------------------------------- */

/* Ends the program where an object of the large list was of another size. One
   that is there for want of a local pool may have been cut. */
static void pfree_check_size(tarn_pool *pool, const void *ptr, size_t alignment,
			     size_t size)
{
	size_t line = align_min(alignment, BLOCK_LINE), asked, rounded;
	struct large_use use = pool_large_use(pool);

	if (!align_up_checked(size, line, &rounded))
		rounded = SIZE_MAX;
	if (large_size(&pool->large, &use, ptr, &asked) && asked != rounded &&
	    align_max(asked, rounded) > align_up(pool->own.hot.max, BLOCK_LINE))
		watch_wrong_size(pool, size, asked, ", rounded up");
}

static bool pfree_sized_watched(tarn_pool *pool, void *ptr, size_t alignment,
				size_t size)
{
	uint32_t id = watch_is_traced(pool) ? watch_trace_id(ptr) : 0;

	pfree_check_size(pool, ptr, alignment, size);
	if (pfree_large(pool, ptr))
		watch_freed(pool, ptr);
	else
		watch_free_sized(pool, ptr, alignment, size);
	if (watch_is_traced(pool)) {
		watch_trace_move(ptr, NULL, id);
		watch_trace(pool, TRACE_FREE_SIZED, size, id);
	}
	return true;
}

/* False with errno. `extent`: what it took, if it is small. */
static bool pfree_extent(tarn_pool *pool, void *ptr, size_t alignment,
			 size_t size, size_t extent)
{
	size_t need;
	bool large = palloc_is_large(&pool->own, alignment, size, &need);

	if (pool_is_refused(pool))
		return false;
	if (sample_is_on(pool))
		sample_free(pool, ptr);
	if (source_is_watched(&pool->source))
		return pfree_sized_watched(pool, ptr, alignment, size);
	if ((large || pool_has_strays(pool)) && pfree_large(pool, ptr))
		return true;
	if (!large)
		reuse_give(pool, pool_local(pool), ptr, extent);
	errno = large ? ENOENT : errno;
	return !large;
}

static int pfree_checked(tarn_pool *pool, void *ptr, size_t alignment,
			 size_t size, size_t extent)
{
	if (ptr == NULL || size == 0)
		return 0;
	if (align_is_power(alignment) &&
	    ((uintptr_t)ptr & (alignment - 1)) == 0)
		return pfree_extent(pool, ptr, alignment, size, extent) ? 0
									: -1;
	errno = EINVAL;
	return -1;
}

static __attribute__((noinline)) int pfree_sized_slow(tarn_pool *pool,
						      void *ptr, size_t size)
{
	WATCH_CALL(pool, WATCH_HIDDEN);

	return pfree_checked(pool, ptr, TARN_ALIGNMENT, size,
			     align_up(size, TARN_ALIGNMENT));
}

int tarn_pfree_sized(tarn_pool *pool, void *ptr, size_t size)
{
	struct local *local = pool_find_local(pool);

	return TARN_LIKELY(local != NULL && !pool_has_strays(pool) &&
			   reuse_push(local, ptr, size))
		       ? 0
		       : pfree_sized_slow(pool, ptr, size);
}

int tarn_pfree_aligned_sized(tarn_pool *pool, void *ptr, size_t alignment,
			     size_t size)
{
	WATCH_CALL(pool, WATCH_HIDDEN);

	return pfree_checked(pool, ptr, alignment, size, size);
}
