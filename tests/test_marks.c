/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks, and scratch pools in their slot, seen from inside, where no pool is
 * watched: what the room, the tails, the births and the slot are.
 */
#include "counting.h"
#include "util.h"

#include "rewind.h"

enum {
	BLOCK = 65536, /* bytes of a first block, roomy */
	LARGE = 20000  /* bytes: beyond large_above     */
};

static struct counting counting;

static tarn_pool *begin(void)
{
	counting_init(&counting);
	return counting_pool(&counting, BLOCK);
}

static void end(tarn_pool *pool)
{
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}

static void fill(tarn_pool *pool, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++)
		REQUIRE(tarn_palloc(pool, size) != NULL);
}

static const struct local_marks *marks_of(const tarn_local *local)
{
	return &((const struct local *)local)->side->marks;
}

/* ---- marks ----------------------------------------------------------------
 */

START_TEST(tails_wait_while_a_mark_is_open)
{
	tarn_pool *pool = begin();
	struct local *local = (struct local *)tarn_pool_local(pool);
	struct room tails[LOCAL_TAILS];
	tarn_mark mark;

	for (int i = 0; i < 200; i++)
		tarn_pmemalign(pool, 1024, 100 + (size_t)i);
	memcpy(tails, local->tails, sizeof(tails));
	ck_assert_uint_gt((size_t)(tails[0].end - tails[0].last), 0);
	mark = tarn_local_mark(&local->hot);
	for (size_t size = 1; size < 2000; size += 7) {
		tarn_palloc(pool, size);
		tarn_pmemalign(pool, 512, size);
	}
	ck_assert_mem_eq(tails, local->tails, sizeof(tails));
	tarn_local_rewind(&local->hot, mark);
	end(pool);
}
END_TEST

START_TEST(covered_is_what_the_outermost_mark_has_since)
{
	tarn_pool *pool = begin();
	struct local *local = (struct local *)tarn_pool_local(pool);
	char *before = tarn_palloc(pool, 100), *packed = tarn_pnalloc(pool, 3);
	tarn_mark mark;

	ck_assert(!rewind_covers(local, before));
	mark = tarn_local_mark(&local->hot);
	ck_assert(!rewind_covers(local, before));
	ck_assert(!rewind_covers(local, packed));
	ck_assert(rewind_covers(local, tarn_palloc(pool, 10)));
	ck_assert(rewind_covers(local, tarn_pnalloc(pool, 10)));
	for (int i = 0; i < 2000; i++)
		REQUIRE(rewind_covers(local, tarn_palloc(pool, 100)));
	tarn_local_mark(&local->hot);
	for (int i = 0; i < 2000; i++)
		REQUIRE(rewind_covers(local, tarn_palloc(pool, 100)));
	ck_assert(!rewind_covers(local, before));
	ck_assert(!rewind_covers(local, &before));
	tarn_local_rewind(&local->hot, mark);
	ck_assert(!rewind_covers(local, tarn_palloc(pool, 10)));
	end(pool);
}
END_TEST

static void count_up(void *data)
{
	++*(size_t *)data;
}

/* Of what is noted of births no depth is too much. */
START_TEST(births_deeper_than_the_note_reaches_are_found)
{
	enum {
		DEPTH = UINT16_MAX + 10
	};
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark outer = tarn_local_mark(local), middle = outer;
	size_t ran = 0;

	for (int i = 1; i < DEPTH; i++) {
		tarn_mark mark = tarn_local_mark(local);

		if (i == UINT16_MAX + 1)
			middle = mark;
	}
	tarn_palloc(pool, LARGE);
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, count_up, &ran));
	tarn_local_rewind(local, middle);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	ck_assert_uint_eq(ran, 1);
	tarn_local_rewind(local, outer);
	ck_assert(sampled() || marks_of(local)->births == 0);
	end(pool);
}
END_TEST

START_TEST(reset_and_rewind_leave_no_mark_open)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local);

	tarn_local_mark(local);
	fill(pool, 2000, 100);
	ck_assert_uint_eq(marks_of(local)->depth, 2);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(marks_of(local)->depth, 0);
	tarn_local_mark(local);
	fill(pool, 2000, 100);
	tarn_palloc(pool, LARGE);
	tarn_pool_reset(pool);
	ck_assert_uint_eq(marks_of(local)->depth, 0);
	ck_assert(sampled() || marks_of(local)->births == 0);
	ck_assert_ptr_null(marks_of(local)->chunks);
	end(pool);
}
END_TEST

/* ---- scratch --------------------------------------------------------------
 */

START_TEST(scratch_of_a_huge_use_is_not_kept)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);

	fill(pool, 100, LARGE);
	ck_assert_ptr_eq(slot_self()->scratch[0].pool, pool);
	tarn_scratch_end(pool, mark);
	for (int i = 0; i < SLOT_SCRATCH; i++)
		ck_assert_ptr_null(slot_self()->scratch[i].pool);
}
END_TEST

static int use_in_thread(void *arg)
{
	tarn_mark mark, other;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
	tarn_pool *second = tarn_scratch_begin(pool, &other);

	EXPECT(pool != NULL && second != NULL && pool != second);
	tarn_scratch_end(second, other);
	tarn_scratch_end(pool, mark);
	*(struct slot **)arg = slot_self();
	return 0;
}

static void keep_nothing(tarn_pool *pool)
{
	fill(pool, 10, 100);
}

static void keep_blocks(tarn_pool *pool)
{
	fill(pool, 1000, 100);
}

static void keep_child(tarn_pool *pool)
{
	ck_assert_ptr_nonnull(tarn_pool_create_child(pool, NULL));
}

static void keep_data(tarn_pool *pool)
{
	ck_assert_int_eq(tarn_pool_set_data(pool, pool, pool), 0);
}

static void keep_cache(tarn_pool *pool)
{
	ck_assert_ptr_nonnull(tarn_cache_create(pool, 100, 16));
}

/* So many that they are listed in memory of its own. */
static void keep_large_table(tarn_pool *pool)
{
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
}

static void (*const keep[])(tarn_pool *) = {
	keep_nothing, keep_blocks, keep_child,
	keep_data,    keep_cache,  keep_large_table,
};

enum {
	KEEPS = sizeof(keep) / sizeof(*keep)
};

/* What a rewind leaves there ends with the outermost use, not before. */
START_TEST(pool_that_kept_something_ends_with_its_use)
{
	tarn_mark mark;
	tarn_pool *first = tarn_scratch_begin(NULL, &mark);

	/* One as small as can be, whatever was there before. */
	keep_child(first);
	tarn_scratch_end(first, mark);
	slot_self()->scratch[0].size = 0;
	for (int i = 0; i < 100; i++) {
		tarn_mark outer, inner;
		tarn_pool *pool = tarn_scratch_begin(NULL, &outer);

		ck_assert_ptr_eq(tarn_scratch_begin(NULL, &inner), pool);
		keep[_i](pool);
		tarn_scratch_end(pool, inner);
		ck_assert_ptr_eq(slot_self()->scratch[0].pool, pool);
		tarn_scratch_end(pool, outer);
		ck_assert_ptr_eq(slot_self()->scratch[0].pool,
				 _i == 0 ? pool : NULL);
		/* Or its first block were soon as large as all of them. */
		slot_self()->scratch[0].size = 0;
	}
}
END_TEST

START_TEST(scratch_leaves_the_slot_with_its_thread)
{
	struct slot *slot = NULL;

	ck_assert_int_eq(worker_run(use_in_thread, &slot), 0);
	ck_assert_ptr_nonnull(slot);
	ck_assert(!slot->taken);
	for (int i = 0; i < SLOT_SCRATCH; i++)
		ck_assert_ptr_null(slot->scratch[i].pool);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("marks");
	TCase *tcase = suite_case(suite, "marks");

	tcase_add_test(tcase, tails_wait_while_a_mark_is_open);
	tcase_add_test(tcase, covered_is_what_the_outermost_mark_has_since);
	tcase_add_test(tcase, births_deeper_than_the_note_reaches_are_found);
	tcase_add_test(tcase, reset_and_rewind_leave_no_mark_open);

	tcase = suite_case(suite, "scratch");
	tcase_add_test(tcase, scratch_of_a_huge_use_is_not_kept);
	tcase_add_loop_test(tcase, pool_that_kept_something_ends_with_its_use,
			    0, KEEPS);
	tcase_add_test(tcase, scratch_leaves_the_slot_with_its_thread);
	return suite_run(suite);
}
