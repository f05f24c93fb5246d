/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rounding and sums of sizes: at every edge of size_t, against plain division.
 */
#include "util.h"

#include "align.h"

START_TEST(align_is_power_only_powers_of_two)
{
	ck_assert(!align_is_power(0));
	for (size_t bit = 1; bit != 0; bit <<= 1) {
		ck_assert(align_is_power(bit));
		ck_assert(bit < 4 || !align_is_power(bit - 1));
		ck_assert(bit < 2 || !align_is_power(bit + 1));
	}
}
END_TEST

START_TEST(align_up_small_sizes_least_multiple)
{
	for (size_t alignment = 1; alignment <= 256; alignment *= 2)
		for (size_t size = 0; size <= 1024; size++) {
			size_t up =
				(size + alignment - 1) / alignment * alignment;
			size_t checked = 0;

			ck_assert_uint_eq(align_up(size, alignment), up);
			ck_assert(align_up_checked(size, alignment, &checked));
			ck_assert_uint_eq(checked, up);
			ck_assert_uint_eq(align_down(size, alignment),
					  size / alignment * alignment);
		}
}
END_TEST

START_TEST(align_up_checked_near_the_end_refuses)
{
	for (size_t alignment = 1; alignment != 0; alignment <<= 1) {
		size_t last = SIZE_MAX / alignment * alignment, rounded = 7;

		ck_assert(align_up_checked(last, alignment, &rounded));
		ck_assert_uint_eq(rounded, last);
		rounded = 7;
		if (last != SIZE_MAX) {
			ck_assert(!align_up_checked(last + 1, alignment,
						    &rounded));
			ck_assert(!align_up_checked(SIZE_MAX, alignment,
						    &rounded));
			ck_assert_uint_eq(rounded, 7);
		}
	}
}
END_TEST

START_TEST(align_sum_beyond_the_end_refuses)
{
	size_t sum = 7;

	ck_assert(!align_sum(SIZE_MAX, 1, &sum));
	ck_assert(!align_sum(1, SIZE_MAX, &sum));
	ck_assert(!align_sum(SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, &sum));
	ck_assert_uint_eq(sum, 7);
	ck_assert(align_sum(SIZE_MAX - 1, 1, &sum));
	ck_assert_uint_eq(sum, SIZE_MAX);
	ck_assert(align_sum(0, 0, &sum));
	ck_assert_uint_eq(sum, 0);
}
END_TEST

START_TEST(align_clamp_zero_is_the_preset)
{
	ck_assert_uint_eq(align_clamp(0, 5, 2, 9), 5);
	ck_assert_uint_eq(align_clamp(1, 5, 2, 9), 2);
	ck_assert_uint_eq(align_clamp(7, 5, 2, 9), 7);
	ck_assert_uint_eq(align_clamp(SIZE_MAX, 5, 2, 9), 9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("align");
	TCase *tcase = suite_case(suite, "align");

	tcase_add_test(tcase, align_is_power_only_powers_of_two);
	tcase_add_test(tcase, align_up_small_sizes_least_multiple);
	tcase_add_test(tcase, align_up_checked_near_the_end_refuses);
	tcase_add_test(tcase, align_sum_beyond_the_end_refuses);
	tcase_add_test(tcase, align_clamp_zero_is_the_preset);
	return suite_run(suite);
}
