/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics beside allocations: what is sampled while other threads allocate
 * and free was true at a moment.
 */
#include "race.h"

enum {
	SAMPLED_ROUNDS = 120 /* of statistics beside allocations */
};

struct sampled {
	tarn_pool *pool;
	atomic_size_t *running;
	uint64_t random;
	bool large; /* now and then one of these */
};

static int allocate_many(void *arg)
{
	struct sampled *sampled = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		size_t size = random_between(&sampled->random, 1, SMALL_MAX);

		if (sampled->large && i % 64 == 0)
			size = LARGE_MIN;
		if (tarn_palloc(sampled->pool, size) == NULL)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* Whether each figure grew, where all that runs is allocation. */
static bool has_grown(const tarn_stats *before, const tarn_stats *after)
{
	return after->held >= before->held &&
	       after->handed_out >= before->handed_out &&
	       after->large >= before->large &&
	       after->blocks >= before->blocks &&
	       after->local_pools >= before->local_pools &&
	       after->large_count >= before->large_count;
}

/* Samples until no worker runs. Asserts but once, which costs more than many a
   sample: they must be close to hit a moment. */
static void sample(const tarn_pool *pool, atomic_size_t *running)
{
	tarn_stats before = TARN_STATS_INIT;
	tarn_stats after = TARN_STATS_INIT;
	size_t wrong = 0;
	bool last;

	do {
		last = atomic_load(running) == 0;
		wrong += tarn_pool_stats(pool, &after) != 0;
		wrong += !has_grown(&before, &after);
		before = after;
	} while (!last);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_le(after.handed_out, after.held);
	ck_assert_uint_le(after.large, after.held);
}

/* One worker or two; mostly without large objects, for the sake of which a
   sample takes many mutexes. Small blocks: each third request is a miss. */
static void sample_round(size_t round, uint64_t *random)
{
	tarn_options options = TARN_OPTIONS_INIT;
	size_t count = 1 + round % 2;
	atomic_size_t running = count;
	struct sampled sampled[2];
	struct worker workers[2];
	tarn_pool *pool;
	size_t i;

	options.first_block = options.max_block = 1024;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (i = 0; i < count; i++) {
		sampled[i] = (struct sampled){
			pool, &running, random_next(random), round % 4 == 3};
		worker_start(&workers[i], allocate_many, &sampled[i], NULL);
	}
	sample(pool, &running);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	tarn_pool_destroy(pool);
}

START_TEST(stats_beside_allocation_grow_only)
{
	uint64_t random = seed("stats");
	size_t round;

	for (round = 0; round < rounds(SAMPLED_ROUNDS); round++)
		sample_round(round, &random);
}
END_TEST

/* One large object at a time, at one address and at another. */
static int one_large_at_a_time(void *arg)
{
	struct sampled *sampled = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		void *at = tarn_palloc(sampled->pool,
				       LARGE_MIN + i % 8 * LARGE_MIN);

		if (at == NULL || tarn_pfree(sampled->pool, at) != 0)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* A figure is one that was true: two objects never were. */
START_TEST(stats_beside_one_large_at_most_one)
{
	size_t round;

	for (round = 0; round < rounds(SAMPLED_ROUNDS); round++) {
		tarn_pool *pool = tarn_pool_create(NULL);
		atomic_size_t running = 1;
		struct sampled sampled = {pool, &running, 1, true};
		tarn_stats stats = TARN_STATS_INIT;
		struct worker worker;
		size_t wrong = 0;

		/* The creator owns the pool's own local: a worker's large
		   objects are then listed by address. */
		ck_assert_ptr_nonnull(pool);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1));
		worker_start(&worker, one_large_at_a_time, &sampled, NULL);
		while (atomic_load(&running) != 0) {
			wrong += tarn_pool_stats(pool, &stats) != 0;
			wrong += stats.large_count > 1 ||
				 stats.large > 16 * LARGE_MIN;
		}
		ck_assert_uint_eq(wrong, 0);
		ck_assert_int_eq(worker_join(&worker), 0);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		tarn_pool_destroy(pool);
	}
}
END_TEST

enum {
	FEW_MOST = 520 /* bytes of an object of few_at_a_time */
};

/* One small object at a time, freed with its size, by turns by each call, and
   sometimes two within a mark. */
static int few_at_a_time(void *arg)
{
	struct sampled *sampled = arg;
	tarn_pool *pool = sampled->pool;
	tarn_local *local = tarn_pool_local(pool);
	int status = local != NULL ? 0 : __LINE__;

	for (size_t i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		size_t size = FEW_MOST - i % 8 * 72;
		bool aligned = i % 2 != 0, within = i / 16 % 4 == 3;
		tarn_mark mark = {{NULL}};
		void *at;

		if (within)
			mark = tarn_local_mark(local);
		at = aligned ? tarn_pmemalign(pool, 8, size)
			     : tarn_palloc(pool, size);
		if (within && tarn_palloc(pool, size) == NULL)
			status = __LINE__;
		if (within)
			tarn_local_rewind(local, mark);
		else if (at == NULL ||
			 (aligned ? tarn_pfree_aligned_sized(pool, at, 8, size)
				  : tarn_pfree_sized(pool, at, size)) != 0)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* The same of small ones, and none that was there before is missed. */
START_TEST(stats_beside_few_small_at_most_these)
{
	size_t most = watched() ? SIZE_MAX / 2 : 2 * whole(FEW_MOST);

	for (size_t round = 0; round < rounds(SAMPLED_ROUNDS); round++) {
		tarn_options options = TARN_OPTIONS_INIT;
		tarn_stats stats = TARN_STATS_INIT;
		struct sampled sampled = {.random = 1};
		atomic_size_t running = 1;
		struct worker worker;
		size_t before, wrong = 0;

		options.first_block = options.max_block = 1024;
		sampled.pool = tarn_pool_create(&options);
		sampled.running = &running;
		ck_assert_ptr_nonnull(sampled.pool);
		/* By turns the worker's local pool is another one. */
		if (round % 2 != 0)
			ck_assert_ptr_nonnull(tarn_palloc(sampled.pool, 100));
		before = stats_of(sampled.pool).handed_out;
		worker_start(&worker, few_at_a_time, &sampled, NULL);
		while (atomic_load(&running) != 0) {
			wrong += tarn_pool_stats(sampled.pool, &stats) != 0;
			wrong += stats.handed_out < before ||
				 stats.handed_out > before + most;
		}
		ck_assert_uint_eq(wrong, 0);
		ck_assert_int_eq(worker_join(&worker), 0);
		if (!watched())
			ck_assert_uint_eq(stats_of(sampled.pool).handed_out,
					  before);
		tarn_pool_destroy(sampled.pool);
	}
}
END_TEST

void add_stats_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "stats");

	tcase_add_test(tcase, stats_beside_allocation_grow_only);
	tcase_add_test(tcase, stats_beside_one_large_at_most_one);
	tcase_add_test(tcase, stats_beside_few_small_at_most_these);
}
