/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of test_oom.c: each step by the thread whose it is. One that failed
 * leaves the pools as they were, but for what lasts, and is made once more
 * where upstream gives again.
 */
#include "oom.h"

#include "cache.h"

/* Who makes a step; the users by their numbers. */
enum {
	MAIN = -1,
	FIRST,
	SECOND,
	THIRD
};

struct step {
	step_fn *fn;
	size_t repeat;
	int who;
};

/* ---- who makes a step ---------------------------------------------------- */

static int step_when_told(void *arg)
{
	struct user *user = arg;

	for (;;) {
		sem_wait(&user->go);
		if (user->fn == NULL)
			return 0;
		errno = EXDEV;
		user->served = user->fn(user->world);
		user->error = errno;
		sem_post(&user->done);
	}
}

static bool tell(struct user *user, step_fn *fn)
{
	user->fn = fn;
	sem_post(&user->go);
	sem_wait(&user->done);
	errno = user->error;
	return user->served;
}

/* Has its local pool, and nothing of it. */
static bool enter(struct world *world)
{
	world->locals[world->user_count] = tarn_pool_local(world->pool);
	return world->locals[world->user_count] != NULL;
}

/* One thread more than before uses the pool. */
static bool step_thread(struct world *world)
{
	struct user *user = &world->users[world->user_count];

	if (world->user_count == USERS)
		return true;
	if (user->world == NULL) {
		user->world = world;
		sem_init(&user->go, 0, 0);
		sem_init(&user->done, 0, 0);
		worker_start(&user->worker, step_when_told, user, NULL);
	}
	if (!tell(user, enter))
		return false;
	world->user_count++;
	return true;
}

void end_users(struct world *world)
{
	size_t i;

	for (i = 0; i < USERS && world->users[i].world != NULL; i++) {
		struct user *user = &world->users[i];

		user->fn = NULL;
		sem_post(&user->go);
		worker_join(&user->worker);
		sem_destroy(&user->go);
		sem_destroy(&user->done);
	}
}

/* ---- which steps --------------------------------------------------------- */

static const struct step steps[] = {
	{step_palloc, 60, MAIN},
	{step_pnalloc, 30, MAIN},
	{step_pcalloc, 20, MAIN},
	{step_pmemalign, 30, MAIN},
	{step_local, 20, MAIN},
	{step_pmemalign_page, 6, MAIN},
	{step_thread, USERS, MAIN},
	{step_large, 20, MAIN},
	{step_grow_small, 30, MAIN},
	{step_grow_large, 6, MAIN},
	{step_pfree, 7, MAIN},
	{step_shrink_large, 3, MAIN},
	{step_pmemdup, 10, MAIN},
	{step_large_aligned, 3, MAIN},
	{step_pstrdup, 60, MAIN},
	{step_pstrndup, 30, MAIN},
	{step_psprintf, 30, MAIN},
	{step_psprintf_long, 3, MAIN},
	{step_pstrcat, 30, MAIN},
	{step_cleanup, 150, MAIN},
	{step_data, 60, MAIN},
	{step_child, 3, MAIN},
	{step_child_palloc, 10, MAIN},
	{step_child_large, 3, MAIN},
	{step_child_destroy, 1, MAIN},
	{step_palloc_much, 9, FIRST},
	{step_palloc, 9, FIRST},
	{step_theirs, 7, FIRST},
	{step_grow_theirs, 4, MAIN},
	{step_mark, 1, SECOND},
	{step_palloc_much, 5, SECOND},
	{step_large, 3, SECOND},
	{step_rewind, 1, SECOND},
	{step_pfree_sized, 20, MAIN},
	{step_pfree_aligned, 21, MAIN},
	{step_pfree_aligned, 2, FIRST},
	{step_cache, 1, MAIN},
	{step_cache_alloc, 60, MAIN},
	{step_cache_alloc, 40, FIRST},
	{step_cache_free, 70, MAIN},
	{step_cache_free, 20, SECOND},
	{step_trim, 1, MAIN},
	{step_cache_alloc, 40, SECOND},
	{step_mark, 1, MAIN},
	{step_palloc_much, 5, MAIN},
	{step_pnalloc, 9, MAIN},
	{step_large, 3, MAIN},
	{step_cleanup, 3, MAIN},
	{step_rewind, 1, MAIN},
	{step_scratch, 2, MAIN},
	{step_palloc, 60, MAIN},
	{step_reset, 1, MAIN},
	{NULL, 0, MAIN},
};

/* The part of it that marks, caches and freed memory need. */
static const struct step reusing_steps[] = {
	{step_palloc, 5, MAIN},
	{step_thread, 3, MAIN},
	{step_grow_small, 4, MAIN},
	{step_pfree_sized, 4, MAIN},
	{step_pfree_aligned, 5, MAIN},
	{step_palloc_much, 3, FIRST},
	{step_pfree_sized, 4, FIRST},
	{step_palloc_much, 2, THIRD},
	{step_mark, 1, SECOND},
	{step_palloc_much, 3, SECOND},
	{step_pnalloc, 4, SECOND},
	{step_large, 2, SECOND},
	{step_cleanup, 3, SECOND},
	{step_rewind, 1, SECOND},
	{step_pfree_aligned, 1, SECOND},
	{step_cache, 1, MAIN},
	{step_cache_alloc, 60, MAIN},
	{step_cache_alloc, 20, FIRST},
	{step_cache_alloc, 20, SECOND},
	{step_cache_free, 50, MAIN},
	{step_cache_free, 20, SECOND},
	{step_trim, 1, MAIN},
	{step_cache_alloc, 40, SECOND},
	{step_mark, 1, MAIN},
	{step_palloc_much, 3, MAIN},
	{step_pnalloc, 4, MAIN},
	{step_large, 2, MAIN},
	{step_rewind, 1, MAIN},
	{step_palloc_much, 3, MAIN},
	{step_reset, 1, MAIN},
	{NULL, 0, MAIN},
};

/* ---- the walk ------------------------------------------------------------ */

/* What must be as before after a step that failed. */
struct snapshot {
	tarn_stats pool;
	tarn_stats children[CHILDREN];
	size_t live_blocks, live_bytes;
};

/* A first use makes its thread the owner, also one that fails. */
static tarn_stats stats_once_owned(const tarn_pool *pool)
{
	tarn_stats stats = stats_of(pool);

	if (stats.local_pools == 0)
		stats.local_pools = 1;
	return stats;
}

static void take_snapshot(const struct world *world, struct snapshot *snapshot)
{
	size_t i;

	memset(snapshot, 0, sizeof *snapshot);
	snapshot->pool = stats_once_owned(world->pool);
	for (i = 0; i < world->child_count; i++)
		snapshot->children[i] = stats_once_owned(world->children[i]);
	snapshot->live_blocks = world->counting.live_blocks;
	snapshot->live_bytes = world->counting.live_bytes;
}

/* What a thread takes for good in its first call that needs it, a cache in the
   first of each thread and where it has many slabs, also if the call fails. */
struct lasting {
	const struct local_side *side; /* for marks and freed memory */
	size_t magazines;              /* of the cache, and places for them */
	size_t slabs;                  /* that it has places for            */
	/* Open: what is cut off counts as handed out, and a failure cuts anew.
	 */
	uint32_t marks;
};

static struct lasting lasting_of(const struct world *world, int who)
{
	tarn_local *local = who == MAIN ? world->local : world->locals[who];
	struct lasting lasting = {0};

	if (local != NULL) {
		lasting.side = ((const struct local *)local)->side;
		lasting.marks = local_depth((const struct local *)local);
	}
	if (world->cache != NULL) {
		const struct slot_table *table = world->cache->table;

		lasting.magazines = table != NULL ? slot_table_capacity(table) +
							    table->count
						  : 0;
		lasting.slabs = world->cache->depot.capacity;
	}
	return lasting;
}

static void forgive(struct world *world, struct snapshot *before,
		    const struct snapshot *after)
{
	world->forgiven++;
	REQUIRE(after->pool.held >= before->pool.held);
	REQUIRE(after->live_bytes - before->live_bytes ==
		after->pool.held - before->pool.held);
	before->pool.held = after->pool.held;
	before->pool.blocks = after->pool.blocks;
	before->live_bytes = after->live_bytes;
	before->live_blocks = after->live_blocks;
}

/* Which is handed out. */
static void forgive_cache(struct world *world, struct snapshot *before,
			  const struct snapshot *after)
{
	world->forgiven_caches++;
	REQUIRE(after->pool.handed_out > before->pool.handed_out);
	before->pool.handed_out = after->pool.handed_out;
	forgive(world, before, after);
}

static bool done(struct world *world, const struct step *step)
{
	bool served;

	errno = EXDEV;
	served = step->who == MAIN ? step->fn(world)
				   : tell(&world->users[step->who], step->fn);
	REQUIRE(world->wrong == 0);
	REQUIRE(errno == (served ? EXDEV : ENOMEM));
	/* Which a first call made its thread's, also one that failed. */
	if (world->local == NULL)
		world->local = tarn_pool_local(world->pool);
	return served;
}

/* Does a step once; after a failure that will not come again, once more. */
static void do_step(struct world *world, const struct step *step)
{
	size_t failures = world->counting.failures;
	struct lasting had = lasting_of(world, step->who), has;
	struct snapshot before, after;

	/* Where that thread could not enter the pool. */
	if (step->who >= (int)world->user_count)
		return;
	take_snapshot(world, &before);
	if (done(world, step))
		return;
	ck_assert_uint_gt(world->counting.failures, failures);
	take_snapshot(world, &after);
	has = lasting_of(world, step->who);
	if (had.side == NULL && has.side != NULL)
		forgive(world, &before, &after);
	if (has.magazines > had.magazines || has.slabs > had.slabs)
		forgive_cache(world, &before, &after);
	if (sampled() && has.marks != 0)
		before.pool.handed_out = after.pool.handed_out;
	ck_assert_mem_eq(&before, &after, sizeof before);
	if (!world->counting.fail_for_ever)
		ck_assert(done(world, step));
}

void walk(struct world *world)
{
	const struct step *step =
		world->small_block != 0 ? reusing_steps : steps;
	size_t i;

	for (; step->fn != NULL; step++)
		for (i = 0; i < step->repeat; i++)
			do_step(world, step);
}
