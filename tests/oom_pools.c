/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of test_oom.c that are about a pool as a whole: cleanups, data,
 * children, caches, marks, scratch and reset.
 */
#include "oom.h"

enum {
	KEYS = 40
};

static void count_run(void *data)
{
	struct world *world = data;

	world->ran++;
}

bool step_cleanup(struct world *world)
{
	if (tarn_cleanup_add(world->pool, count_run, world) == NULL)
		return false;
	world->registered++;
	return true;
}

static const char keys[KEYS];

bool step_data(struct world *world)
{
	const char *key = &keys[world->keys % KEYS];
	void *before = tarn_pool_data(world->pool, key);

	if (tarn_pool_set_data(world->pool, key, world) == 0) {
		world->keys++;
		return true;
	}
	ck_assert_ptr_eq(tarn_pool_data(world->pool, key), before);
	return false;
}

bool step_child(struct world *world)
{
	tarn_pool *child;

	if (world->child_count == CHILDREN)
		return true;
	child = tarn_pool_create_child(world->pool, NULL);
	if (child == NULL)
		return false;
	world->children[world->child_count++] = child;
	return true;
}

bool step_child_palloc(struct world *world)
{
	return world->child_count == 0 ||
	       tarn_palloc(world->children[0], 1000) != NULL;
}

bool step_child_large(struct world *world)
{
	return world->child_count == 0 ||
	       tarn_palloc(world->children[world->child_count - 1], 9000) !=
		       NULL;
}

bool step_child_destroy(struct world *world)
{
	if (world->child_count > 0)
		tarn_pool_destroy(world->children[--world->child_count]);
	return true;
}

bool step_cache(struct world *world)
{
	if (world->cache == NULL)
		world->cache = tarn_cache_create(world->pool, 72, 16);
	return world->cache != NULL;
}

bool step_cache_alloc(struct world *world)
{
	void *object;

	if (world->cache == NULL)
		return true;
	object = tarn_cache_alloc(world->cache);
	if (object == NULL)
		return false;
	memset(object, 3, 72);
	memcpy(object, &world->cached, sizeof world->cached);
	world->cached = object;
	return true;
}

bool step_cache_free(struct world *world)
{
	void *object = world->cached;

	if (object == NULL)
		return true;
	memcpy(&world->cached, object, sizeof world->cached);
	tarn_cache_free(world->cache, object);
	return true;
}

bool step_trim(struct world *world)
{
	(void)world;
	tarn_trim();
	return true;
}

/* One without memory is void, and says no more. */
bool step_mark(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	if (local == NULL)
		return false;
	world->mark = tarn_local_mark(local);
	world->wrong += errno != EXDEV;
	world->marked = stats_of(world->pool).handed_out;
	if (world->mark.reserved[0] != NULL)
		return true;
	errno = ENOMEM;
	return false;
}

bool step_rewind(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	tarn_local_rewind(local, world->mark);
	world->wrong += world->mark.reserved[0] != NULL &&
			stats_of(world->pool).handed_out != world->marked;
	return true;
}

/* Over malloc, which the walk does not refuse. */
bool step_scratch(struct world *world)
{
	tarn_mark mark;
	tarn_pool *scratch = tarn_scratch_begin(world->pool, &mark);
	bool served = scratch != NULL && tarn_palloc(scratch, 2000) != NULL;

	if (scratch != NULL)
		tarn_scratch_end(scratch, mark);
	return served;
}

bool step_reset(struct world *world)
{
	tarn_pool_reset(world->pool);
	ck_assert_uint_eq(world->ran, world->registered);
	ck_assert_uint_eq(stats_of(world->pool).handed_out, 0);
	ck_assert_ptr_null(tarn_pool_data(world->pool, &keys[0]));
	world->child_count = 0;
	world->small = world->large = world->theirs = NULL;
	world->small_size = world->large_size = 0;
	world->to_free = world->freed_sized = world->freed_aligned = NULL;
	world->cache = NULL;
	world->cached = NULL;
	return true;
}
