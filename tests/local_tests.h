/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_local share: a pool with room, a type to allocate, a
 * refusal, and the parts themselves.
 *
 * Each part adds its cases to the one suite, and keeps no state between them.
 */
#ifndef TARN_TESTS_LOCAL_TESTS_H
#define TARN_TESTS_LOCAL_TESTS_H

#include "counting.h"
#include "util.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

struct node {
	struct node *left, *right;
	long key;
};

/* Returns a pool whose first block has room for what a test allocates. */
static inline tarn_pool *roomy_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block = 256 * KIB;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* What was asked for was refused, for want of memory. */
static inline void refuse(const void *ptr)
{
	ck_assert_ptr_null(ptr);
	REQUIRE(errno == ENOMEM);
	errno = 0;
}

void add_packing_tests(Suite *suite);
void add_alignment_tests(Suite *suite);
void add_size_tests(Suite *suite);
void add_array_tests(Suite *suite);
void add_prealloc_tests(Suite *suite);

/* Called in place of the system, which would do nothing that matters here: when
   the library gives way. */
void local_yields(void);

#endif
