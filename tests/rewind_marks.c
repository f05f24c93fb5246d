/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks: those that ended, or are of elsewhere, are ignored; reset ends all;
 * and one that a thread left open is its heir's.
 */
#include "test_rewind.h"

/* ---- marks that are ignored --------------------------------------------- */

START_TEST(rewind_to_a_mark_that_ended_is_ignored)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark outer, inner, other;
	size_t given, before;

	if (blamed())
		return;
	tarn_palloc(pool, 1000);
	outer = tarn_local_mark(local);
	fill(pool, 10, 100);
	inner = tarn_local_mark(local);
	fill(pool, 1000, 100);
	tarn_local_rewind(local, outer);
	before = stats_of(pool).handed_out;
	tarn_local_rewind(local, inner);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	/* Within another mark, and within two. */
	fill(pool, 1, 100);
	given = stats_of(pool).handed_out;
	other = tarn_local_mark(local);
	fill(pool, 1, 100);
	before = stats_of(pool).handed_out;
	tarn_local_rewind(local, outer);
	tarn_local_rewind(local, inner);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	tarn_local_mark(local);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	tarn_local_rewind(local, other);
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	end(pool);
}
END_TEST

/* It was where the outermost one now is, but for packed bytes since. */
START_TEST(rewind_to_a_mark_with_another_end_is_ignored)
{
	tarn_pool *pool;
	tarn_local *local;

	if (blamed())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	fill(pool, 1, 100);
	for (int i = 0; i < 100; i++) {
		tarn_mark ended = tarn_local_mark(local), outer;
		char *last;

		tarn_local_rewind(local, ended);
		ck_assert_ptr_nonnull(tarn_pnalloc(pool, 3));
		outer = tarn_local_mark(local);
		fill(pool, 1, 100);
		tarn_local_mark(local);
		fill(pool, 1, 100);
		last = local->last;
		tarn_local_rewind(local, ended);
		ck_assert_ptr_eq(local->last, last);
		tarn_local_rewind(local, outer);
	}
	end(pool);
}
END_TEST

/* Within as many marks as are open now, in a chunk that is claimed no more. */
START_TEST(rewind_to_a_mark_of_a_chunk_given_back_is_ignored)
{
	tarn_pool *pool;
	tarn_local *local;

	if (blamed())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	for (int i = 0; i < (guarded() ? 10 : 100); i++) {
		tarn_mark outer = tarn_local_mark(local), ended;
		size_t given;

		for (size_t size = 100; size < 2000; size += 100)
			fill(pool, 100, size);
		ended = tarn_local_mark(local);
		tarn_local_rewind(local, outer);
		outer = tarn_local_mark(local);
		tarn_local_mark(local);
		fill(pool, 1, 100);
		given = stats_of(pool).handed_out;
		tarn_local_rewind(local, ended);
		ck_assert_uint_eq(stats_of(pool).handed_out, given);
		tarn_local_rewind(local, outer);
	}
	end(pool);
}
END_TEST

START_TEST(rewind_to_a_mark_of_elsewhere_is_ignored)
{
	tarn_pool *pool = begin(), *other = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local), wrong;
	size_t given;

	if (blamed())
		return;
	fill(pool, 10, 100);
	given = stats_of(pool).handed_out;
	wrong = tarn_local_mark(tarn_pool_local(other));
	tarn_local_rewind(local, wrong);
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	tarn_local_rewind(tarn_pool_local(other), wrong);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	tarn_pool_destroy(other);
	end(pool);
}
END_TEST

START_TEST(reset_ends_all_marks)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark outer = tarn_local_mark(local), inner;
	size_t given;

	fill(pool, 1000, 100);
	inner = tarn_local_mark(local);
	fill(pool, 1000, 100);
	tarn_palloc(pool, LARGE);
	journal = (struct log){.pool = pool};
	add(1, 0);
	tarn_pool_reset(pool);
	ck_assert_int_eq(journal.count, 1);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	fill(pool, 10, 100);
	given = stats_of(pool).handed_out;
	if (!blamed()) {
		tarn_local_rewind(local, inner);
		tarn_local_rewind(local, outer);
	}
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	end(pool);
}
END_TEST

/* ---- threads ------------------------------------------------------------ */

static int leave_open(void *arg)
{
	struct again *again = arg;
	tarn_pool *pool = again->pool;

	again->local = tarn_pool_local(pool);
	EXPECT(again->local != NULL && tarn_palloc(pool, 105) != NULL);
	again->mark = tarn_local_mark(again->local);
	for (int i = 0; i < 1000; i++)
		EXPECT(tarn_palloc(pool, 105) != NULL);
	return 0;
}

static int inherit(void *arg)
{
	struct again *again = arg;
	tarn_pool *pool = again->pool;
	tarn_mark inner;

	EXPECT(tarn_pool_local(pool) == again->local);
	inner = tarn_local_mark(again->local);
	for (int i = 0; i < 1000; i++)
		EXPECT(tarn_palloc(pool, 105) != NULL);
	tarn_local_rewind(again->local, inner);
	EXPECT(stats_of(pool).handed_out == (size_t)16 + 112 + 1000 * 112);
	tarn_local_rewind(again->local, again->mark);
	return 0;
}

START_TEST(heir_of_a_slot_inherits_the_open_mark)
{
	tarn_pool *pool = begin();
	struct again again = {pool, tarn_pool_local(pool), {{NULL}}};
	size_t before;

	tarn_palloc(pool, 16);
	before = stats_of(pool).handed_out;
	ck_assert_int_eq(worker_run(leave_open, &again), 0);
	ck_assert_ptr_ne(again.local, tarn_pool_local(pool));
	ck_assert_int_eq(worker_run(inherit, &again), 0);
	ck_assert_uint_eq(stats_of(pool).handed_out, before + 112);
	end(pool);
}
END_TEST

/* Marks and rewinds in a shared pool: what stays is as it was left. */
static int churn(void *arg)
{
	tarn_pool *pool = arg;
	tarn_local *local = tarn_pool_local(pool);
	unsigned char *kept[200];

	for (size_t i = 0; i < 200; i++) {
		tarn_mark mark;

		kept[i] = tarn_palloc(pool, 64);
		EXPECT(kept[i] != NULL);
		memset(kept[i], (int)i, 64);
		mark = tarn_local_mark(local);
		for (size_t size = 1; size < 1000; size += 31) {
			void *object = tarn_pnalloc(pool, size);

			EXPECT(object != NULL);
			memset(object, 0xee, size);
		}
		if (i % 10 == 0)
			EXPECT(tarn_palloc(pool, LARGE) != NULL);
		tarn_local_rewind(local, mark);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < 64; j++)
			EXPECT(kept[i][j] == (unsigned char)i);
	return 0;
}

START_TEST(threads_that_mark_do_not_meet)
{
	tarn_pool *pool = begin();

	ck_assert_int_eq(workers_together(churn, pool, 0, 4), 0);
	ck_assert_uint_eq(stats_of(pool).handed_out, (size_t)4 * 200 * 64);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	end(pool);
}
END_TEST

void add_mark_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "marks");

	tcase_add_test(tcase, rewind_to_a_mark_that_ended_is_ignored);
	tcase_add_test(tcase, rewind_to_a_mark_with_another_end_is_ignored);
	tcase_add_test(tcase,
		       rewind_to_a_mark_of_a_chunk_given_back_is_ignored);
	tcase_add_test(tcase, rewind_to_a_mark_of_elsewhere_is_ignored);
	tcase_add_test(tcase, reset_ends_all_marks);
	tcase_add_test(tcase, heir_of_a_slot_inherits_the_open_mark);
	tcase_add_test(tcase, threads_that_mark_do_not_meet);
}
