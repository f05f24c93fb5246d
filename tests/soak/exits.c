/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of threads at their narrowest: destructors of the user's keys that
 * allocate until the last, and stacks as small as the system has them.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bag.h"
#include "soak.h"

/* ---- destructors ----------------------------------------------------- */

enum {
	EXIT_KEYS = 3,
	EXIT_ALIVE = 16
};

struct leaver {
	tarn_pool *shared;
	struct bag bag;
	pthread_key_t *keys;
	bool early;      /* uses the library before its end        */
	size_t destroys; /* so many rounds of destructors it asks for */
	size_t seen;     /* destructors that ran                   */
};

/* A pool of its own too: made and destroyed by one that is ending. */
static void leaver_own_pool(struct leaver *self)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct bag bag;

	SOAK_REQUIRE(pool != NULL);
	soak_count(SOAK_POOLS, 1);
	bag_init(&bag, soak_random(&self->bag.random));
	bag_fill(&bag, pool, 5);
	bag_empty(&bag);
	tarn_pool_destroy(pool);
}

/* Runs as often as there are rounds, for each key. */
static void leaver_destructor(void *arg)
{
	struct leaver *self = arg;

	self->seen++;
	bag_fill(&self->bag, self->shared, 3);
	bag_check(&self->bag);
	if (soak_once_in(&self->bag.random, 4))
		leaver_own_pool(self);
	if (self->seen < self->destroys * EXIT_KEYS)
		for (size_t i = 0; i < EXIT_KEYS; i++)
			pthread_setspecific(self->keys[i], self);
}

static void *leaver_main(void *arg)
{
	struct leaver *self = arg;

	if (self->early)
		bag_fill(&self->bag, self->shared, 3);
	for (size_t i = 0; i < EXIT_KEYS; i++)
		pthread_setspecific(self->keys[i], self);
	return NULL;
}

static void leavers_run(struct leaver leavers[EXIT_ALIVE], uint64_t *random)
{
	/* ThreadSanitizer forgets a thread in the last round, to which the
	   library's own destructor comes if it was first used in another. */
	const size_t most = SOAK_SANITIZED ? 2 : 6;
	pthread_t threads[EXIT_ALIVE];

	for (size_t i = 0; i < EXIT_ALIVE; i++) {
		leavers[i].early = SOAK_SANITIZED || !soak_once_in(random, 4);
		leavers[i].destroys = soak_between(random, 1, most);
		leavers[i].seen = 0;
		bag_init(&leavers[i].bag, soak_random(random));
		threads[i] =
			soak_start(SOAK_SMALL_STACK, leaver_main, &leavers[i]);
	}
	for (size_t i = 0; i < EXIT_ALIVE; i++) {
		soak_join(threads[i]);
		SOAK_REQUIRE(leavers[i].seen >= EXIT_KEYS);
		bag_empty(&leavers[i].bag);
	}
}

void scenario_exits(uint64_t seed)
{
	size_t groups = soak_scaled(100, 2);
	struct leaver *leavers = calloc(EXIT_ALIVE, sizeof *leavers);
	tarn_pool *shared = tarn_pool_create(NULL);
	pthread_key_t keys[EXIT_KEYS];

	SOAK_REQUIRE(leavers != NULL && shared != NULL);
	soak_count(SOAK_POOLS, 1);
	for (size_t i = 0; i < EXIT_KEYS; i++)
		SOAK_REQUIRE(pthread_key_create(&keys[i], leaver_destructor) ==
			     0);
	for (size_t i = 0; i < EXIT_ALIVE; i++) {
		leavers[i].keys = keys;
		leavers[i].shared = shared;
	}
	while (groups-- != 0) {
		leavers_run(leavers, &seed);
		if (soak_once_in(&seed, 10))
			tarn_pool_reset(shared);
	}
	for (size_t i = 0; i < EXIT_KEYS; i++)
		pthread_key_delete(keys[i]);
	tarn_pool_destroy(shared);
	free(leavers);
}

/* ---- tiny stacks ----------------------------------------------------- */

enum {
	TINY_ALIVE = 32,
	TINY_CHILDREN = 200
};

struct tiny {
	struct bag *bag;
	tarn_pool *shared;
	size_t cleaned;
};

static void count_one(void *arg)
{
	++*(size_t *)arg;
}

/* All the calls, and a destroy of many nested pools. */
static void *tiny_main(void *arg)
{
	struct tiny *self = arg;
	tarn_pool *root = tarn_pool_create(NULL), *at = root;

	SOAK_REQUIRE(root != NULL);
	bag_fill(self->bag, root, 60);
	bag_empty(self->bag);
	for (size_t i = 0; i < TINY_CHILDREN; i++) {
		at = tarn_pool_create_child(at, NULL);
		SOAK_REQUIRE(at != NULL);
		SOAK_REQUIRE(tarn_cleanup_add(at, count_one, &self->cleaned));
	}
	tarn_pool_destroy(root);
	SOAK_REQUIRE(self->cleaned == TINY_CHILDREN);
	soak_count(SOAK_POOLS, TINY_CHILDREN + 1);
	soak_count(SOAK_CLEANUPS, TINY_CHILDREN);
	bag_fill(self->bag, self->shared, 60);
	return NULL;
}

/* A sanitizer's frames do not fit the least stack. */
static size_t tiny_stack(void)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);

	if (SOAK_SANITIZED)
		return SOAK_SMALL_STACK;
	return least > PTHREAD_STACK_MIN ? (size_t)least
					 : (size_t)PTHREAD_STACK_MIN;
}

static void tinies_run(tarn_pool *shared, struct bag bags[TINY_ALIVE],
		       uint64_t *random)
{
	struct tiny tinies[TINY_ALIVE];
	pthread_t threads[TINY_ALIVE];

	for (size_t i = 0; i < TINY_ALIVE; i++) {
		bag_init(&bags[i], soak_random(random));
		tinies[i] = (struct tiny){&bags[i], shared, 0};
		threads[i] = soak_start(tiny_stack(), tiny_main, &tinies[i]);
	}
	for (size_t i = 0; i < TINY_ALIVE; i++)
		soak_join(threads[i]);
	for (size_t i = 0; i < TINY_ALIVE; i++)
		bag_empty(&bags[i]);
}

void scenario_tiny(uint64_t seed)
{
	size_t groups = soak_scaled(40, 1);
	struct bag *bags = calloc(TINY_ALIVE, sizeof *bags);
	tarn_pool *shared = tarn_pool_create(NULL);

	SOAK_REQUIRE(bags != NULL && shared != NULL);
	soak_count(SOAK_POOLS, 1);
	while (groups-- != 0) {
		tinies_run(shared, bags, &seed);
		tarn_pool_reset(shared);
	}
	tarn_pool_destroy(shared);
	free(bags);
}
