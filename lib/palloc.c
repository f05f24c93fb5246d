/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: which layer serves them. A hit is done by the inline calls of the
 * header; all that follows here is the miss.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>

/* ---- the layers of a miss -------------------------------------------- */

struct large_use pool_large_use(tarn_pool *pool)
{
	struct large_use use;

	use.cache = slot_cache();
	use.source = &pool->source;
	use.at_home = pool_is_own(pool);
	return use;
}

static void *serve_large(tarn_pool *pool, size_t alignment, size_t size)
{
	struct large_use use = pool_large_use(pool);

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
	return local_take_chunk(local, chunk, alignment, size);
}

/* A request of at least one byte. */
static void *serve(tarn_pool *pool, struct local *local, size_t alignment,
		   size_t size)
{
	size_t need;
	void *object;

	/* No local pool: past its thread's end, or the system has no key or
	   memory for one. */
	if (local == NULL || size > local->hot.max ||
	    !local_need(alignment, size, &need) ||
	    (alignment > BLOCK_LINE && need > local->hot.max))
		return serve_large(pool, alignment, size);
	object = local_take(local, alignment, size);
	return object != NULL ? object
			      : serve_chunk(pool, local, alignment, size, need);
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
	if (size == 0 && alignment <= TARN_ALIGNMENT)
		return local != NULL ? local->hot.last : (void *)pool;
	return serve(pool, local, alignment, align_max(size, 1));
}

void *pool_out_of_memory(tarn_pool *pool, size_t size)
{
	if (pool->on_oom != NULL)
		pool->on_oom(pool, size, pool->on_oom_data);
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

void *tarn_local_miss(tarn_local *hot, size_t alignment, size_t size)
{
	struct local *local = (struct local *)hot;

	return palloc_miss(local->pool, local, alignment, size);
}

/* A thread's first request, and each of a thread that gets no slot. */
static __attribute__((noinline)) void *
palloc_first(tarn_pool *pool, size_t alignment, size_t size)
{
	struct local *local = pool_local_slow(pool);

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
	void *object = tarn_palloc(pool, bytes);

	return object != NULL ? memset(object, 0, bytes) : NULL;
}

/* ---- resizing -------------------------------------------------------- */

/* In place, or by upstream; NULL where it has to be copied. */
static void *prealloc_keep(tarn_pool *pool, void *ptr, size_t old_size,
			   size_t new_size)
{
	struct local *local = pool_find_local(pool);
	struct large_use use;

	if (local != NULL && old_size <= local->hot.max)
		return local_resize(local, ptr, old_size, new_size) ||
				       new_size <= old_size
			       ? ptr
			       : NULL;
	if (new_size <= pool->own.hot.max || new_size > PTRDIFF_MAX)
		return NULL;
	use = pool_large_use(pool);
	return large_resize(&pool->large, &use, ptr, new_size);
}

void *tarn_prealloc(tarn_pool *pool, void *ptr, size_t old_size,
		    size_t new_size)
{
	struct large_use use;
	void *moved;

	if (ptr == NULL)
		return tarn_palloc(pool, new_size);
	moved = prealloc_keep(pool, ptr, old_size, new_size);
	if (moved != NULL)
		return moved;
	moved = tarn_palloc(pool, new_size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, align_min(old_size, new_size));
	if (old_size > pool->own.hot.max) {
		use = pool_large_use(pool);
		large_free(&pool->large, &use, ptr);
	}
	return moved;
}

int tarn_pfree(tarn_pool *pool, void *ptr)
{
	struct large_use use = pool_large_use(pool);

	if (large_free(&pool->large, &use, ptr))
		return 0;
	errno = ENOENT;
	return -1;
}
