/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit of one pool: never passed, and nine tenths of it can be used. That
 * of a tree is in pool_children.c.
 */
#include "pool_tests.h"

static const size_t small_sizes[] = {1, 8, 16, 24, 64, 100, 200, 500, 1000};
static const size_t any_sizes[] = {1500,  2000,  3000,  4000,   4096,   5000,
				   10000, 65536, 99999, 200000, 1000000};

START_TEST(limit_small_objects_use_nine_tenths)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	fill(pool, small_sizes[_i], SIZE_MAX);
	ck_assert_uint_ge(stats_of(pool).handed_out, USABLE);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_any_objects_leave_nine_tenths_usable)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	ck_assert_uint_ge(fill_up(pool, any_sizes[_i]), USABLE);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_mixed_objects_use_nine_tenths)
{
	uint64_t state = seed("limit_mixed_objects_use_nine_tenths") + 2 * _i;
	struct counting counting;
	tarn_pool *pool;
	size_t size = 0;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	while (size != SIZE_MAX) {
		size = random_between(&state, 1, _i % 2 == 0 ? 1000 : 8000);
		if (tarn_palloc(pool, size) == NULL)
			size = SIZE_MAX;
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_ge(fill_up(pool, 512), USABLE);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_refused_request_leaves_the_rest_usable)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	int i;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	before = stats_of(pool);
	for (i = 0; i < 100; i++) {
		errno = 0;
		ck_assert_ptr_null(tarn_palloc(pool, LIMIT + (size_t)i));
		ck_assert_int_eq(errno, ENOMEM);
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	fill(pool, 64, SIZE_MAX);
	ck_assert_ptr_null(tarn_palloc(pool, 10000));
	ck_assert_uint_ge(stats_of(pool).handed_out, USABLE);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_small_request_fits_where_a_block_does_not)
{
	struct counting counting;
	tarn_pool *pool;
	size_t large;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	for (large = 512 * KIB; large > LARGE_ABOVE_DEFAULT; large -= 512)
		tarn_palloc(pool, large);
	ck_assert_ptr_null(tarn_palloc(pool, LARGE_ABOVE_DEFAULT + 1));
	ck_assert_uint_ge(fill_up(pool, 1024), LIMIT - LIMIT / 50);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_freeing_large_gives_room_back)
{
	struct counting counting;
	void *objects[10];
	tarn_pool *pool;
	int i, round;

	counting_init(&counting);
	pool = limited_pool(&counting, LIMIT);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 10; i++) {
			objects[i] = tarn_palloc(pool, 100000);
			ck_assert_ptr_nonnull(objects[i]);
		}
		ck_assert_ptr_null(tarn_palloc(pool, 100000));
		for (i = 0; i < 10; i++)
			ck_assert_int_eq(tarn_pfree(pool, objects[i]), 0);
	}
	ck_assert_ptr_nonnull(tarn_palloc(pool, USABLE));
	tarn_pool_reset(pool);
	fill(pool, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(pool).handed_out, USABLE);
	limited_finish(&counting, pool, LIMIT);
}
END_TEST

START_TEST(limit_prealloc_keeps_it)
{
	struct counting counting;
	tarn_pool *pool;
	char *object;
	size_t size = 10000;

	counting_init(&counting);
	counting.refuse_resize = _i == 1;
	pool = limited_pool(&counting, LIMIT);
	object = tarn_palloc(pool, size);
	ck_assert_ptr_nonnull(object);
	for (;;) {
		char *grown = tarn_prealloc(pool, object, size, size + 10000);

		if (grown == NULL)
			break;
		object = grown;
		size += 10000;
		ck_assert_uint_le(stats_of(pool).held, LIMIT);
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_ge(size, LIMIT / 3);
	memset(object, 1, size);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	fill(pool, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(pool).handed_out, USABLE);
	ck_assert_uint_le(stats_of(pool).held, LIMIT);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_too_low_for_a_pool_is_enomem)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;
	size_t limit;

	counting_init(&counting);
	options = counting_options(&counting);
	for (limit = 1; limit < 6 * KIB; limit += 13) {
		options.limit = limit;
		counting.peak_bytes = 0;
		errno = 0;
		pool = tarn_pool_create(&options);
		if (pool == NULL)
			ck_assert_int_eq(errno, ENOMEM);
		else
			fill_up(pool, 4096);
		ck_assert_uint_le(counting.peak_bytes, limit);
		tarn_pool_destroy(pool);
		ck_assert_uint_eq(counting.live_bytes, 0);
	}
	ck_assert_ptr_nonnull(pool);
	options.limit = 1;
	ck_assert_ptr_null(tarn_pool_create(&options));
	counting_finish(&counting);
}
END_TEST

/* The first block is taken before there is a pool that has the limit. */
START_TEST(limit_close_to_a_first_block_is_kept)
{
	static const size_t raises[] = {0, 1, 83, 5000};
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;
	size_t limit;

	counting_init(&counting);
	options = counting_options(&counting);
	if (_i == 4)
		options.upstream = tarn_upstream_malloc();
	else
		counting.raise = raises[_i];
	for (limit = 700; limit < 12 * KIB; limit += 37) {
		options.limit = limit;
		pool = tarn_pool_create(&options);
		if (pool == NULL)
			continue;
		REQUIRE(fill(pool, 64, 2 * limit) < limit);
		REQUIRE(stats_of(pool).held <= limit);
		tarn_pool_reset(pool);
		REQUIRE(stats_of(pool).held <= limit);
		tarn_pool_destroy(pool);
	}
	ck_assert_ptr_nonnull(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_buffer_is_not_counted)
{
	static char buffer[64 * KIB];
	tarn_options options = TARN_OPTIONS_INIT;
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	options.buffer = buffer;
	options.buffer_size = sizeof buffer;
	options.limit = 8 * KIB;
	options.upstream = &counting.upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_ge(fill(pool, 64, SIZE_MAX), 64 * KIB);
	limited_finish(&counting, pool, 8 * KIB);
}
END_TEST

START_TEST(limit_is_kept_when_upstream_raises_sizes)
{
	struct counting counting;
	tarn_pool *pool;
	size_t got = 0;

	counting_init(&counting);
	counting.raise = _i == 0 ? 1 : _i == 1 ? 100 : 5000;
	pool = limited_pool(&counting, LIMIT);
	while (tarn_palloc(pool, 64) != NULL) {
		got += 64;
		REQUIRE(counting.live_bytes <= LIMIT);
	}
	REQUIRE(got >= LIMIT / 2);
	ck_assert_ptr_null(tarn_palloc(pool, LIMIT / 2));
	REQUIRE(stats_of(pool).held == counting.live_bytes);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_limit_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "limits");

	tcase_add_loop_test(tcase, limit_small_objects_use_nine_tenths, 0,
			    sizeof small_sizes / sizeof *small_sizes);
	tcase_add_loop_test(tcase, limit_any_objects_leave_nine_tenths_usable,
			    0, sizeof any_sizes / sizeof *any_sizes);
	tcase_add_loop_test(tcase, limit_mixed_objects_use_nine_tenths, 0, 6);
	tcase_add_test(tcase, limit_refused_request_leaves_the_rest_usable);
	tcase_add_test(tcase, limit_small_request_fits_where_a_block_does_not);
	tcase_add_test(tcase, limit_freeing_large_gives_room_back);
	tcase_add_loop_test(tcase, limit_prealloc_keeps_it, 0, 2);
	tcase_add_test(tcase, limit_too_low_for_a_pool_is_enomem);
	tcase_add_loop_test(tcase, limit_close_to_a_first_block_is_kept, 0, 5);
	tcase_add_test(tcase, limit_buffer_is_not_counted);
	tcase_add_loop_test(tcase, limit_is_kept_when_upstream_raises_sizes, 0,
			    3);
}
