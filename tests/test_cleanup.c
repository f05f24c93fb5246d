/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanups: their order, that each runs exactly once, cancel and run, and
 * what a cleanup may do to its pool and may not.
 */
#include "counting.h"
#include "util.h"

enum {
	LOG_MOST = 4096
};

/* What ran, in order. */
struct log {
	size_t count;
	int entries[LOG_MOST];
};

/* What a cleanup of these tests is given. */
struct note {
	struct log *log;
	int number;
	tarn_pool *pool;
	tarn_cleanup *own, *other;
	int result, error; /* of what the cleanup tried */
	int left;          /* how many more to register */
};

static void log_number(struct note *note)
{
	REQUIRE(note->log->count < LOG_MOST);
	note->log->entries[note->log->count++] = note->number;
}

static void write_note(void *data)
{
	log_number(data);
}

/* How a test ends a round: 0 by a reset, 1 by destroy. */
static void end_round(tarn_pool *pool, int how)
{
	if (how == 1) {
		tarn_pool_destroy(pool);
		return;
	}
	tarn_pool_reset(pool);
	ck_assert_uint_eq(stats_of(pool).cleanups, 0);
	ck_assert_uint_eq(stats_of(pool).children, 0);
}

/* Ends what end_round left of the pool; no cleanup may be left to run. */
static void end_pool(tarn_pool *pool, int how, struct log *log)
{
	size_t count = log->count;

	if (how == 0)
		tarn_pool_destroy(pool);
	ck_assert_uint_eq(log->count, count);
}

/* Registers `count` notes with the numbers from 0. */
static void add_notes(tarn_pool *pool, struct log *log, struct note *notes,
		      int count)
{
	int i;

	for (i = 0; i < count; i++) {
		notes[i] = (struct note){.log = log, .number = i, .pool = pool};
		notes[i].own = tarn_cleanup_add(pool, write_note, &notes[i]);
		REQUIRE(notes[i].own != NULL);
	}
}

static void refused(int result)
{
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(errno, ENOENT);
	errno = 0;
}

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

static void add_handle_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "cancel and run");

	tcase_add_test(tcase, cleanup_without_function_is_einval);
	tcase_add_loop_test(tcase, cleanup_cancelled_does_not_run, 0, 2);
	tcase_add_loop_test(tcase, cleanup_run_runs_now_and_not_again, 0, 2);
	tcase_add_test(tcase, cleanup_handle_is_not_used_again_before_reset);
	tcase_add_test(tcase, cleanup_cancel_of_many_is_cheap);
}

/* ---- what a cleanup does ------------------------------------------------- */

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

static void add_action_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "actions");

	tcase_add_loop_test(tcase, cleanup_itself_has_begun, 0, 3);
	tcase_add_loop_test(tcase, cleanup_cancels_an_older_one_but_no_newer, 0,
			    2);
	tcase_add_loop_test(tcase, cleanup_runs_an_older_one_once, 0, 2);
	tcase_add_loop_test(
		tcase, cleanup_registered_by_a_cleanup_runs_in_the_same_round,
		0, 2);
	tcase_add_loop_test(tcase, cleanup_creating_children_has_them_destroyed,
			    0, 2);
	tcase_add_loop_test(tcase, cleanup_may_allocate, 0, 2);
	tcase_add_loop_test(tcase, cleanup_may_free_a_large_object, 0, 2);
	tcase_add_loop_test(tcase, cleanup_ending_its_own_pool_is_ebusy, 0, 2);
	tcase_add_loop_test(tcase, cleanup_of_a_child_may_use_the_parent, 0, 3);
	tcase_add_loop_test(
		tcase, cleanup_resetting_the_parent_leaves_its_own_pool, 0, 2);
	tcase_add_loop_test(tcase, cleanup_may_destroy_another_pool, 0, 2);
	tcase_add_loop_test(tcase, cleanup_may_register_and_run_or_cancel, 0,
			    2);
}

int main(void)
{
	Suite *suite = suite_create("cleanup");

	add_order_tests(suite);
	add_handle_tests(suite);
	add_action_tests(suite);
	return suite_run(suite);
}
