/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of watched pools, see watch.h: what ThreadSanitizer is told of each,
 * what is recorded of it, and whether it broke a rule.
 */
#include "config.h"

#include "watch.h"

/* [o] how the calls within a public one are recorded */
static TARN_TLS unsigned watch_inner;

/* [o] where the request that makes the ones within it returns to; or NULL */
static TARN_TLS const void *watch_from;

/* Whether misuse is looked for: without that a mutex taken for it would but
   order threads, and hide their races. */
static bool watch_is_blamed(const tarn_pool *pool)
{
	return (pool->source.watched & WATCH_OWNER) != 0;
}

/* ---- calls ----------------------------------------------------------- */

void watch_enter(tarn_pool *pool)
{
	/* ORDER watch-inside (relaxed): detects callers that broke the rules;
	   publishes nothing. Pairs with itself. */
	atomic_fetch_add_explicit(&pool->watch->inside, 1,
				  memory_order_relaxed);
}

void watch_leave(tarn_pool *pool)
{
	/* ORDER watch-inside (relaxed): as watch_enter. */
	atomic_fetch_sub_explicit(&pool->watch->inside, 1,
				  memory_order_relaxed);
}

struct watch_call watch_begin(tarn_pool *pool, const void *caller,
			      unsigned inner)
{
	struct watch_call call = {pool->source.watched, watch_inner};

	mark_call(call.watched, caller);
	/* What reset and destroy write: a word that is not atomic, or all its
	   changes were races where the library is instrumented, too. */
	mark_read(call.watched, &pool->source.watched, sizeof(call.watched));
	if (watch_is_blamed(pool))
		pool_is_refused(pool);
	if (inner != WATCH_AS_IT_IS)
		watch_inner = inner;
	return call;
}

struct watch_call watch_begin_request(tarn_pool *pool, const void *caller,
				      unsigned inner)
{
	struct watch_call call = watch_begin(pool, caller, inner);

	watch_from = caller;
	call.watched |= WATCH_FROM;
	return call;
}

const void *watch_caller(const void *caller)
{
	return watch_from != NULL ? watch_from : caller;
}

void watch_end(const struct watch_call *call)
{
	if (TARN_LIKELY(call->watched == 0))
		return;
	watch_inner = call->inner;
	if ((call->watched & WATCH_FROM) != 0)
		watch_from = NULL;
	mark_call_end(call->watched);
}

unsigned watch_callback(void)
{
	unsigned inner = watch_inner;

	watch_inner = WATCH_AS_IT_IS;
	/* For good: it is the last that a request does. */
	watch_from = NULL;
	return inner;
}

void watch_callback_end(unsigned inner)
{
	watch_inner = inner;
}

/* ---- misuse ----------------------------------------------------------- */

void watch_blame(const tarn_pool *pool, const char *what)
{
	if (watch_is_blamed(pool))
		debug_die("pool '%s' (%p): %s", watch_name(pool),
			  (const void *)pool, what);
}

void watch_exclusive(tarn_pool *pool)
{
	const struct source *source = &pool->source;

	watch_meet_report();
	/* What each request reads. */
	mark_write(source->watched, &source->watched, sizeof(source->watched));
	/* ORDER watch-inside (relaxed): see watch_enter. */
	if (atomic_load_explicit(&pool->watch->inside, memory_order_relaxed) !=
	    0)
		watch_blame(pool, "reset or destroyed while a thread allocates "
				  "from it");
}

void watch_local(tarn_pool *pool, const struct local *local)
{
	if (pool_find_local(pool) != local)
		watch_blame(pool, "a tarn_local is used by a thread that it "
				  "does not belong to");
}

void watch_freed(tarn_pool *pool, void *object)
{
	struct watch *watch = pool->watch;

	if (!watch_is_blamed(pool))
		return;
	mutex_lock(&pool->mutex);
	watch->freed[watch->freed_next++ % WATCH_FREED] = object;
	mutex_unlock(&pool->mutex);
}

/* An object that is small is refused too, and may well be. */
void watch_refused(tarn_pool *pool, const void *object)
{
	bool freed = false;

	if (!watch_is_blamed(pool))
		return;
	mutex_lock(&pool->mutex);
	for (size_t i = 0; object != NULL && i < WATCH_FREED; i++)
		freed |= pool->watch->freed[i] == object;
	mutex_unlock(&pool->mutex);
	if (freed)
		watch_blame(pool, "tarn_pfree of what was freed before");
}

/* ---- the trace -------------------------------------------------------- */

static void watch_write_locked(uint32_t number, enum trace_op op,
			       size_t alignment, size_t size, uint32_t id)
	MUTEX_HELD(debug_mutex)
{
	struct slot *slot = slot_self();
	struct trace_call call = {
		op,     alignment, slot != NULL ? slot->index : UINT32_MAX,
		number, size,      id};

	trace_write_locked(&call);
}

void watch_trace_create_locked(tarn_pool *pool, const tarn_options *options)
{
	const tarn_pool *parent = pool->parent;

	pool->watch->number = trace_pool_locked();
	watch_write_locked(pool->watch->number,
			   parent != NULL ? TRACE_CHILD : TRACE_CREATE, 1,
			   options->first_block,
			   parent != NULL ? parent->watch->number : 0);
}

static enum trace_op watch_op(size_t alignment)
{
	if (watch_inner != WATCH_AS_IT_IS)
		return (enum trace_op)watch_inner;
	if (alignment == TARN_ALIGNMENT)
		return TRACE_ALIGNED;
	return alignment == 1 ? TRACE_PACKED : TRACE_MEMALIGN;
}

void watch_trace_alloc(tarn_pool *pool, size_t alignment, size_t size,
		       const void *object)
{
	enum trace_op op = watch_op(alignment);

	if (!watch_is_traced(pool) || watch_inner == WATCH_HIDDEN)
		return;
	mutex_lock(&debug_mutex);
	watch_write_locked(pool->watch->number, op,
			   op == TRACE_MEMALIGN ? alignment : 1, size,
			   object != NULL ? trace_id_locked(object) : 0);
	mutex_unlock(&debug_mutex);
}

uint32_t watch_trace_id(const void *object)
{
	uint32_t id;

	mutex_lock(&debug_mutex);
	id = trace_find_id_locked(object);
	mutex_unlock(&debug_mutex);
	return id;
}

void watch_trace_move(const void *from, const void *to, uint32_t id)
{
	if (id == 0)
		return;
	mutex_lock(&debug_mutex);
	if (trace_find_id_locked(from) == id)
		trace_keep_id_locked(from, 0);
	if (to != NULL)
		trace_keep_id_locked(to, id);
	mutex_unlock(&debug_mutex);
}

void watch_trace(const tarn_pool *pool, enum trace_op op, size_t size,
		 uint32_t id)
{
	mutex_lock(&debug_mutex);
	watch_write_locked(pool->watch->number, op, 1, size, id);
	mutex_unlock(&debug_mutex);
}

void watch_trace_cleanup(tarn_pool *pool, const void *cleanup)
{
	mutex_lock(&debug_mutex);
	watch_write_locked(pool->watch->number, TRACE_CLEANUP, 1, 0,
			   cleanup != NULL ? trace_id_locked(cleanup) : 0);
	mutex_unlock(&debug_mutex);
}

void watch_trace_object(const tarn_pool *pool, enum trace_op op,
			const void *object)
{
	mutex_lock(&debug_mutex);
	watch_write_locked(pool->watch->number, op, 1, 0,
			   trace_find_id_locked(object));
	mutex_unlock(&debug_mutex);
}

void watch_trace_ended(uint32_t number)
{
	mutex_lock(&debug_mutex);
	watch_write_locked(number, TRACE_DESTROY, 1, 0, 0);
	mutex_unlock(&debug_mutex);
}

void watch_trace_process(enum trace_op op)
{
	mutex_lock(&debug_mutex);
	watch_write_locked(0, op, 1, 0, 0);
	mutex_unlock(&debug_mutex);
}
