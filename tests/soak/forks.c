/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm of forks: while threads allocate, are born, end, and make and destroy
 * pools, others fork. Children use the pools that no other thread was in, and
 * their own.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bag.h"
#include "soak.h"

enum {
	FORK_BUSY = 3,
	FORKERS = 2,
	FORK_FILLED = 200
};

struct forks {
	tarn_pool *busy; /* some thread may be within at any time */
	atomic_bool over;
};

struct busy {
	struct forks *forks;
	uint64_t random;
};

struct forker {
	struct forks *forks;
	tarn_pool *own;  /* this thread's alone */
	tarn_pool *left; /* filled by a thread that is gone, a child of it's */
	struct bag own_bag, left_bag;
	uint64_t random;
	size_t rounds;
};

/* ---- what goes on in the parent -------------------------------------- */

static void *short_main(void *arg)
{
	struct busy *self = arg;
	struct bag bag;

	bag_init(&bag, soak_random(&self->random));
	bag_fill(&bag, self->forks->busy, 10);
	bag_empty(&bag);
	return NULL;
}

static void *busy_main(void *arg)
{
	struct busy *self = arg;
	struct bag bag;

	while (!atomic_load(&self->forks->over)) {
		tarn_pool *pool = tarn_pool_create(NULL);

		SOAK_REQUIRE(pool != NULL);
		bag_init(&bag, soak_random(&self->random));
		bag_fill(&bag, pool, 50);
		bag_empty(&bag);
		tarn_pool_destroy(pool);
		bag_fill(&bag, self->forks->busy, 10);
		bag_empty(&bag);
		soak_count(SOAK_POOLS, 1);
		soak_join(soak_start(SOAK_SMALL_STACK, short_main, self));
	}
	return NULL;
}

/* ---- what the child does --------------------------------------------- */

static void *child_thread(void *arg)
{
	struct forker *self = arg;
	struct bag bag;

	bag_init(&bag, soak_random(&self->random));
	bag_fill(&bag, self->own, 20);
	bag_empty(&bag);
	return NULL;
}

static void use_new_pools(uint64_t seed)
{
	tarn_pool *parent = tarn_pool_create(NULL), *pool;
	struct bag bag;

	SOAK_REQUIRE(parent != NULL);
	pool = tarn_pool_create_child(parent, NULL);
	SOAK_REQUIRE(pool != NULL);
	bag_init(&bag, seed);
	bag_fill(&bag, pool, 50);
	bag_empty(&bag);
	tarn_pool_destroy(parent);
	soak_count(SOAK_POOLS, 2);
}

static void child_main(struct forker *self)
{
	bag_check(&self->own_bag);
	bag_check(&self->left_bag);
	bag_fill(&self->left_bag, self->left, 20);
	use_new_pools(soak_random(&self->random));
	/* A sanitizer has no threads in a child of many. */
	if (!SOAK_SANITIZED)
		for (size_t i = 0; i < 3; i++)
			soak_join(soak_start(0, child_thread, self));
	bag_check(&self->own_bag);
	bag_empty(&self->left_bag);
	tarn_pool_reset(self->left);
	bag_fill(&self->left_bag, self->left, 20);
	bag_empty(&self->left_bag);
	bag_empty(&self->own_bag);
	if (soak_once_in(&self->random, 2))
		tarn_trim();
	tarn_pool_destroy(self->own);
	if (soak_once_in(&self->random, 4))
		soak_in_child(use_new_pools, soak_random(&self->random));
}

/* ---- forking --------------------------------------------------------- */

static void *left_main(void *arg)
{
	struct forker *self = arg;

	bag_fill(&self->left_bag, self->left, 40);
	return NULL;
}

/* `left` is filled by a thread that is gone when it comes to the fork. */
static void forker_prepare(struct forker *self)
{
	self->own = tarn_pool_create(NULL);
	SOAK_REQUIRE(self->own != NULL);
	self->left = tarn_pool_create_child(self->own, NULL);
	SOAK_REQUIRE(self->left != NULL);
	bag_init(&self->own_bag, soak_random(&self->random));
	bag_init(&self->left_bag, soak_random(&self->random));
	bag_fill(&self->own_bag, self->own, 40);
	soak_join(soak_start(SOAK_SMALL_STACK, left_main, self));
	soak_count(SOAK_POOLS, 2);
}

static void *forker_main(void *arg)
{
	struct forker *self = arg;

	for (size_t i = 0; i < self->rounds; i++) {
		pid_t child;

		forker_prepare(self);
		child = soak_fork();
		if (child == 0) {
			child_main(self);
			_exit(EXIT_SUCCESS);
		}
		bag_fill(&self->own_bag, self->own, 20);
		bag_empty(&self->left_bag);
		bag_empty(&self->own_bag);
		tarn_pool_destroy(self->own);
		soak_wait(child);
	}
	return NULL;
}

void scenario_forks(uint64_t seed)
{
	struct forks forks = {.busy = tarn_pool_create(NULL)};
	struct busy busy[FORK_BUSY];
	struct forker *forkers = calloc(FORKERS, sizeof *forkers);
	pthread_t threads[FORK_BUSY];

	SOAK_REQUIRE(forks.busy != NULL && forkers != NULL);
	atomic_init(&forks.over, false);
	for (size_t i = 0; i < FORK_BUSY; i++) {
		busy[i] = (struct busy){&forks, soak_random(&seed)};
		threads[i] = soak_start(0, busy_main, &busy[i]);
	}
	for (size_t i = 0; i < FORKERS; i++) {
		forkers[i].forks = &forks;
		forkers[i].random = soak_random(&seed);
		forkers[i].rounds = soak_scaled(50, 3);
	}
	soak_together(forker_main, forkers, sizeof *forkers, FORKERS);
	atomic_store(&forks.over, true);
	for (size_t i = 0; i < FORK_BUSY; i++)
		soak_join(threads[i]);
	tarn_pool_destroy(forks.busy);
	free(forkers);
}
