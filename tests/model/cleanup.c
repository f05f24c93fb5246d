/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of cleanups: two threads decide about the same one, and a third about
 * its neighbour; then one of them destroys the pool, or resets it and registers
 * another. Each runs once, but the one that was cancelled.
 */
#include "cleanup.h"

#include "models.h"

static struct mutex mutex;
static struct cleanup_list list;
static struct tarn_cleanup nodes[4];
static uint32_t ran[4];
static uint32_t cancelled, run;
static _Atomic uint32_t ready[MODEL_THREADS];

static void count(void *data)
{
	(*(uint32_t *)data)++;
}

static void add(int i)
{
	nodes[i].fn = count;
	nodes[i].data = &ran[i];
	cleanup_add(&list, &nodes[i]);
}

static void setup(void)
{
	mutex_init(&mutex);
	cleanup_init(&list, &mutex);
	for (int i = 0; i < 3; i++)
		add(i);
}

static void end(void)
{
	atomic_store_explicit(&ready[model_self()], 1, memory_order_release);
}

static void cancel(void)
{
	cancelled = tarn_cleanup_cancel(&nodes[1]) == 0;
	end();
}

static void run_same(void)
{
	run = tarn_cleanup_run(&nodes[1]) == 0;
	end();
}

/* The neighbours of the one that the others are about. */
static void run_others(void)
{
	MODEL_ASSERT(tarn_cleanup_cancel(&nodes[2]) == 0);
	MODEL_ASSERT(tarn_cleanup_cancel(&nodes[2]) == -1);
	add(3);
}

/* What destroy does, when the others are done. */
static void destroy(void)
{
	run_others();
	model_wait(&ready[0], 1);
	model_wait(&ready[1], 1);
	MODEL_ASSERT(cleanup_count(&list) == 2);
	while (cleanup_run_newest(&list))
		;
	MODEL_ASSERT(run != cancelled);
	MODEL_ASSERT(tarn_cleanup_run(&nodes[1]) == -1);
}

static void see_each_once(void)
{
	MODEL_ASSERT(list.newest == NULL && list.count == 0);
	MODEL_ASSERT(ran[0] == 1 && ran[2] == 0 && ran[3] == 1);
	MODEL_ASSERT(ran[1] == run);
}

const struct model cleanup_models[] = {
	{"cleanup", setup, {cancel, run_same, destroy}, see_each_once, 0, NULL},
	{.name = NULL},
};
