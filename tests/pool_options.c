/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options that are accepted: sizes, whatever their number, the buffer, the
 * name and the upstream. No option makes a pool that cannot be used.
 */
#include "pool_tests.h"

/* Numbers that no one should give, and a few that some will. */
static const size_t odd_numbers[] = {1,
				     3,
				     7,
				     15,
				     16,
				     17,
				     63,
				     64,
				     100,
				     127,
				     255,
				     511,
				     1000,
				     4095,
				     4097,
				     5001,
				     65537,
				     999983,
				     SIZE_MAX / 2,
				     SIZE_MAX / 2 + 1,
				     SIZE_MAX - 4096,
				     SIZE_MAX - 15,
				     SIZE_MAX - 1,
				     SIZE_MAX};

enum {
	ODD_NUMBERS = sizeof odd_numbers / sizeof *odd_numbers
};

START_TEST(options_null_gives_defaults)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_eq(stats_of(pool).limit, 0);
	exercise(pool);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(options_zero_numbers_are_the_documented_defaults)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	ck_assert_uint_eq(counting.largest, FIRST_BLOCK_DEFAULT);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE_ABOVE_DEFAULT));
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE_ABOVE_DEFAULT + 1));
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	fill(pool, 1000, 32 * MIB);
	ck_assert_uint_eq(counting.largest, MAX_BLOCK_DEFAULT);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_first_block_is_the_first_blocks_size)
{
	struct counting counting;

	counting_init(&counting);
	tarn_pool_destroy(counting_pool(&counting, 64 * KIB));
	ck_assert_uint_eq(counting.largest, 64 * KIB);
	ck_assert_uint_eq(counting.calls, 1);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_max_block_stops_growth)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.max_block = 8 * KIB;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	fill(pool, 64, 2 * MIB);
	ck_assert_uint_le(counting.largest, 8 * KIB);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_large_above_divides_small_from_large)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.large_above = 1000;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 1000));
	ck_assert_ptr_nonnull(tarn_pnalloc(pool, 1000));
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 1001));
	ck_assert_ptr_nonnull(tarn_pnalloc(pool, 1001));
	ck_assert_uint_eq(stats_of(pool).large_count, 2);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(options_huge_large_above_is_clamped)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = SIZE_MAX;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE_ABOVE_MOST));
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE_ABOVE_MOST + 1));
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_odd_number_is_clamped)
{
	size_t number = odd_numbers[_i % ODD_NUMBERS];
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;

	switch (_i / ODD_NUMBERS) {
	case 0:
		options.first_block = number;
		break;
	case 1:
		options.max_block = number;
		break;
	case 2:
		options.large_above = number;
		break;
	default:
		options.first_block = number;
		options.max_block = number;
		options.large_above = number;
	}
	counting_init(&counting);
	options_work(&counting, &options);
}
END_TEST

/* In a process of its own, as Check runs it: nothing was set up before. */
START_TEST(options_buffer_as_first_pool_of_all_is_whole)
{
	tarn_options options = TARN_OPTIONS_INIT;
	static char buffer[8192];
	tarn_pool *pool;

	options.buffer = buffer;
	options.buffer_size = sizeof buffer;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_reset(pool);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(options_buffer_serves_first_and_is_not_freed)
{
	static char buffer[16 * KIB];
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;
	tarn_pool *pool;
	char *object;

	counting_init(&counting);
	options.buffer = buffer;
	options.buffer_size = sizeof buffer;
	options.upstream = &counting.upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	object = tarn_palloc(pool, 8 * KIB / 2);
	ck_assert_ptr_nonnull(object);
	ck_assert(object >= buffer);
	ck_assert(object + 4 * KIB <= buffer + sizeof buffer);
	ck_assert_uint_eq(fill(pool, 16, 8 * KIB), 8 * KIB);
	ck_assert_uint_eq(counting.calls, 0);
	ck_assert_uint_eq(stats_of(pool).held, 0);
	exercise(pool);
	exercise(pool);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_buffer_reset_uses_it_again)
{
	static char buffer[8 * KIB];
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	char *object;
	size_t i;

	options.buffer = buffer;
	options.buffer_size = sizeof buffer;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (i = 0; i < 100; i++) {
		object = tarn_palloc(pool, 3 * KIB);
		ck_assert_ptr_nonnull(object);
		ck_assert(object >= buffer);
		ck_assert(object + 3 * KIB <= buffer + sizeof buffer);
		memset(object, 0xff, 3 * KIB);
		tarn_pool_reset(pool);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(options_buffer_without_room_is_left_unused)
{
	static char zero[64];
	char buffer[64] = {0};
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;

	counting_init(&counting);
	options.buffer = buffer;
	options.buffer_size = (size_t)_i;
	options_work(&counting, &options);
	ck_assert_mem_eq(buffer, zero, sizeof buffer);
}
END_TEST

/* A pool there could not tell its own end from the next address: 0. */
START_TEST(options_buffer_at_an_end_of_memory_is_left_unused)
{
	static const uintptr_t ends[] = {16, UINTPTR_MAX - 64 * KIB + 1};
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.buffer = (void *)ends[_i];
	options.buffer_size = 32 * KIB;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert(counting_contains(&counting, pool, 1));
	exercise(pool);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_buffer_size_without_buffer_means_nothing)
{
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;

	counting_init(&counting);
	options.buffer_size = SIZE_MAX;
	options_work(&counting, &options);
}
END_TEST

START_TEST(options_name_is_copied)
{
	size_t length = _i == 0 ? 0 : _i == 1 ? 10 : 100000;
	char *name = malloc(length + 1);
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;
	tarn_pool *pool;

	ck_assert_ptr_nonnull(name);
	memset(name, 'n', length);
	name[length] = '\0';
	counting_init(&counting);
	options.name = name;
	options.upstream = &counting.upstream;
	pool = tarn_pool_create(&options);
	memset(name, 'x', length);
	free(name);
	ck_assert_ptr_nonnull(pool);
	exercise(pool);
	exercise(pool);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_upstream_is_copied)
{
	struct counting counting;
	tarn_upstream upstream;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	counting_init(&counting);
	upstream = counting.upstream;
	options.upstream = &upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	memset(&upstream, 0, sizeof upstream);
	exercise(pool);
	tarn_pool_destroy(pool);
	ck_assert_uint_gt(counting.releases, 1);
	counting_finish(&counting);
}
END_TEST

void add_option_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "options");

	tcase_add_test(tcase, options_null_gives_defaults);
	tcase_add_test(tcase, options_zero_numbers_are_the_documented_defaults);
	tcase_add_test(tcase, options_first_block_is_the_first_blocks_size);
	tcase_add_test(tcase, options_max_block_stops_growth);
	tcase_add_test(tcase, options_large_above_divides_small_from_large);
	tcase_add_test(tcase, options_huge_large_above_is_clamped);
	tcase_add_loop_test(tcase, options_odd_number_is_clamped, 0,
			    4 * ODD_NUMBERS);
	tcase_add_test(tcase, options_buffer_as_first_pool_of_all_is_whole);
	tcase_add_test(tcase, options_buffer_serves_first_and_is_not_freed);
	tcase_add_test(tcase, options_buffer_reset_uses_it_again);
	tcase_add_loop_test(tcase, options_buffer_without_room_is_left_unused,
			    0, 65);
	tcase_add_loop_test(
		tcase, options_buffer_at_an_end_of_memory_is_left_unused, 0, 2);
	tcase_add_test(tcase, options_buffer_size_without_buffer_means_nothing);
	tcase_add_loop_test(tcase, options_name_is_copied, 0, 3);
	tcase_add_test(tcase, options_upstream_is_copied);
}
