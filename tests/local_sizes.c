/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sizes of none, around the border of large objects, and those that would wrap,
 * alone and as arrays: what cannot be had is refused and leaves the pool.
 */
#include "local_tests.h"

/* ---- sizes --------------------------------------------------------------- */

START_TEST(size_zero_is_a_valid_pointer)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	int i;

	for (i = 0; i < 1000; i++) {
		REQUIRE(tarn_palloc(pool, 0) != NULL);
		REQUIRE(tarn_pnalloc(pool, 0) != NULL);
		REQUIRE(tarn_pcalloc(pool, 0, 0) != NULL);
		REQUIRE(tarn_pcalloc(pool, 0, SIZE_MAX) != NULL);
		REQUIRE(tarn_pcalloc(pool, SIZE_MAX, 0) != NULL);
		REQUIRE(tarn_pmemalign(pool, 32, 0) != NULL);
		REQUIRE(tarn_pmemdup(pool, "", 0) != NULL);
		REQUIRE(tarn_prealloc(pool, NULL, 0, 0) != NULL);
		REQUIRE(tarn_local_palloc(local, 0) != NULL);
		REQUIRE(tarn_local_pnalloc(local, 0) != NULL);
		REQUIRE(tarn_new_array(pool, int, 0) != NULL);
		REQUIRE(is_aligned(tarn_palloc(pool, 0), TARN_ALIGNMENT));
		REQUIRE(tarn_palloc(pool, 1) != NULL);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(size_zero_of_an_unused_pool_is_a_valid_pointer)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	void *empty = _i == 0   ? tarn_palloc(pool, 0)
		      : _i == 1 ? tarn_pnalloc(pool, 0)
				: tarn_pmemalign(pool, 4096, 0);

	ck_assert_ptr_nonnull(empty);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(size_around_large_above_is_served_by_the_right_layer)
{
	static const size_t bounds[] = {16,   100,  128,   1000,
					4096, 5000, 65536, LARGE_ABOVE_MOST};
	size_t bound = bounds[_i], size, count = 0;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.large_above = bound;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (size = bound > 64 ? bound - 17 : bound; size < bound + 17;
	     size++) {
		char *object = tarn_palloc(pool, size);
		char *bytes = tarn_pnalloc(pool, size);

		ck_assert_ptr_nonnull(object);
		ck_assert_ptr_nonnull(bytes);
		memset(object, 1, size);
		memset(bytes, 2, size);
		ck_assert_int_eq(object[size - 1], 1);
		count += size > bound ? 2 : 0;
		if (bound > 64)
			ck_assert_uint_eq(stats_of(pool).large_count, count);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Sizes that no memory holds; sums with small numbers wrap around. */
static const size_t endless[] = {
	SIZE_MAX,        SIZE_MAX - 1,        SIZE_MAX - 7,
	SIZE_MAX - 8,    SIZE_MAX - 14,       SIZE_MAX - 15,
	SIZE_MAX - 16,   SIZE_MAX - 63,       SIZE_MAX - 64,
	SIZE_MAX - 80,   SIZE_MAX - 128,      SIZE_MAX - 4095,
	SIZE_MAX - 4096, SIZE_MAX - 65536,    SIZE_MAX / 2 + 1,
	SIZE_MAX / 2,    SIZE_MAX / 2 - 4096, SIZE_MAX / 4};

enum {
	ENDLESS = sizeof endless / sizeof *endless
};

START_TEST(size_without_end_is_enomem_and_leaves_the_pool)
{
	size_t size = opaque(endless[_i]), alignment;
	struct counting counting;
	tarn_stats before, after;
	tarn_local *local;
	tarn_pool *pool;
	char *object;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	local = tarn_pool_local(pool);
	object = tarn_pmemdup(pool, "object", 7);
	before = stats_of(pool);
	errno = 0;
	refuse(tarn_palloc(pool, size));
	refuse(tarn_pnalloc(pool, size));
	refuse(tarn_pcalloc(pool, 1, size));
	refuse(tarn_pcalloc(pool, size, 1));
	refuse(tarn_pmemdup(pool, object, size));
	refuse(tarn_prealloc(pool, NULL, 0, size));
	refuse(tarn_prealloc(pool, object, 7, size));
	refuse(tarn_local_palloc(local, size));
	refuse(tarn_local_pnalloc(local, size));
	for (alignment = 1; alignment <= MIB; alignment *= 2) {
		refuse(tarn_pmemalign(pool, alignment, size));
		refuse(tarn_local_pmemalign(local, alignment, size));
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_str_eq(object, "object");
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(size_without_end_of_an_unused_pool_is_enomem)
{
	size_t size = opaque(endless[_i / 3]);
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	errno = 0;
	refuse(_i % 3 == 0   ? tarn_palloc(pool, size)
	       : _i % 3 == 1 ? tarn_pnalloc(pool, size)
			     : tarn_pmemalign(pool, 64, size));
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(size_of_large_prealloc_without_end_keeps_the_old)
{
	size_t size = opaque(endless[_i]);
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	char *object;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	object = tarn_pcalloc(pool, 1, 10000);
	ck_assert_ptr_nonnull(object);
	before = stats_of(pool);
	errno = 0;
	refuse(tarn_prealloc(pool, object, 10000, size));
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_int_eq(object[0], 0);
	ck_assert_int_eq(object[9999], 0);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_size_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "sizes");

	tcase_add_test(tcase, size_zero_is_a_valid_pointer);
	tcase_add_loop_test(
		tcase, size_zero_of_an_unused_pool_is_a_valid_pointer, 0, 3);
	tcase_add_loop_test(
		tcase, size_around_large_above_is_served_by_the_right_layer, 0,
		8);
	tcase_add_loop_test(tcase,
			    size_without_end_is_enomem_and_leaves_the_pool, 0,
			    ENDLESS);
	tcase_add_loop_test(tcase, size_without_end_of_an_unused_pool_is_enomem,
			    0, 3 * ENDLESS);
	tcase_add_loop_test(tcase,
			    size_of_large_prealloc_without_end_keeps_the_old, 0,
			    ENDLESS);
}

/* ---- arrays -------------------------------------------------------------- */

START_TEST(array_size_overflow_is_size_max)
{
	size_t half = opaque(SIZE_MAX / 2);

	ck_assert_uint_eq(tarn_array_size(0, 0), 0);
	ck_assert_uint_eq(tarn_array_size(0, SIZE_MAX), 0);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, 0), 0);
	ck_assert_uint_eq(tarn_array_size(3, 24), 72);
	ck_assert_uint_eq(tarn_array_size(half, 2), SIZE_MAX - 1);
	ck_assert_uint_eq(tarn_array_size(half + 1, 2), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(3, half), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, SIZE_MAX), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, 1), SIZE_MAX);
}
END_TEST

START_TEST(array_overflow_is_enomem)
{
	struct counting counting;
	size_t i, calls;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	calls = counting.calls;
	errno = 0;
	for (i = 2; i <= sizeof(struct node); i++) {
		size_t count = opaque(SIZE_MAX / i + 1);

		refuse(tarn_pcalloc(pool, count, i));
		refuse(tarn_pcalloc(pool, i, count));
		refuse(tarn_pcalloc(pool, count, count));
		refuse(tarn_new_array(pool, struct node, count));
	}
	ck_assert_uint_eq(counting.calls, calls);
	ck_assert_ptr_nonnull(tarn_pcalloc(pool, 10, 10));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(array_of_pcalloc_is_zero_in_reused_memory)
{
	static const size_t counts[] = {1, 3, 50, 500, 1365, 1366, 5000, 50000};
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t round, i, j;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			unsigned char *bytes = tarn_pcalloc(pool, counts[i], 3);

			ck_assert_ptr_nonnull(bytes);
			ck_assert(is_aligned(bytes, TARN_ALIGNMENT));
			for (j = 0; j < counts[i] * 3; j++)
				if (bytes[j] != 0)
					ck_abort_msg("byte %zu is not zero", j);
			memset(bytes, 0xff, counts[i] * 3);
		}
		tarn_pool_reset(pool);
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_array_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "arrays");

	tcase_add_test(tcase, array_size_overflow_is_size_max);
	tcase_add_test(tcase, array_overflow_is_enomem);
	tcase_add_test(tcase, array_of_pcalloc_is_zero_in_reused_memory);
}
