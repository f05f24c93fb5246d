/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where memory comes from: the tables of malloc and mmap by themselves, pools
 * over them, and pools over a caller's functions that raise sizes, refuse to
 * resize, or offer no resize.
 */
#include "config.h"

#include "counting.h"
#include "util.h"

#include "guard.h"
#include "limit.h"
#include "pages.h"
#include "upstream.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define UNDER_SANITIZER 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
	__has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

static const tarn_upstream *system_upstream(int which)
{
	return which == 0 ? tarn_upstream_malloc() : tarn_upstream_mmap();
}

static void write_pattern(unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 37 + (i >> 8));
}

static bool has_pattern(const unsigned char *bytes, size_t size)
{
	size_t i = 0;

	while (i < size && bytes[i] == (unsigned char)(i * 37 + (i >> 8)))
		i++;
	return i == size;
}

/* ---- the tables by themselves -------------------------------------------- */

static const size_t sizes[] = {1,    16,   100,   4095,   4096,   4097,
			       8192, 9999, 65536, 300000, 3000000};

enum {
	SIZES = sizeof sizes / sizeof *sizes
};

/* How many of `sizes` to try: a quick run leaves out the largest. */
static size_t size_count(void)
{
	return quick() ? SIZES - 2 : SIZES;
}

START_TEST(upstream_table_is_whole_and_the_same_each_time)
{
	const tarn_upstream *upstream = system_upstream(_i);

	ck_assert_ptr_eq(system_upstream(_i), upstream);
	ck_assert_ptr_ne(system_upstream(1 - _i), upstream);
	ck_assert(upstream->alloc != NULL);
	ck_assert(upstream->resize != NULL);
	ck_assert(upstream->release != NULL);
}
END_TEST

START_TEST(upstream_alloc_aligns_and_gives_what_it_says)
{
	const tarn_upstream *upstream = system_upstream(_i);
	size_t alignment, i;

	for (alignment = 1; alignment <= 4 * MIB; alignment *= 2)
		for (i = 0; i < size_count(); i++) {
			size_t size = sizes[i];
			unsigned char *ptr = upstream->alloc(upstream->ctx,
							     &size, alignment);

			REQUIRE(ptr != NULL);
			REQUIRE(is_aligned(ptr, alignment));
			REQUIRE(is_aligned(ptr, TARN_ALIGNMENT));
			REQUIRE(size >= sizes[i]);
			ptr[0] = 1;
			ptr[size / 2] = 2;
			ptr[size - 1] = 3;
			upstream->release(upstream->ctx, ptr, size);
		}
}
END_TEST

START_TEST(upstream_many_at_once_are_apart)
{
	const tarn_upstream *upstream = system_upstream(_i);
	unsigned char *blocks[200];
	size_t given[200], i;

	for (i = 0; i < 200; i++) {
		given[i] = sizes[i % (SIZES - 1)];
		blocks[i] = upstream->alloc(upstream->ctx, &given[i],
					    (size_t)16 << i % 8);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], (int)i, given[i]);
	}
	for (i = 0; i < 200; i++) {
		size_t j = 0;

		while (j < given[i] && blocks[i][j] == i)
			j++;
		ck_assert_uint_eq(j, given[i]);
		upstream->release(upstream->ctx, blocks[i], given[i]);
	}
}
END_TEST

/* Whether it resizes at all. */
static bool upstream_resizes(int which)
{
	return which == 0 ? HEAP_RESIZES : HAVE_LINUX_PAGES;
}

START_TEST(upstream_resize_keeps_contents)
{
	const tarn_upstream *upstream = system_upstream(_i);
	bool resizes = upstream_resizes(_i);
	size_t from, to;

	for (from = 0; from < size_count(); from++)
		for (to = 0; to < size_count(); to++) {
			size_t old = sizes[from], new = sizes[to];
			unsigned char *moved,
				*ptr = upstream->alloc(upstream->ctx, &old, 16);

			ck_assert_ptr_nonnull(ptr);
			write_pattern(ptr, sizes[from]);
			moved = upstream->resize(upstream->ctx, ptr, old, &new);
			ck_assert_int_eq(moved != NULL, resizes);
			/* Where it does not, all is as it was. */
			if (moved == NULL) {
				ck_assert(has_pattern(ptr, sizes[from]));
				upstream->release(upstream->ctx, ptr, old);
				continue;
			}
			ck_assert_uint_ge(new, sizes[to]);
			ck_assert(is_aligned(moved, TARN_ALIGNMENT));
			ck_assert(has_pattern(moved, from < to ? sizes[from]
							       : sizes[to]));
			moved[new - 1] = 1;
			upstream->release(upstream->ctx, moved, new);
		}
}
END_TEST

START_TEST(upstream_mmap_gives_whole_pages)
{
	const tarn_upstream *upstream = tarn_upstream_mmap();
	size_t page = pages_size(), i;

	for (i = 0; i < SIZES; i++) {
		size_t size = sizes[i];
		void *ptr = upstream->alloc(upstream->ctx, &size, 16);

		ck_assert_ptr_nonnull(ptr);
		ck_assert(is_aligned(ptr, page));
		ck_assert_uint_eq(size % page, 0);
		ck_assert_uint_lt(size, sizes[i] + 2 * MIB);
		upstream->release(upstream->ctx, ptr, size);
	}
}
END_TEST

START_TEST(guard_without_end_is_null)
{
	size_t size, i;

	for (i = 0; i < 40; i++) {
		size = SIZE_MAX - i * 1000;
		ck_assert_ptr_null(guard_upstream.alloc(NULL, &size, 16));
	}
}
END_TEST

START_TEST(upstream_mmap_without_end_is_null)
{
	const tarn_upstream *upstream = tarn_upstream_mmap();
	size_t size, kept, i, alignment;
	unsigned char *ptr;

	for (alignment = 16; alignment <= 4 * MIB; alignment *= 64)
		for (i = 0; i < 40; i++) {
			size = SIZE_MAX - i * 1000;
			ck_assert_ptr_null(upstream->alloc(upstream->ctx, &size,
							   alignment));
		}
	size = 16;
	ptr = upstream->alloc(upstream->ctx, &size, SIZE_MAX / 2 + 1);
	ck_assert(ptr == NULL || WORD_IS_SHORT);
	if (ptr != NULL)
		upstream->release(upstream->ctx, ptr, size);
	kept = 5000;
	ptr = upstream->alloc(upstream->ctx, &kept, 16);
	ck_assert_ptr_nonnull(ptr);
	write_pattern(ptr, 5000);
	/* Half of these wrap around when rounded to whole pages. */
	for (i = 0; i < 40; i++) {
		size = (i % 2 == 0      ? SIZE_MAX
			: WORD_IS_SHORT ? SIZE_MAX / 4 * 3
					: SIZE_MAX / 4) -
		       i * 100;
		ck_assert_ptr_null(
			upstream->resize(upstream->ctx, ptr, kept, &size));
	}
	ck_assert(has_pattern(ptr, 5000));
	upstream->release(upstream->ctx, ptr, kept);
}
END_TEST

/* More than there can be, where a sanitizer's malloc ends the program; or so
   much that with an alignment it wraps, which malloc is not asked for. */
START_TEST(upstream_malloc_without_end_is_null)
{
	const tarn_upstream *upstream = tarn_upstream_malloc();
	const size_t most =
		_i == 0 && !WORD_IS_SHORT ? SIZE_MAX / 2 : SIZE_MAX - MIB;
	size_t size, kept = 5000, i, alignment;
	unsigned char *ptr = upstream->alloc(upstream->ctx, &kept, 16);

	ck_assert_ptr_nonnull(ptr);
	write_pattern(ptr, 5000);
	for (i = 0; i < 40; i++) {
		for (alignment = 16; alignment <= 4 * MIB; alignment *= 64) {
			size = opaque(most - i * 1000);
			ck_assert_ptr_null(upstream->alloc(upstream->ctx, &size,
							   alignment));
		}
		size = opaque(most - i * 1000);
		ck_assert_ptr_null(
			upstream->resize(upstream->ctx, ptr, kept, &size));
	}
	ck_assert(has_pattern(ptr, 5000));
	upstream->release(upstream->ctx, ptr, kept);
}
END_TEST

static void add_table_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "tables");

	tcase_add_loop_test(
		tcase, upstream_table_is_whole_and_the_same_each_time, 0, 2);
	tcase_add_loop_test(tcase, upstream_alloc_aligns_and_gives_what_it_says,
			    0, 2);
	tcase_add_loop_test(tcase, upstream_many_at_once_are_apart, 0, 2);
	tcase_add_loop_test(tcase, upstream_resize_keeps_contents, 0, 2);
	tcase_add_test(tcase, upstream_mmap_gives_whole_pages);
	tcase_add_test(tcase, upstream_mmap_without_end_is_null);
	tcase_add_test(tcase, guard_without_end_is_null);
	tcase_add_loop_test(tcase, upstream_malloc_without_end_is_null,
			    UNDER_SANITIZER, 2);
}

/* ---- what a caller's functions may not do -------------------------------- */

START_TEST(usable_memory_is_aligned_and_clear_of_both_ends)
{
	const uintptr_t most = UINTPTR_MAX - UPSTREAM_SMALL_MOST;
	const uintptr_t least = UPSTREAM_SMALL_MOST + 64;

	ck_assert(upstream_usable((void *)least, 4096, 64));
	ck_assert(!upstream_usable((void *)(least + 16), 4096, 64));
	ck_assert(upstream_usable((void *)(least + 16), 4096, 16));
	ck_assert(upstream_usable((void *)(least + 1), 4096, 1));
	ck_assert(!upstream_usable((void *)UPSTREAM_SMALL_MOST, 4096, 64));
	ck_assert(!upstream_usable(NULL, 4096, 64));
	ck_assert(upstream_usable((void *)(most - 4096), 4096, 1));
	ck_assert(!upstream_usable((void *)(most - 4095), 4096, 1));
	ck_assert(!upstream_usable((void *)(most + 1), 0, 1));
	ck_assert(!upstream_usable((void *)UINTPTR_MAX, 4096, 1));
}
END_TEST

/* How an upstream is wrong. */
struct wrong {
	size_t off;    /* bytes from the memory to what is returned */
	size_t less;   /* bytes given less than asked               */
	size_t more;   /* bytes given beyond the limit              */
	void *instead; /* what is returned; NULL: some memory       */
	size_t taken, returned;
};

static char wrong_memory[8 * KIB];

static void *wrong_alloc(void *ctx, size_t *size, size_t alignment)
{
	struct wrong *wrong = ctx;

	(void)alignment;
	*size = *size - wrong->less + wrong->more;
	wrong->taken++;
	errno = EDOM;
	return wrong->instead != NULL ? wrong->instead
				      : wrong_memory + wrong->off;
}

static void wrong_release(void *ctx, void *ptr, size_t size)
{
	struct wrong *wrong = ctx;

	REQUIRE(ptr == (wrong->instead != NULL ? wrong->instead
					       : wrong_memory + wrong->off));
	REQUIRE(size == 4096 - wrong->less + wrong->more);
	wrong->returned++;
	errno = EDOM;
}

START_TEST(source_of_wrong_memory_gives_it_back_and_is_enomem)
{
	struct wrong wrongs[] = {{.off = 1},
				 {.less = 1},
				 {.more = 8192},
				 {.instead = (void *)16}};
	struct wrong *wrong = &wrongs[_i];
	tarn_upstream upstream = {wrong_alloc, NULL, wrong_release, wrong};
	size_t size = 4096;
	struct limit limit;
	struct source source;

	limit_init(&limit, 10000, NULL);
	source = source_of(&upstream, &limit);
	ck_assert_uint_eq(limit_charge(&limit, size, size), size);
	ck_assert_ptr_null(source_alloc(&source, &size, TARN_ALIGNMENT));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(limit.used, 0);
	ck_assert_uint_eq(wrong->taken, 1);
	ck_assert_uint_eq(wrong->returned, 1);
	limit_finish(&limit);
}
END_TEST

START_TEST(source_resize_beyond_the_limit_is_refused)
{
	size_t size = 5000, larger = 10001;
	struct source source;
	struct limit limit;
	unsigned char *ptr, *moved;

	limit_init(&limit, 10000, NULL);
	source = source_of(tarn_upstream_malloc(), &limit);
	ck_assert_uint_eq(limit_charge(&limit, size, size), size);
	ptr = source_alloc(&source, &size, TARN_ALIGNMENT);
	ck_assert_ptr_nonnull(ptr);
	write_pattern(ptr, size);
	/* Often: where branches are counted some are lost, for the programs of
	   other suites exit while their threads are within the same call. */
	for (int i = 0; i < 100; i++) {
		ck_assert_ptr_null(source_resize(&source, ptr, size, &larger));
		ck_assert_uint_eq(limit.used, size);
	}
	ck_assert(has_pattern(ptr, size));
	larger = 10000;
	moved = source_resize(&source, ptr, size, &larger);
	ck_assert_int_eq(moved != NULL, HEAP_RESIZES);
	if (moved == NULL) {
		moved = ptr;
		larger = size;
	}
	ck_assert_uint_eq(limit.used, larger);
	ck_assert(has_pattern(moved, size));
	source_release(&source, moved, larger);
	ck_assert_uint_eq(limit.used, 0);
	limit_finish(&limit);
}
END_TEST

static void add_source_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "source");

	tcase_add_test(tcase, usable_memory_is_aligned_and_clear_of_both_ends);
	tcase_add_loop_test(tcase,
			    source_of_wrong_memory_gives_it_back_and_is_enomem,
			    0, 4);
	tcase_add_test(tcase, source_resize_beyond_the_limit_is_refused);
}

/* ---- pools over upstreams ------------------------------------------------ */

enum {
	KINDS = 9
};

/*
 * Returns a pool over one of the kinds of upstream: the system's two, and
 * `counting` in all its ways.
 */
static tarn_pool *pool_over(int kind, struct counting *counting)
{
	static const size_t raises[] = {0, 0, 0, 0, 1, 7, 16, 4095, 65536};
	tarn_options options;
	tarn_pool *pool;

	counting_init(counting);
	counting->raise = raises[kind];
	if (kind == 2)
		counting->refuse_resize = true;
	if (kind == 3)
		counting->upstream.resize = NULL;
	options = counting_options(counting);
	if (kind < 2)
		options.upstream = system_upstream(kind);
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* For the kinds over `counting`: the pool holds what upstream gave it. */
static void check_held(int kind, tarn_pool *pool, struct counting *counting)
{
	if (kind >= 2)
		REQUIRE(stats_of(pool).held == counting->live_bytes);
}

START_TEST(pool_over_any_upstream_keeps_contents)
{
	enum {
		OBJECTS = 100
	};
	static unsigned char *objects[OBJECTS];
	struct counting counting;
	tarn_pool *pool = pool_over(_i, &counting);
	size_t i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < OBJECTS; i++) {
			size_t size = sizes[i % (SIZES - 1)];

			objects[i] = i % 2 == 0
					     ? tarn_palloc(pool, size)
					     : tarn_pmemalign(pool, 64, size);
			REQUIRE(objects[i] != NULL);
			REQUIRE(is_aligned(objects[i], 16));
			write_pattern(objects[i], size);
		}
		check_held(_i, pool, &counting);
		for (i = 0; i < OBJECTS; i++)
			REQUIRE(has_pattern(objects[i],
					    sizes[i % (SIZES - 1)]));
		for (i = 0; i < OBJECTS; i += 3)
			REQUIRE(tarn_pfree(pool, objects[i]) ==
				(sizes[i % (SIZES - 1)] > 4096 ? 0 : -1));
		tarn_pool_reset(pool);
		check_held(_i, pool, &counting);
	}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(prealloc_over_any_upstream_keeps_contents)
{
	static const size_t steps[] = {0,    1,    15,   16,   17,    100,
				       4000, 4096, 4097, 5000, 20000, 300000};
	enum {
		STEPS = sizeof steps / sizeof *steps
	};
	struct counting counting;
	tarn_pool *pool = pool_over(_i % KINDS, &counting);
	size_t from, to;

	for (from = 0; from < STEPS; from++)
		for (to = 0; to < STEPS; to++) {
			size_t old = steps[from], new = steps[to];
			unsigned char *object = tarn_palloc(pool, old);

			REQUIRE(object != NULL);
			write_pattern(object, old);
			if (_i >= KINDS)
				REQUIRE(tarn_palloc(pool, 16) != NULL);
			object = tarn_prealloc(pool, object, old, new);
			REQUIRE(object != NULL);
			REQUIRE(is_aligned(object, TARN_ALIGNMENT));
			REQUIRE(has_pattern(object, old < new ? old : new));
			write_pattern(object, new);
			check_held(_i % KINDS, pool, &counting);
			tarn_pfree(pool, object);
			REQUIRE(stats_of(pool).large_count == 0);
		}
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(prealloc_over_any_upstream_up_and_down_keeps_contents)
{
	struct counting counting;
	tarn_pool *pool = pool_over(_i, &counting);
	unsigned char *object = NULL;
	size_t size = 0, next;

	for (next = 1; next < MIB; next = next * 5 / 3 + 1) {
		object = tarn_prealloc(pool, object, size, next);
		ck_assert_ptr_nonnull(object);
		ck_assert(has_pattern(object, size));
		write_pattern(object, next);
		size = next;
	}
	for (next = size / 2; next > 0; next /= 2) {
		object = tarn_prealloc(pool, object, size, next);
		ck_assert_ptr_nonnull(object);
		ck_assert(has_pattern(object, next));
		size = next;
	}
	check_held(_i, pool, &counting);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(pool_over_raised_sizes_uses_them)
{
	struct counting counting;
	tarn_pool *pool;
	size_t i;

	counting_init(&counting);
	counting.raise = 64 * KIB;
	pool = counting_pool(&counting, 4 * KIB);
	for (i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 64));
	ck_assert_uint_eq(counting.live_blocks, 1);
	ck_assert_uint_eq(stats_of(pool).held, 68 * KIB);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(children_over_several_upstreams_give_back_to_theirs)
{
	struct counting outer, inner;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool, *child, *grandchild;

	counting_init(&outer);
	counting_init(&inner);
	pool = counting_pool(&outer, 0);
	options.upstream = tarn_upstream_mmap();
	child = tarn_pool_create_child(pool, &options);
	ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	options.upstream = &inner.upstream;
	grandchild = tarn_pool_create_child(child, &options);
	ck_assert_ptr_nonnull(tarn_palloc(grandchild, 10000));
	ck_assert_uint_eq(stats_of(pool).held, outer.live_bytes);
	ck_assert_uint_eq(stats_of(grandchild).held, inner.live_bytes);
	tarn_pool_reset(child);
	ck_assert_uint_eq(inner.live_bytes, 0);
	ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	tarn_pool_destroy(pool);
	counting_finish(&inner);
	counting_finish(&outer);
}
END_TEST

static void add_pool_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "pools");

	tcase_add_loop_test(tcase, pool_over_any_upstream_keeps_contents, 0,
			    KINDS);
	tcase_add_loop_test(tcase, prealloc_over_any_upstream_keeps_contents, 0,
			    2 * KINDS);
	tcase_add_loop_test(
		tcase, prealloc_over_any_upstream_up_and_down_keeps_contents, 0,
		KINDS);
	tcase_add_test(tcase, pool_over_raised_sizes_uses_them);
	tcase_add_test(tcase,
		       children_over_several_upstreams_give_back_to_theirs);
}

int main(void)
{
	Suite *suite = suite_create("upstream");

	add_table_tests(suite);
	add_source_tests(suite);
	add_pool_tests(suite);
	return suite_run(suite);
}
