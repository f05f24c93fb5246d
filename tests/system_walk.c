/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of test_system.c: all steps by each thread in turn. One that failed
 * is to leave the pools as they were, and is made once more where the system
 * gives again.
 */
#include "system_walk.h"

#include "cache.h"

#include <semaphore.h>

enum {
	USERS = 3, /* threads, the main one included */
	TURNS = 2  /* of each */
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

static void check_failed(struct world *world, step_fn *fn,
			 const struct snapshot *before, size_t ooms)
{
	struct snapshot after;

	HOLDS(errno == ENOMEM);
	HOLDS(system_failures() > 0);
	after = snapshot_of(world);
	forgive_places(&after, before);
	HOLDS(memcmp(before, &after, sizeof after) == 0);
	/* A pool that was not made has no handler, and scratch has none. */
	HOLDS(world->ooms ==
	      ooms + (world->pool != NULL && fn != step_scratch));
	for (size_t i = 0; i < world->count; i++)
		HOLDS(is_filled(&world->objects[i], world->objects[i].size));
}

/* Makes a step once, which leaves errno. */
static bool make_step(struct world *world, step_fn *fn)
{
	bool succeeded;

	errno = EXDEV;
	system_watched = true;
	succeeded = fn(world);
	system_watched = false;
	return succeeded;
}

/* The same; after a failure that will not come again, once more. */
static bool do_step(struct world *world, step_fn *fn)
{
	struct snapshot before = snapshot_of(world);
	size_t ooms = world->ooms;

	if (!make_step(world, fn)) {
		check_failed(world, fn, &before, ooms);
		if (system_state.for_ever || is_hopeless(fn))
			return false;
		HOLDS(make_step(world, fn));
	}
	HOLDS(errno == EXDEV);
	return true;
}

/* The limit counts what is held, and nothing that failed on the way. */
static void check_limit(struct world *world)
{
	size_t fail_at = system_state.fail_at;

	system_state.fail_at = 0;
	/* Afterwards the pool has all the tables that the rest needs. */
	HOLDS(make_step(world, step_large) && make_step(world, step_reset));
	HOLDS(make_step(world, step_rest_of_limit));
	HOLDS(!make_step(world, step_large) && errno == ENOMEM);
	system_state.fail_at = fail_at;
}

/* A thread's turn. Its last one ends with a reset. */
static void walk_once(struct world *world, bool last)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		for (size_t j = 0; j < steps[i].repeat; j++)
			do_step(world, steps[i].fn);
	do_step(world, step_child_destroy);
	if (last)
		HOLDS(do_step(world, step_reset));
}

/* ---- whose turn it is ---------------------------------------------------- */

struct user {
	struct worker worker;
	sem_t go, done;
	struct world *world; /* NULL: to end */
	bool last;           /* turn of it   */
};

/* Beside the main thread. */
static struct user users[USERS - 1];

/* Its end is watched, too. */
static int walk_when_told(void *arg)
{
	struct user *user = arg;

	for (;;) {
		while (sem_wait(&user->go) != 0)
			continue;
		if (user->world == NULL)
			break;
		walk_once(user->world, user->last);
		sem_post(&user->done);
	}
	system_watched = true;
	return 0;
}

static void users_begin(void)
{
	for (int i = 0; i < USERS - 1; i++) {
		sem_init(&users[i].go, 0, 0);
		sem_init(&users[i].done, 0, 0);
		worker_start(&users[i].worker, walk_when_told, &users[i], NULL);
	}
}

static void user_tell(struct user *user, struct world *world, bool last)
{
	user->world = world;
	user->last = last;
	sem_post(&user->go);
}

static void users_end(void)
{
	for (int i = 0; i < USERS - 1; i++) {
		user_tell(&users[i], NULL, true);
		worker_join(&users[i].worker);
		sem_destroy(&users[i].go);
		sem_destroy(&users[i].done);
	}
}

static void turn_of(struct user *user, struct world *world, bool last)
{
	user_tell(user, world, last);
	while (sem_wait(&user->done) != 0)
		continue;
}

/* By each thread after the other, again and again. */
static void walk_pool(struct world *world)
{
	for (int turn = 0; turn < TURNS; turn++) {
		bool last = turn == TURNS - 1;

		walk_once(world, last);
		for (int i = 0; i < USERS - 1; i++)
			turn_of(&users[i], world, last);
	}
}

void walk(struct world *world, int kind, bool calm)
{
	*world = (struct world){.kind = kind, .count = OTHERS};
	users_begin();
	if (do_step(world, step_create)) {
		walk_pool(world);
		if (kind % 2 != 0)
			check_limit(world);
		HOLDS(do_step(world, step_destroy));
	}
	users_end();
	HOLDS(!calm || world->ran > 0);
}

void check_nothing_left(struct world *world)
{
	HOLDS(do_step(world, step_trim));
	HOLDS(system_state.mapped == 0);
	/* A profile's sites stay to the end; pools have records by calloc. */
	if (sampled())
		return;
	HOLDS(system_state.blocks == 0);
	HOLDS(system_state.lasting <= USERS + 1);
}
