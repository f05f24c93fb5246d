/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of watched pools share: the beginning and the end of each, every
 * call that gives an object, and an upstream that looks at what comes back.
 */
#ifndef TARN_TESTS_WATCHED_H
#define TARN_TESTS_WATCHED_H

#include "shadow.h"

#include <stdarg.h>

#include "counting.h"
#include "debug.h"
#include "util.h"
#include "watch.h"

enum {
	LARGE = 20000, /* bytes: beyond the default large_above */
	LIMIT = 16384  /* bytes that a pool soon has had        */
};

#define ZONE MARK_ZONE

/* ---- each test begins and ends with these ------------------------------- */

static void begin(void)
{
	ck_assert_ptr_nonnull(slot_get());
	debug_watched = WATCH_ASAN | WATCH_TSAN;
	shadow.event_count = 0;
	shadow.closed_back = shadow.wrong = shadow.fail_at = 0;
}

static void end(void)
{
	ck_assert_uint_eq(shadow.closed_back, 0);
	ck_assert_uint_eq(shadow.wrong, 0);
	ck_assert_uint_eq(shadow.root_count, 0);
	ck_assert_int_eq(shadow_depth, 0);
}

/* Beside the tools. */
static const unsigned words[] = {0,
				 WATCH_MEMCHECK,
				 WATCH_JUNK,
				 WATCH_ZERO,
				 WATCH_LEAKS,
				 WATCH_GUARD,
				 WATCH_GUARD | WATCH_MEMCHECK};

enum {
	WORDS = sizeof(words) / sizeof(*words)
};

static tarn_pool *new_pool(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(pool);
	return pool;
}

static void count_up(void *data)
{
	++*(size_t *)data;
}

/* ---- calls -------------------------------------------------------------- */

/* Objects of `size` bytes, by each call. */
static void *by_palloc(tarn_pool *pool, size_t size)
{
	return tarn_palloc(pool, size);
}

static void *by_pnalloc(tarn_pool *pool, size_t size)
{
	return tarn_pnalloc(pool, size);
}

static void *by_pcalloc(tarn_pool *pool, size_t size)
{
	return tarn_pcalloc(pool, size, 1);
}

static void *by_pmemalign(tarn_pool *pool, size_t size)
{
	return tarn_pmemalign(pool, 64, size);
}

static void *by_wide_pmemalign(tarn_pool *pool, size_t size)
{
	return tarn_pmemalign(pool, 512, size);
}

static void *by_prealloc_of_null(tarn_pool *pool, size_t size)
{
	return tarn_prealloc(pool, NULL, 0, size);
}

static void *by_prealloc(tarn_pool *pool, size_t size)
{
	void *object = tarn_palloc(pool, size / 2);

	return object != NULL ? tarn_prealloc(pool, object, size / 2, size)
			      : NULL;
}

static void *by_shrinking_prealloc(tarn_pool *pool, size_t size)
{
	void *object = tarn_palloc(pool, size + 100);

	return object != NULL ? tarn_prealloc(pool, object, size + 100, size)
			      : NULL;
}

static char text[3 * LARGE];

static void *by_pmemdup(tarn_pool *pool, size_t size)
{
	return tarn_pmemdup(pool, text, size);
}

static void *by_pstrdup(tarn_pool *pool, size_t size)
{
	return tarn_pstrdup(pool, text + sizeof(text) - size);
}

static void *by_pstrndup(tarn_pool *pool, size_t size)
{
	return tarn_pstrndup(pool, text, size - 1);
}

static void *by_psprintf(tarn_pool *pool, size_t size)
{
	return tarn_psprintf(pool, "%.*s", (int)size - 1, text);
}

static void *print(tarn_pool *pool, const char *format, ...)
{
	va_list args;
	void *object;

	va_start(args, format);
	object = tarn_pvsprintf(pool, format, args);
	va_end(args);
	return object;
}

static void *by_pvsprintf(tarn_pool *pool, size_t size)
{
	return print(pool, "%.*s", (int)size - 1, text);
}

static void *by_pstrcat(tarn_pool *pool, size_t size)
{
	return tarn_pstrcat(pool, "", text + sizeof(text) - size, (char *)NULL);
}

static void *by_local_palloc(tarn_pool *pool, size_t size)
{
	return tarn_local_palloc(tarn_pool_local(pool), size);
}

static void *by_local_pmemalign(tarn_pool *pool, size_t size)
{
	return tarn_local_pmemalign(tarn_pool_local(pool), 8, size);
}

static void *by_local_pnalloc(tarn_pool *pool, size_t size)
{
	return tarn_local_pnalloc(tarn_pool_local(pool), size);
}

typedef void *call_fn(tarn_pool *pool, size_t size);

static call_fn *const calls[] = {
	by_palloc,
	by_pnalloc,
	by_pcalloc,
	by_pmemalign,
	by_wide_pmemalign,
	by_prealloc_of_null,
	by_prealloc,
	by_pmemdup,
	by_pstrdup,
	by_pstrndup,
	by_psprintf,
	by_pvsprintf,
	by_pstrcat,
	by_local_palloc,
	by_local_pmemalign,
	by_local_pnalloc,
	by_shrinking_prealloc,
};

enum {
	CALLS = sizeof(calls) / sizeof(*calls)
};

/* ---- all of it ---------------------------------------------------------- */

static inline void *checked_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *ptr;

	++*(size_t *)ctx;
	return posix_memalign(&ptr, align_max(alignment, 16), *size) == 0
		       ? ptr
		       : NULL;
}

static inline void checked_release(void *ctx, void *ptr, size_t size)
{
	--*(size_t *)ctx;
	shadow.closed_back += shadow_closed(ptr, size) != 0;
	free(ptr);
}

static int local_worker(void *pool)
{
	const tarn_local *local = tarn_pool_local(pool);

	EXPECT(local != NULL);
	EXPECT(shadow_closed(local, sizeof(struct local)) == 0);
	EXPECT(tarn_palloc(pool, 10) != NULL);
	EXPECT(tarn_palloc(pool, LARGE) != NULL);
	return 0;
}

/* A round of a program, and the beginning of the next. */
static inline void use(tarn_pool *pool)
{
	size_t cleaned = 0;
	static int key;

	for (size_t i = 0; i < CALLS; i++) {
		ck_assert_ptr_nonnull(calls[i](pool, 50));
		ck_assert_ptr_nonnull(calls[i](pool, LARGE));
	}
	ck_assert_int_eq(tarn_pool_set_data(pool, &key, &key), 0);
	ck_assert_ptr_eq(tarn_pool_data(pool, &key), &key);
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, count_up, &cleaned));
	ck_assert_ptr_nonnull(tarn_pool_create_child(pool, NULL));
	ck_assert_int_eq(worker_run(local_worker, pool), 0);
	tarn_pool_reset(pool);
	ck_assert_uint_eq(cleaned, 1);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
}

#endif
