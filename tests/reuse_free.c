/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that free: what they refuse, which changes nothing, what they take
 * of every call, and that figures fall by what was freed and rise again.
 */
#include "test_reuse.h"

/* ---- what is no small object -------------------------------------------- */

/* Asserts that a free fails so and changes nothing. */
static void refused(tarn_pool *pool, void *ptr, size_t alignment, size_t size,
		    int error)
{
	tarn_stats before = stats_of(pool), after;

	errno = 0;
	REQUIRE(give(pool, ptr, alignment, size) == -1);
	REQUIRE(errno == error);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}

START_TEST(free_of_nothing_is_nothing)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_palloc(pool, 32);
	tarn_stats before = stats_of(pool), after;

	for (size_t alignment = 0; alignment < 4; alignment++) {
		ck_assert_int_eq(give(pool, NULL, alignment, 16), 0);
		ck_assert_int_eq(give(pool, NULL, alignment, 5000), 0);
		ck_assert_int_eq(give(pool, NULL, alignment, 0), 0);
		ck_assert_int_eq(give(pool, object, alignment, 0), 0);
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	tarn_pool_destroy(pool);
}
END_TEST

/* Before anything was freed, and when the bins are there. */
START_TEST(free_impossible_refused)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_palloc(pool, 200);
	char *large = tarn_palloc(pool, 5000);

	memset(object, 7, 200);
	if (_i == 1)
		ck_assert_int_eq(
			tarn_pfree_sized(pool, tarn_palloc(pool, 64), 64), 0);
	for (size_t i = 1; i < 16; i++) {
		refused(pool, object + i, 0, 32, EINVAL);
		refused(pool, object + i, 16, 32, EINVAL);
	}
	refused(pool, object + 4, 8, 32, EINVAL);
	refused(pool, object, 0, 5000, ENOENT);
	refused(pool, object, 4, SIZE_MAX, ENOENT);
	refused(pool, object, 0, PTRDIFF_MAX, ENOENT);
	refused(pool, large + 16, 0, 5000, ENOENT);
	for (size_t alignment = 3; alignment < 200; alignment++)
		if (!align_is_power(alignment))
			refused(pool, object, alignment, 32, EINVAL);
	errno = 0;
	ck_assert_int_eq(tarn_pfree_aligned_sized(pool, object, 0, 32), -1);
	ck_assert_int_eq(errno, EINVAL);
	for (size_t i = 0; i < 200; i++)
		ck_assert_int_eq(object[i], 7);
	ck_assert_int_eq(tarn_pfree_sized(pool, large, 5000), 0);
	refused(pool, large, 0, 5000, ENOENT);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_success_errno_untouched)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t size = 1; size < 6000; size += 7) {
		char *object = tarn_palloc(pool, size);
		char *packed = tarn_pnalloc(pool, size);

		errno = EDOM;
		ck_assert_int_eq(tarn_pfree_sized(pool, object, size), 0);
		ck_assert_int_eq(
			tarn_pfree_aligned_sized(pool, packed, 1, size), 0);
		ck_assert_int_eq(errno, EDOM);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_large_of_every_call_goes)
{
	static const size_t above[] = {0, 100, 1024, 20000};
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = above[_i];
	pool = tarn_pool_create(&options);
	for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
		void *object = tarn_pmemalign(pool, alignment, 30000);

		ck_assert_uint_eq(stats_of(pool).large_count, 1);
		ck_assert_int_eq(tarn_pfree_aligned_sized(pool, object,
							  alignment, 30000),
				 0);
		refused(pool, object, alignment, 30000, ENOENT);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
	}
	/* Large for its alignment alone. */
	filled[0] = tarn_pmemalign(pool, 65536, 16);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree_aligned_sized(pool, filled[0], 65536, 16),
			 0);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_refusal_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "refusals");

	tcase_add_test(tcase, free_of_nothing_is_nothing);
	tcase_add_loop_test(tcase, free_impossible_refused, 0, 2);
	tcase_add_test(tcase, free_success_errno_untouched);
	tcase_add_loop_test(tcase, free_large_of_every_call_goes, 0, 4);
}

/* ---- figures ------------------------------------------------------------ */

START_TEST(figures_fall_and_rise_exactly)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = seed("figures_fall_and_rise_exactly");
	static size_t sizes[FILL];
	size_t out = handed_out(pool);

	memset(sizes, 0, sizeof(sizes));
	for (size_t i = 0; i < rounds(100000); i++) {
		size_t k = random_between(&state, 0, FILL - 1);

		if (sizes[k] == 0) {
			sizes[k] = random_between(&state, 1, 4096);
			filled[k] = tarn_palloc(pool, sizes[k]);
			REQUIRE(filled[k] != NULL);
			out += align_up(sizes[k], TARN_ALIGNMENT);
		} else {
			REQUIRE(tarn_pfree_sized(pool, filled[k], sizes[k]) ==
				0);
			out -= align_up(sizes[k], TARN_ALIGNMENT);
			sizes[k] = 0;
		}
		if (i % 64 == 0)
			REQUIRE(handed_out(pool) == out);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Packed memory freed as it came gives back what it was, not its padding. */
START_TEST(figures_packed_fall_by_the_size)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t size = 1; size < 3000; size++) {
		void *object = tarn_pnalloc(pool, size);
		size_t out = handed_out(pool);

		ck_assert_int_eq(
			tarn_pfree_aligned_sized(pool, object, 1, size), 0);
		ck_assert_uint_eq(handed_out(pool), out - size);
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_figure_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "figures");

	tcase_add_test(tcase, figures_fall_and_rise_exactly);
	tcase_add_test(tcase, figures_packed_fall_by_the_size);
}
