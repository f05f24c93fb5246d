/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles of cleanups: cancel and run, from outside and from a cleanup. Each
 * cleanup begins once at most, whoever wants it to, and one that has begun is
 * refused to all.
 */
#include "cleanup_tests.h"

static void refused(int result)
{
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(errno, ENOENT);
	errno = 0;
}

/* ---- cancel and run ------------------------------------------------------ */

START_TEST(cleanup_without_function_is_einval)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	errno = 0;
	ck_assert_ptr_null(tarn_cleanup_add(pool, NULL, pool));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(stats_of(pool).cleanups, 0);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(cleanup_cancelled_does_not_run)
{
	struct log log = {0};
	struct note notes[5];
	tarn_pool *pool = tarn_pool_create(NULL);
	static const int expected[] = {3, 1};

	add_notes(pool, &log, notes, 5);
	ck_assert_int_eq(tarn_cleanup_cancel(notes[2].own), 0);
	ck_assert_int_eq(tarn_cleanup_cancel(notes[0].own), 0);
	ck_assert_int_eq(tarn_cleanup_cancel(notes[4].own), 0);
	refused(tarn_cleanup_cancel(notes[2].own));
	refused(tarn_cleanup_run(notes[4].own));
	ck_assert_uint_eq(stats_of(pool).cleanups, 2);
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 2);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	end_pool(pool, _i, &log);
}
END_TEST

START_TEST(cleanup_run_runs_now_and_not_again)
{
	struct log log = {0};
	struct note notes[5];
	tarn_pool *pool = tarn_pool_create(NULL);
	static const int expected[] = {2, 0, 4, 3, 1};

	add_notes(pool, &log, notes, 5);
	ck_assert_int_eq(tarn_cleanup_run(notes[2].own), 0);
	ck_assert_uint_eq(log.count, 1);
	ck_assert_int_eq(tarn_cleanup_run(notes[0].own), 0);
	refused(tarn_cleanup_run(notes[2].own));
	refused(tarn_cleanup_cancel(notes[0].own));
	ck_assert_uint_eq(stats_of(pool).cleanups, 3);
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 5);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	end_pool(pool, _i, &log);
}
END_TEST

START_TEST(cleanup_handle_is_not_used_again_before_reset)
{
	enum {
		COUNT = 1000
	};
	static struct note notes[COUNT];
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note first;

	add_notes(pool, &log, &first, 1);
	ck_assert_int_eq(tarn_cleanup_cancel(first.own), 0);
	add_notes(pool, &log, notes, COUNT);
	refused(tarn_cleanup_cancel(first.own));
	refused(tarn_cleanup_run(first.own));
	tarn_pool_destroy(pool);
	ck_assert_uint_eq(log.count, COUNT);
}
END_TEST

enum {
	MANY = 100000
};

static void count_one(void *data)
{
	++*(size_t *)data;
}

/* Takes minutes if a cancel looks through the others. */
START_TEST(cleanup_cancel_of_many_is_cheap)
{
	static tarn_cleanup *handles[MANY];
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t i, ran = 0;

	for (i = 0; i < MANY; i++) {
		handles[i] = tarn_cleanup_add(pool, count_one, &ran);
		REQUIRE(handles[i] != NULL);
	}
	for (i = 0; i < MANY; i++)
		if (i % 3 != 0)
			REQUIRE(tarn_cleanup_cancel(
					handles[i % 2 == 0 ? i : MANY - i]) ==
				0);
	REQUIRE(stats_of(pool).cleanups == MANY - MANY / 3 * 2);
	tarn_pool_destroy(pool);
	REQUIRE(ran == MANY - MANY / 3 * 2);
}
END_TEST

/* ---- in a cleanup -------------------------------------------------------- */

static void handle_itself(void *data)
{
	struct note *note = data;

	errno = 0;
	note->result = tarn_cleanup_cancel(note->own);
	note->error = errno;
	ck_assert_int_eq(tarn_cleanup_run(note->own), -1);
	log_number(note);
}

START_TEST(cleanup_itself_has_begun)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note note = {.log = &log, .pool = pool};

	note.own = tarn_cleanup_add(pool, handle_itself, &note);
	ck_assert_ptr_nonnull(note.own);
	if (_i == 2)
		ck_assert_int_eq(tarn_cleanup_run(note.own), 0);
	else
		end_round(pool, _i);
	ck_assert_int_eq(note.result, -1);
	ck_assert_int_eq(note.error, ENOENT);
	ck_assert_uint_eq(log.count, 1);
	end_pool(pool, _i == 2 ? 0 : _i, &log);
}
END_TEST

static void cancel_other(void *data)
{
	struct note *note = data;

	note->result = tarn_cleanup_cancel(note->other);
	note->error = errno;
	log_number(note);
}

static void run_other(void *data)
{
	struct note *note = data;

	log_number(note);
	note->result = tarn_cleanup_run(note->other);
	note->error = errno;
}

START_TEST(cleanup_cancels_an_older_one_but_no_newer)
{
	static const int expected[] = {2, 7, 0};
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note notes[3], to_older = {.log = &log, .number = 7};
	struct note to_newer = {.log = &log, .number = 0};

	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, cancel_other, &to_newer));
	add_notes(pool, &log, notes, 2);
	ck_assert_int_eq(tarn_cleanup_cancel(notes[0].own), 0);
	to_older.other = notes[1].own;
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, cancel_other, &to_older));
	notes[2] = (struct note){.log = &log, .number = 2};
	to_newer.other = tarn_cleanup_add(pool, write_note, &notes[2]);
	ck_assert_ptr_nonnull(to_newer.other);
	end_round(pool, _i);
	ck_assert_int_eq(to_older.result, 0);
	ck_assert_int_eq(to_newer.result, -1);
	ck_assert_int_eq(to_newer.error, ENOENT);
	ck_assert_uint_eq(log.count, 3);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	end_pool(pool, _i, &log);
}
END_TEST

START_TEST(cleanup_runs_an_older_one_once)
{
	static const int expected[] = {9, 1, 2, 0};
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note notes[3], runner = {.log = &log, .number = 9};

	add_notes(pool, &log, notes, 3);
	runner.other = notes[1].own;
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, run_other, &runner));
	end_round(pool, _i);
	ck_assert_int_eq(runner.result, 0);
	ck_assert_uint_eq(log.count, 4);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	end_pool(pool, _i, &log);
}
END_TEST

static void register_again(void *data)
{
	struct note *note = data;

	log_number(note);
	note->number++;
	if (note->left-- > 0) {
		note->own = tarn_cleanup_add(note->pool, register_again, note);
		ck_assert_ptr_nonnull(note->own);
	}
}

START_TEST(cleanup_registered_by_a_cleanup_runs_in_the_same_round)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note note = {.log = &log, .pool = pool, .left = 1000};
	size_t i;

	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, register_again, &note));
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 1001);
	for (i = 0; i < log.count; i++)
		ck_assert_int_eq(log.entries[i], (int)i);
	end_pool(pool, _i, &log);
}
END_TEST

static void register_and_run(void *data)
{
	struct note *note = data;

	note->own = tarn_cleanup_add(note->pool, write_note, note);
	ck_assert_ptr_nonnull(note->own);
	ck_assert_int_eq(tarn_cleanup_run(note->own), 0);
	note->other = tarn_cleanup_add(note->pool, write_note, note);
	ck_assert_ptr_nonnull(note->other);
	ck_assert_int_eq(tarn_cleanup_cancel(note->other), 0);
}

START_TEST(cleanup_may_register_and_run_or_cancel)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note note = {.log = &log, .pool = pool};

	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, register_and_run, &note));
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 1);
	end_pool(pool, _i, &log);
}
END_TEST

static void add_inner_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "in a cleanup");

	tcase_add_loop_test(tcase, cleanup_itself_has_begun, 0, 3);
	tcase_add_loop_test(tcase, cleanup_cancels_an_older_one_but_no_newer, 0,
			    2);
	tcase_add_loop_test(tcase, cleanup_runs_an_older_one_once, 0, 2);
	tcase_add_loop_test(
		tcase, cleanup_registered_by_a_cleanup_runs_in_the_same_round,
		0, 2);
	tcase_add_loop_test(tcase, cleanup_may_register_and_run_or_cancel, 0,
			    2);
}

void add_handle_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "cancel and run");

	tcase_add_test(tcase, cleanup_without_function_is_einval);
	tcase_add_loop_test(tcase, cleanup_cancelled_does_not_run, 0, 2);
	tcase_add_loop_test(tcase, cleanup_run_runs_now_and_not_again, 0, 2);
	tcase_add_test(tcase, cleanup_handle_is_not_used_again_before_reset);
	tcase_add_test(tcase, cleanup_cancel_of_many_is_cheap);
	add_inner_tests(suite);
}
