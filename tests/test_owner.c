/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG=owner: each broken rule ends the program with a line that names
 * the pool, and nothing that keeps them does.
 */
#include "child.h"

#include "counting.h"

enum {
	LARGE = 20000, /* bytes: beyond the default large_above */
	GRAVES = 256   /* pools that are remembered             */
};

static tarn_pool *named(const char *name)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.name = name;
	return tarn_pool_create(&options);
}

/* ---- after the end ------------------------------------------------------ */

static tarn_pool *destroyed(void)
{
	tarn_pool *pool = named("ended");

	tarn_palloc(pool, 10);
	tarn_pool_destroy(pool);
	return pool;
}

static void do_nothing(void *data)
{
	(void)data;
}

enum {
	LATE_CALLS = 14
};

/* Set before the child is born. */
static int late_call;

static void *late_object(tarn_pool *pool)
{
	switch (late_call) {
	case 0:
		return tarn_palloc(pool, 10);
	case 1:
		return tarn_pnalloc(pool, LARGE);
	case 2:
		return tarn_pcalloc(pool, 1, 10);
	case 3:
		return tarn_prealloc(pool, NULL, 0, 10);
	case 4:
		return tarn_pstrdup(pool, "late");
	case 5:
		return tarn_psprintf(pool, "%d", 1);
	case 6:
		return tarn_pool_create_child(pool, NULL);
	case 7:
		return tarn_cleanup_add(pool, do_nothing, NULL);
	case 8:
		return tarn_pool_data(pool, &late_call);
	default:
		return tarn_pool_local(pool);
	}
}

static int late(void)
{
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *pool = destroyed();

	if (late_call == LATE_CALLS - 1)
		tarn_pool_reset(pool);
	else if (late_call == LATE_CALLS - 2)
		tarn_pool_destroy(pool);
	else if (late_call == LATE_CALLS - 3)
		tarn_pool_stats(pool, &stats);
	else if (late_call == LATE_CALLS - 4)
		tarn_pfree(pool, NULL);
	else
		late_object(pool);
	return 0;
}

START_TEST(owner_use_of_a_destroyed_pool_aborts)
{
	late_call = _i;
	child_aborts("owner,unwatched", late, "pool 'ended' (0x");
	child_aborts("owner,guard", late, "): used, but it was destroyed\n");
}
END_TEST

/* The last ones are remembered, however many ended before. */
static int late_of_many(void)
{
	static tarn_pool *pools[3 * GRAVES];

	for (size_t i = 0; i < COUNT(pools); i++)
		pools[i] = named(i == 2 * GRAVES + 1 ? "remembered" : NULL);
	for (size_t i = 0; i < COUNT(pools); i++) {
		EXPECT(tarn_palloc(pools[i], 10) != NULL);
		tarn_pool_destroy(pools[i]);
	}
	return tarn_palloc(pools[2 * GRAVES + 1], 1) == NULL;
}

START_TEST(owner_remembers_the_last_pools)
{
	child_aborts("owner", late_of_many, "pool 'remembered' (0x");
}
END_TEST

/* ---- resets that are not exclusive -------------------------------------- */

static void reset_again(void *pool)
{
	tarn_pool_reset(pool);
}

static int nested_reset(void)
{
	tarn_pool *pool = named("nested");

	EXPECT(tarn_cleanup_add(pool, reset_again, pool) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

static atomic_int step;

static void step_reach(int number)
{
	atomic_store(&step, number);
}

static void step_await(int number)
{
	while (atomic_load(&step) < number)
		sched_yield();
}

static void wait_in_cleanup(void *data)
{
	(void)data;
	step_reach(1);
	step_await(2);
}

static int resetting_worker(void *pool)
{
	tarn_pool_reset(pool);
	return 0;
}

/* Another thread is within a reset. */
static tarn_pool *busy_pool(struct worker *worker)
{
	tarn_pool *pool = named("busy");

	if (tarn_cleanup_add(pool, wait_in_cleanup, NULL) == NULL)
		abort();
	worker_start(worker, resetting_worker, pool, NULL);
	step_await(1);
	return pool;
}

static int busy_palloc(void)
{
	struct worker worker;

	return tarn_palloc(busy_pool(&worker), 10) == NULL;
}

static int busy_reset(void)
{
	struct worker worker;

	tarn_pool_reset(busy_pool(&worker));
	return 0;
}

/* An upstream in which a thread stays a while, from step 1 on. */
static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *ptr;

	(void)ctx;
	if (atomic_load(&step) == 1) {
		step_reach(2);
		step_await(3);
	}
	return posix_memalign(&ptr, alignment < 16 ? 16 : alignment, *size) == 0
		       ? ptr
		       : NULL;
}

static void slow_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	free(ptr);
}

static int slow_worker(void *pool)
{
	step_reach(1);
	return tarn_palloc(pool, LARGE) == NULL;
}

static tarn_pool *slow_pool(struct worker *worker)
{
	tarn_upstream upstream = {slow_alloc, NULL, slow_release, NULL};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.name = "slow";
	options.upstream = &upstream;
	pool = tarn_pool_create(&options);
	worker_start(worker, slow_worker, pool, NULL);
	step_await(2);
	return pool;
}

static int slow_reset(void)
{
	struct worker worker;

	tarn_pool_reset(slow_pool(&worker));
	return 0;
}

static int slow_destroy(void)
{
	struct worker worker;

	tarn_pool_destroy(slow_pool(&worker));
	return 0;
}

static int reset_of_parent(void)
{
	tarn_pool *parent = tarn_pool_create(NULL);
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *child;

	options.name = "child";
	child = tarn_pool_create_child(parent, &options);
	EXPECT(tarn_cleanup_add(child, reset_again, parent) != NULL);
	tarn_pool_destroy(child);
	return 0;
}

START_TEST(owner_reset_that_is_not_exclusive_aborts)
{
	child_aborts("owner", nested_reset,
		     "): reset or destroyed from within its own reset or "
		     "destroy\n");
	child_aborts("owner", nested_reset, "pool 'nested' (0x");
	child_aborts("owner", busy_palloc,
		     "): used while another thread resets or destroys it\n");
	child_aborts("owner", busy_reset, "pool 'busy' (0x");
	child_aborts("owner", slow_reset,
		     "): reset or destroyed while a thread allocates from "
		     "it\n");
	child_aborts("owner", slow_destroy, "pool 'slow' (0x");
	child_aborts("owner", reset_of_parent, "pool 'child' (0x");
}
END_TEST

/* ---- another thread's local pool ---------------------------------------- */

static int local_taker(void *local)
{
	return tarn_local_palloc(local, 10) == NULL;
}

static int local_asker(void *local)
{
	return tarn_local_pool(local) == NULL;
}

static int wrong_palloc(void)
{
	tarn_pool *pool = named("owned");

	return worker_run(local_taker, tarn_pool_local(pool));
}

static int wrong_pool(void)
{
	tarn_pool *pool = named("owned");

	return worker_run(local_asker, tarn_pool_local(pool));
}

static int freed_twice(void)
{
	tarn_pool *pool = named("freed");
	void *first = tarn_palloc(pool, LARGE);

	for (size_t i = 0; i < 63; i++)
		EXPECT(tarn_pfree(pool, tarn_palloc(pool, 2 * LARGE)) == 0);
	EXPECT(tarn_pfree(pool, first) == 0);
	return tarn_pfree(pool, first);
}

static int cache_freed_twice(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_cache *cache;
	void *object;

	options.name = "freed";
	cache = tarn_cache_create(tarn_pool_create(&options), 32, 16);
	object = tarn_cache_alloc(cache);
	tarn_cache_free(cache, object);
	tarn_cache_free(cache, object);
	return 0;
}

START_TEST(owner_wrong_thread_or_second_free_aborts)
{
	child_aborts("owner", cache_freed_twice,
		     "): tarn_cache_free of what is no object of a cache, or "
		     "was freed before\n");

	child_aborts("owner", wrong_palloc,
		     "): a tarn_local is used by a thread that it does not "
		     "belong to\n");
	child_aborts("owner", wrong_palloc, "pool 'owned' (0x");
	child_aborts("owner", wrong_pool, "pool 'owned' (0x");
	child_aborts("owner", freed_twice,
		     "): tarn_pfree of what was freed before\n");
	child_aborts("owner", freed_twice, "pool 'freed' (0x");
}
END_TEST

/* ---- marks and sizes ----------------------------------------------------- */

struct use {
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
};

static int rewinder(void *arg)
{
	struct use *use = arg;

	tarn_local_rewind(use->local, use->mark);
	return 0;
}

static int rewind_by_another(void)
{
	struct use use = {.pool = named("marked")};

	use.local = tarn_pool_local(use.pool);
	use.mark = tarn_local_mark(use.local);
	return worker_run(rewinder, &use);
}

static int marker(void *local)
{
	tarn_local_mark(local);
	return 0;
}

static int mark_by_another(void)
{
	return worker_run(marker, tarn_pool_local(named("marked")));
}

static int rewind_twice(void)
{
	tarn_local *local = tarn_pool_local(named("marked"));
	tarn_mark outer = tarn_local_mark(local);
	tarn_mark inner = tarn_local_mark(local);

	tarn_local_rewind(local, outer);
	outer = tarn_local_mark(local);
	tarn_local_mark(local);
	tarn_local_rewind(local, inner);
	return 0;
}

static int rewind_after_reset(void)
{
	tarn_pool *pool = named("marked");
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local);

	tarn_pool_reset(pool);
	tarn_local_rewind(local, mark);
	return 0;
}

static int rewind_of_another_pool(void)
{
	tarn_local *local = tarn_pool_local(named("marked"));
	tarn_local *other = tarn_pool_local(named("other"));
	tarn_mark mark = tarn_local_mark(other);

	tarn_local_mark(local);
	tarn_local_rewind(local, mark);
	return 0;
}

static int scratch_ender(void *arg)
{
	struct use *use = arg;

	tarn_scratch_end(use->pool, use->mark);
	return 0;
}

static int scratch_end_by_another(void)
{
	struct use use;

	use.pool = tarn_scratch_begin(NULL, &use.mark);
	return worker_run(scratch_ender, &use);
}

static int scratch_end_twice(void)
{
	struct use use;

	use.pool = tarn_scratch_begin(NULL, &use.mark);
	scratch_ender(&use);
	return scratch_ender(&use);
}

static int wrong_size(void)
{
	tarn_pool *pool = named("sized");

	return tarn_pfree_sized(pool, tarn_palloc(pool, 100), 101);
}

static int wrong_large_size(void)
{
	tarn_pool *pool = named("sized");

	EXPECT(tarn_pfree_sized(pool, tarn_palloc(pool, 9990), 9985) == 0);
	EXPECT(tarn_pfree_aligned_sized(pool, tarn_pnalloc(pool, 9990), 1,
					9990) == 0);
	return tarn_pfree_aligned_sized(pool, tarn_pnalloc(pool, 9990), 1,
					9991);
}

static int large_freed_as_small(void)
{
	tarn_pool *pool = named("sized");

	return tarn_pfree_sized(pool, tarn_palloc(pool, 9990), 100);
}

static int large_freed_as_endless(void)
{
	tarn_pool *pool = named("sized");

	return tarn_pfree_sized(pool, tarn_palloc(pool, 9990), SIZE_MAX);
}

static int freed_by_size_twice(void)
{
	tarn_pool *pool = named("sized");
	void *object = tarn_palloc(pool, 100);

	EXPECT(tarn_pfree_sized(pool, object, 100) == 0);
	return tarn_pfree_sized(pool, object, 100);
}

START_TEST(owner_wrong_mark_aborts)
{
	static const char ended[] = "pool 'marked' (0x";

	child_aborts("owner", rewind_by_another,
		     "): a tarn_local is used by a thread that it does not "
		     "belong to\n");
	child_aborts("owner", mark_by_another, ended);
	child_aborts("owner", rewind_twice,
		     "): rewound to a mark that has ended, or is not of this "
		     "tarn_local\n");
	child_aborts("owner", rewind_twice, ended);
	child_aborts("owner", rewind_after_reset, ended);
	child_aborts("owner", rewind_of_another_pool, ended);
	child_aborts("owner", scratch_end_by_another,
		     "): tarn_scratch_end by a thread that did not begin this "
		     "use\n");
	child_aborts("owner", scratch_end_twice, "pool 'scratch' (0x");
}
END_TEST

START_TEST(watched_wrong_size_aborts)
{
	static const char *const each[] = {"owner", "junk", "guard", "leaks"};

	for (size_t i = 0; i < COUNT(each); i++)
		child_aborts(each[i], wrong_size,
			     "): freed with a size of 101, but allocated with "
			     "100\n");
	child_aborts("owner", wrong_size, "pool 'sized' (0x");
	child_aborts("owner", wrong_large_size,
		     "): freed with a size of 9991, but allocated with 9990, "
		     "rounded up\n");
	child_aborts("owner", large_freed_as_small,
		     "): freed with a size of 100, but allocated with 10000");
	child_aborts("owner", large_freed_as_endless,
		     "): freed with a size of ");
	child_aborts("owner", freed_by_size_twice,
		     "): tarn_pfree of what was freed before\n");
}
END_TEST

static int scratch_left_at_exit(void)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);

	EXPECT(tarn_palloc(pool, 100) != NULL);
	tarn_scratch_end(pool, mark);
	return 0;
}

START_TEST(scratch_is_no_leak)
{
	child_silent("leaks", scratch_left_at_exit);
	child_silent("leaks,owner", scratch_left_at_exit);
}
END_TEST

/* ---- what is within the rules ------------------------------------------- */

static int heir(void *pool)
{
	tarn_local *local = tarn_pool_local(pool);

	EXPECT(local != NULL && tarn_local_pool(local) == pool);
	EXPECT(tarn_local_palloc(local, 10) != NULL);
	EXPECT(tarn_palloc(pool, 10) != NULL);
	return 0;
}

static void use_in_cleanup(void *pool)
{
	static size_t times;

	if (tarn_palloc(pool, 10) == NULL || tarn_pstrdup(pool, "x") == NULL ||
	    (++times < 3 &&
	     tarn_cleanup_add(pool, use_in_cleanup, pool) == NULL))
		abort();
}

/* Threads that come and go and take over what the dead ones had; frees that are
   refused; cleanups that use their pool; one that a slow thread was done with.
 */
static int within_the_rules(void)
{
	tarn_pool *pool = named("legal"), *child;
	void *small = tarn_palloc(pool, 10), *large;

	for (size_t i = 0; i < 20; i++)
		EXPECT(worker_run(heir, pool) == 0);
	for (size_t i = 0; i < 3; i++) {
		EXPECT(tarn_pfree(pool, small) == -1 && errno == ENOENT);
		EXPECT(tarn_pfree(pool, NULL) == -1 && errno == ENOENT);
		large = tarn_palloc(pool, LARGE);
		EXPECT(tarn_pfree(pool, large) == 0);
	}
	child = tarn_pool_create_child(pool, NULL);
	EXPECT(worker_run(heir, child) == 0);
	EXPECT(tarn_cleanup_add(child, use_in_cleanup, child) != NULL);
	EXPECT(tarn_cleanup_add(pool, use_in_cleanup, pool) != NULL);
	errno = 0;
	EXPECT(worker_run(resetting_worker, pool) == 0);
	EXPECT(errno == 0 && tarn_palloc(pool, 10) != NULL);
	tarn_pool_destroy(pool);
	EXPECT(errno == 0);
	return 0;
}

/* Over what may go before the pool's end is noticed there is no grave. */
static int buried_nowhere(void)
{
	static _Alignas(64) char buffer[4096];
	tarn_upstream upstream = {slow_alloc, NULL, slow_release, NULL};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	for (size_t i = 0; i < 2; i++) {
		pool = tarn_pool_create(&options);
		EXPECT(tarn_palloc(pool, 10) != NULL);
		tarn_pool_destroy(pool);
		memset(buffer, 0, sizeof(buffer));
	}
	options.buffer = NULL;
	options.upstream = &upstream;
	options.limit = (size_t)1 << 20; /* a few pages of any machine */
	pool = tarn_pool_create(&options);
	EXPECT(tarn_palloc(pool, LARGE) != NULL);
	tarn_pool_destroy(pool);
	options.upstream = tarn_upstream_mmap();
	pool = tarn_pool_create(&options);
	EXPECT(tarn_palloc(pool, LARGE) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(owner_legal_patterns_are_silent)
{
	child_silent("owner", within_the_rules);
	child_silent("owner,guard,junk", within_the_rules);
	child_silent("owner", buried_nowhere);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner");
	TCase *tcase = suite_case(suite, "misuse");

	tcase_add_loop_test(tcase, owner_use_of_a_destroyed_pool_aborts, 0,
			    LATE_CALLS);
	tcase_add_test(tcase, owner_remembers_the_last_pools);
	tcase_add_test(tcase, owner_reset_that_is_not_exclusive_aborts);
	tcase_add_test(tcase, owner_wrong_thread_or_second_free_aborts);
	tcase_add_test(tcase, owner_wrong_mark_aborts);
	tcase_add_test(tcase, watched_wrong_size_aborts);
	tcase_add_test(tcase, scratch_is_no_leak);
	tcase_add_test(tcase, owner_legal_patterns_are_silent);
	return suite_run(suite);
}
