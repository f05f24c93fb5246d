/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool is made of, and what else hangs on it: statistics, the callers'
 * data, cleanups, trim, the version.
 */
#include "config.h"

#include "watch.h"

#include <errno.h>
#include <string.h>

#include "cache.h"

/* ---- statistics ------------------------------------------------------ */

/* Bytes handed out by all local pools, and how many there are. */
static size_t stats_locals(tarn_pool *pool, size_t *count)
{
	/* ORDER pool-unowned (relaxed): a figure. Pairs with
	   pool_count_freed. */
	size_t bytes =
		local_handed_out(&pool->own) -
		atomic_load_explicit(&pool->unowned, memory_order_relaxed);
	struct local *local;
	uint32_t at = 0, slot;

	/* ORDER pool-owner (relaxed): a figure. Pairs with pool_own. */
	*count = atomic_load_explicit(&pool->owner, memory_order_relaxed) !=
		 SLOT_UNOWNED;
	mutex_lock(&pool->mutex);
	while ((local = pool_next_local(pool, &at, &slot)) != NULL) {
		bytes += local_handed_out(local);
		++*count;
	}
	bytes += cache_claimed_locked(pool);
	mutex_unlock(&pool->mutex);
	return bytes;
}

int tarn_pool_stats(const tarn_pool *const_pool, tarn_stats *stats)
{
	tarn_pool *pool = (tarn_pool *)const_pool;
	tarn_stats all = TARN_STATS_INIT;
	struct large_figures large;
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	if (stats->struct_size <= sizeof(stats->struct_size)) {
		errno = EINVAL;
		return -1;
	}
	all.struct_size = stats->struct_size;
	/* Handed out before held: what is handed out is held before. */
	all.handed_out = stats_locals(pool, &all.local_pools);
	large = large_figures(&pool->large, pool->source.watched);
	all.handed_out += large.size;
	/* Of one thread, looked at last, that freed meanwhile what another one
	   was seen not to have allocated yet, the sum would be below 0. */
	if (all.handed_out > PTRDIFF_MAX)
		all.handed_out = 0;
	all.held = cursor_held(&pool->cursor) + large.held + large.overhead;
	if (!TARN_LIKELY(pool->source.watched == 0))
		all.held += watch_held(pool);
	all.large = large.held;
	all.large_count = large.count;
	all.blocks = cursor_blocks(&pool->cursor);
	all.cleanups = cleanup_count(&pool->cleanups);
	all.limit = pool->limit;
	mutex_lock(&pool->mutex);
	all.children = pool->child_count;
	mutex_unlock(&pool->mutex);
	memcpy(stats, &all, align_min(all.struct_size, sizeof(all)));
	return 0;
}

void tarn_trim(void)
{
	struct slot *slot = slot_self();

	/* What caches give back may go to the block cache. */
	cache_trim_all();
	block_cache_trim(slot != NULL ? &slot->cache : NULL);
	if ((debug_watched & WATCH_TRACE) != 0)
		watch_trace_process(TRACE_TRIM);
}

const char *tarn_version(void)
{
	return PACKAGE_VERSION;
}

/* ---- the callers' data ----------------------------------------------- */

static struct pool_data *data_find_locked(tarn_pool *pool, const void *key)
	MUTEX_HELD(pool->mutex)
{
	struct pool_data *entry = pool->data;

	while (entry != NULL && entry->key != key)
		entry = entry->next;
	return entry;
}

static bool data_replace(tarn_pool *pool, const void *key, void *data)
{
	struct pool_data *entry;

	mutex_lock(&pool->mutex);
	entry = data_find_locked(pool, key);
	if (entry != NULL)
		entry->data = data;
	mutex_unlock(&pool->mutex);
	return entry != NULL;
}

/* Two threads may come with a new key at once: the second one replaces. */
static void data_add(tarn_pool *pool, struct pool_data *fresh)
{
	struct pool_data *entry;

	mutex_lock(&pool->mutex);
	entry = data_find_locked(pool, fresh->key);
	if (entry != NULL) {
		entry->data = fresh->data;
	} else {
		fresh->next = pool->data;
		pool->data = fresh;
	}
	mutex_unlock(&pool->mutex);
}

/* Not in memory that a rewind takes back: data stays. */
static struct pool_data *data_make(tarn_pool *pool)
{
	struct local *local = pool_find_local(pool);
	struct pool_data *entry;

	if (local == NULL || local_depth(local) == 0)
		return tarn_new(pool, struct pool_data);
	entry = pool_claim_object(pool, sizeof(*entry));
	if (entry == NULL)
		return pool_out_of_memory(pool, sizeof(*entry));
	/* Of a pool that is watched it is a large allocation. */
	if (!source_is_watched(&pool->source))
		local_count(local, sizeof(*entry));
	return entry;
}

int tarn_pool_set_data(tarn_pool *pool, const void *key, void *data)
{
	struct pool_data *entry;
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	if (data_replace(pool, key, data) || data == NULL)
		return 0;
	entry = data_make(pool);
	if (entry == NULL)
		return -1;
	entry->key = key;
	entry->data = data;
	data_add(pool, entry);
	return 0;
}

void *tarn_pool_data(const tarn_pool *const_pool, const void *key)
{
	tarn_pool *pool = (tarn_pool *)const_pool;
	struct pool_data *entry;
	void *data;
	WATCH_CALL(pool, WATCH_AS_IT_IS);

	mutex_lock(&pool->mutex);
	entry = data_find_locked(pool, key);
	data = entry != NULL ? entry->data : NULL;
	mutex_unlock(&pool->mutex);
	return data;
}

/* ---- cleanups -------------------------------------------------------- */

static tarn_cleanup *cleanup_make(tarn_pool *pool, void (*fn)(void *),
				  void *data)
{
	tarn_cleanup *node = tarn_new(pool, tarn_cleanup);
	struct local *local = pool_find_local(pool);

	if (node == NULL)
		return NULL;
	node->birth = BIRTH_NONE;
	if (local != NULL && local_depth(local) != 0) {
		struct local_marks *marks = &local->side->marks;

		node->birth = pool_birth(local);
		marks->cleanups = births_note(marks->cleanups, node->birth);
	}
	node->fn = fn;
	node->data = data;
	cleanup_add(&pool->cleanups, node);
	return node;
}

tarn_cleanup *tarn_cleanup_add(tarn_pool *pool, void (*fn)(void *), void *data)
{
	tarn_cleanup *node;
	WATCH_CALL(pool, WATCH_HIDDEN);

	if (fn == NULL) {
		errno = EINVAL;
		return NULL;
	}
	node = cleanup_make(pool, fn, data);
	if (watch_is_traced(pool))
		watch_trace_cleanup(pool, node);
	return node;
}

/* Takes the cleanup for its caller, who says what becomes of it. */
static bool cleanup_take_as(tarn_cleanup *cleanup, enum trace_op op)
{
	tarn_pool *pool = (tarn_pool *)((char *)cleanup->list -
					offsetof(struct tarn_pool, cleanups));
	WATCH_CALL(pool, WATCH_AS_IT_IS);
	bool taken = cleanup_take(cleanup);

	if (watch_is_traced(pool))
		watch_trace_object(pool, taken ? op : TRACE_MISSED, cleanup);
	return taken;
}

int tarn_cleanup_cancel(tarn_cleanup *cleanup)
{
	return cleanup_take_as(cleanup, TRACE_CANCEL) ? 0 : -1;
}

int tarn_cleanup_run(tarn_cleanup *cleanup)
{
	if (!cleanup_take_as(cleanup, TRACE_RUN))
		return -1;
	cleanup->fn(cleanup->data);
	return 0;
}
