/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The structs a caller fills in, as a program has them that was built with an
 * older or a newer header, or that is wrong: what lies beyond struct_size is
 * neither read nor written, and what is not understood is refused.
 */
#include "pool_tests.h"

#include <limits.h>

/* ---- options ------------------------------------------------------------- */

/* Asserts that neither a pool nor a child of these options can be made. */
static void options_are_refused(const tarn_options *options)
{
	tarn_pool *parent = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(parent);
	errno = 0;
	ck_assert_ptr_null(tarn_pool_create(options));
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_ptr_null(tarn_pool_create_child(parent, options));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(stats_of(parent).children, 0);
	exercise(parent);
	tarn_pool_destroy(parent);
}

START_TEST(options_upstream_without_functions_is_einval)
{
	struct counting counting;
	tarn_options options;

	counting_init(&counting);
	options = counting_options(&counting);
	if (_i != 1)
		counting.upstream.alloc = NULL;
	if (_i != 0)
		counting.upstream.release = NULL;
	options_are_refused(&options);
	ck_assert_uint_eq(counting.calls, 0);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_unknown_flag_is_einval)
{
	struct counting counting;
	tarn_options options;

	counting_init(&counting);
	options = counting_options(&counting);
	options.flags = 1U << _i;
	options_are_refused(&options);
	ck_assert_uint_eq(counting.calls, 0);
	counting_finish(&counting);
}
END_TEST

START_TEST(options_struct_size_not_set_is_einval)
{
	struct counting counting;
	tarn_options options;

	counting_init(&counting);
	options = counting_options(&counting);
	options.struct_size = (size_t)_i;
	options_are_refused(&options);
	ck_assert_uint_eq(counting.calls, 0);
	counting_finish(&counting);
}
END_TEST

struct newer_options {
	tarn_options known;
	unsigned char tail[40];
};

START_TEST(options_longer_with_zero_tail_is_accepted)
{
	struct newer_options newer;
	tarn_options init = TARN_OPTIONS_INIT;
	struct counting counting;

	memset(&newer, 0, sizeof newer);
	memcpy(&newer.known, &init, sizeof init);
	newer.known.struct_size = sizeof newer;
	counting_init(&counting);
	options_work(&counting, &newer.known);
}
END_TEST

START_TEST(options_longer_with_nonzero_tail_is_einval)
{
	struct newer_options newer;
	tarn_options init = TARN_OPTIONS_INIT;

	memset(&newer, 0, sizeof newer);
	memcpy(&newer.known, &init, sizeof init);
	newer.known.struct_size = sizeof newer;
	newer.tail[_i] = 1;
	options_are_refused(&newer.known);
}
END_TEST

START_TEST(options_shorter_leave_the_rest_at_defaults)
{
	size_t size = offsetof(tarn_options, limit);
	tarn_options full = TARN_OPTIONS_INIT;
	tarn_options *older = malloc(size); /* not a byte more may be read */
	tarn_pool *pool;

	ck_assert_ptr_nonnull(older);
	full.struct_size = size;
	full.large_above = 100;
	memcpy((void *)older, &full, size);
	pool = tarn_pool_create(older);
	free(older);
	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_eq(stats_of(pool).limit, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 101));
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	exercise(pool);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(options_beyond_struct_size_are_not_read)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.struct_size = offsetof(tarn_options, limit);
	options.limit = 1;
	options.flags = UINT_MAX;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	exercise(pool);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- statistics ---------------------------------------------------------- */

START_TEST(stats_shorter_struct_is_filled_to_its_end)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_stats expected, stats;
	unsigned char *bytes = (unsigned char *)&stats;
	size_t size, i;

	tarn_palloc(pool, 10000);
	tarn_pool_create_child(pool, NULL);
	expected = stats_of(pool);
	for (size = 2 * sizeof(size_t); size <= sizeof stats;
	     size += sizeof(size_t)) {
		memset(&stats, COUNTING_NEW, sizeof stats);
		stats.struct_size = size;
		expected.struct_size = size;
		ck_assert_int_eq(tarn_pool_stats(pool, &stats), 0);
		ck_assert_mem_eq(&stats, &expected, size);
		for (i = size; i < sizeof stats; i++)
			ck_assert_uint_eq(bytes[i], COUNTING_NEW);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(stats_longer_struct_is_filled_as_far_as_known)
{
	struct {
		tarn_stats known;
		size_t unknown[4];
	} newer;
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_stats expected = stats_of(pool);

	memset(&newer, 0, sizeof newer);
	newer.known.struct_size = sizeof newer;
	ck_assert_int_eq(tarn_pool_stats(pool, &newer.known), 0);
	ck_assert_mem_eq((char *)&newer.known + sizeof(size_t),
			 (char *)&expected + sizeof(size_t),
			 sizeof expected - sizeof(size_t));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(stats_struct_that_holds_nothing_is_einval)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_stats stats;
	size_t size;

	for (size = 0; size <= sizeof(size_t); size++) {
		memset(&stats, COUNTING_NEW, sizeof stats);
		stats.struct_size = size;
		errno = 0;
		ck_assert_int_eq(tarn_pool_stats(pool, &stats), -1);
		ck_assert_int_eq(errno, EINVAL);
		ck_assert_uint_eq(*(unsigned char *)&stats.held, COUNTING_NEW);
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_struct_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "structs");

	tcase_add_loop_test(tcase, options_upstream_without_functions_is_einval,
			    0, 3);
	tcase_add_loop_test(tcase, options_unknown_flag_is_einval, 0,
			    sizeof(unsigned) * CHAR_BIT);
	tcase_add_loop_test(tcase, options_struct_size_not_set_is_einval, 0,
			    sizeof(size_t));
	tcase_add_test(tcase, options_longer_with_zero_tail_is_accepted);
	tcase_add_loop_test(tcase, options_longer_with_nonzero_tail_is_einval,
			    0, sizeof((struct newer_options *)0)->tail);
	tcase_add_test(tcase, options_shorter_leave_the_rest_at_defaults);
	tcase_add_test(tcase, options_beyond_struct_size_are_not_read);
	tcase_add_test(tcase, stats_shorter_struct_is_filled_to_its_end);
	tcase_add_test(tcase, stats_longer_struct_is_filled_as_far_as_known);
	tcase_add_test(tcase, stats_struct_that_holds_nothing_is_einval);
}
