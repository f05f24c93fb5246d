/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_thread.c share: uses of a pool of every kind, which
 * hold whatever else the pool is used for, and what ThreadSanitizer leaves out.
 */
#ifndef TARN_TESTS_THREAD_H
#define TARN_TESTS_THREAD_H

#include "counting.h"
#include "util.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* ThreadSanitizer is gone in a thread's last round of destructors, which the
   library itself must not reach then, and it ends a process that forked with
   threads and then starts one. */
#if defined __SANITIZE_THREAD__ || __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER true
#else
#define UNDER_THREAD_SANITIZER false
#endif

enum {
	SMALL = 32,            /* bytes                                */
	LARGE = 5000,          /* bytes: above the default large_above */
	OBJECTS = 10,          /* of a thread in a pool                */
	DEADLOCK_SECONDS = 120 /* after which something waits for ever */
};

/* ---- the parts --------------------------------------------------------- */

/* Before Check forks, and before the library is used: its own key comes
   between these two. */
void make_keys(void);

void add_slots_tests(Suite *suite);
void add_ends_tests(Suite *suite);

/* Whether the system tells of threads that ended without a word: emulators may
   not, and some systems have no mutex for it. */
bool dead_threads_are_told(void);

/* What there is on this system alone: on Windows its own threads and fibers,
   elsewhere cancellation and fork. */
void add_system_tests(Suite *suite);
void add_cancel_tests(Suite *suite);

/* ---- uses of a pool ---------------------------------------------------- */

/* Uses of every kind, on a pool that is to be destroyed. */
static inline int use_pool(tarn_pool *pool)
{
	char *text = tarn_psprintf(pool, "%d-%s", SMALL, "text");
	unsigned char *small = tarn_palloc(pool, SMALL);
	unsigned char *large = tarn_palloc(pool, LARGE);
	unsigned char *gone = tarn_palloc(pool, LARGE);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);

	EXPECT(text != NULL && strcmp(text, "32-text") == 0);
	EXPECT(small != NULL && large != NULL && gone != NULL);
	memset(small, 1, SMALL);
	memset(large, 2, LARGE);
	memset(gone, 3, LARGE);
	large = tarn_prealloc(pool, large, LARGE, 2 * LARGE);
	EXPECT(large != NULL && large[0] == 2 && large[LARGE - 1] == 2);
	EXPECT(tarn_pfree(pool, gone) == 0);
	EXPECT(small[0] == 1 && small[SMALL - 1] == 1);
	EXPECT(child != NULL && tarn_palloc(child, SMALL) != NULL);
	tarn_pool_destroy(child);
	return 0;
}

/* A pool from its creation to its end. */
static inline int live_pool(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int status;

	EXPECT(pool != NULL);
	status = use_pool(pool);
	if (status == 0) {
		tarn_pool_reset(pool);
		status = use_pool(pool);
	}
	tarn_pool_destroy(pool);
	return status;
}

static inline tarn_pool *pool_or_fail(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(pool);
	return pool;
}

static inline int allocate_objects(void *arg)
{
	size_t i;

	for (i = 0; i < OBJECTS; i++) {
		void *at = tarn_palloc(arg, SMALL);

		EXPECT(at != NULL);
		memset(at, 0x33, SMALL);
	}
	return 0;
}

#endif
