/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handing out again: who asks for what was freed has the same object, in the
 * thread that freed it or in another one; and the room that a thread had before
 * is neither lost nor in the way.
 */
#include "test_reuse.h"

/* ---- handing out again -------------------------------------------------- */

START_TEST(take_after_give_same_object)
{
	static const size_t above[] = {0, 64, 500, 1024, 16384};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.large_above = above[_i];
	pool = tarn_pool_create(&options);
	for (size_t size = 1; size <= DEPOT_SMALL; size++) {
		if (above[_i] != 0 && size > above[_i])
			break;
		again(pool, 0, size);
		/* What is no class of its own serves when the room is out. */
		for (size_t alignment = 1; alignment <= 64; alignment *= 2)
			if (size >= LEAST_UNIT &&
			    depot_class(alignment, size) != DEPOT_CLASSES)
				again(pool, alignment, size);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Wide ones from what was freed as such; those of 64 and less always. */
START_TEST(take_wide_after_give_same_object)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t alignment = 32; alignment <= 1024; alignment *= 2)
		for (size_t size = 16; size <= DEPOT_SMALL; size += 16)
			if (size % alignment == 0)
				again(pool, alignment, size);
	tarn_pool_destroy(pool);
}
END_TEST

/* Not in the bin, nor among the first of it: the rest is looked through no
   further, and stays. */
START_TEST(take_wide_of_narrow_pieces_aligned)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < 100; i++)
		filled[i] = tarn_palloc(pool, 64);
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(tarn_pfree_sized(pool, filled[i], 64), 0);
	for (size_t i = 0; i < 100; i++)
		ck_assert(is_aligned(tarn_pmemalign(pool, 64, 64), 64));
	tarn_pool_destroy(pool);
}
END_TEST

/* Too small for a link, and not lost sight of in the figures. */
START_TEST(give_tiny_lost_until_reset)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t before = handed_out(pool);

	for (size_t size = 1; size < LEAST_UNIT; size++) {
		void *object = tarn_pnalloc(pool, size);

		ck_assert_int_eq(
			tarn_pfree_aligned_sized(pool, object, 1, size), 0);
		ck_assert_uint_eq(handed_out(pool), before);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Which of the two threads frees is _i; the other one takes all again, but for
   what the freeing one may keep at hand. */
START_TEST(give_by_one_thread_take_by_another)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct given given = {pool, filled, FILL, 48};
	size_t held, out;

	ck_assert_int_eq(take_all(&given), 0);
	ck_assert_int_eq(worker_run(give_all, &given), 0);
	held = stats_of(pool).held;
	out = handed_out(pool);
	ck_assert_uint_lt(out, held / 8);
	for (int i = 0; i < 10; i++) {
		given.count = FILL - 4096 / 48;
		ck_assert_int_eq(i % 2 == _i ? take_all(&given)
					     : worker_run(take_all, &given),
				 0);
		ck_assert_int_eq(i % 2 == _i ? worker_run(give_all, &given)
					     : give_all(&given),
				 0);
		ck_assert_uint_eq(handed_out(pool), out);
	}
	ck_assert_uint_le(stats_of(pool).held, held + 8192);
	tarn_pool_destroy(pool);
}
END_TEST

/* One after the other: each has the slot, and the bins, of the last. */
START_TEST(threads_in_turn_bins_inherited)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct given given = {pool, filled, 100, 48};
	void *first = tarn_palloc(pool, 16);
	size_t held = 0;

	ck_assert_ptr_nonnull(first);
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(worker_run(take_all, &given), 0);
		ck_assert_int_eq(worker_run(give_all, &given), 0);
		if (i == 0)
			held = stats_of(pool).held;
	}
	ck_assert_uint_eq(stats_of(pool).held, held);
	tarn_pool_destroy(pool);
}
END_TEST

void add_again_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "again");

	tcase_add_loop_test(tcase, take_after_give_same_object, 0, 5);
	tcase_add_test(tcase, take_wide_after_give_same_object);
	tcase_add_test(tcase, take_wide_of_narrow_pieces_aligned);
	tcase_add_test(tcase, give_tiny_lost_until_reset);
	tcase_add_loop_test(tcase, give_by_one_thread_take_by_another, 0, 2);
	tcase_add_test(tcase, threads_in_turn_bins_inherited);
}

/* ---- the room ----------------------------------------------------------- */

static bool room_in_sight(tarn_pool *pool)
{
	tarn_local *local = tarn_pool_local(pool);

	return local->last != local->end;
}

START_TEST(room_back_when_bins_are_empty)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	void *object = tarn_palloc(pool, 48);

	ck_assert(room_in_sight(pool));
	ck_assert_int_eq(tarn_pfree_sized(pool, object, 48), 0);
	ck_assert(!room_in_sight(pool));
	ck_assert_ptr_eq(tarn_palloc(pool, 48), object);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 48));
	ck_assert(room_in_sight(pool));
	tarn_pool_destroy(pool);
}
END_TEST

/* What nobody here asks for does not stand in the way for ever. */
START_TEST(room_back_when_bins_do_not_suit)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	void *object = tarn_palloc(pool, 1000);
	int served = 0;

	ck_assert_int_eq(tarn_pfree_sized(pool, object, 1000), 0);
	for (; served < 1000 && !room_in_sight(pool); served++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	ck_assert_int_gt(served, 1);
	ck_assert_int_le(served, 100);
	/* And it is not lost. */
	ck_assert_uint_eq(pool_depot(pool)->bytes, 1008);
	tarn_pool_destroy(pool);
}
END_TEST

/* What came since a mark goes with the rewind, and not before. */
START_TEST(free_within_a_mark_left_to_the_rewind)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	size_t before = handed_out(pool);

	for (int i = 0; i < 100; i++) {
		tarn_mark mark = tarn_local_mark(local);
		void *object = tarn_palloc(pool, 100);
		size_t out = handed_out(pool);

		ck_assert_int_eq(tarn_pfree_sized(pool, object, 100), 0);
		ck_assert_uint_eq(handed_out(pool), out);
		ck_assert_ptr_ne(tarn_palloc(pool, 100), object);
		tarn_local_rewind(local, mark);
		ck_assert_uint_eq(handed_out(pool), before);
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_room_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "room");

	tcase_add_test(tcase, room_back_when_bins_are_empty);
	tcase_add_test(tcase, room_back_when_bins_do_not_suit);
	tcase_add_test(tcase, free_within_a_mark_left_to_the_rewind);
}
