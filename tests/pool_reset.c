/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reset and destroy: what is gone, what stays valid, and how much memory is
 * kept: enough for an equal round, and half of what a smaller one left unused.
 */
#include "pool_tests.h"

START_TEST(destroy_null_does_nothing)
{
	errno = COUNTING_ERRNO;
	tarn_pool_destroy(NULL);
	ck_assert_int_eq(errno, COUNTING_ERRNO);
}
END_TEST

START_TEST(destroy_unused_pool_gives_all_back)
{
	struct counting counting;

	counting_init(&counting);
	tarn_pool_destroy(counting_pool(&counting, 0));
	ck_assert_uint_gt(counting.releases, 0);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_unused_pool_changes_nothing)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	before = stats_of(pool);
	tarn_pool_reset(pool);
	tarn_pool_reset(pool);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	exercise(pool);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_empties_the_pool)
{
	static const int key;
	struct counting counting;
	tarn_pool *pool;
	tarn_stats stats;
	void *large;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	fill(pool, 100, 100 * KIB);
	large = tarn_palloc(pool, 20000);
	ck_assert_ptr_nonnull(large);
	ck_assert_int_eq(tarn_pool_set_data(pool, &key, pool), 0);
	ck_assert_ptr_nonnull(tarn_pool_create_child(pool, NULL));
	tarn_pool_reset(pool);
	stats = stats_of(pool);
	ck_assert_uint_eq(stats.handed_out, 0);
	ck_assert_uint_eq(stats.large, 0);
	ck_assert_uint_eq(stats.large_count, 0);
	ck_assert_uint_eq(stats.children, 0);
	ck_assert_uint_eq(stats.held, counting.live_bytes);
	ck_assert_ptr_null(tarn_pool_data(pool, &key));
	ck_assert_int_eq(tarn_pfree(pool, large), -1);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_handle_stays_valid)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	int round, i;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 1000; i++) {
			char *object = tarn_local_palloc(local, 100);

			REQUIRE(object != NULL);
			memset(object, round, 100);
		}
		REQUIRE(tarn_local_pool(local) == pool);
		tarn_pool_reset(pool);
		REQUIRE(tarn_pool_local(pool) == local);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(reset_equal_rounds_take_nothing_more)
{
	struct counting counting;
	tarn_pool *pool;
	size_t calls, held, round;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	/* After the first, a few large blocks take the place of many small. */
	for (round = 0; round < 2; round++) {
		fill(pool, 48, (size_t)_i);
		tarn_pool_reset(pool);
	}
	calls = counting.calls;
	held = stats_of(pool).held;
	for (round = 0; round < 20; round++) {
		fill(pool, 48, (size_t)_i);
		tarn_pool_reset(pool);
		ck_assert_uint_eq(counting.calls, calls);
		ck_assert_uint_eq(stats_of(pool).held, held);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_uneven_rounds_stay_bounded)
{
	struct counting counting;
	tarn_pool *pool;
	size_t round, i, most = 0;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (round = 0; round < rounds(300); round++) {
		for (i = 0; i < 400; i++)
			REQUIRE(tarn_palloc(pool,
					    (i * 37 + round * 101) % 1500 +
						    1) != NULL);
		if (round == 1)
			most = stats_of(pool).held;
		tarn_pool_reset(pool);
	}
	REQUIRE(stats_of(pool).held <= most + most / 4);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_after_one_huge_round_shrinks)
{
	struct counting counting;
	size_t usual, round;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	fill(pool, 64, 64 * KIB);
	tarn_pool_reset(pool);
	usual = stats_of(pool).held;
	fill(pool, 500, 16 * MIB);
	tarn_pool_reset(pool);
	for (round = 0; round < 12; round++) {
		fill(pool, 64, 64 * KIB);
		tarn_pool_reset(pool);
	}
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	/* One block, and what suits it to 500 bytes. */
	ck_assert_uint_le(stats_of(pool).held,
			  usual + MAX_BLOCK_DEFAULT + 8 * KIB);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(reset_each_keeps_half_of_the_unused)
{
	struct counting counting;
	size_t kept, round;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	fill(pool, 500, 16 * MIB);
	tarn_pool_reset(pool);
	for (round = 0; round < 4; round++) {
		kept = stats_of(pool).held;
		fill(pool, 500, MIB);
		tarn_pool_reset(pool);
		ck_assert_uint_ge(stats_of(pool).held,
				  kept / 2 - MAX_BLOCK_DEFAULT);
		ck_assert_uint_le(stats_of(pool).held,
				  kept / 2 + MIB + MAX_BLOCK_DEFAULT);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_reset_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "reset");

	tcase_add_test(tcase, destroy_null_does_nothing);
	tcase_add_test(tcase, destroy_unused_pool_gives_all_back);
	tcase_add_test(tcase, reset_unused_pool_changes_nothing);
	tcase_add_test(tcase, reset_empties_the_pool);
	tcase_add_test(tcase, reset_handle_stays_valid);
	tcase_add_loop_test(tcase, reset_equal_rounds_take_nothing_more, 100,
			    101);
	tcase_add_loop_test(tcase, reset_equal_rounds_take_nothing_more, 10000,
			    10001);
	tcase_add_loop_test(tcase, reset_equal_rounds_take_nothing_more,
			    4 * MIB, 4 * MIB + 1);
	tcase_add_test(tcase, reset_uneven_rounds_stay_bounded);
	tcase_add_test(tcase, reset_after_one_huge_round_shrinks);
	tcase_add_test(tcase, reset_each_keeps_half_of_the_unused);
}
