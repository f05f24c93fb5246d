/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that threads use again: see again.h.
 */
#include "again.h"

#include <errno.h>

enum {
	DEPTH = 4, /* marks and uses of scratch in each other */
	INNER_ACTS = 12,
	SCRATCH_OBJECTS = 6
};

/* ---- objects ------------------------------------------------------------ */

static void check_and_free(struct actor *actor, const struct kept *kept)
{
	tarn_pool *pool = actor->scene->pools[kept->pool].pool;

	REQUIRE(object_has(&kept->object, kept->object.size));
	object_refuse_free(pool, &kept->object);
	object_free(pool, &kept->object);
}

void again_free_sized(struct actor *actor)
{
	struct kept *kept = actor_pick(actor);

	if (kept == NULL)
		return;
	check_and_free(actor, kept);
	*kept = actor->kept[--actor->count];
}

/* What is within a mark is for this thread alone. */
void again_hand(struct actor *actor)
{
	struct scene *scene = actor->scene;
	struct kept *kept = actor_pick(actor);

	if (kept == NULL || kept->object.level != 0)
		return;
	pthread_mutex_lock(&scene->lock);
	if (scene->handed_count != HANDED) {
		scene->handed[scene->handed_count++] = *kept;
		*kept = actor->kept[--actor->count];
	}
	pthread_mutex_unlock(&scene->lock);
}

void again_take(struct actor *actor)
{
	struct scene *scene = actor->scene;
	uint8_t byte = input_byte(&actor->in);
	struct kept kept;
	bool found;

	pthread_mutex_lock(&scene->lock);
	found = scene->handed_count != 0;
	if (found) {
		size_t i = byte / 2 % scene->handed_count;

		kept = scene->handed[i];
		scene->handed[i] = scene->handed[--scene->handed_count];
	}
	pthread_mutex_unlock(&scene->lock);
	if (!found)
		return;
	if (byte % 2 != 0 && actor->count != KEPT)
		actor->kept[actor->count++] = kept;
	else
		check_and_free(actor, &kept);
}

/* ---- caches ------------------------------------------------------------- */

static struct cache create(struct scene *scene, struct input *in, size_t pool)
{
	struct cache cache = {NULL, pool, input_size(in),
			      request_alignment(in)};

	errno = REQUEST_ERRNO;
	cache.cache = tarn_cache_create(scene->pools[pool].pool, cache.size,
					cache.alignment);
	if (cache.cache != NULL)
		REQUIRE(errno == REQUEST_ERRNO &&
			request_aligns(cache.alignment));
	else if (!request_aligns(cache.alignment))
		REQUIRE(errno == EINVAL);
	else
		REQUIRE(errno == ENOMEM &&
			(request_is_too_large(cache.size, cache.alignment) ||
			 actor_may_fail(scene, pool)));
	return cache;
}

void again_create(struct actor *actor)
{
	size_t pool = input_below(&actor->in, POOLS);

	if (actor->cache.cache == NULL)
		actor->cache = create(actor->scene, &actor->in, pool);
}

void again_share(struct scene *scene, struct input *in, size_t pool)
{
	struct cache *cache = &scene->caches[input_below(in, CACHES)];

	if (cache->cache == NULL)
		*cache = create(scene, in, pool);
}

void again_alloc(struct actor *actor)
{
	size_t i = input_below(&actor->in, CACHES + 1);
	const struct cache *cache =
		i != CACHES ? &actor->scene->caches[i] : &actor->cache;
	unsigned char mark = (unsigned char)(actor->in.end - actor->in.at);
	void *ptr;

	if (cache->cache == NULL || actor->count == KEPT)
		return;
	errno = REQUEST_ERRNO;
	ptr = tarn_cache_alloc(cache->cache);
	if (ptr == NULL) {
		REQUIRE(errno == ENOMEM);
		REQUIRE(actor_may_fail(actor->scene, cache->pool));
		return;
	}
	actor->kept[actor->count++] =
		(struct kept){object_cached(cache->cache, ptr, cache->size,
					    cache->alignment, mark),
			      cache->pool};
}

static void forget(struct cache *cache, size_t pool)
{
	if (cache->pool == pool)
		cache->cache = NULL;
}

void again_forget(struct scene *scene, size_t pool)
{
	for (size_t i = 0; i < CACHES; i++)
		forget(&scene->caches[i], pool);
	for (size_t i = 0; i < ACTORS; i++)
		forget(&scene->actors[i].cache, pool);
}

/* ---- marks -------------------------------------------------------------- */

/* Cleanups that were registered within the mark, and so have ended. */
static void end_handlers(struct actor *actor, size_t pool)
{
	for (size_t i = actor->published; i < actor->added; i++) {
		struct handler *handler = &actor->handlers[i];

		if (handler->handle == NULL || handler->at != pool ||
		    handler->level <= actor->level[pool])
			continue;
		REQUIRE(handler->ran + handler->cancelled == 1);
		handler->handle = NULL;
	}
	while (actor->added != actor->published &&
	       actor->handlers[actor->added - 1].handle == NULL)
		actor->added--;
}

static void rewind_to(struct actor *actor, size_t pool, tarn_local *local,
		      tarn_mark mark)
{
	actor_check(actor);
	errno = REQUEST_ERRNO;
	tarn_local_rewind(local, mark);
	REQUIRE(errno == REQUEST_ERRNO);
	actor->level[pool]--;
	end_handlers(actor, pool);
	for (size_t i = actor->count; i-- != 0;)
		if (actor->kept[i].pool == pool &&
		    actor->kept[i].object.level > actor->level[pool])
			actor->kept[i] = actor->kept[--actor->count];
	actor_check(actor);
}

void again_mark(struct actor *actor)
{
	size_t pool = input_below(&actor->in, POOLS);
	size_t acts = input_below(&actor->in, INNER_ACTS);
	tarn_local *local = tarn_pool_local(actor->scene->pools[pool].pool);
	tarn_mark mark;

	if (local == NULL) {
		REQUIRE(errno == ENOMEM && actor_may_fail(actor->scene, pool));
		return;
	}
	if (actor->depth == DEPTH)
		return;
	errno = REQUEST_ERRNO;
	mark = tarn_local_mark(local);
	REQUIRE(errno == REQUEST_ERRNO);
	if (mark.reserved[0] == NULL) {
		REQUIRE(actor_may_fail(actor->scene, pool));
		return;
	}
	actor->depth++;
	actor->level[pool]++;
	actor_acts(actor, acts);
	rewind_to(actor, pool, local, mark);
	actor->depth--;
}

/* ---- scratch ------------------------------------------------------------ */

static size_t scratch_fill(struct actor *actor, tarn_pool *pool,
			   struct object *objects)
{
	size_t wanted = input_below(&actor->in, SCRATCH_OBJECTS + 1);
	size_t count = 0;

	while (wanted-- != 0) {
		struct request request = request_read(&actor->in);

		count += request_serve(pool, &request, &objects[count]);
	}
	return count;
}

/* Without the last one, which is freed before the end. */
static void scratch_check(tarn_pool *pool, const struct object *objects,
			  size_t count)
{
	if (count != 0)
		object_free(pool, &objects[--count]);
	while (count-- != 0)
		REQUIRE(object_has(&objects[count], objects[count].size));
}

void again_scratch(struct actor *actor)
{
	size_t which = input_below(&actor->in, POOLS + 1), count;
	tarn_pool *outer = actor->scratch;
	tarn_pool *conflict =
		which < POOLS ? actor->scene->pools[which].pool : outer;
	struct object objects[SCRATCH_OBJECTS];
	tarn_mark mark;

	if (actor->depth == DEPTH)
		return;
	errno = REQUEST_ERRNO;
	actor->scratch = tarn_scratch_begin(conflict, &mark);
	REQUIRE(errno == REQUEST_ERRNO && actor->scratch != NULL);
	REQUIRE(actor->scratch != conflict);
	actor->depth++;
	count = scratch_fill(actor, actor->scratch, objects);
	actor_acts(actor, input_below(&actor->in, INNER_ACTS));
	scratch_check(actor->scratch, objects, count);
	tarn_scratch_end(actor->scratch, mark);
	actor->depth--;
	actor->scratch = outer;
}
