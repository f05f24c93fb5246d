/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The out-of-memory handler: called once for each request that failed, with its
 * pool and size, and for none that is invalid; it may free, and may not return.
 */
#include "pool_tests.h"

#include <setjmp.h>

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

/* Returns a pool whose handler writes to `record`; a limit of 0 is none. */
static tarn_pool *noting_pool(struct counting *counting,
			      struct oom_record *record, size_t limit)
{
	tarn_options options;
	tarn_pool *pool;

	memset(record, 0, sizeof *record);
	counting_init(counting);
	options = counting_options(counting);
	options.limit = limit;
	options.on_oom = oom_note;
	options.on_oom_data = record;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* Returns one whose first block is full and whose upstream fails. */
static tarn_pool *starved_pool(struct counting *counting,
			       struct oom_record *record)
{
	tarn_pool *pool = noting_pool(counting, record, 0);

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
	struct oom_record record;
	tarn_pool *pool = noting_pool(&counting, &record, LIMIT);

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
	struct oom_record record;
	tarn_pool *pool = noting_pool(&counting, &record, LIMIT);

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

void add_oom_tests(Suite *suite)
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
