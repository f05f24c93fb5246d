/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children: whose upstream they use, that they die with their parent and leave
 * it whole, and that what they hold counts against the limits above them.
 */
#include "pool_tests.h"

/* ---- lives --------------------------------------------------------------- */

START_TEST(child_without_upstream_has_its_parents)
{
	struct counting counting;
	tarn_pool *parent, *child;
	size_t calls;

	counting_init(&counting);
	parent = counting_pool(&counting, 0);
	child = tarn_pool_create_child(parent, NULL);
	ck_assert_ptr_nonnull(child);
	calls = counting.calls;
	fill(child, 100, 100 * KIB);
	ck_assert_uint_gt(counting.calls, calls);
	ck_assert_uint_eq(stats_of(parent).held + stats_of(child).held,
			  counting.live_bytes);
	tarn_pool_destroy(parent);
	counting_finish(&counting);
}
END_TEST

START_TEST(child_with_its_own_upstream_uses_it)
{
	struct counting parents, own;
	tarn_options options;
	tarn_pool *parent, *child;

	counting_init(&parents);
	counting_init(&own);
	parent = counting_pool(&parents, 0);
	options = counting_options(&own);
	child = tarn_pool_create_child(parent, &options);
	ck_assert_ptr_nonnull(child);
	fill(child, 100, 100 * KIB);
	ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	ck_assert_uint_eq(stats_of(parent).held, parents.live_bytes);
	ck_assert_uint_eq(stats_of(child).held, own.live_bytes);
	tarn_pool_destroy(parent);
	counting_finish(&own);
	counting_finish(&parents);
}
END_TEST

START_TEST(child_dies_with_its_parent)
{
	struct counting counting;
	tarn_pool *pool;
	size_t before;
	int i;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	before = counting.live_bytes;
	for (i = 0; i < 20; i++) {
		tarn_pool *child = tarn_pool_create_child(pool, NULL);
		tarn_pool *grandchild = tarn_pool_create_child(child, NULL);

		ck_assert_ptr_nonnull(tarn_palloc(child, 5000));
		ck_assert_ptr_nonnull(tarn_palloc(grandchild, 5000));
	}
	ck_assert_uint_eq(stats_of(pool).children, 20);
	if (_i == 0) {
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).children, 0);
		ck_assert_uint_eq(counting.live_bytes, before);
		exercise(pool);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(child_destroyed_first_leaves_its_parent)
{
	struct counting counting;
	tarn_pool *parent, *older, *child, *younger;
	size_t held;

	counting_init(&counting);
	parent = counting_pool(&counting, 0);
	older = tarn_pool_create_child(parent, NULL);
	held = counting.live_bytes;
	child = tarn_pool_create_child(parent, NULL);
	ck_assert_ptr_nonnull(child);
	ck_assert_ptr_nonnull(tarn_palloc(child, 5000));
	tarn_pool_destroy(child);
	ck_assert_uint_eq(counting.live_bytes, held);
	ck_assert_uint_eq(stats_of(parent).children, 1);
	younger = tarn_pool_create_child(parent, NULL);
	ck_assert_uint_eq(stats_of(parent).children, 2);
	exercise(older);
	exercise(younger);
	tarn_pool_destroy(older);
	tarn_pool_destroy(younger);
	ck_assert_uint_eq(stats_of(parent).children, 0);
	exercise(parent);
	tarn_pool_destroy(parent);
	counting_finish(&counting);
}
END_TEST

START_TEST(child_reset_leaves_parent_and_siblings)
{
	tarn_pool *parent = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(parent, NULL);
	tarn_pool *sibling = tarn_pool_create_child(parent, NULL);
	char *mine = tarn_pstrdup(parent, "parent");
	char *theirs = tarn_pstrdup(sibling, "sibling");
	int i;

	for (i = 0; i < 50; i++)
		exercise(child);
	ck_assert_str_eq(mine, "parent");
	ck_assert_str_eq(theirs, "sibling");
	ck_assert_uint_eq(stats_of(parent).children, 2);
	tarn_pool_destroy(parent);
}
END_TEST

START_TEST(child_after_child_holds_nothing_more)
{
	struct counting counting;
	tarn_pool *parent, *child;
	size_t i, live = 0, n = rounds(2000);

	counting_init(&counting);
	parent = counting_pool(&counting, 0);
	for (i = 0; i < n; i++) {
		child = tarn_pool_create_child(parent, NULL);
		REQUIRE(tarn_palloc(child, 100) != NULL);
		tarn_pool_destroy(child);
		if (i == 0)
			live = counting.live_bytes;
		REQUIRE(counting.live_bytes == live);
	}
	tarn_pool_destroy(parent);
	counting_finish(&counting);
}
END_TEST

START_TEST(child_of_a_long_line_dies_with_the_first)
{
	size_t i, n = rounds(5000);
	struct counting counting;
	tarn_options options;
	tarn_pool *first, *youngest;

	counting_init(&counting);
	options = counting_options(&counting);
	options.first_block = 1;
	first = youngest = tarn_pool_create(&options);
	for (i = 0; i < n; i++) {
		youngest = tarn_pool_create_child(youngest, &options);
		REQUIRE(youngest != NULL);
	}
	exercise(youngest);
	tarn_pool_destroy(first);
	counting_finish(&counting);
}
END_TEST

START_TEST(child_statistics_are_its_own)
{
	struct counting counting;
	tarn_pool *parent, *child;
	tarn_stats before, after;

	counting_init(&counting);
	parent = counting_pool(&counting, 0);
	child = tarn_pool_create_child(parent, NULL);
	ck_assert_ptr_nonnull(child);
	before = stats_of(parent);
	ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	ck_assert_ptr_nonnull(tarn_palloc(child, 100));
	ck_assert_ptr_nonnull(tarn_pool_create_child(child, NULL));
	after = stats_of(parent);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_uint_eq(after.children, 1);
	ck_assert_uint_eq(stats_of(child).large_count, 1);
	tarn_pool_destroy(parent);
	counting_finish(&counting);
}
END_TEST

/* ---- limits -------------------------------------------------------------- */

START_TEST(limit_of_a_tree_counts_descendants)
{
	struct counting counting;
	tarn_pool *root, *child, *grandchild, *sibling;

	counting_init(&counting);
	root = limited_pool(&counting, LIMIT);
	child = tarn_pool_create_child(root, NULL);
	grandchild = tarn_pool_create_child(child, NULL);
	sibling = tarn_pool_create_child(root, NULL);
	fill(grandchild, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(grandchild).handed_out, USABLE);
	ck_assert_ptr_null(tarn_palloc(root, 64 * KIB));
	ck_assert_ptr_null(tarn_palloc(child, 64 * KIB));
	ck_assert_ptr_null(tarn_palloc(sibling, 64 * KIB));
	ck_assert_uint_eq(stats_of(grandchild).limit, 0);
	ck_assert_uint_le(stats_of(root).held + stats_of(child).held +
				  stats_of(grandchild).held +
				  stats_of(sibling).held,
			  LIMIT);
	tarn_pool_destroy(child);
	fill(sibling, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(sibling).handed_out, USABLE);
	tarn_pool_reset(root);
	fill(root, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(root).handed_out, USABLE);
	limited_finish(&counting, root, LIMIT);
}
END_TEST

START_TEST(limit_of_a_child_is_below_its_parents)
{
	struct counting counting;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *root, *child;

	counting_init(&counting);
	root = limited_pool(&counting, LIMIT);
	options.limit = LIMIT / 8;
	child = tarn_pool_create_child(root, &options);
	ck_assert_ptr_nonnull(child);
	ck_assert_uint_eq(stats_of(child).limit, LIMIT / 8);
	fill(child, 64, SIZE_MAX);
	ck_assert_uint_le(stats_of(child).held, LIMIT / 8);
	ck_assert_uint_ge(stats_of(child).handed_out, LIMIT / 8 / 10 * 8);
	fill(root, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(root).handed_out, USABLE - LIMIT / 8);
	ck_assert_uint_le(counting.peak_bytes, LIMIT);
	tarn_pool_destroy(root);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_of_a_child_alone_holds)
{
	struct counting counting;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *root, *child, *grandchild;
	size_t held;

	counting_init(&counting);
	root = counting_pool(&counting, 0);
	options.limit = LIMIT;
	child = tarn_pool_create_child(root, &options);
	grandchild = tarn_pool_create_child(child, NULL);
	fill(grandchild, 64, SIZE_MAX);
	fill(child, 64, SIZE_MAX);
	held = stats_of(child).held + stats_of(grandchild).held;
	ck_assert_uint_le(held, LIMIT);
	ck_assert_uint_ge(held, USABLE);
	ck_assert_ptr_nonnull(tarn_palloc(root, 2 * LIMIT));
	tarn_pool_destroy(root);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_stops_the_making_of_children)
{
	struct counting counting;
	tarn_pool *root;
	size_t n = 0, round;

	counting_init(&counting);
	root = limited_pool(&counting, LIMIT);
	for (round = 0; round < 2; round++) {
		size_t before = n;

		for (n = 0; tarn_pool_create_child(root, NULL) != NULL; n++)
			ck_assert_uint_lt(n, LIMIT);
		ck_assert_int_eq(errno, ENOMEM);
		ck_assert_uint_eq(stats_of(root).children, n);
		ck_assert_uint_gt(n, 10);
		ck_assert(round == 0 || n == before);
		tarn_pool_reset(root);
	}
	fill(root, 64, SIZE_MAX);
	ck_assert_uint_ge(stats_of(root).handed_out, USABLE);
	limited_finish(&counting, root, LIMIT);
}
END_TEST

void add_child_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "children");

	tcase_add_test(tcase, child_without_upstream_has_its_parents);
	tcase_add_test(tcase, child_with_its_own_upstream_uses_it);
	tcase_add_loop_test(tcase, child_dies_with_its_parent, 0, 2);
	tcase_add_test(tcase, child_destroyed_first_leaves_its_parent);
	tcase_add_test(tcase, child_reset_leaves_parent_and_siblings);
	tcase_add_test(tcase, child_after_child_holds_nothing_more);
	tcase_add_test(tcase, child_of_a_long_line_dies_with_the_first);
	tcase_add_test(tcase, child_statistics_are_its_own);
	tcase_add_test(tcase, limit_of_a_tree_counts_descendants);
	tcase_add_test(tcase, limit_of_a_child_is_below_its_parents);
	tcase_add_test(tcase, limit_of_a_child_alone_holds);
	tcase_add_test(tcase, limit_stops_the_making_of_children);
}
