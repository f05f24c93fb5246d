/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools as their users see them: options, children, reset and destroy, data,
 * limits, the out-of-memory handler, statistics, trim and version.
 */
#include "counting.h"
#include "util.h"

#include <limits.h>
#include <setjmp.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define FIRST_BLOCK_DEFAULT (4 * KIB)
#define MAX_BLOCK_DEFAULT   (256 * KIB)
#define LARGE_ABOVE_DEFAULT (4 * KIB)
#define BLOCK_MOST          (64 * MIB)
#define LARGE_ABOVE_MOST    MIB

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

/* Uses `pool` with requests of every kind, and resets it. */
static void exercise(tarn_pool *pool)
{
	static const size_t sizes[] = {1,   8,    16,   24,   100,
				       500, 1000, 4096, 5000, 20000};
	size_t i, n = sizeof sizes / sizeof *sizes;

	for (i = 0; i < 20 * n; i++) {
		size_t size = sizes[i % n];
		char *object = tarn_palloc(pool, size);
		char *bytes = tarn_pnalloc(pool, size);

		REQUIRE(object != NULL);
		REQUIRE(bytes != NULL);
		REQUIRE(is_aligned(object, TARN_ALIGNMENT));
		memset(object, 1, size);
		memset(bytes, 2, size);
		REQUIRE(object[0] == 1);
		REQUIRE(object[size - 1] == 1);
	}
	tarn_pool_reset(pool);
}

/* Allocates until refused, a total of at most `most`; returns the total. */
static size_t fill(tarn_pool *pool, size_t size, size_t most)
{
	size_t total = 0;

	errno = 0;
	while (total < most && tarn_palloc(pool, size) != NULL)
		total += size;
	if (total < most)
		ck_assert_int_eq(errno, ENOMEM);
	return total;
}

/* ---- options ------------------------------------------------------------- */

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

/* Creates, uses and destroys a pool of these options over `counting`. */
static void options_work(struct counting *counting, tarn_options *options)
{
	tarn_pool *pool;

	options->upstream = &counting->upstream;
	pool = tarn_pool_create(options);
	ck_assert_ptr_nonnull(pool);
	exercise(pool);
	exercise(pool);
	tarn_pool_destroy(pool);
	ck_assert_uint_le(counting->largest, BLOCK_MOST);
	counting_finish(counting);
}

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

static void add_option_tests(Suite *suite)
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
}

/* ---- children ------------------------------------------------------------ */

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

static void add_child_tests(Suite *suite)
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
}

/* ---- reset and destroy --------------------------------------------------- */

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

static void add_reset_tests(Suite *suite)
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

/* ---- limits -------------------------------------------------------------- */

#define LIMIT  MIB
#define USABLE (LIMIT / 10 * 9) /* what at least can be handed out */

static tarn_pool *limited_pool(struct counting *counting, size_t limit)
{
	tarn_options options = counting_options(counting);
	tarn_pool *pool;

	options.limit = limit;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_eq(stats_of(pool).limit, limit);
	return pool;
}

/* Fills with ever smaller requests; returns what is then handed out. */
static size_t fill_up(tarn_pool *pool, size_t size)
{
	for (; size >= 16; size /= 2)
		fill(pool, size, SIZE_MAX);
	return stats_of(pool).handed_out;
}

/* Asserts that the limit was kept, and that nothing stays after destroy. */
static void limited_finish(struct counting *counting, tarn_pool *pool,
			   size_t limit)
{
	ck_assert_uint_eq(stats_of(pool).held, counting->live_bytes);
	ck_assert_uint_le(counting->peak_bytes, limit);
	tarn_pool_destroy(pool);
	counting_finish(counting);
}

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

static void add_limit_tests(Suite *suite)
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
	tcase_add_test(tcase, limit_of_a_tree_counts_descendants);
	tcase_add_test(tcase, limit_of_a_child_is_below_its_parents);
	tcase_add_test(tcase, limit_of_a_child_alone_holds);
	tcase_add_test(tcase, limit_stops_the_making_of_children);
}

/* ---- the out-of-memory handler ------------------------------------------- */

struct oom_record {
	size_t calls;
	tarn_pool *pool;
	size_t size;
	void *to_free; /* a large object of the pool, freed by the handler */
	jmp_buf back;
	bool leaves;
};

static void oom_note(tarn_pool *pool, size_t size, void *data)
{
	struct oom_record *record = data;
	tarn_stats stats = TARN_STATS_INIT;

	record->calls++;
	record->pool = pool;
	record->size = size;
	tarn_pool_stats(pool, &stats);
	if (record->to_free != NULL && tarn_pfree(pool, record->to_free) == 0)
		record->to_free = NULL;
	errno = COUNTING_ERRNO;
	if (record->leaves)
		longjmp(record->back, 1);
}

/* Returns a pool whose first block is full and whose upstream fails. */
static tarn_pool *starved_pool(struct counting *counting,
			       struct oom_record *record)
{
	tarn_options options;
	tarn_pool *pool;

	memset(record, 0, sizeof *record);
	counting_init(counting);
	options = counting_options(counting);
	options.on_oom = oom_note;
	options.on_oom_data = record;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	counting->fail_at = counting->calls + 1;
	counting->fail_for_ever = true;
	fill_up(pool, 64);
	while (tarn_pnalloc(pool, 1) != NULL)
		;
	memset(record, 0, sizeof *record);
	return pool;
}

/* Asserts one call of the handler for `pool` and `size`, and ENOMEM. */
static void oom_noted(struct oom_record *record, tarn_pool *pool, size_t size)
{
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(record->calls, 1);
	ck_assert_ptr_eq(record->pool, pool);
	ck_assert_uint_eq(record->size, size);
	record->calls = 0;
	errno = 0;
}

START_TEST(oom_each_allocation_calls_the_handler_once)
{
	struct counting counting;
	struct oom_record record;
	tarn_pool *pool = starved_pool(&counting, &record);
	tarn_local *local = tarn_pool_local(pool);

	ck_assert_ptr_null(tarn_palloc(pool, 100));
	oom_noted(&record, pool, 100);
	ck_assert_ptr_null(tarn_pnalloc(pool, 101));
	oom_noted(&record, pool, 101);
	ck_assert_ptr_null(tarn_palloc(pool, 10000));
	oom_noted(&record, pool, 10000);
	ck_assert_ptr_null(tarn_pcalloc(pool, 10, 33));
	oom_noted(&record, pool, 330);
	ck_assert_ptr_null(tarn_pmemalign(pool, 64, 65));
	oom_noted(&record, pool, 65);
	ck_assert_ptr_null(tarn_pmemalign(pool, 4096, 66));
	oom_noted(&record, pool, 66);
	ck_assert_ptr_null(tarn_prealloc(pool, NULL, 0, 102));
	oom_noted(&record, pool, 102);
	ck_assert_ptr_null(tarn_local_palloc(local, 103));
	oom_noted(&record, pool, 103);
	ck_assert_ptr_null(tarn_local_pmemalign(local, 32, 104));
	oom_noted(&record, pool, 104);
	ck_assert_ptr_null(tarn_local_pnalloc(local, 5000));
	oom_noted(&record, pool, 5000);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_each_copy_calls_the_handler_once)
{
	struct counting counting;
	struct oom_record record;
	tarn_pool *pool = starved_pool(&counting, &record);

	ck_assert_ptr_null(tarn_pmemdup(pool, "0123456789", 10));
	oom_noted(&record, pool, 10);
	ck_assert_ptr_null(tarn_pstrdup(pool, "0123456789"));
	oom_noted(&record, pool, 11);
	ck_assert_ptr_null(tarn_pstrndup(pool, "0123456789", 5));
	oom_noted(&record, pool, 6);
	ck_assert_ptr_null(tarn_psprintf(pool, "%s", "0123456789"));
	oom_noted(&record, pool, 11);
	ck_assert_ptr_null(tarn_pstrcat(pool, "01234", "56789", (char *)NULL));
	oom_noted(&record, pool, 11);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_size_overflow_calls_the_handler)
{
	struct counting counting;
	struct oom_record record;
	tarn_pool *pool = starved_pool(&counting, &record);

	ck_assert_ptr_null(tarn_palloc(pool, opaque(SIZE_MAX - 7)));
	oom_noted(&record, pool, SIZE_MAX - 7);
	ck_assert_ptr_null(tarn_pcalloc(pool, opaque(SIZE_MAX / 2), 3));
	oom_noted(&record, pool, SIZE_MAX);
	ck_assert_uint_eq(counting.failures, counting.calls - 1);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_invalid_arguments_do_not_call_the_handler)
{
	struct counting counting;
	struct oom_record record;
	tarn_pool *pool = starved_pool(&counting, &record);

	ck_assert_ptr_null(tarn_pmemalign(pool, 3, 100));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(tarn_pstrdup(pool, NULL));
	ck_assert_ptr_null(tarn_pstrndup(pool, NULL, 3));
	ck_assert_ptr_null(tarn_pmemdup(pool, NULL, 3));
	ck_assert_ptr_null(tarn_cleanup_add(pool, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(tarn_pfree(pool, NULL), -1);
	ck_assert_uint_eq(record.calls, 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_limit_calls_the_handler)
{
	struct counting counting;
	struct oom_record record = {.calls = 0};
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.limit = LIMIT;
	options.on_oom = oom_note;
	options.on_oom_data = &record;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	errno = 0;
	ck_assert_ptr_null(tarn_palloc(pool, LIMIT + 5));
	oom_noted(&record, pool, LIMIT + 5);
	fill(pool, 64, SIZE_MAX);
	oom_noted(&record, pool, 64);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_handler_may_free_and_nothing_is_tried_again)
{
	struct counting counting;
	struct oom_record record = {.calls = 0};
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.limit = LIMIT;
	options.on_oom = oom_note;
	options.on_oom_data = &record;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	record.to_free = tarn_palloc(pool, LIMIT / 2);
	ck_assert_ptr_nonnull(record.to_free);
	ck_assert_ptr_null(tarn_palloc(pool, LIMIT / 2));
	ck_assert_ptr_null(record.to_free);
	oom_noted(&record, pool, LIMIT / 2);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LIMIT / 2));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_handler_may_longjmp)
{
	struct counting counting;
	struct oom_record record;
	tarn_pool *pool = starved_pool(&counting, &record);
	static const size_t sizes[] = {1, 100, 4096, 5000, 100000};
	volatile size_t i;

	record.leaves = true;
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (setjmp(record.back) == 0) {
			tarn_palloc(pool, sizes[i]);
			ck_abort_msg("no handler was called");
		}
		ck_assert_uint_eq(record.size, sizes[i]);
	}
	ck_assert_uint_eq(record.calls, sizeof sizes / sizeof *sizes);
	counting.fail_at = 0;
	exercise(pool);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(oom_child_without_handler_has_its_parents)
{
	struct counting counting;
	struct oom_record record, own = {.calls = 0};
	tarn_pool *pool = starved_pool(&counting, &record);
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *child, *grandchild;

	counting.fail_at = 0;
	child = tarn_pool_create_child(pool, NULL);
	grandchild = tarn_pool_create_child(child, &options);
	options.on_oom = oom_note;
	options.on_oom_data = &own;
	options.limit = 100 * KIB;
	ck_assert_ptr_null(tarn_palloc(child, opaque(SIZE_MAX - 1)));
	oom_noted(&record, child, SIZE_MAX - 1);
	ck_assert_ptr_null(tarn_palloc(grandchild, opaque(SIZE_MAX - 2)));
	oom_noted(&record, grandchild, SIZE_MAX - 2);
	child = tarn_pool_create_child(pool, &options);
	ck_assert_ptr_null(tarn_palloc(child, 200 * KIB));
	oom_noted(&own, child, 200 * KIB);
	ck_assert_uint_eq(record.calls, 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_oom_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "out of memory");

	tcase_add_test(tcase, oom_each_allocation_calls_the_handler_once);
	tcase_add_test(tcase, oom_each_copy_calls_the_handler_once);
	tcase_add_test(tcase, oom_size_overflow_calls_the_handler);
	tcase_add_test(tcase, oom_invalid_arguments_do_not_call_the_handler);
	tcase_add_test(tcase, oom_limit_calls_the_handler);
	tcase_add_test(tcase, oom_handler_may_free_and_nothing_is_tried_again);
	tcase_add_test(tcase, oom_handler_may_longjmp);
	tcase_add_test(tcase, oom_child_without_handler_has_its_parents);
}

/* ---- statistics ---------------------------------------------------------- */

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
		tarn_palloc(pool, 24);
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

static void do_nothing(void *data)
{
	(void)data;
}

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

static void add_stats_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "statistics");

	tcase_add_test(tcase, stats_small_objects_count_exactly);
	tcase_add_test(tcase, stats_padding_is_counted_and_bounded);
	tcase_add_test(tcase, stats_large_objects_count_exactly);
	tcase_add_test(tcase, stats_of_a_growing_pool_agree_with_upstream);
	tcase_add_test(tcase,
		       stats_local_pools_counts_the_slots_that_allocated);
	tcase_add_test(tcase, stats_count_children_and_cleanups);
	tcase_add_test(tcase, stats_shorter_struct_is_filled_to_its_end);
	tcase_add_test(tcase, stats_longer_struct_is_filled_as_far_as_known);
	tcase_add_test(tcase, stats_struct_that_holds_nothing_is_einval);
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
	add_child_tests(suite);
	add_reset_tests(suite);
	add_data_tests(suite);
	add_limit_tests(suite);
	add_oom_tests(suite);
	add_stats_tests(suite);
	add_other_tests(suite);
	return suite_run(suite);
}
