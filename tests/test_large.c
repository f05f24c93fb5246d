/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The large list: what is large, freeing early, refusing what is not there
 * without looking near it, and prealloc of large objects.
 */
#include "counting.h"
#include "host.h"
#include "util.h"

#include "large.h"

#define KIB ((size_t)1024)

/* Asserts that pfree refuses `ptr` and changes nothing. */
static void refused(tarn_pool *pool, void *ptr)
{
	tarn_stats before = stats_of(pool), after;

	errno = 0;
	REQUIRE(tarn_pfree(pool, ptr) == -1);
	REQUIRE(errno == ENOENT);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
}

/* ---- allocating and freeing ---------------------------------------------- */

START_TEST(large_object_is_listed_and_freed)
{
	static const size_t sizes[] = {4097,   4111,    4112,   8191,  8192,
				       8193,   10000,   16384,  65536, 100000,
				       262144, 1000000, 5000001};
	size_t i, n = sizeof sizes / sizeof *sizes;
	struct counting counting;
	tarn_pool *pool;
	size_t held;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < n; i++) {
		char *object = tarn_palloc(pool, sizes[i]);

		ck_assert_ptr_nonnull(object);
		ck_assert(is_aligned(object, TARN_ALIGNMENT));
		ck_assert(counting_contains(&counting, object, sizes[i]));
		memset(object, 1, sizes[i]);
		held = counting.live_bytes;
		ck_assert_uint_eq(stats_of(pool).large_count, 1);
		ck_assert_uint_eq(stats_of(pool).held, held);
		ck_assert_int_eq(tarn_pfree(pool, object), 0);
		ck_assert_uint_le(counting.live_bytes, held - sizes[i]);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		refused(pool, object);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(large_objects_cost_little_more_than_they_are)
{
	struct counting counting;
	tarn_pool *pool;
	size_t i;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 10000));
	ck_assert_uint_le(counting.live_bytes, 1000 * 10400 + 64 * KIB);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

enum {
	MANY = 5000
};

/* Frees every other of many, in any order; destroy frees the rest. */
START_TEST(large_many_are_found_in_any_order)
{
	uint64_t state = seed("large_many_are_found_in_any_order");
	static char *objects[MANY];
	struct counting counting;
	tarn_pool *pool;
	size_t i, other;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < MANY; i++) {
		objects[i] = tarn_palloc(pool, 4097 + i % 100);
		REQUIRE(objects[i] != NULL);
		memcpy(objects[i], &i, sizeof i);
	}
	for (i = MANY - 1; i > 0; i--) {
		char *object = objects[i];

		other = random_between(&state, 0, i);
		objects[i] = objects[other];
		objects[other] = object;
	}
	for (i = 0; i < MANY; i += 2)
		REQUIRE(tarn_pfree(pool, objects[i]) == 0);
	REQUIRE(stats_of(pool).large_count == MANY / 2);
	for (i = 0; i < MANY; i += 2)
		REQUIRE(tarn_pfree(pool, objects[i]) == -1);
	for (i = 0; i < 100; i++)
		REQUIRE(tarn_palloc(pool, 5000) != NULL);
	REQUIRE(stats_of(pool).large_count == MANY / 2 + 100);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(large_freed_for_long_holds_nothing_more)
{
	struct counting counting;
	tarn_pool *pool;
	size_t i, n = rounds(20000), live = 0;
	void *kept[10] = {NULL};

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < n; i++) {
		if (kept[i % 10] != NULL)
			REQUIRE(tarn_pfree(pool, kept[i % 10]) == 0);
		kept[i % 10] = tarn_palloc(pool, 5000);
		REQUIRE(kept[i % 10] != NULL);
		if (i == 20)
			live = counting.live_bytes;
	}
	REQUIRE(counting.live_bytes == live);
	REQUIRE(stats_of(pool).held == live);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(large_reset_frees_all)
{
	struct counting counting;
	tarn_pool *pool;
	int round, i;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 300; i++)
			ck_assert_ptr_nonnull(
				tarn_palloc(pool, 5000 + (size_t)i));
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).large, 0);
		ck_assert_uint_lt(counting.live_bytes, 64 * KIB);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(large_of_any_kind_can_be_freed)
{
	struct counting counting;
	tarn_pool *pool;
	size_t alignment;

	counting_init(&counting);
	counting.raise = (size_t)_i;
	pool = counting_pool(&counting, 0);
	ck_assert_int_eq(tarn_pfree(pool, tarn_pnalloc(pool, 5000)), 0);
	ck_assert_int_eq(tarn_pfree(pool, tarn_pcalloc(pool, 500, 10)), 0);
	ck_assert_int_eq(tarn_pfree(pool, tarn_psprintf(pool, "%09000d", 1)),
			 0);
	ck_assert_int_eq(tarn_pfree(pool, tarn_local_palloc(
						  tarn_pool_local(pool), 5000)),
			 0);
	for (alignment = 1; alignment <= 1024 * KIB; alignment *= 2) {
		char *object = tarn_pmemalign(pool, alignment, 5000);

		ck_assert(is_aligned(object, alignment));
		ck_assert(counting_contains(&counting, object, 5000));
		memset(object, 1, 5000);
		ck_assert_int_eq(tarn_pfree(pool, object), 0);
	}
	ck_assert_uint_eq(stats_of(pool).large, 0);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(large_raised_sizes_are_held)
{
	struct counting counting;
	tarn_pool *pool;
	size_t before;
	void *object;

	counting_init(&counting);
	counting.raise = (size_t)_i;
	pool = counting_pool(&counting, 0);
	before = counting.live_bytes;
	object = tarn_palloc(pool, 10000);
	ck_assert_ptr_nonnull(object);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	ck_assert_uint_ge(stats_of(pool).large, 10000 + (size_t)_i);
	ck_assert_uint_le(stats_of(pool).large, counting.live_bytes - before);
	object = tarn_prealloc(pool, object, 10000, 20000);
	ck_assert_ptr_nonnull(object);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_list_tests(Suite *suite)
{
	static const int raises[] = {0, 1, 8, 100, 4096};
	TCase *tcase = suite_case(suite, "list");
	size_t i;

	tcase_add_test(tcase, large_object_is_listed_and_freed);
	tcase_add_test(tcase, large_objects_cost_little_more_than_they_are);
	tcase_add_test(tcase, large_many_are_found_in_any_order);
	tcase_add_test(tcase, large_freed_for_long_holds_nothing_more);
	tcase_add_test(tcase, large_reset_frees_all);
	for (i = 0; i < sizeof raises / sizeof *raises; i++) {
		tcase_add_loop_test(tcase, large_of_any_kind_can_be_freed,
				    raises[i], raises[i] + 1);
		tcase_add_loop_test(tcase, large_raised_sizes_are_held,
				    raises[i], raises[i] + 1);
	}
}

/* ---- what is not there --------------------------------------------------- */

START_TEST(pfree_of_anything_else_is_enoent)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *other = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);
	char *foreign = malloc(10000), *small = tarn_palloc(pool, 100);
	char *large = tarn_palloc(pool, 10000);
	size_t on_stack[8] = {0}, i;

	ck_assert_ptr_nonnull(large);
	for (i = 1; i < 200; i++)
		refused(pool, large + i);
	refused(pool, large - 16);
	refused(pool, large + 10000);
	refused(pool, NULL);
	refused(pool, small);
	refused(pool, tarn_palloc(pool, 0));
	refused(pool, foreign);
	refused(pool, on_stack);
	refused(pool, pool);
	refused(pool, tarn_palloc(other, 10000));
	refused(pool, tarn_palloc(child, 10000));
	refused(other, large);
	refused(child, large);
	free(foreign);
	ck_assert_int_eq(tarn_pfree(pool, large), 0);
	refused(pool, large);
	tarn_pool_destroy(pool);
	tarn_pool_destroy(other);
}
END_TEST

START_TEST(pfree_of_unreadable_address_reads_nothing)
{
	size_t page = fence_page(), i;
	char *fence = fence_map(3 * page);
	tarn_pool *pool = tarn_pool_create(NULL);

	REQUIRE(fence != NULL);
	fence_close(fence, 3 * page, true);
	for (i = 0; i < 300; i++)
		REQUIRE(tarn_palloc(pool, 5000) != NULL);
	for (i = 0; i <= 3 * page; i += 8)
		REQUIRE(tarn_pfree(pool, fence + i) == -1);
	for (i = 1; i < 8 * sizeof(uintptr_t); i++) {
		uintptr_t address = (uintptr_t)1 << i;

		refused(pool, (void *)address);
		refused(pool, (void *)(0 - address));
	}
	refused(pool, (void *)UINTPTR_MAX);
	tarn_pool_destroy(pool);
	fence_unmap(fence, 3 * page);
}
END_TEST

START_TEST(pfree_of_address_used_again_works_again)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int i;

	for (i = 0; i < 1000; i++) {
		void *object = tarn_palloc(pool, 6000);

		REQUIRE(tarn_pfree(pool, object) == 0);
		REQUIRE(tarn_pfree(pool, object) == -1);
		object = tarn_pmemalign(pool, 256, 6000);
		REQUIRE(tarn_pfree(pool, object) == 0);
		REQUIRE(tarn_pfree(pool, object) == -1);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pfree_after_reset_is_enoent)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	void *object = tarn_palloc(pool, 10000);

	ck_assert_ptr_nonnull(object);
	tarn_pool_reset(pool);
	refused(pool, object);
	tarn_pool_destroy(pool);
}
END_TEST

static void add_refusal_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "refusals");

	tcase_add_test(tcase, pfree_of_anything_else_is_enoent);
	tcase_add_test(tcase, pfree_of_unreadable_address_reads_nothing);
	tcase_add_test(tcase, pfree_of_address_used_again_works_again);
	tcase_add_test(tcase, pfree_after_reset_is_enoent);
}

/* ---- prealloc ------------------------------------------------------------ */

/* Writes a number into each byte that follows from its place. */
static void write_pattern(unsigned char *bytes, size_t from, size_t to)
{
	for (; from < to; from++)
		bytes[from] = (unsigned char)(from * 31 + 7);
}

static void check_pattern(const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(i * 31 + 7))
			ck_abort_msg("byte %zu of %zu was lost", i, size);
}

START_TEST(prealloc_large_is_resized_by_upstream)
{
	struct counting counting;
	tarn_pool *pool;
	unsigned char *object;
	size_t size, next;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	object = tarn_palloc(pool, 5000);
	write_pattern(object, 0, 5000);
	for (size = 5000; size < 500000; size = next) {
		size_t resizes = counting.resizes;

		next = size + size / 2 + 1;
		object = tarn_prealloc(pool, object, size, next);
		ck_assert_ptr_nonnull(object);
		ck_assert(counting_contains(&counting, object, next));
		ck_assert_uint_eq(counting.resizes, resizes + 1);
		check_pattern(object, size);
		write_pattern(object, size, next);
		ck_assert_uint_eq(stats_of(pool).large_count, 1);
		ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	}
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(prealloc_large_where_upstream_cannot_is_moved)
{
	struct counting counting;
	tarn_pool *pool;
	unsigned char *object, *old;
	size_t before;

	counting_init(&counting);
	if (_i == 0)
		counting.refuse_resize = true;
	else
		counting.upstream.resize = NULL;
	pool = counting_pool(&counting, 0);
	object = old = tarn_palloc(pool, 5000);
	ck_assert_ptr_nonnull(object);
	before = counting.live_bytes;
	write_pattern(object, 0, 5000);
	object = tarn_prealloc(pool, object, 5000, 50000);
	ck_assert_ptr_nonnull(object);
	ck_assert_ptr_ne(object, old);
	check_pattern(object, 5000);
	write_pattern(object, 0, 50000);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_uint_ge(counting.live_bytes, before + 45000 - 64);
	ck_assert_uint_le(counting.live_bytes, before + 45000 + 512);
	refused(pool, old);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(prealloc_large_that_fails_keeps_the_old)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	unsigned char *object;

	counting_init(&counting);
	if (_i == 1)
		counting.upstream.resize = NULL;
	pool = counting_pool(&counting, 0);
	object = tarn_palloc(pool, 5000);
	write_pattern(object, 0, 5000);
	before = stats_of(pool);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	errno = 0;
	ck_assert_ptr_null(tarn_prealloc(pool, object, 5000, 50000));
	ck_assert_int_eq(errno, ENOMEM);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	check_pattern(object, 5000);
	counting.fail_at = 0;
	object = tarn_prealloc(pool, object, 5000, 50000);
	ck_assert_ptr_nonnull(object);
	check_pattern(object, 5000);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

struct theirs {
	tarn_pool *pool;
	unsigned char *object;
};

static int alloc_large(void *arg)
{
	struct theirs *theirs = arg;

	theirs->object = tarn_palloc(theirs->pool, 5000);
	EXPECT(theirs->object != NULL);
	return 0;
}

/* Another thread's object: its new place at home needs a larger table. */
START_TEST(prealloc_large_without_a_place_at_home_keeps_the_old)
{
	struct theirs theirs;
	struct counting counting;
	tarn_stats before, after;
	int i;

	counting_init(&counting);
	theirs.pool = counting_pool(&counting, 0);
	for (i = 0; i < LARGE_FEW / 4 * 3; i++)
		ck_assert_ptr_nonnull(tarn_palloc(theirs.pool, 10000));
	ck_assert_int_eq(worker_run(alloc_large, &theirs), 0);
	write_pattern(theirs.object, 0, 5000);
	before = stats_of(theirs.pool);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	errno = 0;
	ck_assert_ptr_null(
		tarn_prealloc(theirs.pool, theirs.object, 5000, 50000));
	ck_assert_int_eq(errno, ENOMEM);
	after = stats_of(theirs.pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	check_pattern(theirs.object, 5000);
	counting.fail_at = 0;
	theirs.object = tarn_prealloc(theirs.pool, theirs.object, 5000, 50000);
	check_pattern(theirs.object, 5000);
	ck_assert_int_eq(tarn_pfree(theirs.pool, theirs.object), 0);
	tarn_pool_destroy(theirs.pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(prealloc_small_to_large_moves_into_the_list)
{
	struct counting counting;
	tarn_pool *pool;
	unsigned char *object;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	object = tarn_palloc(pool, 3000);
	write_pattern(object, 0, 3000);
	object = tarn_prealloc(pool, object, 3000, 30000);
	ck_assert_ptr_nonnull(object);
	check_pattern(object, 3000);
	write_pattern(object, 0, 30000);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Though there is room behind it: what is large is freed by tarn_pfree. */
START_TEST(prealloc_of_the_last_to_large_moves_into_the_list)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	unsigned char *object;

	options.first_block = 65536;
	pool = tarn_pool_create(&options);
	object = tarn_palloc(pool, 4096);
	write_pattern(object, 0, 4096);
	object = tarn_prealloc(pool, object, 4096, 4097);
	ck_assert_ptr_nonnull(object);
	check_pattern(object, 4096);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_large_to_small_keeps_the_contents)
{
	static const size_t sizes[] = {20000, 4097, 4096, 1000, 16, 1, 0};
	size_t i, old = 50000;
	struct counting counting;
	tarn_pool *pool;
	unsigned char *object;

	counting_init(&counting);
	if (_i == 1)
		counting.refuse_resize = true;
	if (_i == 2)
		counting.upstream.resize = NULL;
	pool = counting_pool(&counting, 0);
	object = tarn_palloc(pool, old);
	write_pattern(object, 0, old);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		object = tarn_prealloc(pool, object, old, sizes[i]);
		ck_assert_ptr_nonnull(object);
		check_pattern(object, sizes[i]);
		ck_assert_uint_le(stats_of(pool).large_count, 1);
		ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
		old = sizes[i];
	}
	object = tarn_prealloc(pool, object, old, 100000);
	ck_assert_ptr_nonnull(object);
	write_pattern(object, 0, 100000);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_prealloc_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "prealloc");

	tcase_add_test(tcase, prealloc_large_is_resized_by_upstream);
	tcase_add_loop_test(
		tcase, prealloc_large_where_upstream_cannot_is_moved, 0, 2);
	tcase_add_loop_test(tcase, prealloc_large_that_fails_keeps_the_old, 0,
			    2);
	tcase_add_test(tcase,
		       prealloc_large_without_a_place_at_home_keeps_the_old);
	tcase_add_test(tcase, prealloc_small_to_large_moves_into_the_list);
	tcase_add_test(tcase,
		       prealloc_of_the_last_to_large_moves_into_the_list);
	tcase_add_loop_test(tcase, prealloc_large_to_small_keeps_the_contents,
			    0, 3);
}

/* ---- the table, from the inside ------------------------------------------ */

/* An upstream that lists one object more while it is asked for a table. */
struct meanwhile {
	struct counting counting;
	tarn_upstream upstream;
	struct source source;
	struct large large;
	struct large_use use;
	size_t table; /* bytes, of which table; 0: it was asked for */
};

static void *meanwhile_alloc(void *ctx, size_t *size, size_t alignment)
{
	struct meanwhile *meanwhile = ctx;

	if (*size == meanwhile->table) {
		meanwhile->table = 0;
		ck_assert_ptr_nonnull(large_alloc(&meanwhile->large,
						  &meanwhile->use, BIRTH_NONE,
						  16, 10000));
	}
	return counting_alloc(&meanwhile->counting, size, alignment);
}

static void meanwhile_release(void *ctx, void *ptr, size_t size)
{
	struct meanwhile *meanwhile = ctx;

	counting_release(&meanwhile->counting, ptr, size);
}

static void meanwhile_init(struct meanwhile *meanwhile)
{
	memset(meanwhile, 0, sizeof *meanwhile);
	counting_init(&meanwhile->counting);
	meanwhile->upstream = (tarn_upstream){meanwhile_alloc, NULL,
					      meanwhile_release, meanwhile};
	meanwhile->source = source_of(&meanwhile->upstream, NULL);
	meanwhile->use = (struct large_use){NULL, &meanwhile->source, true};
	large_init(&meanwhile->large);
}

/* Two threads that find it full at once do this, if seldom. */
START_TEST(table_grown_by_another_meanwhile_is_grown_once)
{
	static struct meanwhile meanwhile;
	struct large *large = &meanwhile.large;
	size_t fit = LARGE_FEW / 4 * 3;

	meanwhile_init(&meanwhile);
	for (size_t i = 0; i < fit; i++)
		ck_assert_ptr_nonnull(large_alloc(large, &meanwhile.use,
						  BIRTH_NONE, 16, 10000));
	meanwhile.table = 2 * LARGE_FEW * sizeof(struct large_entry);
	ck_assert_ptr_nonnull(
		large_alloc(large, &meanwhile.use, BIRTH_NONE, 16, 10000));
	ck_assert_uint_eq(meanwhile.table, 0);
	ck_assert_uint_eq(large->home.capacity, 2 * LARGE_FEW);
	ck_assert_uint_eq(large_figures(large, 0).count, fit + 2);
	ck_assert_uint_eq(meanwhile.counting.live_blocks, fit + 3);
	large_clear(large, &meanwhile.use);
	counting_finish(&meanwhile.counting);
}
END_TEST

static void add_table_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "table"),
		       table_grown_by_another_meanwhile_is_grown_once);
}

int main(void)
{
	Suite *suite = suite_create("large");

	add_list_tests(suite);
	add_refusal_tests(suite);
	add_prealloc_tests(suite);
	add_table_tests(suite);
	return suite_run(suite);
}
