/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics: each figure is exact where one thread looks, and what is held is
 * what upstream gave.
 */
#include "pool_tests.h"

START_TEST(stats_small_objects_count_exactly)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_stats stats;
	int i;

	counting_init(&counting);
	pool = counting_pool(&counting, 64 * KIB);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	ck_assert_uint_eq(stats_of(pool).blocks, 1);
	for (i = 0; i < 10; i++)
		tarn_palloc(pool, 25);
	ck_assert_uint_eq(stats_of(pool).handed_out, 10 * 32);
	for (i = 0; i < 10; i++)
		tarn_pnalloc(pool, 7);
	ck_assert_uint_eq(stats_of(pool).handed_out, 10 * 32 + 70);
	tarn_pcalloc(pool, 3, 16);
	ck_assert_uint_eq(stats_of(pool).handed_out, 10 * 32 + 70 + 48);
	tarn_pstrdup(pool, "abc");
	stats = stats_of(pool);
	ck_assert_uint_eq(stats.handed_out, 10 * 32 + 70 + 48 + 4);
	ck_assert_uint_eq(stats.held, counting.live_bytes);
	ck_assert_uint_eq(stats.local_pools, 1);
	ck_assert_uint_eq(stats.blocks, 1);
	ck_assert_uint_eq(stats.large, 0);
	ck_assert_uint_eq(stats.large_count, 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(stats_padding_is_counted_and_bounded)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	size_t before, after;
	int i;

	options.first_block = 256 * KIB;
	pool = tarn_pool_create(&options);
	tarn_pmemalign(pool, 8, 24);
	before = stats_of(pool).handed_out;
	for (i = 0; i < 1000; i++)
		tarn_pmemalign(pool, 8, 24);
	after = stats_of(pool).handed_out;
	ck_assert_uint_eq(after - before, 24000);
	tarn_pmemalign(pool, 64, 1);
	before = stats_of(pool).handed_out;
	for (i = 0; i < 1000; i++)
		tarn_pmemalign(pool, 64, 65);
	after = stats_of(pool).handed_out;
	ck_assert(sampled() || after - before == 128000);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(stats_large_objects_count_exactly)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	void *first, *second;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	tarn_palloc(pool, 16);
	before = stats_of(pool);
	first = tarn_palloc(pool, 10000);
	second = tarn_palloc(pool, 160000);
	after = stats_of(pool);
	ck_assert_uint_eq(after.large_count, 2);
	ck_assert_uint_ge(after.large, 170000);
	ck_assert_uint_le(after.large, 170000 + 512);
	ck_assert_uint_eq(after.handed_out - before.handed_out, 170000);
	ck_assert_uint_eq(after.held, counting.live_bytes);
	ck_assert_uint_eq(after.blocks, before.blocks);
	ck_assert_int_eq(tarn_pfree(pool, first), 0);
	after = stats_of(pool);
	ck_assert_uint_eq(after.large_count, 1);
	ck_assert_uint_eq(after.handed_out - before.handed_out, 160000);
	ck_assert_int_eq(tarn_pfree(pool, second), 0);
	after = stats_of(pool);
	ck_assert_uint_eq(after.large_count, 0);
	ck_assert_uint_eq(after.large, 0);
	ck_assert_uint_eq(after.handed_out, before.handed_out);
	ck_assert_uint_eq(after.held, counting.live_bytes);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(stats_of_a_growing_pool_agree_with_upstream)
{
	struct counting counting;
	size_t i, blocks;
	tarn_pool *pool;
	tarn_stats stats;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 1; i <= 10000; i++) {
		REQUIRE(tarn_palloc(pool, 48) != NULL);
		if (i % 100 != 0)
			continue;
		stats = stats_of(pool);
		REQUIRE(stats.handed_out == i * 48);
		REQUIRE(stats.held == counting.live_bytes);
		REQUIRE(stats.blocks == counting.live_blocks);
	}
	blocks = stats_of(pool).blocks;
	REQUIRE(blocks > 10);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static int touch(void *pool)
{
	EXPECT(tarn_palloc(pool, 16) != NULL);
	return 0;
}

START_TEST(stats_local_pools_counts_the_slots_that_allocated)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int i;

	ck_assert_uint_eq(stats_of(pool).local_pools, 0);
	ck_assert_int_eq(touch(pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 1);
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(worker_run(touch, pool), 0);
		ck_assert_uint_eq(stats_of(pool).local_pools, 2);
	}
	tarn_pool_reset(pool);
	ck_assert_uint_eq(stats_of(pool).local_pools, 2);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(stats_count_children_and_cleanups)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);
	tarn_cleanup *first, *second;

	tarn_pool_create_child(pool, NULL);
	tarn_pool_create_child(child, NULL);
	ck_assert_uint_eq(stats_of(pool).children, 2);
	tarn_pool_destroy(child);
	ck_assert_uint_eq(stats_of(pool).children, 1);
	first = tarn_cleanup_add(pool, do_nothing, NULL);
	second = tarn_cleanup_add(pool, do_nothing, NULL);
	tarn_cleanup_add(pool, do_nothing, NULL);
	ck_assert_uint_eq(stats_of(pool).cleanups, 3);
	tarn_cleanup_cancel(first);
	ck_assert_uint_eq(stats_of(pool).cleanups, 2);
	tarn_cleanup_run(second);
	ck_assert_uint_eq(stats_of(pool).cleanups, 1);
	tarn_pool_reset(pool);
	ck_assert_uint_eq(stats_of(pool).cleanups, 0);
	tarn_pool_destroy(pool);
}
END_TEST

void add_stats_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "statistics");

	tcase_add_test(tcase, stats_small_objects_count_exactly);
	tcase_add_test(tcase, stats_padding_is_counted_and_bounded);
	tcase_add_test(tcase, stats_large_objects_count_exactly);
	tcase_add_test(tcase, stats_of_a_growing_pool_agree_with_upstream);
	tcase_add_test(tcase,
		       stats_local_pools_counts_the_slots_that_allocated);
	tcase_add_test(tcase, stats_count_children_and_cleanups);
}
