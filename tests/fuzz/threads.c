/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target of the fuzzer: bytes are phases, and in each the calls that three
 * threads make at once, in pools that they share. Between two phases one thread
 * looks at all that there is, and may reset or destroy. ThreadSanitizer, or
 * AddressSanitizer, looks at the accesses; here each object's bytes, that no
 * two overlap, and that each cleanup ends once, by whomever.
 */
#include "target.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "actor.h"
#include "again.h"

TARGET_OPTIONS
const char target_name[] = "threads";

enum {
	PHASE_STEPS = 48 /* bytes of an actor's part, at most */
};

/* ---- pools -------------------------------------------------------------- */

/* Upstream is the parent's unless the options say otherwise. */
static tarn_options read_options(struct scene *scene, struct input *in,
				 struct shared *shared)
{
	tarn_options options = TARN_OPTIONS_INIT;
	uint8_t set = input_byte(in);

	if (set & 1)
		options.first_block = input_size(in) % 20000;
	if (set & 2)
		options.large_above = input_size(in) % 20000;
	if (set & 4)
		options.limit = 8192 + input_size(in) % 200000;
	shared->upstream = shared->is_child ? scene->pools[0].upstream : NULL;
	if (set & 8) {
		options.upstream = &scene->upstream.functions;
		shared->upstream = &scene->upstream;
	} else if (set & 16) {
		options.upstream = tarn_upstream_mmap();
		shared->upstream = NULL;
	}
	shared->limit = options.limit;
	shared->large_above =
		options.large_above != 0 ? options.large_above : 4096;
	return options;
}

/* The child of the first pool is within its limit, too. */
static void make_pool(struct scene *scene, struct input *in, size_t i)
{
	struct shared *shared = &scene->pools[i];
	tarn_options options;

	shared->is_child = i == 1;
	options = read_options(scene, in, shared);
	if (shared->is_child)
		shared->pool =
			tarn_pool_create_child(scene->pools[0].pool, &options);
	else
		shared->pool = tarn_pool_create(&options);
	if (shared->pool != NULL)
		return;
	REQUIRE(errno == ENOMEM);
	*shared = (struct shared){.large_above = 4096};
	shared->pool = tarn_pool_create(NULL);
	REQUIRE(shared->pool != NULL);
}

/* ---- a phase ------------------------------------------------------------ */

/* They begin together; relaxed, or ThreadSanitizer would see an order. */
static void *actor_main(void *arg)
{
	struct actor *actor = arg;
	atomic_size_t *missing = &actor->scene->missing;

	atomic_fetch_sub_explicit(missing, 1, memory_order_relaxed);
	while (atomic_load_explicit(missing, memory_order_relaxed) != 0)
		sched_yield();
	actor_run(actor);
	return NULL;
}

/* What no one took: to whoever has room for it. */
static void collect(struct scene *scene)
{
	for (size_t i = 0; i < ACTORS; i++) {
		struct actor *actor = &scene->actors[i];

		while (scene->handed_count != 0 && actor->count != KEPT)
			actor->kept[actor->count++] =
				scene->handed[--scene->handed_count];
	}
	scene->handed_count = 0;
}

static void run_phase(struct scene *scene, struct input *in)
{
	pthread_t threads[ACTORS];
	size_t i;

	atomic_init(&scene->missing, ACTORS);
	for (i = 0; i < ACTORS; i++)
		scene->actors[i].in =
			input_split(in, input_below(in, PHASE_STEPS));
	for (i = 1; i < ACTORS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, actor_main,
				       &scene->actors[i]) == 0);
	actor_main(&scene->actors[0]);
	for (i = 1; i < ACTORS; i++)
		REQUIRE(pthread_join(threads[i], NULL) == 0);
	for (i = 0; i < ACTORS; i++)
		scene->actors[i].published = scene->actors[i].added;
	collect(scene);
}

/* ---- between two phases ------------------------------------------------- */

/* Those of a round that ended: each by its call, or by the round. */
static void end_handlers(struct scene *scene, size_t pool)
{
	for (size_t i = 0; i < ACTORS; i++) {
		struct actor *actor = &scene->actors[i];
		size_t left = 0;

		for (size_t j = 0; j < actor->added; j++) {
			struct handler *handler = &actor->handlers[j];

			if (handler->handle != NULL && handler->at == pool) {
				REQUIRE(handler->ran + handler->cancelled == 1);
				handler->handle = NULL;
			}
			left += handler->handle != NULL;
		}
		if (left == 0)
			actor->added = actor->published = 0;
	}
}

static void check_objects(struct scene *scene)
{
	for (size_t i = 0; i < ACTORS * KEPT; i++) {
		struct actor *one = &scene->actors[i / KEPT];

		actor_check(one);
		for (size_t j = 0; j < i; j++) {
			struct actor *other = &scene->actors[j / KEPT];

			if (i % KEPT < one->count && j % KEPT < other->count)
				REQUIRE(!object_overlaps(
					&one->kept[i % KEPT].object,
					&other->kept[j % KEPT].object));
		}
	}
}

/* Only what the pools hold is out, and within their limits. */
static void check_held(struct scene *scene)
{
	size_t held[POOLS], given = 0;

	for (size_t i = 0; i < POOLS; i++) {
		struct shared *shared = &scene->pools[i];
		tarn_stats stats = TARN_STATS_INIT;

		REQUIRE(tarn_pool_stats(shared->pool, &stats) == 0);
		REQUIRE(stats.children == (i == 0 && scene->pools[1].is_child));
		REQUIRE(stats.handed_out <= stats.held);
		held[i] = stats.held;
		given += shared->upstream != NULL ? stats.held : 0;
		REQUIRE(stats.limit == 0 || stats.held <= stats.limit);
	}
	REQUIRE(given == scene->upstream.live_bytes);
	REQUIRE(scene->pools[0].limit == 0 || !scene->pools[1].is_child ||
		held[0] + held[1] <= scene->pools[0].limit);
}

/* ---- exclusive calls ---------------------------------------------------- */

/* What the actors know of a pool whose round, or life, has ended. */
static void forget(struct scene *scene, size_t pool)
{
	end_handlers(scene, pool);
	again_forget(scene, pool);
	for (size_t i = 0; i < ACTORS; i++) {
		struct actor *actor = &scene->actors[i];

		for (size_t j = actor->count; j-- != 0;)
			if (actor->kept[j].pool == pool)
				actor->kept[j] = actor->kept[--actor->count];
	}
}

/* A pool ends with its child, in whose place there is a new one then. */
static void end(struct scene *scene, struct input *in, size_t pool,
		void (*end_pool)(tarn_pool *))
{
	bool with_child = pool == 0 && scene->pools[1].is_child;

	end_pool(scene->pools[pool].pool);
	forget(scene, pool);
	if (with_child)
		forget(scene, 1);
	if (end_pool == tarn_pool_destroy)
		make_pool(scene, in, pool);
	if (with_child)
		make_pool(scene, in, 1);
}

static void act_alone(struct scene *scene, struct input *in)
{
	size_t kind = input_below(in, 8), pool = input_below(in, POOLS);

	check_objects(scene);
	check_held(scene);
	if (kind < 2)
		end(scene, in, pool, tarn_pool_reset);
	else if (kind == 2)
		end(scene, in, pool, tarn_pool_destroy);
	else if (kind == 3)
		tarn_trim();
	else if (kind == 4)
		scene->upstream.raise = input_size(in) % 9000;
	else if (kind == 7)
		again_share(scene, in, pool);
	scene->upstream.fail_in = input_below(in, 16);
	scene->upstream.fail = input_below(in, 4);
}

static void begin(struct scene *scene, struct input *in)
{
	upstream_init(&scene->upstream, true);
	memset(scene->caches, 0, sizeof scene->caches);
	REQUIRE(pthread_mutex_init(&scene->lock, NULL) == 0);
	for (size_t i = 0; i < POOLS; i++)
		make_pool(scene, in, i);
	for (size_t i = 0; i < ACTORS; i++) {
		struct actor *actor = &scene->actors[i];

		*actor = (struct actor){.scene = scene};
	}
}

static void finish(struct scene *scene)
{
	for (size_t i = POOLS; i-- != 0;) {
		tarn_pool_destroy(scene->pools[i].pool);
		forget(scene, i);
	}
	pthread_mutex_destroy(&scene->lock);
	upstream_finish(&scene->upstream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene scene;
	struct input in = {data, data + size};

	begin(&scene, &in);
	while (!input_is_empty(&in)) {
		run_phase(&scene, &in);
		act_alone(&scene, &in);
	}
	finish(&scene);
	return 0;
}
