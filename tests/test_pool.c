/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools as their users see them: what is short, data, version, trim and errno,
 * is here; options, children, reset and destroy, limits, the out-of-memory
 * handler and statistics are in pool_*.c.
 */
#include "pool_tests.h"

/* ---- data ---------------------------------------------------------------- */

static const char keys[100];

START_TEST(data_unset_is_null)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	ck_assert_ptr_null(tarn_pool_data(pool, &keys[0]));
	ck_assert_int_eq(tarn_pool_set_data(pool, &keys[1], pool), 0);
	ck_assert_ptr_null(tarn_pool_data(pool, &keys[0]));
	ck_assert_int_eq(tarn_pool_set_data(pool, &keys[0], NULL), 0);
	ck_assert_ptr_null(tarn_pool_data(pool, &keys[0]));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(data_many_keys_keep_their_values)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int values[100], i;

	for (i = 0; i < 100; i++)
		ck_assert_int_eq(tarn_pool_set_data(pool, &keys[i], &values[i]),
				 0);
	for (i = 0; i < 100; i += 2)
		ck_assert_int_eq(
			tarn_pool_set_data(pool, &keys[i], &values[99 - i]), 0);
	for (i = 0; i < 100; i += 5)
		ck_assert_int_eq(tarn_pool_set_data(pool, &keys[i], NULL), 0);
	for (i = 0; i < 100; i++) {
		int *expected = &values[i % 2 == 0 ? 99 - i : i];

		if (i % 5 == 0)
			expected = NULL;
		ck_assert_ptr_eq(tarn_pool_data(pool, &keys[i]), expected);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(data_of_other_pools_is_apart)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);
	int values[2];

	ck_assert_int_eq(tarn_pool_set_data(pool, &keys[0], &values[0]), 0);
	ck_assert_ptr_null(tarn_pool_data(child, &keys[0]));
	ck_assert_int_eq(tarn_pool_set_data(child, &keys[0], &values[1]), 0);
	ck_assert_ptr_eq(tarn_pool_data(pool, &keys[0]), &values[0]);
	tarn_pool_reset(child);
	ck_assert_ptr_eq(tarn_pool_data(pool, &keys[0]), &values[0]);
	ck_assert_ptr_null(tarn_pool_data(child, &keys[0]));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(data_set_and_unset_for_long_holds_nothing_more)
{
	struct counting counting;
	tarn_pool *pool;
	size_t i, calls;
	int value;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < 100; i++)
		REQUIRE(tarn_pool_set_data(pool, &keys[i], &value) == 0);
	calls = counting.calls;
	for (i = 0; i < 20000; i++)
		REQUIRE(tarn_pool_set_data(pool, &keys[i % 100],
					   i % 7 < 3 ? NULL : &value) == 0);
	REQUIRE(counting.calls == calls);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_data_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "data");

	tcase_add_test(tcase, data_unset_is_null);
	tcase_add_test(tcase, data_many_keys_keep_their_values);
	tcase_add_test(tcase, data_of_other_pools_is_apart);
	tcase_add_test(tcase, data_set_and_unset_for_long_holds_nothing_more);
}

/* ---- the rest ------------------------------------------------------------ */

START_TEST(version_is_that_of_the_header)
{
	char expected[64];

	snprintf(expected, sizeof expected, "%d.%d.%d", TARN_VERSION_MAJOR,
		 TARN_VERSION_MINOR, TARN_VERSION_PATCH);
	ck_assert_str_eq(tarn_version(), expected);
}
END_TEST

START_TEST(trim_leaves_living_pools_alone)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t i, n = 100;
	char *objects[100];
	tarn_pool *other;

	for (i = 0; i < n; i++) {
		objects[i] = tarn_palloc(pool, 3000);
		memset(objects[i], (int)i, 3000);
		other = tarn_pool_create(NULL);
		exercise(other);
		tarn_pool_destroy(other);
		tarn_trim();
	}
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(objects[i][0], (char)i);
		ck_assert_int_eq(objects[i][2999], (char)i);
	}
	tarn_pool_reset(pool);
	tarn_trim();
	exercise(pool);
	tarn_pool_destroy(pool);
	tarn_trim();
	tarn_trim();
}
END_TEST

/* Makes each call that can miss go to an upstream that changes errno. */
static void errno_of_allocations(tarn_pool *pool)
{
	tarn_local *local = tarn_pool_local(pool);
	char *small = tarn_palloc(pool, 100), *large = tarn_palloc(pool, 9000);
	size_t i;

	for (i = 0; i < 200; i++) {
		REQUIRE(tarn_palloc(pool, i * 10) != NULL);
		REQUIRE(tarn_pnalloc(pool, i * 10) != NULL);
		REQUIRE(tarn_pcalloc(pool, i, 10) != NULL);
		REQUIRE(tarn_pmemalign(pool, 256, i) != NULL);
		REQUIRE(tarn_local_palloc(local, i * 20) != NULL);
		REQUIRE(tarn_pstrdup(pool, "string") != NULL);
		REQUIRE(tarn_psprintf(pool, "%0300d", 1) != NULL);
	}
	small = tarn_prealloc(pool, small, 100, 200);
	small = tarn_prealloc(pool, small, 200, 20000);
	large = tarn_prealloc(pool, large, 9000, 90000);
	REQUIRE(small != NULL);
	REQUIRE(tarn_pfree(pool, large) == 0);
}

START_TEST(errno_is_untouched_on_success)
{
	static const int key;
	struct counting counting;
	tarn_pool *pool, *child;
	tarn_cleanup *cleanup;
	size_t i;

	counting_init(&counting);
	errno = EXDEV;
	pool = counting_pool(&counting, 0);
	ck_assert_int_eq(errno, EXDEV);
	errno_of_allocations(pool);
	ck_assert_int_eq(errno, EXDEV);
	for (i = 0; i < 200; i++) {
		cleanup = tarn_cleanup_add(pool, do_nothing, NULL);
		tarn_pool_set_data(pool, &keys[i % 100], pool);
	}
	tarn_cleanup_run(cleanup);
	ck_assert_int_eq(errno, EXDEV);
	child = tarn_pool_create_child(pool, NULL);
	tarn_pool_set_data(child, &key, child);
	tarn_pool_destroy(child);
	ck_assert_int_eq(errno, EXDEV);
	tarn_pool_create_child(pool, NULL);
	tarn_pool_reset(pool);
	stats_of(pool);
	tarn_trim();
	ck_assert_int_eq(errno, EXDEV);
	tarn_pool_destroy(pool);
	ck_assert_int_eq(errno, EXDEV);
	counting_finish(&counting);
}
END_TEST

START_TEST(errno_with_the_systems_upstreams_is_untouched_on_success)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.upstream =
		_i == 0 ? tarn_upstream_malloc() : tarn_upstream_mmap();
	errno = EXDEV;
	pool = tarn_pool_create(&options);
	errno_of_allocations(pool);
	tarn_pool_reset(pool);
	errno_of_allocations(pool);
	tarn_pool_destroy(pool);
	tarn_trim();
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

static void add_other_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "version, trim, errno");

	tcase_add_test(tcase, version_is_that_of_the_header);
	tcase_add_test(tcase, trim_leaves_living_pools_alone);
	tcase_add_test(tcase, errno_is_untouched_on_success);
	tcase_add_loop_test(
		tcase, errno_with_the_systems_upstreams_is_untouched_on_success,
		0, 2);
}

int main(void)
{
	Suite *suite = suite_create("pool");

	add_option_tests(suite);
	add_struct_tests(suite);
	add_child_tests(suite);
	add_reset_tests(suite);
	add_data_tests(suite);
	add_limit_tests(suite);
	add_oom_tests(suite);
	add_stats_tests(suite);
	add_other_tests(suite);
	return suite_run(suite);
}
