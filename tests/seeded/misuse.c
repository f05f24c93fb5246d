/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded bugs: calls that their class, or the pool's end, forbids. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"

enum {
	SMALL = 24,   /* bytes                                 */
	LARGE = 20000 /* bytes: beyond the default large_above */
};

/* ---- who may call ------------------------------------------------------ */

static void *wrong_worker(void *local)
{
	tarn_local_palloc(local, SMALL); /* BUG wrong_local */
	return NULL;
}

static void wrong_local(void)
{
	tarn_pool *pool = open_pool();

	join(start(wrong_worker, must(tarn_pool_local(pool))));
	tarn_pool_destroy(pool);
}

/* An upstream that, from step 1 on, stays in alloc until step 3. */
static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	size_t whole = (*size + alignment - 1) & -alignment;

	(void)ctx;
	/* ORDER none (relaxed): as in crew.h. */
	if (atomic_load_explicit(&step, memory_order_relaxed) == 1) {
		reach(2);
		await(3);
	}
	return aligned_alloc(alignment, whole);
}

static void slow_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	free(ptr);
}

static const tarn_upstream slow = {slow_alloc, NULL, slow_release, NULL};

static void *busy_worker(void *pool)
{
	reach(1);
	tarn_palloc(pool, LARGE);
	return NULL;
}

/* Returns once another thread is inside the pool. */
static tarn_pool *busy_pool(pthread_t *thread)
{
	tarn_pool *pool = open_pool_over(&slow);

	*thread = start(busy_worker, pool);
	await(2);
	return pool;
}

static void busy_reset(void)
{
	pthread_t thread;
	tarn_pool *pool = busy_pool(&thread);

	tarn_pool_reset(pool); /* BUG busy_reset */
	reach(3);
	join(thread);
}

static void busy_destroy(void)
{
	pthread_t thread;
	tarn_pool *pool = busy_pool(&thread);

	tarn_pool_destroy(pool); /* BUG busy_destroy */
	exit(0);                 /* the other one has nothing to return to */
}

/* ---- when it is gone --------------------------------------------------- */

static void gone_palloc(void)
{
	tarn_pool *pool = open_pool();

	tarn_pool_destroy(pool);
	tarn_palloc(pool, SMALL); /* BUG gone_palloc */
}

static void gone_large(void)
{
	tarn_pool *pool = open_pool();

	tarn_pool_destroy(pool);
	tarn_palloc(pool, LARGE); /* BUG gone_large */
}

static void gone_local(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));

	tarn_pool_destroy(pool);
	tarn_local_palloc(local, SMALL); /* BUG gone_local */
}

static void gone_reset(void)
{
	tarn_pool *pool = open_pool();

	tarn_pool_destroy(pool);
	tarn_pool_reset(pool); /* BUG gone_reset */
}

static void double_destroy(void)
{
	tarn_pool *pool = open_pool();

	tarn_pool_destroy(pool);
	tarn_pool_destroy(pool); /* BUG double_destroy */
}

static void double_pfree(void)
{
	tarn_pool *pool = open_pool();
	void *large = must(tarn_palloc(pool, LARGE));
	int refused;

	expect(tarn_pfree(pool, large) == 0, "pfree");
	errno = 0;
	refused = tarn_pfree(pool, large); /* BUG double_pfree */
	expect(refused == -1 && errno == ENOENT, "freed twice");
	tarn_pool_destroy(pool);
}

static void double_sized(void)
{
	tarn_pool *pool = open_pool();
	void *object = must(tarn_palloc(pool, SMALL));

	expect(tarn_pfree_sized(pool, object, SMALL) == 0, "pfree_sized");
	tarn_pfree_sized(pool, object, SMALL); /* BUG double_sized */
	tarn_pool_destroy(pool);
}

static void double_cache(void)
{
	tarn_pool *pool = open_pool();
	tarn_cache *cache = must(tarn_cache_create(pool, SMALL, 8));
	void *object = must(tarn_cache_alloc(cache));

	tarn_cache_free(cache, object);
	tarn_cache_free(cache, object); /* BUG double_cache */
	tarn_pool_destroy(pool);
}

static void wrong_size(void)
{
	tarn_pool *pool = open_pool();
	void *object = must(tarn_palloc(pool, SMALL));

	tarn_pfree_sized(pool, object, 2 * SMALL); /* BUG wrong_size */
	tarn_pool_destroy(pool);
}

/* ---- marks -------------------------------------------------------------- */

/* The inner mark ends with the outer one. */
static void wrong_order(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	tarn_mark outer = tarn_local_mark(local);
	tarn_mark inner = tarn_local_mark(local);

	tarn_local_rewind(local, outer);
	tarn_local_rewind(local, inner); /* BUG wrong_order */
	tarn_pool_destroy(pool);
}

struct marked {
	tarn_local *local;
	tarn_mark mark;
};

static void *rewind_worker(void *data)
{
	struct marked *marked = data;

	tarn_local_rewind(marked->local, marked->mark); /* BUG wrong_rewind */
	return NULL;
}

static void wrong_rewind(void)
{
	tarn_pool *pool = open_pool();
	struct marked marked = {.local = must(tarn_pool_local(pool))};

	marked.mark = tarn_local_mark(marked.local);
	join(start(rewind_worker, &marked));
	tarn_pool_destroy(pool);
}

/* ---- what stays behind ------------------------------------------------- */

static tarn_pool *volatile kept;

/* Its name and size are told. */
static void alive_pool(void)
{
	kept = open_pool();
	must(tarn_palloc(kept, LARGE));
}

static const char secret[16] = "a secret of ours";

static void secret_reset(void)
{
	tarn_pool *pool = open_pool();
	char *copy = must(tarn_pmemdup(pool, secret, sizeof(secret)));

	tarn_pool_reset(pool);
	expect(memcmp(copy, secret, sizeof(secret)) != 0, "secret found");
	tarn_pool_destroy(pool);
}

static int found;

/* Looks at what comes back. */
static void curious_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	if (memmem(ptr, size, secret, sizeof(secret)))
		found++;
	free(ptr);
}

static const tarn_upstream curious = {slow_alloc, NULL, curious_release, NULL};

static void secret_destroy(void)
{
	tarn_pool *pool = open_pool_over(&curious);
	char *large = must(tarn_palloc(pool, LARGE));

	must(tarn_pmemdup(pool, secret, sizeof(secret)));
	memcpy(large + LARGE / 2, secret, sizeof(secret));
	tarn_pool_destroy(pool);
	expect(found == 0, "secret found");
}

static void secret_pfree(void)
{
	tarn_pool *pool = open_pool_over(&curious);
	char *large = must(tarn_palloc(pool, LARGE));

	memcpy(large + LARGE / 2, secret, sizeof(secret));
	expect(tarn_pfree(pool, large) == 0, "pfree");
	tarn_pool_destroy(pool);
	expect(found == 0, "secret found");
}

const struct seed misuse[] = {
	{"wrong_local", wrong_local},
	{"busy_reset", busy_reset},
	{"busy_destroy", busy_destroy},
	{"gone_palloc", gone_palloc},
	{"gone_large", gone_large},
	{"gone_local", gone_local},
	{"gone_reset", gone_reset},
	{"double_destroy", double_destroy},
	{"double_pfree", double_pfree},
	{"alive_pool", alive_pool},
	{"secret_reset", secret_reset},
	{"secret_destroy", secret_destroy},
	{"secret_pfree", secret_pfree},
	{"double_sized", double_sized},
	{"double_cache", double_cache},
	{"wrong_size", wrong_size},
	{"wrong_order", wrong_order},
	{"wrong_rewind", wrong_rewind},
	{NULL, NULL},
};
