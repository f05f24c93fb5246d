/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For long: programs that go on allocating and freeing hold no more memory than
 * they did, whatever their sizes do and whoever frees.
 */
#include "test_reuse.h"

/* Allocates and frees the same few sizes, all at once and one by one. */
START_TEST(cycles_of_few_sizes_held_flat)
{
	static const size_t sizes[] = {16,  24,   40,   77,  200,
				       701, 1024, 1500, 4096};
	static const size_t alignments[] = {0, 8, 64, 1, 16};
	size_t alignment = alignments[_i], n = sizeof(sizes) / sizeof(*sizes);
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t held = 0, total = rounds(1000000);

	for (size_t i = 0; i < total; i += n) {
		for (size_t k = 0; k < n; k++)
			filled[k] = take(pool, alignment, sizes[k]);
		for (size_t k = 0; k < n; k++)
			REQUIRE(give(pool, filled[k], alignment, sizes[k]) ==
				0);
		if (i == total / 10 / n * n)
			held = stats_of(pool).held;
	}
	ck_assert_uint_eq(stats_of(pool).held, held);
	ck_assert_uint_le(held, (size_t)64 << 10);
	tarn_pool_destroy(pool);
}
END_TEST

/* Random sizes: tails and rests come back. */
START_TEST(cycles_of_random_sizes_held_flat)
{
	struct program program = {.things = things,
				  .count = THINGS,
				  .steps = rounds(250000),
				  .low = 16,
				  .high = MOST,
				  .whole = true};
	size_t held;

	program.state = seed("cycles_of_random_sizes_held_flat");
	program.pool = tarn_pool_create(NULL);
	ck_assert_int_eq(program_run(&program), 0);
	held = stats_of(program.pool).held;
	ck_assert_uint_le(held, (size_t)THINGS * MOST);
	for (int round = 0; round < 8; round++) {
		ck_assert_int_eq(program_run(&program), 0);
		ck_assert_uint_le(stats_of(program.pool).held, held + held / 8);
	}
	ck_assert_int_eq(program_end(&program), 0);
	tarn_pool_destroy(program.pool);
}
END_TEST

/* Live bytes that stay the same, while the sizes move. */
struct churn {
	tarn_pool *pool;
	void *objects[CHURN_LIVE / 8];
	size_t sizes[CHURN_LIVE / 8];
	size_t first, count, live, peak;
	uint64_t state;
};

static size_t churn_next(const struct churn *churn, size_t at)
{
	return (at + 1) % (sizeof(churn->sizes) / sizeof(*churn->sizes));
}

static int churn_step(struct churn *churn, size_t low, size_t high)
{
	size_t size = random_between(&churn->state, low, high);
	size_t at = (churn->first + churn->count) %
		    (sizeof(churn->sizes) / sizeof(*churn->sizes));

	while (churn->live + size > CHURN_LIVE) {
		size_t old = churn->first;

		EXPECT(tarn_pfree_sized(churn->pool, churn->objects[old],
					churn->sizes[old]) == 0);
		churn->live -= churn->sizes[old];
		churn->first = churn_next(churn, old);
		churn->count--;
	}
	churn->objects[at] = tarn_palloc(churn->pool, size);
	EXPECT(churn->objects[at] != NULL);
	churn->sizes[at] = size;
	churn->live += size;
	churn->count++;
	return 0;
}

static int churn_run(struct churn *churn, size_t low, size_t high, size_t steps)
{
	for (size_t i = 0; i < steps; i++) {
		int status = churn_step(churn, low, high);

		if (status != 0)
			return status;
		if (i % 64 == 0)
			churn->peak =
				align_max(churn->peak, handed_out(churn->pool));
	}
	return 0;
}

/* Back and forth; with _i == 1, each time by another thread. */
struct turn {
	struct churn *churn;
	size_t low, high;
};

static int churn_turn(void *arg)
{
	struct turn *turn = arg;

	return churn_run(turn->churn, turn->low, turn->high, rounds(100000));
}

START_TEST(churn_sizes_move_held_in_bounds)
{
	static struct churn churn;
	struct turn turns[] = {{&churn, 8, 64}, {&churn, 256, 1024}};

	memset(&churn, 0, sizeof(churn));
	churn.state = seed("churn_sizes_move_held_in_bounds");
	churn.pool = tarn_pool_create(NULL);
	for (int turn = 0; turn < 6; turn++) {
		ck_assert_int_eq(
			_i == 0 ? churn_turn(&turns[turn % 2])
				: worker_run(churn_turn, &turns[turn % 2]),
			0);
		ck_assert_uint_le(stats_of(churn.pool).held,
				  churn.peak + churn.peak / 2);
	}
	tarn_pool_destroy(churn.pool);
}
END_TEST

/* Each frees what another one made; the few objects of each size are now many
   and now few, and what lies in wait for its size is bounded all the same. */
START_TEST(churn_freed_by_others_held_in_bounds)
{
	struct program programs[THREADS];
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = seed("churn_freed_by_others_held_in_bounds");
	size_t out = 0, held = 0;

	for (size_t i = 0; i < THREADS; i++)
		programs[i] = (struct program){.pool = pool,
					       .things = things,
					       .count = THINGS,
					       .steps = WARM_STEPS,
					       .low = 16,
					       .high = 1024,
					       .whole = true,
					       .state = random_next(&state)};
	for (int round = 0; round < 6; round++) {
		ck_assert_int_eq(workers_together(program_run, programs,
						  sizeof(*programs), THREADS),
				 0);
		out = align_max(out, handed_out(pool));
		ck_assert_uint_le(stats_of(pool).held, 2 * out);
		if (round != 1)
			continue;
		held = stats_of(pool).held;
		for (size_t i = 0; i < THREADS; i++)
			programs[i].steps = rounds(WARM_STEPS);
	}
	ck_assert_uint_le(stats_of(pool).held, held + held / 8);
	ck_assert_int_eq(program_end(&programs[0]), 0);
	tarn_pool_destroy(pool);
}
END_TEST

/* Grows and shrinks: where it was is free again. */
START_TEST(prealloc_moves_held_flat)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t held = 0, out;

	ck_assert_int_eq(tarn_pfree_sized(pool, tarn_palloc(pool, 500), 500),
			 0);
	out = handed_out(pool);
	for (size_t i = 0; i < rounds(20000); i++) {
		size_t old = 0;
		char *object = NULL, *other = NULL;

		for (size_t size = 10; size < 9000; old = size, size *= 3) {
			object = tarn_prealloc(pool, object, old, size);
			other = tarn_prealloc(pool, other, old, size);
			REQUIRE(object != NULL && other != NULL);
		}
		for (size_t size = old / 3; size > 10; old = size, size /= 3) {
			object = tarn_prealloc(pool, object, old, size);
			other = tarn_prealloc(pool, other, old, size);
		}
		REQUIRE(tarn_pfree_sized(pool, object, old) == 0);
		REQUIRE(tarn_pfree_sized(pool, other, old) == 0);
		REQUIRE(handed_out(pool) == out);
		if (i == rounds(20000) / 2)
			held = stats_of(pool).held;
	}
	ck_assert_uint_eq(stats_of(pool).held, held);
	ck_assert_uint_le(held, (size_t)64 << 10);
	tarn_pool_destroy(pool);
}
END_TEST

/* What a smaller object leaves serves others, once memory was freed. */
START_TEST(prealloc_shrinking_gives_back)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_palloc(pool, 1000), *behind = tarn_palloc(pool, 64);
	size_t out;

	ck_assert_ptr_eq(tarn_prealloc(pool, object, 1000, 990), object);
	ck_assert_int_eq(tarn_pfree_sized(pool, behind, 64), 0);
	out = handed_out(pool);
	memset(object, 5, 504);
	ck_assert_ptr_eq(tarn_prealloc(pool, object, 1000, 504), object);
	ck_assert_uint_eq(handed_out(pool), out - 496);
	ck_assert_ptr_eq(tarn_palloc(pool, 496), object + 512);
	/* As large as it was, in whole alignments: nothing to give. */
	ck_assert_ptr_eq(tarn_prealloc(pool, object, 504, 500), object);
	ck_assert_uint_eq(handed_out(pool), out);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(object[i], 5);
	tarn_pool_destroy(pool);
}
END_TEST

void add_long_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "for long");

	tcase_add_loop_test(tcase, cycles_of_few_sizes_held_flat, 0, 5);
	tcase_add_test(tcase, cycles_of_random_sizes_held_flat);
	tcase_add_loop_test(tcase, churn_sizes_move_held_in_bounds, 0, 2);
	tcase_add_test(tcase, churn_freed_by_others_held_in_bounds);
	tcase_add_test(tcase, prealloc_moves_held_flat);
	tcase_add_test(tcase, prealloc_shrinking_gives_back);
}
