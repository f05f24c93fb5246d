/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a cleanup may do to pools: make children, allocate and free in its own,
 * use its parent, destroy another; and what is refused: to end its own.
 */
#include "cleanup_tests.h"

static const int data_key;

static void create_child(void *data)
{
	struct note *note = data;
	tarn_pool *child = tarn_pool_create_child(note->pool, NULL);

	ck_assert_ptr_nonnull(child);
	ck_assert_ptr_nonnull(tarn_palloc(child, 100));
	ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	log_number(note);
	note->number++;
	if (note->left-- > 0)
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(child, create_child, note));
	else
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(child, write_note, note));
}

/* The cleanup of each child created makes one more, until none is left. */
START_TEST(cleanup_creating_children_has_them_destroyed)
{
	struct counting counting;
	struct log log = {0};
	tarn_pool *pool;
	struct note note = {.log = &log, .left = 50};

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	note.pool = pool;
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, create_child, &note));
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 52);
	end_pool(pool, _i, &log);
	counting_finish(&counting);
}
END_TEST

static void allocate(void *data)
{
	struct note *note = data;
	size_t size;

	for (size = 1; size < 20000; size += size / 3 + 1) {
		char *object = tarn_palloc(note->pool, size);
		char *bytes = tarn_pnalloc(note->pool, size);

		REQUIRE(object != NULL);
		REQUIRE(bytes != NULL);
		memset(object, note->number, size);
		memset(bytes, note->number, size);
		if (size > 15000)
			REQUIRE(tarn_pfree(note->pool, object) == 0);
	}
	REQUIRE(tarn_pstrdup(note->pool, "in a cleanup") != NULL);
	REQUIRE(tarn_pool_set_data(note->pool, &data_key, note) == 0);
	log_number(note);
}

START_TEST(cleanup_may_allocate)
{
	struct counting counting;
	struct log log = {0};
	struct note notes[20];
	tarn_pool *pool;
	int i;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (i = 0; i < 20; i++) {
		notes[i] =
			(struct note){.log = &log, .number = i, .pool = pool};
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(pool, allocate, &notes[i]));
	}
	end_round(pool, _i);
	if (_i == 0) {
		ck_assert_ptr_null(tarn_pool_data(pool, &data_key));
		ck_assert_uint_eq(stats_of(pool).handed_out, 0);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		ck_assert_uint_eq(stats_of(pool).held, counting.live_bytes);
	}
	ck_assert_uint_eq(log.count, 20);
	end_pool(pool, _i, &log);
	counting_finish(&counting);
}
END_TEST

static void free_large(void *data)
{
	struct note *note = data;

	note->result = tarn_pfree(note->pool, note->other);
	log_number(note);
}

START_TEST(cleanup_may_free_a_large_object)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note note = {.log = &log, .pool = pool, .result = -1};

	note.other = tarn_palloc(pool, 10000);
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, free_large, &note));
	end_round(pool, _i);
	ck_assert_int_eq(note.result, 0);
	end_pool(pool, _i, &log);
}
END_TEST

static void end_own_pool(void *data)
{
	struct note *note = data;

	errno = 0;
	if (note->number == 0)
		tarn_pool_reset(note->pool);
	else
		tarn_pool_destroy(note->pool);
	note->error = errno;
	log_number(note);
}

START_TEST(cleanup_ending_its_own_pool_is_ebusy)
{
	static const int expected[] = {1, 0, 0};
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct note notes[3];
	char *object = tarn_pstrdup(pool, "object");

	add_notes(pool, &log, notes, 1);
	for (int i = 1; i < 3; i++) {
		notes[i] = (struct note){
			.log = &log, .number = i - 1, .pool = pool};
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(pool, end_own_pool, &notes[i]));
	}
	ck_assert_str_eq(object, "object");
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 3);
	ck_assert_mem_eq(log.entries, expected, sizeof expected);
	ck_assert_int_eq(notes[1].error, EBUSY);
	ck_assert_int_eq(notes[2].error, EBUSY);
	end_pool(pool, _i, &log);
}
END_TEST

static void use_parent(void *data)
{
	struct note *note = data;

	ck_assert_ptr_nonnull(tarn_palloc(note->pool, 100));
	ck_assert_ptr_nonnull(tarn_palloc(note->pool, 10000));
	ck_assert_ptr_nonnull(tarn_cleanup_add(note->pool, write_note, note));
	log_number(note);
}

START_TEST(cleanup_of_a_child_may_use_the_parent)
{
	struct log log = {0};
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);
	struct note note = {.log = &log, .pool = pool};

	ck_assert_ptr_nonnull(tarn_cleanup_add(child, use_parent, &note));
	if (_i == 2) {
		tarn_pool_destroy(child);
		ck_assert_uint_eq(log.count, 1);
		ck_assert_uint_eq(stats_of(pool).cleanups, 1);
	}
	end_round(pool, _i == 2 ? 0 : _i);
	ck_assert_uint_eq(log.count, 2);
	end_pool(pool, _i == 2 ? 0 : _i, &log);
}
END_TEST

static void reset_other(void *data)
{
	struct note *note = data;

	tarn_pool_reset(note->pool);
	log_number(note);
}

/* Against the rules: the parent's reset is excluded meanwhile. It ends the
   other children, and leaves this one to the call that began with it. */
START_TEST(cleanup_resetting_the_parent_leaves_its_own_pool)
{
	struct counting counting;
	struct log log = {0};
	struct note older, note = {.log = &log, .number = 1}, newer;
	tarn_pool *pool, *child;

	counting_init(&counting);
	note.pool = pool = counting_pool(&counting, 0);
	add_notes(tarn_pool_create_child(pool, NULL), &log, &older, 1);
	child = tarn_pool_create_child(pool, NULL);
	ck_assert_ptr_nonnull(tarn_cleanup_add(child, reset_other, &note));
	add_notes(tarn_pool_create_child(pool, NULL), &log, &newer, 1);
	end_round(child, _i);
	ck_assert_uint_eq(log.count, 3);
	ck_assert_int_eq(log.entries[2], 1);
	ck_assert_uint_eq(stats_of(pool).children, _i == 0 ? 1 : 0);
	ck_assert_uint_eq(counting.live_blocks, _i == 0 ? 2 : 1);
	if (_i == 0)
		ck_assert_ptr_nonnull(tarn_palloc(child, 10000));
	end_pool(pool, 0, &log);
	counting_finish(&counting);
}
END_TEST

static void destroy_other(void *data)
{
	struct note *note = data;

	tarn_pool_destroy(note->pool);
	log_number(note);
}

START_TEST(cleanup_may_destroy_another_pool)
{
	struct counting counting;
	struct log log = {0};
	struct note notes[1], note = {.log = &log, .number = 1};
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	note.pool = counting_pool(&counting, 0);
	add_notes(note.pool, &log, notes, 1);
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, destroy_other, &note));
	end_round(pool, _i);
	ck_assert_uint_eq(log.count, 2);
	ck_assert_int_eq(log.entries[0], 0);
	end_pool(pool, _i, &log);
	counting_finish(&counting);
}
END_TEST

void add_action_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "actions");

	tcase_add_loop_test(tcase, cleanup_creating_children_has_them_destroyed,
			    0, 2);
	tcase_add_loop_test(tcase, cleanup_may_allocate, 0, 2);
	tcase_add_loop_test(tcase, cleanup_may_free_a_large_object, 0, 2);
	tcase_add_loop_test(tcase, cleanup_ending_its_own_pool_is_ebusy, 0, 2);
	tcase_add_loop_test(tcase, cleanup_of_a_child_may_use_the_parent, 0, 3);
	tcase_add_loop_test(
		tcase, cleanup_resetting_the_parent_leaves_its_own_pool, 0, 2);
	tcase_add_loop_test(tcase, cleanup_may_destroy_another_pool, 0, 2);
}
