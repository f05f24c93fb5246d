/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rewind knows by its birth: large objects that came since the mark are
 * freed, cleanups run, of this thread alone; data and children stay; and
 * without memory a mark is none, or changes nothing.
 */
#include "test_rewind.h"

/* ---- large memory ------------------------------------------------------- */

START_TEST(large_objects_since_the_mark_are_freed)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	void *before = tarn_palloc(pool, LARGE);
	tarn_mark outer, inner;
	size_t live;

	memset(before, 1, LARGE);
	outer = tarn_local_mark(local);
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
	inner = tarn_local_mark(local);
	live = stats_of(pool).large_count;
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE + (size_t)i));
	ck_assert_int_eq(tarn_pfree(pool, tarn_palloc(pool, LARGE)), 0);
	tarn_local_rewind(local, inner);
	ck_assert_uint_eq(stats_of(pool).large_count, live);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(((char *)before)[LARGE - 1], 1);
	end(pool);
}
END_TEST

START_TEST(large_object_keeps_its_birth_through_prealloc)
{
	static const bool refuse[] = {false, true};
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	void *before = tarn_palloc(pool, LARGE), *since;
	char *small = tarn_palloc(pool, 100);
	tarn_mark mark;

	counting.refuse_resize = refuse[_i];
	mark = tarn_local_mark(local);
	since = tarn_palloc(pool, LARGE);
	before = tarn_prealloc(pool, before, LARGE, 5 * LARGE);
	since = tarn_prealloc(pool, since, LARGE, 5 * LARGE);
	ck_assert_ptr_nonnull(before);
	ck_assert_ptr_nonnull(since);
	/* What was small is allocated anew. */
	ck_assert_ptr_nonnull(tarn_prealloc(pool, small, 100, LARGE));
	ck_assert_uint_eq(stats_of(pool).large_count, 3);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree(pool, before), 0);
	end(pool);
}
END_TEST

/* Other threads' large objects, in shards, stay, and this one's there go. */
static int large_in_shards(void *arg)
{
	tarn_pool *pool = arg;
	tarn_local *local = tarn_pool_local(pool);
	void *before = tarn_palloc(pool, LARGE);
	tarn_mark mark = tarn_local_mark(local);

	EXPECT(before != NULL);
	for (int i = 0; i < 100; i++) {
		EXPECT(tarn_palloc(pool, LARGE) != NULL);
		before = tarn_prealloc(pool, before, LARGE, LARGE + 1000);
		EXPECT(before != NULL);
		before = tarn_prealloc(pool, before, LARGE + 1000, LARGE);
		EXPECT(before != NULL);
	}
	tarn_local_rewind(local, mark);
	EXPECT(tarn_pfree(pool, before) == 0);
	return 0;
}

START_TEST(large_objects_of_other_threads_stay)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local);

	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
	counting.refuse_resize = _i == 1;
	ck_assert_int_eq(worker_run(large_in_shards, pool), 0);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	end(pool);
}
END_TEST

/* ---- cleanups ----------------------------------------------------------- */

START_TEST(cleanups_since_the_mark_run_newest_first_and_once)
{
	static const int wanted[] = {5, 105, 205, 4, 2, 1};
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_cleanup *ran, *cancelled;
	tarn_mark outer, inner;

	journal = (struct log){.pool = pool};
	add(1, 0);
	outer = tarn_local_mark(local);
	add(2, 0);
	inner = tarn_local_mark(local);
	ran = add(3, 0);
	ck_assert_int_eq(tarn_cleanup_run(ran), 0);
	journal.count = 0;
	add(4, 0);
	cancelled = add(9, 0);
	add(5, 2);
	ck_assert_int_eq(tarn_cleanup_cancel(cancelled), 0);
	tarn_local_rewind(local, inner);
	ck_assert_int_eq(journal.count, 4);
	ck_assert_uint_eq(stats_of(pool).cleanups, 2);
	tarn_local_rewind(local, outer);
	ck_assert_int_eq(journal.count, 5);
	tarn_pool_reset(pool);
	ck_assert_int_eq(journal.count, 6);
	ck_assert_mem_eq(journal.ran, wanted, sizeof(wanted));
	end(pool);
}
END_TEST

static int add_elsewhere(void *arg)
{
	static struct noted other = {7, 0};

	EXPECT(tarn_cleanup_add(arg, note, &other) != NULL);
	return 0;
}

START_TEST(cleanups_of_other_threads_stay)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark;

	journal = (struct log){.pool = pool};
	mark = tarn_local_mark(local);
	add(1, 0);
	ck_assert_int_eq(worker_run(add_elsewhere, pool), 0);
	add(2, 0);
	tarn_local_rewind(local, mark);
	ck_assert_int_eq(journal.count, 2);
	ck_assert_uint_eq(stats_of(pool).cleanups, 1);
	end(pool);
	ck_assert_int_eq(journal.ran[2], 7);
}
END_TEST

static void rewind_again(void *data)
{
	const struct again *again = data;

	tarn_local_rewind(again->local, again->mark);
}

START_TEST(cleanup_that_rewinds_itself_is_served)
{
	tarn_pool *pool = begin();
	struct again again = {pool, tarn_pool_local(pool), {{NULL}}};
	size_t before;

	tarn_palloc(pool, 100);
	before = stats_of(pool).handed_out;
	again.mark = tarn_local_mark(again.local);
	tarn_cleanup_add(pool, rewind_again, &again);
	fill(pool, 100, 1000);
	tarn_local_rewind(again.local, again.mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	end(pool);
}
END_TEST

/* ---- what stays --------------------------------------------------------- */

START_TEST(data_and_children_set_within_a_mark_stay)
{
	static char keys[10];
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_pool *child;
	tarn_mark mark;
	char *object;

	mark = tarn_local_mark(local);
	for (size_t i = 0; i < 10; i++)
		ck_assert_int_eq(tarn_pool_set_data(pool, &keys[i], &keys[i]),
				 0);
	child = tarn_pool_create_child(pool, NULL);
	object = tarn_palloc(child, 100);
	memset(object, 'c', 100);
	tarn_local_rewind(local, mark);
	fill(pool, 1000, 100);
	for (size_t i = 0; i < 10; i++)
		ck_assert_ptr_eq(tarn_pool_data(pool, &keys[i]), &keys[i]);
	ck_assert_int_eq(object[99], 'c');
	ck_assert_uint_eq(stats_of(pool).children, 1);
	end(pool);
}
END_TEST

/* ---- without memory ----------------------------------------------------- */

static size_t oom_size;

static void on_oom(tarn_pool *pool, size_t size, void *data)
{
	(void)pool, (void)data;
	oom_size = size;
}

START_TEST(no_memory_within_a_mark_leaves_all_as_it_was)
{
	static char key;
	tarn_options options;
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
	size_t before;

	counting_init(&counting);
	options = counting_options(&counting);
	options.on_oom = on_oom;
	pool = tarn_pool_create(&options);
	local = tarn_pool_local(pool);
	use_up(pool);
	before = stats_of(pool).handed_out;
	mark = tarn_local_mark(local);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	for (size_t size = 16; size < 2 * LARGE; size *= 4)
		while (tarn_palloc(pool, size) != NULL)
			continue;
	ck_assert_int_eq(errno, ENOMEM);
	while (tarn_pmemalign(pool, 64, 4000) != NULL)
		continue;
	oom_size = 0;
	ck_assert_int_eq(tarn_pool_set_data(pool, &key, &key), -1);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_ne(oom_size, 0);
	ck_assert_ptr_null(tarn_cleanup_add(pool, note, &key));
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	counting.fail_at = 0;
	fill(pool, 100, 100);
	end(pool);
}
END_TEST

/* Nothing begins by it, and nothing ends by the rewind. */
START_TEST(mark_without_memory_is_none)
{
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
	size_t before;

	/* There is other memory. */
	if (guarded())
		return;
	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	local = tarn_pool_local(pool);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	while (tarn_palloc(pool, 16) != NULL)
		continue;
	before = stats_of(pool).handed_out;
	errno = 0;
	for (int i = 0; i < 100; i++) {
		mark = tarn_local_mark(local);
		tarn_local_rewind(local, mark);
	}
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	counting.fail_at = 0;
	fill(pool, 10, 100);
	before = stats_of(pool).handed_out;
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	mark = tarn_local_mark(local);
	fill(pool, 10, 100);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	end(pool);
}
END_TEST

void add_birth_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "births");

	tcase_add_test(tcase, large_objects_since_the_mark_are_freed);
	tcase_add_loop_test(
		tcase, large_object_keeps_its_birth_through_prealloc, 0, 2);
	tcase_add_loop_test(tcase, large_objects_of_other_threads_stay, 0, 2);
	tcase_add_test(tcase,
		       cleanups_since_the_mark_run_newest_first_and_once);
	tcase_add_test(tcase, cleanups_of_other_threads_stay);
	tcase_add_test(tcase, cleanup_that_rewinds_itself_is_served);
	tcase_add_test(tcase, data_and_children_set_within_a_mark_stay);
	tcase = suite_case(suite, "without memory");
	tcase_add_test(tcase, mark_without_memory_is_none);
	tcase_add_test(tcase, no_memory_within_a_mark_leaves_all_as_it_was);
}
