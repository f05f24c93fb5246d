/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks: what is rewound is gone, and was allocated, whether it is small or
 * large, moved, or already another thread's; and being sampled costs no memory
 * in them.
 */
#include "test_sample.h"

/* ---- small objects, and scratch ----------------------------------------- */

/* What is rewound is gone, and was allocated. */
static int marked(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	EXPECT(tarn_palloc(pool, 3) != NULL);
	for (size_t i = 0; i < scale * 10000; i++) {
		tarn_mark outer = tarn_local_mark(local), inner;

		EXPECT(tarn_local_palloc(local, 700) != NULL);
		EXPECT(tarn_local_pnalloc(local, 39) != NULL);
		for (size_t j = 0; j < 3; j++) {
			inner = tarn_local_mark(local);
			EXPECT(tarn_local_palloc(local, 1500) != NULL);
			EXPECT(tarn_palloc(pool, 6000) != NULL);
			tarn_local_rewind(local, inner);
		}
		EXPECT(tarn_local_palloc(local, 400) != NULL);
		tarn_local_rewind(local, outer);
	}
	/* All that is left of it is some room. */
	tarn_pool_reset(pool);
	return 0;
}

START_TEST(marked_estimate_is_true)
{
	struct profile profile;

	begin(4);
	profile = profile_of(marked, SEEDS);
	expect_all(&profile, SEEDS, scale * 10000, 700);
	expect_all(&profile, SEEDS, scale * 10000, 39);
	expect_all(&profile, SEEDS, scale * 30000, 1500);
	expect_all(&profile, SEEDS, scale * 30000, 6000);
	expect_all(&profile, SEEDS, scale * 10000, 400);
	expect_none_live(&profile);
}
END_TEST

/* As above; nothing is sampled at the end, though the pool is there. */
static int scratched(void)
{
	for (size_t i = 0; i < scale * 20000; i++) {
		tarn_mark mark, again;
		tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
		tarn_pool *other;

		EXPECT(pool != NULL);
		EXPECT(tarn_palloc(pool, 2000) != NULL);
		EXPECT(tarn_pnalloc(pool, 3001) != NULL);
		other = tarn_scratch_begin(pool, &again);
		EXPECT(other != NULL && tarn_palloc(other, 1004) != NULL);
		tarn_scratch_end(other, again);
		tarn_scratch_end(pool, mark);
	}
	return 0;
}

START_TEST(scratched_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(scratched, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 2000);
	expect_all(&profile, SEEDS, scale * 20000, 3001);
	expect_all(&profile, SEEDS, scale * 20000, 1004);
	expect_none_live(&profile);
}
END_TEST

/* However often a room is cut near a mark, and a chunk claimed within it. */
static int marked_for_long(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *pool;
	tarn_local *local;

	options.first_block = 65536;
	pool = tarn_pool_create(&options);
	local = tarn_pool_local(pool);
	EXPECT(tarn_palloc(pool, 3) != NULL);
	for (size_t i = 0; i < scale * 20000; i++) {
		tarn_mark mark = tarn_local_mark(local);

		for (size_t j = 0; j < 40; j++)
			EXPECT(tarn_palloc(pool, 100) != NULL);
		tarn_local_rewind(local, mark);
	}
	EXPECT(tarn_pool_stats(pool, &stats) == 0);
	EXPECT(stats.handed_out == 16 && stats.held < 1 << 20);
	return 0;
}

START_TEST(marked_memory_is_bounded)
{
	begin(4);
	profile_of(marked_for_long, 1);
}
END_TEST

/* ---- large objects and marks -------------------------------------------- */

/* Sizes that are sampled as good as always, and each in one place. */
#define MIB(count) ((size_t)(count) << 20)

/* An upstream that gives what came back last to whoever asks next. */
static struct {
	void *memory;
	size_t size;
	child_fn *before; /* called once, by the next release */
} again;

static void *again_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *memory = again.memory;

	(void)ctx;
	if (memory != NULL && again.size >= *size) {
		*size = again.size;
		again.memory = NULL;
		return memory;
	}
	memory = NULL;
	return posix_memalign(&memory, alignment < 64 ? 64 : alignment,
			      *size) == 0
		       ? memory
		       : NULL;
}

static void again_release(void *ctx, void *memory, size_t size)
{
	child_fn *before = again.before;

	(void)ctx;
	free(again.memory);
	again.memory = memory;
	again.size = size;
	again.before = NULL;
	if (before != NULL && before() != 0)
		abort();
}

static const tarn_upstream again_upstream = {again_alloc, NULL, again_release,
					     NULL};

static tarn_pool *pool_over(const tarn_upstream *upstream)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = upstream;
	return tarn_pool_create(&options);
}

/* One from before the mark, and one since, each of which grows within it. */
static int large_in_marks(const tarn_upstream *upstream)
{
	tarn_pool *pool = pool_over(upstream);
	tarn_local *local = tarn_pool_local(pool);
	void *before = tarn_palloc(pool, MIB(10)), *since;
	tarn_mark mark = tarn_local_mark(local);

	since = tarn_palloc(pool, MIB(11));
	EXPECT(before != NULL && since != NULL);
	EXPECT(tarn_prealloc(pool, before, MIB(10), MIB(30)) != NULL);
	EXPECT(tarn_prealloc(pool, since, MIB(11), MIB(31)) != NULL);
	tarn_local_rewind(local, mark);
	return 0;
}

static int resized_in_marks(void)
{
	return large_in_marks(NULL);
}

static int moved_in_marks(void)
{
	return large_in_marks(&again_upstream);
}

START_TEST(resized_large_objects_are_as_old_as_they_were)
{
	static child_fn *const programs[] = {resized_in_marks, moved_in_marks};
	struct profile profile = profile_of(programs[_i], 1);

	ck_assert_uint_eq(figure_of(&profile, MIB(10))->live, 0);
	ck_assert_uint_eq(figure_of(&profile, MIB(11))->live, 0);
	ck_assert_uint_eq(figure_of(&profile, MIB(30))->live, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(31))->all, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(31))->live, 0);
}
END_TEST

static tarn_pool *taken_over;

static int take_over(void *arg)
{
	void *object = tarn_palloc(taken_over, MIB(10));

	(void)arg;
	EXPECT(object != NULL && tarn_pfree(taken_over, object) == 0);
	return 0;
}

static int take_over_in_thread(void)
{
	return worker_run(take_over, NULL);
}

/* While a rewind is under way another thread has the memory, and frees it. */
static int rewound_and_taken(void)
{
	tarn_local *local;
	tarn_mark mark;

	taken_over = pool_over(&again_upstream);
	local = tarn_pool_local(taken_over);
	mark = tarn_local_mark(local);
	EXPECT(tarn_palloc(taken_over, MIB(11)) != NULL);
	again.before = take_over_in_thread;
	tarn_local_rewind(local, mark);
	EXPECT(again.before == NULL);
	return 0;
}

START_TEST(rewound_memory_is_another_threads_at_once)
{
	struct profile profile = profile_of(rewound_and_taken, 1);

	ck_assert_uint_eq(figure_of(&profile, MIB(10))->all, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(11))->all, 1);
	expect_none_live(&profile);
}
END_TEST

void add_mark_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "marks");

	tcase_add_test(tcase, marked_estimate_is_true);
	tcase_add_test(tcase, marked_memory_is_bounded);
	tcase_add_test(tcase, scratched_estimate_is_true);
	tcase_add_loop_test(
		tcase, resized_large_objects_are_as_old_as_they_were, 0, 2);
	tcase_add_test(tcase, rewound_memory_is_another_threads_at_once);
}
