/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small memory: a rewind hands out as before, in the chunk or beyond it, leaves
 * what was there before, and what grows or shrinks within a mark does not harm
 * what stands outside.
 */
#include "test_rewind.h"

/* ---- small memory ------------------------------------------------------- */

START_TEST(rewind_within_a_chunk_gives_the_same_memory_again)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	char *first, *packed;
	size_t before;

	tarn_palloc(pool, 1000);
	before = stats_of(pool).handed_out;
	for (int i = 0; i < 3; i++) {
		tarn_mark mark = tarn_local_mark(local);
		char *object = tarn_palloc(pool, 24);
		char *bytes = tarn_pnalloc(pool, 3);

		if (i == 0) {
			first = object;
			packed = bytes;
		}
		ck_assert(watched() || sampled() || object == first);
		ck_assert(watched() || sampled() || bytes == packed);
		ck_assert_ptr_nonnull(tarn_pmemalign(pool, 64, 100));
		tarn_local_rewind(local, mark);
		ck_assert_uint_eq(stats_of(pool).handed_out, before);
	}
	end(pool);
}
END_TEST

START_TEST(rewind_of_nothing_changes_nothing)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_local before;

	/* The first one has the library make what marks need. */
	tarn_local_rewind(local, tarn_local_mark(local));
	before = *local;
	errno = 0;
	tarn_local_rewind(local, tarn_local_mark(local));
	ck_assert_mem_eq(&before, local, sizeof(before));
	ck_assert_int_eq(errno, 0);
	end(pool);
}
END_TEST

START_TEST(rewind_of_claimed_chunks_hands_out_as_before)
{
	static const size_t alignments[] = {16, 1, 8, 64, 256, 4096};
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	size_t before, alignment = alignments[_i];

	fill(pool, 100, 50);
	before = stats_of(pool).handed_out;
	for (int i = 0; i < 20; i++) {
		tarn_mark mark = tarn_local_mark(local);
		char *last = local->last;

		for (size_t size = 1; size < 3000; size += 13) {
			char *object = tarn_pmemalign(pool, alignment, size);

			ck_assert_ptr_nonnull(object);
			ck_assert(is_aligned(object, alignment));
			memset(object, 0x55, size);
		}
		ck_assert_uint_gt(stats_of(pool).handed_out, before + 100000);
		tarn_local_rewind(local, mark);
		ck_assert_uint_eq(stats_of(pool).handed_out, before);
		/* The chunk that had most is kept, but of large ones none. */
		if (i == 0 && alignment != 4096 && !watched())
			ck_assert_ptr_ne(local->last, last);
	}
	end(pool);
}
END_TEST

/* Objects before the mark keep their contents, those after may not. */
START_TEST(rewind_leaves_what_was_there_before)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	unsigned char *objects[300];

	for (size_t i = 0; i < 300; i++) {
		tarn_mark mark;

		objects[i] = tarn_palloc(pool, 300);
		memset(objects[i], (int)i, 300);
		mark = tarn_local_mark(local);
		fill(pool, i, 100);
		tarn_local_rewind(local, mark);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t j = 0; j < 300; j++)
			REQUIRE(objects[i][j] == (unsigned char)i);
	end(pool);
}
END_TEST

START_TEST(marks_that_nest_each_go_back_to_their_own_room)
{
	enum {
		DEPTH = 50
	};
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark marks[DEPTH];
	size_t handed_out[DEPTH];

	for (int skip = 1; skip < 4; skip++) {
		for (size_t i = 0; i < DEPTH; i++) {
			handed_out[i] = stats_of(pool).handed_out;
			marks[i] = tarn_local_mark(local);
			fill(pool, i * 7, 500);
		}
		for (size_t i = DEPTH; i-- > 0;)
			if (i % (size_t)skip == 0) {
				tarn_local_rewind(local, marks[i]);
				if (i != 0 && sampled())
					continue;
				ck_assert_uint_eq(stats_of(pool).handed_out,
						  handed_out[i]);
			}
	}
	end(pool);
}
END_TEST

static int touch(void *pool)
{
	EXPECT(tarn_palloc(pool, 16) != NULL);
	return 0;
}

/* Where threads share a pool an outlier brings little more than itself. */
START_TEST(room_that_an_outlier_leaves_larger_is_kept)
{
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
	char *last;
	size_t before;

	/* It has no room. */
	if (watched())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	tarn_palloc(pool, 16);
	ck_assert_int_eq(worker_run(touch, pool), 0);
	before = stats_of(pool).handed_out;
	mark = tarn_local_mark(local);
	tarn_palloc(pool, 16);
	last = local->last;
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(tarn_palloc(pool, 512));
		ck_assert_ptr_eq(local->last, last);
	}
	ck_assert_uint_eq(stats_of(pool).handed_out, before + 16 + 1536);
	/* Nothing was cut off for objects of the mark. */
	ck_assert_ptr_eq(tarn_prealloc(pool, last - 16, 16, 32), last - 16);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	end(pool);
}
END_TEST

/* Where threads share a pool each claims a part of what it has, however often
   it went back. */
START_TEST(rewind_of_claimed_chunks_claims_no_more_than_before)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);

	ck_assert_int_eq(worker_run(touch, pool), 0);
	fill(pool, 100, 50);
	for (size_t i = 1; i < 100; i++) {
		tarn_mark mark = tarn_local_mark(local);

		for (size_t k = 0; k < 10 * i; k++) {
			REQUIRE(tarn_palloc(pool, 200) != NULL);
			REQUIRE((size_t)(local->end - local->last) <=
				stats_of(pool).held / 2);
		}
		tarn_local_rewind(local, mark);
	}
	end(pool);
}
END_TEST

/* A thread with nothing at hand: what was claimed is kept for the next time. */
START_TEST(mark_of_an_empty_room_claims_once)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	size_t held, many = watched() ? 100 : rounds(100000);

	use_up(pool);
	for (int i = 0; i < 3; i++) {
		tarn_mark mark = tarn_local_mark(local);

		fill(pool, 10, 24);
		tarn_local_rewind(local, mark);
	}
	held = stats_of(pool).held;
	for (size_t i = 0; i < many; i++) {
		tarn_mark mark = tarn_local_mark(local);

		fill(pool, 10, 24);
		tarn_local_rewind(local, mark);
	}
	ck_assert(watched() || sampled() || stats_of(pool).held == held);
	end(pool);
}
END_TEST

/* What was free before the mark is not used within it, and again after it; so
   few times that it is not left to others. */
START_TEST(freed_memory_waits_while_a_mark_is_open)
{
	tarn_pool *pool;
	tarn_local *local;
	char *object;
	size_t before;

	/* It uses none again. */
	if (watched())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	object = tarn_palloc(pool, 100);
	fill(pool, 10, 100);
	ck_assert_int_eq(tarn_pfree_sized(pool, object, 100), 0);
	before = stats_of(pool).handed_out;
	for (int i = 0; i < 50; i++) {
		tarn_mark mark = tarn_local_mark(local);

		REQUIRE(tarn_palloc(pool, 100) != object);
		tarn_local_rewind(local, mark);
		REQUIRE(stats_of(pool).handed_out == before);
		REQUIRE(tarn_palloc(pool, 100) == object);
		REQUIRE(tarn_pfree_sized(pool, object, 100) == 0);
	}
	end(pool);
}
END_TEST

/* ---- resizing ----------------------------------------------------------- */

START_TEST(prealloc_of_what_a_mark_follows_moves)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	char *old, *last, *moved, *next;
	tarn_mark mark;

	fill(pool, 1, 400);
	old = tarn_palloc(pool, 100);
	last = tarn_palloc(pool, 100);
	memset(last, 'o', 100);
	mark = tarn_local_mark(local);
	next = local->last;
	moved = tarn_prealloc(pool, old, 100, 200);
	ck_assert_ptr_ne(moved, old);
	/* Within the mark alone it grows where it is. */
	if (!watched())
		ck_assert_ptr_eq(tarn_prealloc(pool, moved, 200, 300), moved);
	ck_assert_ptr_eq(tarn_prealloc(pool, last, 100, 10), last);
	tarn_local_rewind(local, mark);
	ck_assert_ptr_eq(local->last, next);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(last[i], 'o');
	end(pool);
}
END_TEST

/* Where it stands the rewind goes back to. */
START_TEST(prealloc_of_the_last_object_before_a_mark_moves)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);

	fill(pool, 1, 400);
	for (int i = 0; i < 100; i++) {
		char *object = tarn_palloc(pool, 100), *last = local->last;
		tarn_mark mark = tarn_local_mark(local);
		char *moved = tarn_prealloc(pool, object, 100, 200);

		ck_assert_ptr_ne(moved, object);
		ck_assert(watched() || moved >= last);
		memset(moved, 'm', 200);
		tarn_local_rewind(local, mark);
		fill(pool, 1, 100);
	}
	end(pool);
}
END_TEST

START_TEST(prealloc_after_the_rewind_is_in_place_again)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark;
	char *object, *old;

	fill(pool, 1, 400);
	object = old = tarn_palloc(pool, 100);
	mark = tarn_local_mark(local);
	tarn_palloc(pool, 10);
	tarn_local_rewind(local, mark);
	object = tarn_prealloc(pool, memset(object, 'o', 100), 100, 200);
	ck_assert_int_eq(object[99], 'o');
	ck_assert(watched() || object == old);
	end(pool);
}
END_TEST

void add_small_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "small");

	tcase_add_test(tcase,
		       rewind_within_a_chunk_gives_the_same_memory_again);
	tcase_add_test(tcase, rewind_of_nothing_changes_nothing);
	tcase_add_loop_test(tcase, rewind_of_claimed_chunks_hands_out_as_before,
			    0, 6);
	tcase_add_test(tcase, rewind_leaves_what_was_there_before);
	tcase_add_test(tcase, marks_that_nest_each_go_back_to_their_own_room);
	tcase_add_test(tcase, room_that_an_outlier_leaves_larger_is_kept);
	tcase_add_test(tcase,
		       rewind_of_claimed_chunks_claims_no_more_than_before);
	tcase_add_test(tcase, mark_of_an_empty_room_claims_once);
	tcase_add_test(tcase, prealloc_of_what_a_mark_follows_moves);
	tcase_add_test(tcase, freed_memory_waits_while_a_mark_is_open);
	tcase_add_test(tcase, prealloc_of_the_last_object_before_a_mark_moves);
	tcase_add_test(tcase, prealloc_after_the_rewind_is_in_place_again);
}
