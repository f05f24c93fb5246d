/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: which layer serves them. A hit is done by the inline calls of the
 * header; all that follows here is the miss.
 */
#include "watch.h"

#include <errno.h>
#include <string.h>

#include "probe.h"

/* ---- the layers of a miss -------------------------------------------- */

struct large_use pool_large_use(tarn_pool *pool)
{
	struct large_use use;

	use.cache = slot_cache();
	use.source = TARN_LIKELY(pool->source.watched == 0)
			     ? &pool->source
			     : watch_source(pool);
	use.at_home = pool_is_own(pool);
	return use;
}

static void *serve_large(tarn_pool *pool, size_t alignment, size_t size)
{
	struct large_use use = pool_large_use(pool);

	probe_large(pool, size);
	return large_alloc(&pool->large, &use, alignment, size);
}

static void *serve_chunk(tarn_pool *pool, struct local *local, size_t alignment,
			 size_t size, size_t need)
{
	/* ORDER table-publish (relaxed): whether there is one, no more. Pairs
	   with pool_grow_table_locked. */
	bool shared = atomic_load_explicit(&pool->table,
					   memory_order_relaxed) != NULL;
	struct claim claim = {need, align_max(need, local_want(local, shared)),
			      shared, false, &local->claimer};
	struct chunk chunk;

	if (!cursor_claim(&pool->cursor, slot_cache(), &pool->source, &claim,
			  &chunk))
		return NULL;
	probe_claim(pool, (size_t)(chunk.end - chunk.start));
	return local_take_chunk(local, chunk, alignment, size);
}

/* Whether the large list serves it; else what a chunk must have for it. No
   local pool: past its thread's end, or the system has no key or memory. */
static bool is_large(const struct local *local, size_t alignment, size_t size,
		     size_t *need)
{
	if (local == NULL || size > local->hot.max)
		return true;
	*need = local_need(alignment, size);
	return alignment > BLOCK_LINE && *need > local->hot.max;
}

/* A request of at least one byte. */
static void *serve(tarn_pool *pool, struct local *local, size_t alignment,
		   size_t size)
{
	size_t need;
	void *object;

	if (is_large(local, alignment, size, &need))
		return serve_large(pool, alignment, size);
	object = local_take(local, alignment, size);
	return object != NULL ? object
			      : serve_chunk(pool, local, alignment, size, need);
}

/* Any request of a pool that is watched. */
static void *serve_watched(tarn_pool *pool, struct local *local,
			   size_t alignment, size_t size)
{
	size_t need;
	void *object;

	watch_enter(pool);
	object = is_large(local, alignment, size, &need)
			 ? serve_large(pool, alignment, size)
			 : watch_alloc(pool, local, alignment, size);
	watch_leave(pool);
	return object;
}

/* The miss without the out-of-memory handler; `local` may be NULL. */
static void *palloc_try(tarn_pool *pool, struct local *local, size_t alignment,
			size_t size)
{
	if (!align_is_power(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	if (pool_is_refused(pool))
		return NULL;
	if (!TARN_LIKELY(pool->source.watched == 0))
		return serve_watched(pool, local, alignment, size);
	if (size == 0 && alignment <= TARN_ALIGNMENT)
		return local != NULL ? local->hot.last : (void *)pool;
	return serve(pool, local, alignment, align_max(size, 1));
}

void *pool_out_of_memory(tarn_pool *pool, size_t size)
{
	probe_oom(pool, size);
	if (pool->on_oom != NULL) {
		unsigned inner = watch_callback();

		pool->on_oom(pool, size, pool->on_oom_data);
		watch_callback_end(inner);
	}
	errno = ENOMEM;
	return NULL;
}

static __attribute__((noinline)) void *
palloc_miss(tarn_pool *pool, struct local *local, size_t alignment, size_t size)
{
	void *object = palloc_try(pool, local, alignment, size);

	return object == NULL && errno == ENOMEM
		       ? pool_out_of_memory(pool, size)
		       : object;
}

/* In a call of its own: the handler may leave it by longjmp. */
static void *palloc_try_watched(tarn_pool *pool, struct local *local,
				size_t alignment, size_t size,
				const void *caller)
{
	struct watch_call call WATCH_UNTIL_END =
		watch_begin(pool, caller, WATCH_AS_IT_IS);
	void *object;

	if (local != NULL)
		watch_local(pool, local);
	object = palloc_try(pool, local, alignment, size);
	watch_trace_alloc(pool, alignment, size, object);
	return object;
}

/* A request of a pool that is watched, made by the call at `caller`. */
static __attribute__((noinline)) void *
palloc_watched(tarn_pool *pool, struct local *local, size_t alignment,
	       size_t size, const void *caller)
{
	void *object = palloc_try_watched(pool, local, alignment, size, caller);

	return object == NULL && errno == ENOMEM
		       ? pool_out_of_memory(pool, size)
		       : object;
}

void *tarn_local_miss(tarn_local *local, size_t alignment, size_t size)
{
	struct local *whole = (struct local *)local;
	tarn_pool *pool = whole->pool;

	return TARN_LIKELY(pool->source.watched == 0)
		       ? palloc_miss(pool, whole, alignment, size)
		       : palloc_watched(pool, whole, alignment, size,
					__builtin_return_address(0));
}

/* A thread's first request, and each of a thread that gets no slot. */
static __attribute__((noinline)) void *
palloc_first(tarn_pool *pool, size_t alignment, size_t size)
{
	struct local *local = pool_local_slow(pool);

	if (!TARN_LIKELY(pool->source.watched == 0))
		return palloc_watched(pool, local, alignment, size,
				      __builtin_return_address(0));
	if (local == NULL)
		return palloc_miss(pool, NULL, alignment, size);
	if (alignment == TARN_ALIGNMENT)
		return tarn_local_palloc(&local->hot, size);
	return tarn_local_pmemalign(&local->hot, alignment, size);
}

/* ---- allocation ------------------------------------------------------ */

/* A hit is what these three do, up to the inline call: the owner's way and the
   others' are apart, because each instruction counts here. */

void *tarn_palloc(tarn_pool *pool, size_t size)
{
	struct local *local;

	if (pool_is_own(pool))
		return tarn_local_palloc(&pool->own.hot, size);
	local = pool_find_other(pool);
	return TARN_LIKELY(local != NULL)
		       ? tarn_local_palloc(&local->hot, size)
		       : palloc_first(pool, TARN_ALIGNMENT, size);
}

void *tarn_pmemalign(tarn_pool *pool, size_t alignment, size_t size)
{
	struct local *local;

	if (pool_is_own(pool))
		return tarn_local_pmemalign(&pool->own.hot, alignment, size);
	local = pool_find_other(pool);
	return TARN_LIKELY(local != NULL)
		       ? tarn_local_pmemalign(&local->hot, alignment, size)
		       : palloc_first(pool, alignment, size);
}

void *tarn_pnalloc(tarn_pool *pool, size_t size)
{
	struct local *local;

	if (pool_is_own(pool))
		return tarn_local_pnalloc(&pool->own.hot, size);
	local = pool_find_other(pool);
	return TARN_LIKELY(local != NULL)
		       ? tarn_local_pnalloc(&local->hot, size)
		       : palloc_first(pool, 1, size);
}

void *tarn_pcalloc(tarn_pool *pool, size_t count, size_t size)
{
	size_t bytes = tarn_array_size(count, size);
	void *object;
	WATCH_CALL(pool, TRACE_ZEROED);

	object = tarn_palloc(pool, bytes);
	return object != NULL ? memset(object, 0, bytes) : NULL;
}

/* ---- resizing -------------------------------------------------------- */

/* In place, or by upstream; NULL where it has to be copied. */
static void *prealloc_keep(tarn_pool *pool, void *ptr, size_t old_size,
			   size_t new_size)
{
	struct local *local = pool_find_local(pool);
	struct large_use use;

	if (local != NULL && old_size <= local->hot.max) {
		/* What grows beyond `max` is large, for tarn_pfree. */
		bool kept = new_size <= local->hot.max &&
			    local_resize(local, ptr, old_size, new_size);

		return kept || new_size <= old_size ? ptr : NULL;
	}
	if (new_size <= pool->own.hot.max || new_size > PTRDIFF_MAX)
		return NULL;
	use = pool_large_use(pool);
	return large_resize(&pool->large, &use, ptr, new_size);
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

static bool pfree_large(tarn_pool *pool, void *ptr)
{
	struct large_use use = pool_large_use(pool);

	return large_free(&pool->large, &use, ptr);
}

static void *prealloc_move(tarn_pool *pool, void *ptr, size_t old_size,
			   size_t new_size)
{
	void *moved = tarn_palloc(pool, new_size);
	bool watched = !TARN_LIKELY(pool->source.watched == 0);

	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, align_min(old_size, new_size));
	if ((old_size <= pool->own.hot.max && !watched) ||
	    pfree_large(pool, ptr))
		return moved;
	if (watched)
		watch_free(pool, ptr, old_size);
	return moved;
}

static void *prealloc(tarn_pool *pool, void *ptr, size_t old_size,
		      size_t new_size)
{
	void *kept =
		TARN_LIKELY(pool->source.watched == 0)
			? prealloc_keep(pool, ptr, old_size, new_size)
			: prealloc_keep_watched(pool, ptr, old_size, new_size);

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
	WATCH_CALL(pool, ptr != NULL ? WATCH_HIDDEN : WATCH_AS_IT_IS);

	if (ptr == NULL)
		return tarn_palloc(pool, new_size);
	return watch_is_traced(pool)
		       ? prealloc_traced(pool, ptr, old_size, new_size)
		       : prealloc(pool, ptr, old_size, new_size);
}

/* ---- freeing --------------------------------------------------------- */

static bool pfree_watched(tarn_pool *pool, void *ptr)
{
	uint32_t id = watch_is_traced(pool) ? watch_trace_id(ptr) : 0;
	bool freed = pfree_large(pool, ptr);

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
