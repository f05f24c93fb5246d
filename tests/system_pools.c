/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of test_system.c that are about a pool as a whole: cleanups, data,
 * children, scratch, caches, marks, and its own beginning and reset.
 */
#include "system_walk.h"

enum {
	CACHED = 200 /* bytes of an object of the cache */
};

static void count_run(void *data)
{
	struct world *world = data;

	world->ran++;
}

bool step_cleanup_add(struct world *world)
{
	world->cleanup = tarn_cleanup_add(world->pool, count_run, world);
	world->registered += world->cleanup != NULL;
	return world->cleanup != NULL;
}

bool step_cleanup_cancel(struct world *world)
{
	if (world->cleanup == NULL)
		return true;
	HOLDS(tarn_cleanup_cancel(world->cleanup) == 0);
	world->cleanup = NULL;
	world->registered--;
	return true;
}

bool step_cleanup_run(struct world *world)
{
	size_t ran = world->ran;

	if (world->cleanup == NULL)
		return true;
	HOLDS(tarn_cleanup_run(world->cleanup) == 0);
	HOLDS(world->ran == ran + 1);
	world->cleanup = NULL;
	return true;
}

static const char keys[OBJECTS];

bool step_data(struct world *world)
{
	const char *key = &keys[world->keys % OBJECTS];

	if (tarn_pool_set_data(world->pool, key, world) != 0) {
		HOLDS(tarn_pool_data(world->pool, key) == NULL);
		return false;
	}
	HOLDS(tarn_pool_data(world->pool, key) == world);
	world->keys++;
	return true;
}

bool step_child(struct world *world)
{
	tarn_options options = TARN_OPTIONS_INIT;

	if (world->child != NULL)
		return true;
	options.name = "a child";
	options.limit = world->kind % 2 != 0 ? LIMIT / 2 : 0;
	world->child = tarn_pool_create_child(world->pool, &options);
	return world->child != NULL;
}

bool step_child_palloc(struct world *world)
{
	return world->child == NULL ||
	       keep(world, world->child, tarn_palloc(world->child, 900), 900);
}

bool step_child_large(struct world *world)
{
	return world->child == NULL ||
	       keep(world, world->child, tarn_palloc(world->child, 9000), 9000);
}

bool step_child_destroy(struct world *world)
{
	forget(world, world->child);
	tarn_pool_destroy(world->child);
	world->child = NULL;
	return true;
}

/* A thread's own pool, which what it keeps has end with its use. */
bool step_scratch(struct world *world)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(world->pool, &mark);
	bool done;

	if (pool == NULL)
		return false;
	done = tarn_palloc(pool, 1000) != NULL &&
	       tarn_pool_set_data(pool, world, world) == 0;
	tarn_scratch_end(pool, mark);
	return done;
}

bool step_cache(struct world *world)
{
	if (world->cache == NULL)
		world->cache = tarn_cache_create(world->pool, CACHED, 8);
	return world->cache != NULL;
}

/* Begins with the one before, and is filled beyond that. */
bool step_cache_alloc(struct world *world)
{
	unsigned char *object;

	if (world->cache == NULL)
		return true;
	object = tarn_cache_alloc(world->cache);
	if (object == NULL)
		return false;
	memcpy(object, &world->cached, sizeof world->cached);
	memset(object + sizeof world->cached, 0x5c,
	       CACHED - sizeof world->cached);
	world->cached = object;
	return true;
}

bool step_cache_free(struct world *world)
{
	unsigned char *object = world->cached;

	if (object == NULL)
		return true;
	for (size_t i = sizeof object; i < CACHED; i++)
		HOLDS(object[i] == 0x5c);
	memcpy(&world->cached, object, sizeof world->cached);
	tarn_cache_free(world->cache, object);
	return true;
}

/* Void where there is no memory for it: then all that follows it stays. */
bool step_mark(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	world->mark = (tarn_mark){{NULL}};
	world->since_mark = 0;
	if (local == NULL)
		return false;
	world->mark = tarn_local_mark(local);
	HOLDS(world->mark.reserved[0] != NULL || system_failures() > 0);
	world->marked = stats_of(world->pool).handed_out;
	return true;
}

bool step_since_mark(struct world *world)
{
	struct object object = {world->pool, tarn_palloc(world->pool, 3000),
				3000};

	if (object.bytes == NULL)
		return false;
	fill(&object);
	return true;
}

bool step_large_since_mark(struct world *world)
{
	struct object object = {world->pool, tarn_palloc(world->pool, 20000),
				20000};

	if (object.bytes == NULL)
		return false;
	fill(&object);
	return true;
}

bool step_cleanup_since_mark(struct world *world)
{
	if (tarn_cleanup_add(world->pool, count_run, world) == NULL)
		return false;
	world->registered++;
	world->since_mark++;
	return true;
}

bool step_rewind(struct world *world)
{
	size_t ran = world->ran;

	if (world->mark.reserved[0] == NULL)
		return true;
	tarn_local_rewind(tarn_pool_local(world->pool), world->mark);
	HOLDS(world->ran == ran + world->since_mark);
	HOLDS(stats_of(world->pool).handed_out == world->marked);
	for (size_t i = 0; i < world->count; i++)
		HOLDS(is_filled(&world->objects[i], world->objects[i].size));
	return true;
}

/* In one object: there is not a byte less. */
bool step_rest_of_limit(struct world *world)
{
	return tarn_palloc(world->pool, LIMIT - stats_of(world->pool).held) !=
	       NULL;
}

bool step_trim(struct world *world)
{
	(void)world;
	tarn_trim();
	return true;
}

bool step_reset(struct world *world)
{
	tarn_pool_reset(world->pool);
	HOLDS(world->ran == world->registered);
	HOLDS(stats_of(world->pool).handed_out == 0);
	HOLDS(tarn_pool_data(world->pool, &keys[0]) == NULL);
	memset(world->objects, 0, sizeof world->objects);
	world->count = OTHERS;
	world->child = NULL;
	world->cache = NULL;
	world->cached = NULL;
	world->cleanup = NULL;
	world->keys = 0;
	return true;
}

bool step_destroy(struct world *world)
{
	tarn_pool_destroy(world->pool);
	HOLDS(world->ran == world->registered);
	world->pool = NULL;
	return true;
}

static void count_oom(tarn_pool *pool, size_t size, void *data)
{
	struct world *world = data;

	HOLDS(pool == world->pool || pool == world->child);
	HOLDS(size > 0);
	world->ooms++;
}

/* Over malloc or mmap, without a limit or with one. */
bool step_create(struct world *world)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.name = "a pool in a system that refuses";
	options.upstream = world->kind / 2 == 0 ? tarn_upstream_malloc()
						: tarn_upstream_mmap();
	options.limit = world->kind % 2 != 0 ? LIMIT : 0;
	options.on_oom = count_oom;
	options.on_oom_data = world;
	world->pool = tarn_pool_create(&options);
	return world->pool != NULL;
}
