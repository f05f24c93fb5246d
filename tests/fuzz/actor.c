/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of one thread among others: see actor.h.
 */
#include "actor.h"

#include <errno.h>
#include <string.h>

#include "again.h"

enum {
	KEYS = 3,
	CHILD_OBJECTS = 6
};

bool actor_may_fail(const struct scene *scene, size_t pool)
{
	return scene->pools[pool].limit != 0 ||
	       scene->pools[pool].upstream != NULL ||
	       (scene->pools[pool].is_child && actor_may_fail(scene, 0));
}

/* ---- objects ------------------------------------------------------------ */

/* Without memory for a local pool, one by its handle does not come as far as to
   be wrong. */
static void check_refused(const struct actor *actor,
			  const struct request *request, size_t pool)
{
	int error = errno;

	if (request->error != 0 && error == request->error)
		return;
	REQUIRE(error == ENOMEM);
	REQUIRE(request->error == 0 || request_is_local(request));
	REQUIRE(request_is_huge(request) || actor_may_fail(actor->scene, pool));
}

static void act_request(struct actor *actor)
{
	struct request request = request_read(&actor->in);
	size_t pool = input_below(&actor->in, POOLS);
	struct object object;

	if (!request_serve(actor->scene->pools[pool].pool, &request, &object)) {
		check_refused(actor, &request, pool);
		return;
	}
	object.level = actor->level[pool];
	if (actor->count < KEPT)
		actor->kept[actor->count++] = (struct kept){object, pool};
}

struct kept *actor_pick(struct actor *actor)
{
	size_t i = input_byte(&actor->in);

	return actor->count != 0 ? &actor->kept[i % actor->count] : NULL;
}

/* Of what a mark's rewind frees: a large object stays as old as it was. */
static size_t resized_level(const struct actor *actor, const struct kept *kept,
			    const struct object *now)
{
	size_t large_above = actor->scene->pools[kept->pool].large_above;

	/* What has no byte yet is allocated anew. */
	if ((kept->object.size != 0 && now->ptr == kept->object.ptr) ||
	    (kept->object.size > large_above && now->size > large_above))
		return kept->object.level;
	return actor->level[kept->pool];
}

static void act_resize(struct actor *actor)
{
	struct kept *kept = actor_pick(actor);
	size_t size = input_size(&actor->in), both;
	struct object now;

	if (kept == NULL || !kept->object.resizable)
		return;
	now = kept->object;
	errno = REQUEST_ERRNO;
	now.ptr = tarn_prealloc(actor->scene->pools[kept->pool].pool, now.ptr,
				now.size, size);
	if (now.ptr == NULL) {
		REQUIRE(errno == ENOMEM);
		REQUIRE(size > INPUT_HUGE ||
			actor_may_fail(actor->scene, kept->pool));
		REQUIRE(object_has(&kept->object, kept->object.size));
		return;
	}
	REQUIRE(errno == REQUEST_ERRNO);
	both = size < now.size ? size : now.size;
	REQUIRE(object_has(&now, both));
	now.size = size;
	now.level = resized_level(actor, kept, &now);
	object_write(&now);
	kept->object = now;
}

static void act_free(struct actor *actor)
{
	struct kept *kept = actor_pick(actor);
	struct shared *shared;
	int freed;

	if (kept == NULL || kept->object.cache != NULL)
		return;
	shared = &actor->scene->pools[kept->pool];
	REQUIRE(object_has(&kept->object, kept->object.size));
	if (kept->object.size > 1)
		REQUIRE(tarn_pfree(shared->pool, kept->object.ptr + 1) == -1);
	errno = REQUEST_ERRNO;
	freed = tarn_pfree(shared->pool, kept->object.ptr);
	REQUIRE(errno == (freed == 0 ? REQUEST_ERRNO : ENOENT));
	REQUIRE(freed == 0 || kept->object.size <= shared->large_above);
	if (freed == 0)
		*kept = actor->kept[--actor->count];
}

void actor_check(const struct actor *actor)
{
	for (size_t i = 0; i < actor->count; i++)
		REQUIRE(object_has(&actor->kept[i].object,
				   actor->kept[i].object.size));
}

/* ---- cleanups ----------------------------------------------------------- */

/* A cleanup may allocate. */
static void handler_run(void *data)
{
	struct handler *handler = data;
	char *object = tarn_palloc(handler->pool, 24);

	if (object != NULL)
		memset(object, 1, 24);
	atomic_fetch_add_explicit(&handler->ran, 1, memory_order_relaxed);
}

static void act_add(struct actor *actor)
{
	struct handler *handler = &actor->handlers[actor->added];
	size_t pool = input_below(&actor->in, POOLS);

	if (actor->added == HANDLERS)
		return;
	handler->pool = actor->scene->pools[pool].pool;
	handler->at = pool;
	handler->level = actor->level[pool];
	atomic_init(&handler->ran, 0);
	atomic_init(&handler->cancelled, 0);
	handler->handle = tarn_cleanup_add(handler->pool, handler_run, handler);
	if (handler->handle != NULL)
		actor->added++;
	else
		REQUIRE(errno == ENOMEM && actor_may_fail(actor->scene, pool));
}

/* Of one that was registered before this phase, which others may want too. */
static void act_take(struct actor *actor)
{
	size_t whose = input_below(&actor->in, ACTORS);
	struct actor *other = &actor->scene->actors[whose];
	uint8_t byte = input_byte(&actor->in);
	struct handler *handler;

	if (other->published == 0)
		return;
	handler = &other->handlers[byte / 2 % other->published];
	if (handler->handle == NULL)
		return;
	errno = REQUEST_ERRNO;
	if (byte % 2 == 0 && tarn_cleanup_run(handler->handle) != 0)
		REQUIRE(errno == ENOENT);
	if (byte % 2 != 0) {
		if (tarn_cleanup_cancel(handler->handle) != 0)
			REQUIRE(errno == ENOENT);
		else
			atomic_fetch_add_explicit(&handler->cancelled, 1,
						  memory_order_relaxed);
	}
}

/* ---- the rest of what may run together ---------------------------------- */

static void count_run(void *data)
{
	++*(unsigned *)data;
}

/* One's own child of a shared pool, from its first call to its last. */
static void act_child(struct actor *actor)
{
	size_t at = input_below(&actor->in, POOLS), count = 0;
	size_t wanted = input_below(&actor->in, CHILD_OBJECTS);
	struct object objects[CHILD_OBJECTS];
	tarn_pool *child =
		tarn_pool_create_child(actor->scene->pools[at].pool, NULL);
	unsigned ran = 0, added;

	if (child == NULL) {
		REQUIRE(errno == ENOMEM && actor_may_fail(actor->scene, at));
		return;
	}
	added = tarn_cleanup_add(child, count_run, &ran) != NULL;
	while (wanted-- != 0) {
		struct request request = request_read(&actor->in);

		count += request_serve(child, &request, &objects[count]);
	}
	while (count-- != 0)
		REQUIRE(object_has(&objects[count], objects[count].size));
	tarn_pool_destroy(child);
	REQUIRE(ran == added);
}

static const char keys[KEYS];

/* All threads set values of the same keys. */
static void act_data(struct actor *actor)
{
	tarn_pool *pool =
		actor->scene->pools[input_below(&actor->in, POOLS)].pool;
	const char *key = &keys[input_below(&actor->in, KEYS)];
	size_t value = input_below(&actor->in, KEYS + 1);
	const char *data;

	if (tarn_pool_set_data(pool, key,
			       value < KEYS ? (void *)&keys[value] : NULL) != 0)
		REQUIRE(errno == ENOMEM);
	data = tarn_pool_data(pool, key);
	REQUIRE(data == NULL || (data >= keys && data < keys + KEYS));
}

static void act_stats(struct actor *actor)
{
	struct shared *shared =
		&actor->scene->pools[input_below(&actor->in, POOLS)];
	tarn_stats stats = TARN_STATS_INIT;

	REQUIRE(tarn_pool_stats(shared->pool, &stats) == 0);
	REQUIRE(stats.limit == shared->limit);
	REQUIRE(stats.limit == 0 || stats.held <= stats.limit);
}

static void act_trim(struct actor *actor)
{
	actor_check(actor);
	tarn_trim();
}

/* ---- all of them -------------------------------------------------------- */

/* Those that were there from the first inputs on, before the others. */
enum {
	OLD_ACTS = 12
};

void actor_acts(struct actor *actor, size_t count)
{
	static void (*const acts[])(struct actor *) = {
		act_request,      act_request,      act_request, act_request,
		act_resize,       act_free,         act_add,     act_take,
		act_child,        act_data,         act_stats,   act_trim,
		again_free_sized, again_free_sized, again_hand,  again_take,
		again_take,       again_create,     again_alloc, again_alloc,
		again_mark,       again_scratch};

	while (count-- != 0 && !input_is_empty(&actor->in))
		acts[input_choice(&actor->in, OLD_ACTS,
				  sizeof acts / sizeof *acts)](actor);
}

void actor_run(struct actor *actor)
{
	actor_acts(actor, SIZE_MAX);
	actor_check(actor);
}
