/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of test_system.c: each step by each thread in turn. One that failed
 * is to leave the pools as they were, and is made once more where the system
 * gives again.
 */
#include "system_walk.h"

#include "cache.h"

#include <semaphore.h>

enum {
	USERS = 3 /* threads, the main one included */
};

static const struct step {
	step_fn *fn;
	size_t repeat;
} steps[] = {
	{step_palloc, 5},
	{step_local, 2},
	{step_pnalloc, 2},
	{step_palloc_much, 4},
	{step_pcalloc, 2},
	{step_pmemalign, 2},
	{step_large, 6},
	{step_pmemalign_wide, 1},
	{step_grow_small, 4},
	{step_grow_large, 3},
	{step_shrink_large, 1},
	{step_grow_theirs, 2},
	{step_huge, 1},
	{step_pfree_foreign, 1},
	{step_pmemdup, 2},
	{step_pstrdup, 2},
	{step_pstrndup, 2},
	{step_psprintf, 3},
	{step_pstrcat, 2},
	{step_cleanup_add, 3},
	{step_cleanup_run, 1},
	{step_cleanup_add, 2},
	{step_data, 3},
	{step_cleanup_cancel, 1},
	{step_child, 1},
	{step_child_palloc, 4},
	{step_child_large, 2},
	{step_scratch, 2},
	{step_pfree_aligned, 1},
	{step_leave_aligned, 1},
	{step_pfree_sized, 3},
	{step_palloc_much, 1},
	{step_mark, 1},
	{step_since_mark, 4},
	{step_large_since_mark, 2},
	{step_cleanup_since_mark, 2},
	{step_rewind, 1},
	{step_cache, 1},
	{step_cache_alloc, 30},
	{step_cache_free, 20},
	{step_trim, 1},
	{step_cache_alloc, 5},
};

/* ---- who makes a step ---------------------------------------------------- */

struct user {
	struct worker worker;
	sem_t go, done;
	struct world *world;
	step_fn *fn; /* NULL: to end */
	bool succeeded;
	int error;
};

static void user_step(struct user *user)
{
	errno = EXDEV;
	user->succeeded = user->fn(user->world);
	user->error = errno;
}

/* Watched until its very end. */
static int use_when_told(void *arg)
{
	struct user *user = arg;

	system_watched = true;
	for (;;) {
		while (sem_wait(&user->go) != 0)
			continue;
		if (user->fn == NULL)
			return 0;
		user_step(user);
		sem_post(&user->done);
	}
}

/* The first one is the main thread. */
static struct user users[USERS];

static void users_begin(struct world *world)
{
	users[0].world = world;
	for (int i = 1; i < USERS; i++) {
		users[i].world = world;
		sem_init(&users[i].go, 0, 0);
		sem_init(&users[i].done, 0, 0);
		worker_start(&users[i].worker, use_when_told, &users[i], NULL);
	}
}

static void users_end(void)
{
	for (int i = 1; i < USERS; i++) {
		users[i].fn = NULL;
		sem_post(&users[i].go);
		worker_join(&users[i].worker);
		sem_destroy(&users[i].go);
		sem_destroy(&users[i].done);
	}
}

static bool done_by(struct user *user, step_fn *fn)
{
	user->fn = fn;
	if (user == &users[0]) {
		system_watched = true;
		user_step(user);
		system_watched = false;
	} else {
		sem_post(&user->go);
		while (sem_wait(&user->done) != 0)
			continue;
	}
	return user->succeeded;
}

/* ---- the walk ------------------------------------------------------------ */

/* What must be as before after a step that failed. */
struct snapshot {
	tarn_stats pool, child;
	size_t places; /* that the cache has for threads and slabs */
};

/* A first use makes its thread the owner, also one that fails. */
static tarn_stats stats_once_owned(const tarn_pool *pool)
{
	tarn_stats stats = stats_of(pool);

	if (stats.local_pools == 0)
		stats.local_pools = 1;
	return stats;
}

static size_t places_of(const tarn_cache *cache)
{
	const struct slot_table *table = cache->table;

	return cache->depot.capacity +
	       (table != NULL ? slot_table_capacity(table) + table->count : 0);
}

static struct snapshot snapshot_of(const struct world *world)
{
	struct snapshot snapshot;

	memset(&snapshot, 0, sizeof snapshot);
	if (world->pool != NULL)
		snapshot.pool = stats_once_owned(world->pool);
	if (world->child != NULL)
		snapshot.child = stats_once_owned(world->child);
	if (world->cache != NULL)
		snapshot.places = places_of(world->cache);
	return snapshot;
}

/* A cache keeps a place that it had made, also where the call failed then. */
static void forgive_places(struct snapshot *after,
			   const struct snapshot *before)
{
	if (after->places == before->places)
		return;
	HOLDS(after->places > before->places);
	HOLDS(after->pool.handed_out > before->pool.handed_out);
	after->places = before->places;
	after->pool.handed_out = before->pool.handed_out;
}

/* What a system cannot give back: without a key no thread has a local pool. */
static bool is_hopeless(step_fn *fn)
{
	return (fn == step_local || fn == step_mark) &&
	       (system_state.failures[CALL_KEY_CREATE] != 0 ||
		system_state.failures[CALL_ATFORK] != 0);
}

static void check_failed(struct world *world, const struct user *user,
			 const struct snapshot *before, size_t ooms)
{
	struct snapshot after = snapshot_of(world);

	HOLDS(user->error == ENOMEM);
	HOLDS(system_failures() > 0);
	forgive_places(&after, before);
	HOLDS(memcmp(before, &after, sizeof after) == 0);
	/* A pool that was not made has no handler, and scratch has none. */
	HOLDS(world->ooms ==
	      ooms + (world->pool != NULL && user->fn != step_scratch));
	for (size_t i = 0; i < world->count; i++)
		HOLDS(is_filled(&world->objects[i], world->objects[i].size));
}

/* Does a step once; after a failure that will not come again, once more. */
static bool do_step(struct world *world, struct user *user, step_fn *fn)
{
	struct snapshot before = snapshot_of(world);
	size_t ooms = world->ooms;

	if (!done_by(user, fn)) {
		check_failed(world, user, &before, ooms);
		if (system_state.for_ever || is_hopeless(fn))
			return false;
		HOLDS(done_by(user, fn));
	}
	HOLDS(user->error == EXDEV);
	return true;
}

/* The limit counts what is held, and nothing that failed on the way. */
static void check_limit(void)
{
	size_t fail_at = system_state.fail_at;

	system_state.fail_at = 0;
	/* Afterwards the pool has all the tables that the rest needs. */
	HOLDS(done_by(&users[0], step_large) && done_by(&users[0], step_reset));
	HOLDS(done_by(&users[0], step_rest_of_limit));
	HOLDS(!done_by(&users[0], step_large) && users[0].error == ENOMEM);
	system_state.fail_at = fail_at;
}

/* By each thread after the other, twice. */
static void walk_pool(struct world *world)
{
	for (int round = 0; round < 2 * USERS; round++) {
		struct user *user = &users[round % USERS];

		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			for (size_t j = 0; j < steps[i].repeat; j++)
				do_step(world, user, steps[i].fn);
		do_step(world, user, step_child_destroy);
		if (round >= USERS)
			HOLDS(do_step(world, user, step_reset));
	}
}

static void destroy(struct world *world)
{
	system_watched = true;
	errno = EXDEV;
	tarn_pool_destroy(world->pool);
	HOLDS(errno == EXDEV);
	system_watched = false;
	HOLDS(world->ran == world->registered);
}

void walk(struct world *world, int kind, bool calm)
{
	*world = (struct world){.kind = kind, .count = OTHERS};
	users_begin(world);
	if (do_step(world, &users[0], step_create)) {
		walk_pool(world);
		if (kind % 2 != 0)
			check_limit();
		destroy(world);
		world->pool = NULL;
	}
	users_end();
	HOLDS(!calm || world->ran > 0);
}

void check_nothing_left(struct world *world)
{
	HOLDS(do_step(world, &users[0], step_trim));
	HOLDS(system_state.mapped == 0);
	/* A profile's sites stay to the end; pools have records by calloc. */
	if (sampled())
		return;
	HOLDS(system_state.blocks == 0);
	HOLDS(system_state.lasting <= USERS + 1);
}
