/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanups: their order, that each runs exactly once, and what they see. Cancel
 * and run are in cleanup_handles.c, what a cleanup may do to its pool and may
 * not in cleanup_actions.c.
 */
#include "cleanup_tests.h"

/* ---- order --------------------------------------------------------------- */

START_TEST(cleanup_at_the_end_runs_newest_first)
{
	enum {
		COUNT = 1000
	};
	static struct note notes[COUNT];
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	int i;

	add_notes(pool, &log, notes, COUNT);
	ck_assert_uint_eq(log.count, 0);
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, COUNT);
	for (i = 0; i < COUNT; i++)
		ck_assert_int_eq(log.entries[i], COUNT - 1 - i);
	end_pool(pool, _i, &log);
}
END_TEST

START_TEST(cleanup_in_each_round_runs_in_that_round)
{
	struct log log = {0};
	struct note notes[10];
	tarn_pool *pool = tarn_pool_create(NULL);
	int round;

	for (round = 1; round <= 20; round++) {
		add_notes(pool, &log, notes, 10);
		tarn_pool_reset(pool);
		ck_assert_uint_eq(log.count, 10 * (size_t)round);
	}
	tarn_pool_destroy(pool);
	ck_assert_uint_eq(log.count, 200);
}
END_TEST

START_TEST(cleanup_of_children_runs_before_the_parents)
{
	struct log log = {0};
	struct note own[2], theirs[2], youngest[1];
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);
	tarn_pool *grandchild = tarn_pool_create_child(child, NULL);
	static const int expected[] = {20, 11, 10, 1, 0};

	add_notes(grandchild, &log, youngest, 1);
	youngest[0].number = 20;
	add_notes(pool, &log, own, 2);
	add_notes(child, &log, theirs, 2);
	theirs[0].number = 10;
	theirs[1].number = 11;
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 5);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	end_pool(pool, _i, &log);
}
END_TEST

static void check_memory(void *data)
{
	struct note *note = data;
	unsigned char *bytes = (unsigned char *)(note + 1);
	size_t i;

	for (i = 0; i < 100; i++)
		note->result |= bytes[i] != 0x5c;
	REQUIRE(note->result == 0);
	log_number(note);
	memset(note, 0xff, sizeof *note);
}

START_TEST(cleanup_sees_the_pools_memory_intact)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	int i;

	for (i = 0; i < 200; i++) {
		size_t size = i % 10 == 0 ? 10000 : sizeof(struct note) + 100;
		struct note *note = tarn_pcalloc(pool, 1, size);

		ck_assert_ptr_nonnull(note);
		memset(note + 1, 0x5c, 100);
		note->log = &log;
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(pool, check_memory, note));
	}
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 200);
	end_pool(pool, _i, &log);
}
END_TEST

static const int data_key;

static void read_data(void *data)
{
	struct note *note = data;

	note->result = tarn_pool_data(note->pool, &data_key) == note;
	note->error = (int)stats_of(note->pool).children;
	log_number(note);
}

START_TEST(cleanup_sees_the_data_and_no_children)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note note = {.log = &log, .pool = pool};

	ck_assert_int_eq(tarn_pool_set_data(pool, &data_key, &note), 0);
	ck_assert_ptr_nonnull(tarn_pool_create_child(pool, NULL));
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, read_data, &note));
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 1);
	ck_assert_int_eq(note.result, 1);
	ck_assert_int_eq(note.error, 0);
	end_pool(pool, _i, &log);
}
END_TEST

static void add_order_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "order");

	tcase_add_loop_test(tcase, cleanup_at_the_end_runs_newest_first, 0, 2);
	tcase_add_test(tcase, cleanup_in_each_round_runs_in_that_round);
	tcase_add_loop_test(tcase, cleanup_of_children_runs_before_the_parents,
			    0, 2);
	tcase_add_loop_test(tcase, cleanup_sees_the_pools_memory_intact, 0, 2);
	tcase_add_loop_test(tcase, cleanup_sees_the_data_and_no_children, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("cleanup");

	add_order_tests(suite);
	add_handle_tests(suite);
	add_action_tests(suite);
	return suite_run(suite);
}
