/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_rewind share: a pool over a counting upstream, which
 * has all back at the end, ways to fill it, and cleanups that say in which
 * order they ran. One test has them at a time, and begins anew.
 */
#ifndef TARN_TESTS_TEST_REWIND_H
#define TARN_TESTS_TEST_REWIND_H

#include "counting.h"
#include "util.h"

enum {
	BLOCK = 65536, /* bytes of a first block, roomy */
	LARGE = 20000  /* bytes: beyond large_above     */
};

extern struct counting counting;

static inline tarn_pool *begin(void)
{
	counting_init(&counting);
	return counting_pool(&counting, BLOCK);
}

static inline void end(tarn_pool *pool)
{
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}

void use_up(tarn_pool *pool);
void fill(tarn_pool *pool, size_t count, size_t size);

struct again {
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
};

/* ---- cleanups ----------------------------------------------------------- */

struct log {
	tarn_pool *pool;
	int ran[16];
	int count;
};

struct noted {
	int number;
	int adds; /* cleanups that it registers when it runs */
};

extern struct log journal;

/* A cleanup; its data is a struct noted. */
void note(void *data);
tarn_cleanup *add(int number, int adds);

/* One of each part; suites run them in this order. */
void add_small_tests(Suite *suite);
void add_birth_tests(Suite *suite);
void add_mark_tests(Suite *suite);

#endif
