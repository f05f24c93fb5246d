/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's own part of a pool: the first local pool, which is within it, for
 * the thread that comes first, and one that the table finds by its slot for
 * each of the others.
 *
 * Invariants: `owner` is set once and `table` only ever replaced by a larger
 * one; a local pool stays until destroy, and is of one slot.
 */
#include "pool.h"

#include <errno.h>

#include "watch.h"

/* True for the one thread that becomes the owner of the first local pool. */
static bool pool_own(tarn_pool *pool, uint32_t slot)
{
	uint32_t unowned = SLOT_UNOWNED;

	/* ORDER pool-owner (relaxed): only who wrote its own number acts on
	   it. Pairs with pool_is_own. */
	return atomic_compare_exchange_strong_explicit(
		&pool->owner, &unowned, slot, memory_order_relaxed,
		memory_order_relaxed);
}

static struct slot_table *pool_table(const tarn_pool *pool)
{
	/* ORDER table-publish (acquire): see pool_find_other. */
	return atomic_load_explicit(&pool->table, memory_order_acquire);
}

/* The table with room for one more, or NULL. Readers may stay in the old. */
static struct slot_table *pool_grow_table_locked(tarn_pool *pool)
	MUTEX_HELD(pool->mutex)
{
	struct slot_table *old = pool_table(pool), *table;
	uint32_t capacity = slot_table_larger(old);
	void *memory;

	if (capacity == 0)
		return old;
	memory = pool_claim_lasting(pool, slot_table_size(capacity));
	if (memory == NULL)
		return NULL;
	table = slot_table_init(memory, capacity, old);
	/* ORDER table-publish (release): the copied entries; pairs with
	   pool_find_other. */
	atomic_store_explicit(&pool->table, table, memory_order_release);
	return table;
}

static struct local *pool_add_local_locked(tarn_pool *pool, uint32_t slot)
	MUTEX_HELD(pool->mutex)
{
	struct slot_table *table = pool_grow_table_locked(pool);
	struct local *local;

	if (table == NULL)
		return NULL;
	local = pool_claim_lasting(pool, sizeof(*local));
	if (local == NULL)
		return NULL;
	local_init(local, pool, pool->own.hot.max, local_nothing(local));
	slot_table_insert(table, slot, local);
	return local;
}

static struct local *pool_add_local(tarn_pool *pool)
{
	int error = errno;
	struct local *local;

	if (pool_own(pool, slot_name()))
		return &pool->own;
	mutex_lock(&pool->mutex);
	local = pool_add_local_locked(pool, slot_name());
	mutex_unlock(&pool->mutex);
	errno = error;
	return local;
}

static __attribute__((noinline)) struct local *pool_enter(tarn_pool *pool)
{
	struct local *local;

	if (pool_is_refused(pool) || slot_get() == NULL)
		return NULL;
	/* The slot may just have come with a dead thread's local pool. */
	local = pool_find_local(pool);
	return local != NULL ? local : pool_add_local(pool);
}

struct local *pool_local_slow(tarn_pool *pool)
{
	/* The usual way of a pool that serves one request. */
	if (TARN_LIKELY(slot_self() != NULL && !pool_is_refused(pool) &&
			pool_own(pool, slot_name())))
		return &pool->own;
	return pool_enter(pool);
}

tarn_local *tarn_pool_local(tarn_pool *pool)
{
	struct local *local;
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	local = pool_local(pool);
	if (local != NULL)
		return &local->hot;
	return pool_is_refused(pool) ? NULL
				     : pool_out_of_memory(pool, sizeof(*local));
}

tarn_pool *tarn_local_pool(tarn_local *local)
{
	struct local *whole = (struct local *)local;

	if (!TARN_LIKELY(whole->pool->source.watched == 0))
		watch_local(whole->pool, whole);
	return whole->pool;
}
