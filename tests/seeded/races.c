/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded bugs: what two threads do with nothing that orders it. The second one
 * waits until the first has done it, so that each run is the same; the first
 * one stays until the second has done it too, for its end would tell nothing
 * either, but may take locks.
 */
#include "crew.h"

enum {
	SMALL = 24,    /* bytes                                 */
	LARGE = 20000, /* bytes: beyond the default large_above */
	OBJECTS = 8    /* of a thread                           */
};

/* Has `run` do its part, to step 1; then the caller does its own. */
static pthread_t do_first(void *(*run)(void *), void *data)
{
	pthread_t thread = start(run, data);

	await(1);
	return thread;
}

static void do_second(pthread_t thread)
{
	reach(2);
	join(thread);
}

static void done(void)
{
	reach(1);
	await(2);
}

static void *reset_worker(void *pool)
{
	for (int i = 0; i < OBJECTS; i++)
		must(tarn_palloc(pool, SMALL)); /* BUG race_reset */
	done();
	return NULL;
}

static void race_reset(void)
{
	tarn_pool *pool = open_pool();
	pthread_t thread = do_first(reset_worker, pool);

	tarn_pool_reset(pool); /* BUG race_reset */
	do_second(thread);
	tarn_pool_destroy(pool);
}

static void *destroy_worker(void *pool)
{
	for (int i = 0; i < OBJECTS; i++)
		must(tarn_palloc(pool, SMALL)); /* BUG race_destroy */
	done();
	return NULL;
}

static void race_destroy(void)
{
	tarn_pool *pool = open_pool();
	pthread_t thread = do_first(destroy_worker, pool);

	tarn_pool_destroy(pool); /* BUG race_destroy */
	do_second(thread);
}

static void *local_worker(void *pool)
{
	tarn_local *local = must(tarn_pool_local(pool));

	for (int i = 0; i < OBJECTS; i++)
		must(tarn_local_palloc(local, SMALL)); /* BUG race_local */
	done();
	return NULL;
}

static void race_local(void)
{
	tarn_pool *pool = open_pool();
	pthread_t thread = do_first(local_worker, pool);

	tarn_pool_reset(pool); /* BUG race_local */
	do_second(thread);
	tarn_pool_destroy(pool);
}

static void *large_worker(void *pool)
{
	for (int i = 0; i < OBJECTS; i++)
		must(tarn_palloc(pool, LARGE)); /* BUG race_large */
	done();
	return NULL;
}

static void race_large(void)
{
	tarn_pool *pool = open_pool();
	pthread_t thread = do_first(large_worker, pool);

	tarn_pool_destroy(pool); /* BUG race_large */
	do_second(thread);
}

static void *child_worker(void *child)
{
	for (int i = 0; i < OBJECTS; i++)
		must(tarn_palloc(child, SMALL)); /* BUG race_child */
	done();
	return NULL;
}

/* A use of the child is one of its parent. */
static void race_child(void)
{
	tarn_pool *pool = open_pool();
	tarn_pool *child = must(tarn_pool_create_child(pool, NULL));
	pthread_t thread = do_first(child_worker, child);

	tarn_pool_reset(pool); /* BUG race_child */
	do_second(thread);
	tarn_pool_destroy(pool);
}

static void *object_worker(void *object)
{
	*(volatile int *)object = 1; /* BUG race_object */
	done();
	return NULL;
}

static void race_object(void)
{
	tarn_pool *pool = open_pool();
	volatile int *object = must(tarn_palloc(pool, SMALL));
	pthread_t thread = do_first(object_worker, (void *)object);

	*object = 2; /* BUG race_object */
	do_second(thread);
	tarn_pool_destroy(pool);
}

static int *_Atomic published;

static void *publish_worker(void *pool)
{
	int *object;

	/* On one line, for both are writes. */
	*(object = must(tarn_palloc(pool, SMALL))) = 1; /* BUG race_publish */
	/* ORDER none (relaxed): the bug. */
	atomic_store_explicit(&published, object, memory_order_relaxed);
	done();
	return NULL;
}

/* An object handed over by nothing that orders. */
static void race_publish(void)
{
	tarn_pool *pool = open_pool();
	pthread_t thread = do_first(publish_worker, pool);
	volatile int *object;

	/* ORDER none (relaxed): the bug. */
	object = atomic_load_explicit(&published, memory_order_relaxed);
	sink = *object; /* BUG race_publish */
	do_second(thread);
	tarn_pool_destroy(pool);
}

const struct seed races[] = {
	{"race_reset", race_reset},     {"race_destroy", race_destroy},
	{"race_local", race_local},     {"race_large", race_large},
	{"race_child", race_child},     {"race_object", race_object},
	{"race_publish", race_publish}, {NULL, NULL},
};
