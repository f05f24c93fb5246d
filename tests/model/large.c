/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of the large list: threads that are not at home make its shards at the
 * same time, and free what another one listed.
 */
#include "large.h"

#include "models.h"

static struct large large;
static struct source source;
static void *objects[MODEL_THREADS];
static _Atomic uint32_t listed[MODEL_THREADS];

static void setup(void)
{

	source = source_of(&model_upstream, NULL);
	large_init(&large);
}

static void list(bool at_home)
{
	struct large_use use = {NULL, &source, at_home};
	unsigned self = model_self();

	objects[self] =
		large_alloc(&large, &use, BIRTH_NONE, TARN_ALIGNMENT, 8192);
	MODEL_ASSERT(objects[self] != NULL);
	model_write(objects[self], 8192);
	atomic_store_explicit(&listed[self], 1, memory_order_release);
}

static void list_away(void)
{
	list(false);
}

static void list_at_home(void)
{
	list(true);
}

/* Without a look at what `objects` says of itself. */
static void free_others(void)
{
	struct large_use use = {NULL, &source, false};

	model_wait(&listed[0], 1);
	MODEL_ASSERT(large_free(&large, &use, objects[0]));
	MODEL_ASSERT(!large_free(&large, &use, objects[0]));
}

static void see_rest(void)
{
	struct large_figures figures = large_figures(&large, 0);
	size_t rest = 0;

	for (int i = 0; i < MODEL_THREADS; i++)
		rest += objects[i] != NULL;
	MODEL_ASSERT(figures.count == rest && figures.size == rest * 8192);
}

static void see_one_less(void)
{
	objects[0] = NULL;
	see_rest();
}

const struct model large_models[] = {
	{"large-list",
	 setup,
	 {list_away, list_away, list_at_home},
	 see_rest,
	 0,
	 NULL},
	{"large-free",
	 setup,
	 {list_away, list_away, free_others},
	 see_one_less,
	 0,
	 NULL},
	{.name = NULL},
};
