/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: which layer serves them. A hit is done by the inline calls of the
 * header; all that follows here is the miss.
 */
#include "reuse.h"

#include <errno.h>
#include <string.h>

#include "probe.h"
#include "sample.h"
#include "watch.h"

struct request {
	size_t alignment;
	size_t size;
	size_t extent; /* bytes: what the object takes, if it is not large */
	bool up;       /* from the front of a room                         */
};

/* What tarn_palloc asks for. */
static struct request request_any(size_t size)
{
	return (struct request){TARN_ALIGNMENT, size,
				align_up(size, TARN_ALIGNMENT), true};
}

static struct request request_aligned(size_t alignment, size_t size)
{
	return (struct request){alignment, size, size, false};
}

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

static void *serve_large(tarn_pool *pool, struct local *local, size_t alignment,
			 size_t size)
{
	struct large_use use = pool_large_use(pool);
	struct birth birth = BIRTH_NONE;

	/* ORDER pool-strays (relaxed): whoever frees the object has it from
	   here. Pairs with pool_has_strays. */
	if (size <= pool->own.hot.max && !pool_has_strays(pool))
		atomic_store_explicit(&pool->strays, true,
				      memory_order_relaxed);
	if (local != NULL && local_depth(local) != 0) {
		struct local_marks *marks = &local->side->marks;

		birth = pool_birth(local);
		marks->large = births_note(marks->large, birth);
	}
	probe_large(pool, size);
	return large_alloc(&pool->large, &use, birth, alignment, size);
}

/* From freed memory, else claimed, else the last that freed memory has. */
static bool serve_claim(tarn_pool *pool, struct local *local,
			const struct claim *claim, size_t need,
			struct chunk *chunk)
{
	struct wanted wanted = {TARN_ALIGNMENT, need,
				align_up(claim->want, TARN_ALIGNMENT)};
	int error = errno;

	if (reuse_is_active(pool) && reuse_claim(pool, &wanted, false, chunk))
		return true;
	if (cursor_claim(&pool->cursor, slot_cache(), &pool->source, claim,
			 chunk)) {
		local_set_claimed(local,
				  local_claimed(local) +
					  (size_t)(chunk->end - chunk->start));
		probe_claim(pool, (size_t)(chunk->end - chunk->start));
		ledger_note(&local->ledger, chunk);
		return true;
	}
	wanted.most = need;
	if (!reuse_claim(pool, &wanted, true, chunk))
		return false;
	errno = error;
	return true;
}

/* Where nothing is ever freed, such rests are as good as padding. */
static void serve_lose(tarn_pool *pool, const struct lost *lost)
{
	if (!reuse_is_active(pool))
		return;
	reuse_give_run(pool, lost->gap.last, room_size(lost->gap));
	reuse_give_run(pool, lost->rest.last, room_size(lost->rest));
}

static void *serve_chunk(tarn_pool *pool, struct local *local, size_t alignment,
			 size_t size, size_t need, struct lost *lost)
{
	bool shared = pool_is_shared(pool);
	size_t beside = ledger_need(&local->ledger);
	struct claim claim = {
		need + beside,
		align_max(need + beside, local_want(local, shared)),
		shared,
		false,
		&local->claimer,
		beside};
	struct chunk chunk;

	/* What was freed does not begin on a line. */
	if (!serve_claim(pool, local, &claim,
			 alignment > TARN_ALIGNMENT ? need + BLOCK_LINE : need,
			 &chunk))
		return NULL;
	return local_take_chunk(local, chunk, alignment, size, lost);
}

bool palloc_is_large(const struct local *local, size_t alignment, size_t size,
		     size_t *need)
{
	if (local == NULL || size > local->hot.max)
		return true;
	*need = local_need(alignment, size);
	return alignment > BLOCK_LINE && *need > local->hot.max;
}

static void *serve_room(tarn_pool *pool, struct local *local, size_t alignment,
			size_t size, size_t need)
{
	struct lost lost = {reuse_is_active(pool) && local_depth(local) == 0,
			    {NULL, NULL},
			    {NULL, NULL}};
	void *object = local_take(local, alignment, size, &lost);

	if (local_depth(local) != 0)
		need += LOCAL_MARKED;
	if (object == NULL)
		object = serve_chunk(pool, local, alignment, size, need, &lost);
	serve_lose(pool, &lost);
	return object;
}

/* In a pool where memory was freed. */
static void *serve_reusing(tarn_pool *pool, struct local *local,
			   size_t alignment, size_t size, size_t need)
{
	void *object = reuse_take(local, alignment, size);

	if (object != NULL)
		return object;
	reuse_begin_room(local);
	object = serve_room(pool, local, alignment, size, need);
	reuse_end_room(local);
	return object;
}

/* A request of at least one byte. */
static void *serve(tarn_pool *pool, struct local *local,
		   const struct request *request)
{
	size_t alignment = request->alignment, extent = request->extent, need;

	if (palloc_is_large(local, alignment, request->size, &need))
		return serve_large(pool, local, alignment, request->size);
	return reuse_is_active(pool)
		       ? serve_reusing(pool, local, alignment, extent, need)
		       : serve_room(pool, local, alignment, extent, need);
}

/* Any request of a pool that is watched. */
static void *serve_watched(tarn_pool *pool, struct local *local,
			   const struct request *request)
{
	size_t alignment = request->alignment, size = request->size, need;
	void *object;

	watch_enter(pool);
	object = palloc_is_large(local, alignment, size, &need)
			 ? serve_large(pool, local, alignment, size)
			 : watch_alloc(pool, local, alignment, size);
	watch_leave(pool);
	return object;
}

/* The miss without the out-of-memory handler; `local` may be NULL. */
static void *palloc_try(tarn_pool *pool, struct local *local,
			const struct request *request)
{
	if (!align_is_power(request->alignment)) {
		errno = EINVAL;
		return NULL;
	}
	if (pool_is_refused(pool))
		return NULL;
	if (source_is_watched(&pool->source))
		return serve_watched(pool, local, request);
	if (request->size != 0)
		return serve(pool, local, request);
	if (request->alignment <= TARN_ALIGNMENT)
		return local != NULL ? local->hot.last : (void *)pool;
	return serve(pool, local,
		     &(struct request){request->alignment, 1, 1, false});
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
palloc_miss(tarn_pool *pool, struct local *local, const struct request *request)
{
	return pool_answer(pool, palloc_try(pool, local, request),
			   request->size);
}

/* One that is sampled, or not. */
static void *palloc_try_sampled(tarn_pool *pool, struct local *local,
				const struct request *request,
				const void *caller)
{
	struct sample_ask ask = {request->alignment, request->size,
				 request->up};
	struct sample sample;
	void *object;

	if (!sample_is_on(pool) || pool_is_refused(pool))
		return palloc_try(pool, local, request);
	sample = sample_begin(local, &ask);
	object = palloc_try(pool, local, request);
	sample_end(pool, &sample, object, request->size, caller);
	return object;
}

/* In a call of its own: the handler may leave it by longjmp. */
static void *palloc_try_watched(tarn_pool *pool, struct local *local,
				const struct request *request,
				const void *caller)
{
	struct watch_call call WATCH_UNTIL_END =
		watch_begin(pool, caller, WATCH_AS_IT_IS);
	void *object;

	if (local != NULL)
		watch_local(pool, local);
	object = palloc_try_sampled(pool, local, request, watch_caller(caller));
	watch_trace_alloc(pool, request->alignment, request->size, object);
	return object;
}

/* A request of a pool that is watched, made by the call at `caller`. */
static __attribute__((noinline)) void *
palloc_watched(tarn_pool *pool, struct local *local,
	       const struct request *request, const void *caller)
{
	return pool_answer(pool,
			   palloc_try_watched(pool, local, request, caller),
			   request->size);
}

/* Of a thread that has nothing freed at hand, by the call at `caller`. */
static __attribute__((noinline)) void *palloc_fresh(tarn_pool *pool,
						    struct local *local,
						    struct request request,
						    const void *caller)
{
	return TARN_LIKELY(pool->source.watched == 0)
		       ? palloc_miss(pool, local, &request)
		       : palloc_watched(pool, local, &request, caller);
}

__attribute__((noinline)) void *tarn_local_palloc_miss(tarn_local *local,
						       size_t size)
{
	struct local *whole = (struct local *)local;
	/* Before all else: this is what freed memory makes of a hit. */
	void *object = reuse_pop(whole, size);

	return TARN_LIKELY(object != NULL)
		       ? object
		       : palloc_fresh(whole->pool, whole, request_any(size),
				      __builtin_return_address(0));
}

__attribute__((noinline)) void *
tarn_local_pmemalign_miss(tarn_local *local, size_t alignment, size_t size)
{
	struct local *whole = (struct local *)local;

	return palloc_fresh(whole->pool, whole,
			    request_aligned(alignment, size),
			    __builtin_return_address(0));
}

/* A thread's first request, and each of a thread that gets no slot. */
static __attribute__((noinline)) void *palloc_first(tarn_pool *pool,
						    size_t size)
{
	struct local *local = pool_local_slow(pool);

	return local != NULL && TARN_LIKELY(pool->source.watched == 0)
		       ? tarn_local_palloc(&local->hot, size)
		       : palloc_fresh(pool, local, request_any(size),
				      __builtin_return_address(0));
}

static __attribute__((noinline)) void *
pmemalign_first(tarn_pool *pool, size_t alignment, size_t size)
{
	struct local *local = pool_local_slow(pool);

	return local != NULL && TARN_LIKELY(pool->source.watched == 0)
		       ? tarn_local_pmemalign(&local->hot, alignment, size)
		       : palloc_fresh(pool, local,
				      request_aligned(alignment, size),
				      __builtin_return_address(0));
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
	return TARN_LIKELY(local != NULL) ? tarn_local_palloc(&local->hot, size)
					  : palloc_first(pool, size);
}

void *tarn_pmemalign(tarn_pool *pool, size_t alignment, size_t size)
{
	struct local *local;

	if (pool_is_own(pool))
		return tarn_local_pmemalign(&pool->own.hot, alignment, size);
	local = pool_find_other(pool);
	return TARN_LIKELY(local != NULL)
		       ? tarn_local_pmemalign(&local->hot, alignment, size)
		       : pmemalign_first(pool, alignment, size);
}

void *tarn_pnalloc(tarn_pool *pool, size_t size)
{
	struct local *local;

	if (pool_is_own(pool))
		return tarn_local_pnalloc(&pool->own.hot, size);
	local = pool_find_other(pool);
	return TARN_LIKELY(local != NULL)
		       ? tarn_local_pnalloc(&local->hot, size)
		       : pmemalign_first(pool, 1, size);
}

void *tarn_pcalloc(tarn_pool *pool, size_t count, size_t size)
{
	size_t bytes = tarn_array_size(count, size);
	void *object;
	WATCH_REQUEST(pool, TRACE_ZEROED);

	object = tarn_palloc(pool, bytes);
	return object != NULL ? memset(object, 0, bytes) : NULL;
}
