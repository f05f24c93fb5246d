/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of caches, whose lists have one unit in models: threads that use one
 * at the same time, so that its table is made and grows; heirs of a slot, who
 * go on with its magazine; objects that another thread frees; and slabs that
 * are given back while others take from them. A unit that two have is a data
 * race.
 */
#include "cache.h"

#include "models.h"
#include "slab.h"

/* Bytes: of units in slabs that go back to the pool, and to upstream. */
#define SIZE  ((size_t)16)
#define LARGE ((size_t)8192)

static tarn_pool *pool;
static tarn_cache *cache;
static void *object;
static _Atomic uint32_t ready;

static void create(size_t size)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = &model_upstream;
	pool = tarn_pool_create(&options);
	MODEL_ASSERT(pool != NULL);
	cache = tarn_cache_create(pool, size, TARN_ALIGNMENT);
	MODEL_ASSERT(cache != NULL);
}

static void setup(void)
{
	create(SIZE);
}

static void *take(void)
{
	void *taken = tarn_cache_alloc(cache);

	MODEL_ASSERT(taken != NULL);
	model_write(taken, cache->size);
	return taken;
}

static void give(void *taken)
{
	model_write(taken, cache->size);
	tarn_cache_free(cache, taken);
}

/* Its owner is gone, its slot is not: both threads need the table. */
static void setup_owned(void)
{
	create(SIZE);
	take();
}

/* Two slabs of one unit, one in use and one free. */
static void setup_slab(void)
{
	create(LARGE);
	object = slab_take_one(cache);
	MODEL_ASSERT(object != NULL);
	slab_put_one(cache, slab_take_one(cache));
}

static void use(void)
{
	take();
}

static void use_twice(void)
{
	take();
	take();
}

static void use_and_end(void)
{
	give(take());
	take();
	give(take());
	model_exit();
}

/* Two lists of one stay with the thread, the third goes to the depot. */
static void use_more(void)
{
	void *taken[3];

	for (int i = 0; i < 3; i++)
		taken[i] = take();
	for (int i = 0; i < 3; i++)
		give(taken[i]);
}

static void use_and_publish(void)
{
	object = take();
	atomic_store_explicit(&ready, 1, memory_order_release);
}

static void free_others(void)
{
	model_wait(&ready, 1);
	give(object);
	MODEL_ASSERT(take() == object);
}

static void put_last(void)
{
	model_write(object, cache->size);
	slab_put_one(cache, object);
}

/* As tarn_trim does. */
static void trim(void)
{
	slab_trim(cache, NULL);
}

static void take_one(void)
{
	struct unit *taken = slab_take_one(cache);

	MODEL_ASSERT(taken != NULL);
	model_write(taken, cache->size);
}

static void destroy(void)
{
	tarn_pool_destroy(pool);
}

const struct model cache_models[] = {
	{"cache-own", setup, {use, use}, destroy, 0, NULL},
	{"cache-enter", setup_owned, {use_twice, use_twice}, destroy, 0, NULL},
	{"cache-inherit", setup, {use_and_end, use_and_end}, destroy, 0, NULL},
	{"cache-pass", setup, {use_more, use}, destroy, 0, NULL},
	{"cache-free",
	 setup,
	 {use_and_publish, free_others, use},
	 destroy,
	 0,
	 NULL},
	{"slab-trim", setup_slab, {put_last, trim, take_one}, destroy, 0, NULL},
	{.name = NULL},
};
