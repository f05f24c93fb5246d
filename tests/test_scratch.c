/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scratch pools: which one is given, how uses nest, what is kept between them,
 * and that it ends with its thread.
 */
#include "counting.h"
#include "util.h"

enum {
	WARM = 128 * 1024, /* bytes: what a pool keeps at most */
	LARGE = 100000
};

static void fill(tarn_pool *pool, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		void *object = tarn_palloc(pool, size);

		REQUIRE(object != NULL);
		memset(object, 0x77, size);
	}
}

/* ---- which one ------------------------------------------------------------
 */

START_TEST(begin_gives_a_pool_that_is_not_the_conflict)
{
	tarn_mark marks[4];
	tarn_pool *first = tarn_scratch_begin(NULL, &marks[0]);
	tarn_pool *second = tarn_scratch_begin(first, &marks[1]);
	tarn_pool *other = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_ne(first, second);
	ck_assert_ptr_eq(tarn_scratch_begin(second, &marks[2]), first);
	ck_assert_ptr_eq(tarn_scratch_begin(other, &marks[3]), first);
	tarn_scratch_end(first, marks[3]);
	tarn_scratch_end(first, marks[2]);
	tarn_scratch_end(second, marks[1]);
	tarn_scratch_end(first, marks[0]);
	ck_assert_ptr_eq(tarn_scratch_begin(NULL, &marks[0]), first);
	tarn_scratch_end(first, marks[0]);
	tarn_pool_destroy(other);
}
END_TEST

START_TEST(uses_that_nest_end_each_their_own)
{
	tarn_mark outer, inner;
	tarn_pool *pool = tarn_scratch_begin(NULL, &outer);
	char *kept = tarn_pstrdup(pool, "kept"), *since;

	ck_assert_ptr_eq(tarn_scratch_begin(NULL, &inner), pool);
	since = tarn_palloc(pool, 100);
	tarn_scratch_end(pool, inner);
	/* Of a watched pool memory is not used again. */
	ck_assert(watched() || tarn_palloc(pool, 100) == since);
	ck_assert_str_eq(kept, "kept");
	tarn_scratch_end(pool, outer);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
}
END_TEST

/* Every kind of call; the second round finds the pool as the first did. */
START_TEST(each_call_works_in_scratch)
{
	static char key;
	tarn_pool *results = tarn_pool_create(NULL);

	for (int i = 0; i < 100; i++) {
		tarn_mark mark;
		tarn_pool *pool = tarn_scratch_begin(results, &mark);
		tarn_pool *child;

		ck_assert_ptr_nonnull(tarn_pnalloc(pool, 3));
		ck_assert_ptr_nonnull(tarn_pmemalign(pool, 256, 1000));
		ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
		ck_assert_str_eq(tarn_psprintf(pool, "%d", i),
				 tarn_psprintf(results, "%d", i));
		ck_assert_ptr_null(tarn_pool_data(pool, &key));
		ck_assert_uint_eq(stats_of(pool).children, 0);
		ck_assert_int_eq(tarn_pool_set_data(pool, &key, &key), 0);
		child = tarn_pool_create_child(pool, NULL);
		ck_assert_ptr_nonnull(tarn_palloc(child, 10));
		tarn_scratch_end(pool, mark);
	}
	tarn_pool_destroy(results);
}
END_TEST

/* ---- what is kept ---------------------------------------------------------
 */

START_TEST(uses_that_are_alike_take_nothing_after_a_few)
{
	size_t count = _i == 0 ? 10 : 1000;
	tarn_mark mark;
	tarn_pool *pool, *last;
	size_t held;

	for (int i = 0; i < 5; i++) {
		pool = tarn_scratch_begin(NULL, &mark);
		fill(pool, count, 100);
		tarn_scratch_end(pool, mark);
	}
	last = tarn_scratch_begin(NULL, &mark);
	held = stats_of(last).held;
	fill(last, count, 100);
	/* A use that a cut has claim a chunk spoils the pool. */
	if (!watched() && !sampled()) {
		ck_assert_uint_eq(stats_of(last).blocks, 1);
		ck_assert_uint_eq(stats_of(last).held, held);
	}
	ck_assert(sampled() || held <= WARM);
	tarn_scratch_end(last, mark);
	pool = tarn_scratch_begin(NULL, &mark);
	ck_assert(watched() || sampled() || pool == last);
	tarn_scratch_end(pool, mark);
}
END_TEST

START_TEST(memory_kept_after_a_huge_use_is_bounded)
{
	for (int i = 0; i < 10; i++) {
		tarn_mark mark;
		tarn_pool *pool = tarn_scratch_begin(NULL, &mark);

		/* Where it is made anew a block may be one that was larger. */
		ck_assert_uint_le(stats_of(pool).held,
				  sampled() ? 2 * WARM : WARM);
		fill(pool, 10000, 100);
		fill(pool, 100, LARGE);
		tarn_scratch_end(pool, mark);
	}
}
END_TEST

/* Nor does the list of large objects stay as long as it was, where they are all
   there was. */
START_TEST(list_of_many_large_objects_is_not_kept)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
	size_t held = stats_of(pool).held;

	tarn_scratch_end(pool, mark);
	for (int i = 0; i < 100; i++) {
		pool = tarn_scratch_begin(NULL, &mark);
		ck_assert(sampled() || stats_of(pool).held == held);
		fill(pool, 50, LARGE);
		ck_assert_uint_gt(stats_of(pool).held, held);
		tarn_scratch_end(pool, mark);
	}
}
END_TEST

/* ---- threads ---------------------------------------------------------------
 */

static int use_in_thread(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < 100; i++) {
		tarn_mark mark, other;
		tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
		tarn_pool *second = tarn_scratch_begin(pool, &other);

		EXPECT(pool != NULL && second != NULL && pool != second);
		EXPECT(tarn_palloc(pool, 10 * i) != NULL);
		EXPECT(tarn_palloc(second, 10 * i) != NULL);
		tarn_scratch_end(second, other);
		tarn_scratch_end(pool, mark);
	}
	return 0;
}

/* One after the other, and some at once: a leak is seen by the tools. */
START_TEST(scratch_ends_with_its_thread)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(worker_run(use_in_thread, NULL), 0);
	ck_assert_int_eq(workers_together(use_in_thread, NULL, 0, 4), 0);
}
END_TEST

struct use {
	tarn_pool *pool;
	tarn_mark mark;
};

static int end_of_another(void *arg)
{
	struct use *use = arg;

	tarn_scratch_end(use->pool, use->mark);
	return 0;
}

START_TEST(end_by_another_thread_is_ignored)
{
	struct use use;
	char *object;

	use.pool = tarn_scratch_begin(NULL, &use.mark);
	object = tarn_palloc(use.pool, 100);
	memset(object, 'o', 100);
	if (!blamed())
		ck_assert_int_eq(worker_run(end_of_another, &use), 0);
	ck_assert_ptr_ne(tarn_palloc(use.pool, 100), object);
	ck_assert_int_eq(object[99], 'o');
	tarn_scratch_end(use.pool, use.mark);
}
END_TEST

/* Runs in every round of destructors, the last one included, in which the
   library's own may have run before. */
static pthread_key_t late_key;
static size_t late_runs, late_alone, late_failed;
static struct use late_other; /* of a thread that goes on */

static void late(void *value)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);

	late_runs++;
	late_failed += pool == NULL || tarn_palloc(pool, 1000) == NULL;
	late_alone += mark.reserved[0] == NULL;
	tarn_scratch_end(pool, mark);
	/* Not its own: ignored, where that does not end the program. */
	for (int i = 0; i < 100 && !blamed(); i++)
		tarn_scratch_end(late_other.pool, late_other.mark);
	if (late_runs < DESTRUCTOR_ROUNDS)
		pthread_setspecific(late_key, value);
}

static int end_late(void *arg)
{
	struct use use;

	(void)arg;
	use.pool = tarn_scratch_begin(NULL, &use.mark);
	EXPECT(use.pool != NULL);
	tarn_scratch_end(use.pool, use.mark);
	EXPECT(pthread_setspecific(late_key, &late_key) == 0);
	return 0;
}

START_TEST(thread_past_its_end_has_a_pool_each_time)
{
	char *object;

	/* The library's key first, so that its destructor runs first. */
	late_other.pool = tarn_scratch_begin(NULL, &late_other.mark);
	ck_assert_ptr_nonnull(late_other.pool);
	object = tarn_pstrdup(late_other.pool, "goes on");
	ck_assert_int_eq(pthread_key_create(&late_key, late), 0);
	ck_assert_int_eq(worker_run(end_late, NULL), 0);
	ck_assert_uint_gt(late_runs, 1);
	ck_assert_uint_eq(late_alone, HOST_ROUNDS_PAST);
	ck_assert_uint_eq(late_failed, 0);
	pthread_key_delete(late_key);
	ck_assert_ptr_ne(tarn_pstrdup(late_other.pool, "another"), object);
	ck_assert_str_eq(object, "goes on");
	tarn_scratch_end(late_other.pool, late_other.mark);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scratch");
	TCase *tcase = suite_case(suite, "uses");

	tcase_add_test(tcase, begin_gives_a_pool_that_is_not_the_conflict);
	tcase_add_test(tcase, uses_that_nest_end_each_their_own);
	tcase_add_test(tcase, each_call_works_in_scratch);

	tcase = suite_case(suite, "memory");
	tcase_add_loop_test(tcase, uses_that_are_alike_take_nothing_after_a_few,
			    0, 2);
	tcase_add_test(tcase, memory_kept_after_a_huge_use_is_bounded);
	tcase_add_test(tcase, list_of_many_large_objects_is_not_kept);

	tcase = suite_case(suite, "threads");
	tcase_add_test(tcase, scratch_ends_with_its_thread);
	tcase_add_test(tcase, end_by_another_thread_is_ignored);
	tcase_add_test(tcase, thread_past_its_end_has_a_pool_each_time);
	add_fork_tests(suite);
	return suite_run(suite);
}
