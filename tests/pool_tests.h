/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_pool share: the documented numbers, pools that are
 * used, filled and limited, and the parts themselves.
 *
 * Each part adds its cases to the one suite, and keeps no state between them.
 */
#ifndef TARN_TESTS_POOL_TESTS_H
#define TARN_TESTS_POOL_TESTS_H

#include "counting.h"
#include "util.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define FIRST_BLOCK_DEFAULT (4 * KIB)
#define MAX_BLOCK_DEFAULT   (256 * KIB)
#define LARGE_ABOVE_DEFAULT (4 * KIB)
#define BLOCK_MOST          (64 * MIB)

#define LIMIT  MIB
#define USABLE (LIMIT / 10 * 9) /* what at least can be handed out */

/* Uses `pool` with requests of every kind, and resets it. */
static inline void exercise(tarn_pool *pool)
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
static inline size_t fill(tarn_pool *pool, size_t size, size_t most)
{
	size_t total = 0;

	errno = 0;
	while (total < most && tarn_palloc(pool, size) != NULL)
		total += size;
	if (total < most)
		ck_assert_int_eq(errno, ENOMEM);
	return total;
}

/* Fills with ever smaller requests; returns what is then handed out. */
static inline size_t fill_up(tarn_pool *pool, size_t size)
{
	for (; size >= 16; size /= 2)
		fill(pool, size, SIZE_MAX);
	return stats_of(pool).handed_out;
}

static inline tarn_pool *limited_pool(struct counting *counting, size_t limit)
{
	tarn_options options = counting_options(counting);
	tarn_pool *pool;

	options.limit = limit;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_eq(stats_of(pool).limit, limit);
	return pool;
}

/* Asserts that the limit was kept, and that nothing stays after destroy. */
static inline void limited_finish(struct counting *counting, tarn_pool *pool,
				  size_t limit)
{
	ck_assert_uint_eq(stats_of(pool).held, counting->live_bytes);
	ck_assert_uint_le(counting->peak_bytes, limit);
	tarn_pool_destroy(pool);
	counting_finish(counting);
}

/* Creates, uses and destroys a pool of these options over `counting`. */
static inline void options_work(struct counting *counting,
				tarn_options *options)
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

static inline void do_nothing(void *data)
{
	(void)data;
}

void add_option_tests(Suite *suite);
void add_struct_tests(Suite *suite);
void add_child_tests(Suite *suite);
void add_reset_tests(Suite *suite);
void add_limit_tests(Suite *suite);
void add_oom_tests(Suite *suite);
void add_stats_tests(Suite *suite);

#endif
