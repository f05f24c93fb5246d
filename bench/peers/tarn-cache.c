/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn's caches: objects of one size.
 */
#include <tarn.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_FIXED
#define PEER_GIVES
#define PEER_HELD

static const struct peer_info peer = {
	"tarn_cache_alloc",         PACKAGE_VERSION, "tarn", "native", NULL,
	"objects of one size only",
};

/* With the cache of this round: a reset ends it. */
typedef struct cached {
	tarn_pool *pool;
	tarn_cache *cache;
} peer_pool;

typedef peer_pool peer_local;

static void peer_begin(void)
{
}

static void cached_begin(peer_pool *cached)
{
	cached->cache = tarn_cache_create(cached->pool, WORKER_FIXED_SIZE,
					  TARN_ALIGNMENT);
	if (cached->cache == NULL)
		worker_die("tarn_cache_create");
}

static peer_pool *peer_create(void)
{
	static peer_pool cached;

	cached.pool = tarn_pool_create(NULL);
	if (cached.pool == NULL)
		worker_die("tarn_pool_create");
	cached_begin(&cached);
	return &cached;
}

static inline void peer_reset(peer_pool *cached)
{
	tarn_pool_reset(cached->pool);
	cached_begin(cached);
}

static inline size_t peer_held(peer_pool *cached)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_stats(cached->pool, &stats);
	return stats.held;
}

static peer_local *peer_use(peer_pool *cached, int thread)
{
	(void)thread;
	return cached;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	(void)size;
	return tarn_cache_alloc(local->cache);
}

static inline void *peer_take(peer_local *local, size_t size)
{
	(void)size;
	return tarn_cache_alloc(local->cache);
}

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	(void)size;
	tarn_cache_free(local->cache, object);
}

#include "../workloads.h"
