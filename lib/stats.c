/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool is made of, and what else hangs on it: statistics, the callers'
 * data, cleanups, trim, the version.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>

/* ---- statistics ------------------------------------------------------ */

/* Bytes handed out by all local pools, and how many there are. */
static size_t stats_locals(tarn_pool *pool, size_t *count)
{
	size_t bytes = local_handed_out(&pool->own);

	/* ORDER pool-owner (relaxed): a figure. Pairs with pool_own. */
	*count = atomic_load_explicit(&pool->owner, memory_order_relaxed) !=
		 SLOT_UNOWNED;
	mutex_lock(&pool->mutex);
	for (struct local *local = pool->locals; local != NULL;
	     local = local->next) {
		bytes += local_handed_out(local);
		++*count;
	}
	mutex_unlock(&pool->mutex);
	return bytes;
}

int tarn_pool_stats(const tarn_pool *const_pool, tarn_stats *stats)
{
	tarn_pool *pool = (tarn_pool *)const_pool;
	tarn_stats all = TARN_STATS_INIT;
	struct large_figures large;

	if (stats->struct_size <= sizeof(stats->struct_size)) {
		errno = EINVAL;
		return -1;
	}
	all.struct_size = stats->struct_size;
	/* Handed out before held: what is handed out is held before. */
	all.handed_out = stats_locals(pool, &all.local_pools);
	large = large_figures(&pool->large);
	all.handed_out += large.size;
	all.held = cursor_held(&pool->cursor) + large.held + large.overhead;
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
	block_cache_trim(slot_self != NULL ? &slot_self->cache : NULL);
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

int tarn_pool_set_data(tarn_pool *pool, const void *key, void *data)
{
	struct pool_data *entry;

	if (data_replace(pool, key, data) || data == NULL)
		return 0;
	entry = tarn_new(pool, struct pool_data);
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

	mutex_lock(&pool->mutex);
	entry = data_find_locked(pool, key);
	data = entry != NULL ? entry->data : NULL;
	mutex_unlock(&pool->mutex);
	return data;
}

/* ---- cleanups -------------------------------------------------------- */

tarn_cleanup *tarn_cleanup_add(tarn_pool *pool, void (*fn)(void *), void *data)
{
	tarn_cleanup *node;

	if (fn == NULL) {
		errno = EINVAL;
		return NULL;
	}
	node = tarn_new(pool, tarn_cleanup);
	if (node == NULL)
		return NULL;
	node->fn = fn;
	node->data = data;
	cleanup_add(&pool->cleanups, node);
	return node;
}
