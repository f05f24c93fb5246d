/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without memory: where the limit is reached, or upstream fails, freeing lets a
 * request succeed; and what reuse needs for itself comes late, out of what was
 * freed, or not at all, and nothing is lost by that.
 */
#include "test_reuse.h"

/* Takes objects until there is no more; returns how many. */
static size_t fill(tarn_pool *pool, size_t size)
{
	size_t count = 0;

	for (; count < FILL; count++) {
		filled[count] = tarn_palloc(pool, size);
		if (filled[count] == NULL)
			break;
	}
	return count;
}

static tarn_pool *limited(size_t limit, size_t large_above,
			  const tarn_upstream *upstream)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.limit = limit;
	options.large_above = large_above;
	options.upstream = upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* Fills a pool, and then frees one at a time and has it again. The pool is full
   before anything was freed: there may be no place for a depot, or bins. */
static void free_and_retry(size_t limit, size_t size, size_t times,
			   uint64_t *state)
{
	tarn_pool *pool = limited(limit, 0, NULL);
	size_t count = fill(pool, size);

	ck_assert_uint_lt(count, FILL);
	for (size_t i = 0; i < times; i++) {
		size_t k = random_between(state, 0, count - 1);

		REQUIRE(tarn_palloc(pool, size) == NULL);
		REQUIRE(tarn_pfree_sized(pool, filled[k], size) == 0);
		filled[k] = tarn_palloc(pool, size);
		REQUIRE(filled[k] != NULL);
		memset(filled[k], 9, size);
	}
	tarn_pool_destroy(pool);
}

static const size_t retry_sizes[] = {16, 48, 100, 1000, 1024, 1100, 3000};

START_TEST(limit_free_and_retry_always_succeeds)
{
	uint64_t state = seed("limit_free_and_retry_always_succeeds");

	free_and_retry((size_t)64 << 10, retry_sizes[_i], rounds(10000),
		       &state);
}
END_TEST

/* What is left when the pool is full is as many bytes as a limit happens to
   leave. */
START_TEST(limit_of_any_size_free_and_retry_succeeds)
{
	uint64_t state = seed("limit_of_any_size_free_and_retry_succeeds");

	for (size_t limit = (size_t)20 << 10; limit < (size_t)64 << 10;
	     limit += 1040)
		free_and_retry(limit, retry_sizes[_i], rounds(300), &state);
}
END_TEST

/* All that was small serves what is larger, in whatever order it comes. Blocks
   are pages: by malloc's addresses headers differ, and four objects fit into a
   block or three. */
START_TEST(limit_small_freed_larger_succeeds)
{
	tarn_pool *pool = limited((size_t)64 << 10, 0, tarn_upstream_mmap());
	uint64_t state = seed("limit_small_freed_larger_succeeds");
	size_t count = fill(pool, 64), larger, bytes = count * 64;

	for (size_t i = count; i > 1; i--) {
		size_t k = random_between(&state, 0, i - 1);

		REQUIRE(tarn_pfree_sized(pool, filled[k], 64) == 0);
		filled[k] = filled[i - 1];
	}
	larger = fill(pool, 1000);
	ck_assert_uint_ge(larger * 1000, bytes / 4 * 3);
	for (size_t i = 0; i < larger; i++)
		REQUIRE(tarn_pfree_sized(pool, filled[i], 1000) == 0);
	ck_assert_uint_ge(fill(pool, 64) * 64, bytes / 10 * 9);
	tarn_pool_destroy(pool);
}
END_TEST

/* Where a request fails, freeing a few others lets it go on. */
START_TEST(limit_random_sizes_get_on)
{
	tarn_pool *pool = limited((size_t)256 << 10, 0, NULL);
	struct program program = {.pool = pool,
				  .things = things,
				  .count = THINGS,
				  .steps = rounds(100000),
				  .low = 1,
				  .high = 1000,
				  .may_fail = true,
				  .whole = true};
	size_t least = SIZE_MAX;

	program.state = seed("limit_random_sizes_get_on");
	for (int round = 0; round < 10; round++) {
		ck_assert_int_eq(program_run(&program), 0);
		least = align_min(least, handed_out(pool));
	}
	ck_assert_uint_ge(least, (size_t)256 * 1024 / 2);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_uint_ge(fill(pool, 1000) * 1000, (size_t)256 * 1024 / 2);
	tarn_pool_destroy(pool);
}
END_TEST

/* What was freed without a depot comes to it as soon as there is memory. */
START_TEST(depot_made_late_has_all)
{
	struct counting counting;
	tarn_pool *pool;
	size_t count;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	upstream_fails(&counting, true);
	count = fill(pool, 16);
	for (size_t i = 0; i < count / 2; i++)
		ck_assert_int_eq(tarn_pfree_sized(pool, filled[i], 16), 0);
	ck_assert_ptr_null(pool_depot(pool));
	ck_assert_ptr_nonnull(pool->loose);
	/* Too small for an aligned one: it is lost, with a depot or without. */
	ck_assert_int_eq(tarn_pfree_aligned_sized(
				 pool, (char *)filled[count / 2] + 1, 1, 15),
			 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	upstream_fails(&counting, false);
	ck_assert_int_eq(tarn_pfree_sized(pool, filled[count - 1], 16), 0);
	ck_assert_ptr_nonnull(pool_depot(pool));
	ck_assert_ptr_null(pool->loose);
	ck_assert_uint_eq(pool_depot(pool)->bytes, (count / 2 - 1) * 16);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* A depot in freed memory goes with it. */
START_TEST(depot_of_freed_memory_ends_at_reset)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 16384);
	for (int round = 0; round < 100; round++) {
		size_t count;

		upstream_fails(&counting, true);
		count = fill(pool, 16);
		for (size_t i = 0; i < count; i++)
			REQUIRE(tarn_pfree_sized(pool, filled[i], 16) == 0);
		ck_assert_ptr_null(pool_depot(pool));
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1000));
		ck_assert_ptr_nonnull(pool_depot(pool));
		ck_assert(!pool_depot(pool)->lasting);
		tarn_pool_reset(pool);
		ck_assert_ptr_null(pool_depot(pool));
		ck_assert(!reuse_is_active(pool));
		upstream_fails(&counting, false);
	}
	again(pool, 0, 100);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

struct poor {
	struct counting *counting;
	struct given given;
};

/* A thread that has a local pool, and no memory for bins. */
static int use_without_bins(void *arg)
{
	struct poor *poor = arg;

	EXPECT(tarn_pool_local(poor->given.pool) != NULL);
	upstream_fails(poor->counting, true);
	while (tarn_palloc(poor->given.pool, 16) != NULL)
		;
	for (int i = 0; i < 10; i++) {
		EXPECT(give_all(&poor->given) == 0);
		EXPECT(take_all(&poor->given) == 0);
		EXPECT(tarn_palloc(poor->given.pool, 16) == NULL);
	}
	EXPECT(pool_find_local(poor->given.pool)->side == NULL);
	upstream_fails(poor->counting, false);
	return 0;
}

START_TEST(thread_without_bins_served)
{
	struct counting counting;
	struct poor poor = {&counting, {NULL, filled, 30, 200}};
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	poor.given.pool = pool;
	/* No two of them are neighbours, and none is large enough for bins. */
	for (size_t i = 0; i < poor.given.count; i++) {
		filled[i] = tarn_palloc(pool, poor.given.size);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	}
	ck_assert_int_eq(tarn_pfree_sized(pool, tarn_palloc(pool, 16), 16), 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	ck_assert_int_eq(worker_run(use_without_bins, &poor), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static int begin_only(void *arg)
{
	EXPECT(tarn_pool_local(arg) != NULL);
	return 0;
}

/* A piece that is freed is the next one, as with bins of lasting memory. */
static int use_bins_of_freed(void *arg)
{
	tarn_pool *pool = arg;
	size_t out = handed_out(pool);
	char *object;

	errno = EDOM;
	object = tarn_palloc(pool, 64);
	EXPECT(object != NULL && errno == EDOM);
	EXPECT(handed_out(pool) == out + 64);
	EXPECT(tarn_pfree_sized(pool, object, 64) == 0);
	EXPECT(handed_out(pool) == out);
	EXPECT(tarn_palloc(pool, 64) == object);
	EXPECT(tarn_pfree_sized(pool, object, 64) == 0);
	EXPECT(!pool_find_local(pool)->side->lasting);
	return 0;
}

static int has_no_bins(void *arg)
{
	const struct local *local = pool_local(arg);

	EXPECT(local != NULL && local->side == NULL);
	return 0;
}

/* With no other memory left, a thread's bins stand in what was freed, until
   reset. */
START_TEST(thread_bins_of_freed_memory_until_reset)
{
	struct counting counting;
	struct given given = {NULL, filled, 100, 48};
	tarn_pool *pool;
	void *large;

	counting_init(&counting);
	given.pool = pool = counting_pool(&counting, 0);
	for (int round = 0; round < 100; round++) {
		large = tarn_palloc(pool, 2 * sizeof(struct bins));
		ck_assert_int_eq(
			tarn_pfree_sized(pool, tarn_palloc(pool, 16), 16), 0);
		ck_assert_int_eq(worker_run(begin_only, pool), 0);
		upstream_fails(&counting, true);
		while (tarn_palloc(pool, 16) != NULL)
			;
		ck_assert_int_eq(
			tarn_pfree_sized(pool, large, 2 * sizeof(struct bins)),
			0);
		ck_assert_int_eq(worker_run(use_bins_of_freed, pool), 0);
		upstream_fails(&counting, false);
		tarn_pool_reset(pool);
		ck_assert_int_eq(worker_run(has_no_bins, pool), 0);
	}
	ck_assert_int_eq(worker_run(take_all, &given), 0);
	ck_assert_int_eq(worker_run(give_all, &given), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Each call of upstream fails once, of a program that frees. */
START_TEST(upstream_fails_once_usable)
{
	for (size_t fail = 1; fail < 60; fail++) {
		struct program program = {.things = things,
					  .count = THINGS / 10,
					  .steps = 2000,
					  .low = 1,
					  .high = MOST,
					  .may_fail = true,
					  .state = fail};
		struct counting counting;

		counting_init(&counting);
		program.pool = counting_pool(&counting, 0);
		counting.fail_at = counting.calls + fail;
		ck_assert_int_eq(program_run(&program), 0);
		ck_assert_int_eq(program_end(&program), 0);
		tarn_pool_destroy(program.pool);
		counting_finish(&counting);
	}
}
END_TEST

void add_limit_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "without memory");

	tcase_add_loop_test(tcase, limit_free_and_retry_always_succeeds, 0, 7);
	tcase_add_loop_test(tcase, limit_of_any_size_free_and_retry_succeeds, 0,
			    7);
	tcase_add_test(tcase, limit_small_freed_larger_succeeds);
	tcase_add_test(tcase, limit_random_sizes_get_on);
	tcase_add_test(tcase, depot_made_late_has_all);
	tcase_add_test(tcase, depot_of_freed_memory_ends_at_reset);
	tcase_add_test(tcase, thread_without_bins_served);
	tcase_add_test(tcase, thread_bins_of_freed_memory_until_reset);
	tcase_add_test(tcase, upstream_fails_once_usable);
}
