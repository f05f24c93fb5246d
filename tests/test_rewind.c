/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mark and rewind: what is free again, what stays, what runs, and which marks
 * are ignored. Where memory is, and that it is used again, is promised of pools
 * that are not watched alone.
 */
#include "counting.h"
#include "util.h"

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

/* Takes what the room has left, so that the next request is a miss. */
static void use_up(tarn_pool *pool)
{
	tarn_local *local = tarn_pool_local(pool);

	while (local->end - local->last >= (ptrdiff_t)TARN_ALIGNMENT)
		REQUIRE(tarn_palloc(pool, TARN_ALIGNMENT) != NULL);
}

static void fill(tarn_pool *pool, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		void *object = tarn_palloc(pool, size);

		REQUIRE(object != NULL);
		memset(object, 0x77, size);
	}
}

/* ---- small memory -------------------------------------------------------- */

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

/* ---- resizing ------------------------------------------------------------ */

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

/* ---- large memory -------------------------------------------------------- */

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

/* ---- cleanups ------------------------------------------------------------ */

struct log {
	tarn_pool *pool;
	int ran[16];
	int count;
};

static struct log journal;

struct noted {
	int number;
	int adds; /* cleanups that it registers when it runs */
};

static void note(void *data)
{
	const struct noted *noted = data;
	struct noted *more;

	journal.ran[journal.count++] = noted->number;
	if (noted->adds == 0)
		return;
	more = tarn_palloc(journal.pool, sizeof(*more));
	*more = (struct noted){noted->number + 100, noted->adds - 1};
	tarn_cleanup_add(journal.pool, note, more);
}

static tarn_cleanup *add(int number, int adds)
{
	struct noted *noted = tarn_palloc(journal.pool, sizeof(*noted));

	*noted = (struct noted){number, adds};
	return tarn_cleanup_add(journal.pool, note, noted);
}

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

struct again {
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
};

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

/* ---- what stays ---------------------------------------------------------- */

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

/* ---- marks that are ignored ---------------------------------------------- */

START_TEST(rewind_to_a_mark_that_ended_is_ignored)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark outer, inner, other;
	size_t given, before;

	if (blamed())
		return;
	tarn_palloc(pool, 1000);
	outer = tarn_local_mark(local);
	fill(pool, 10, 100);
	inner = tarn_local_mark(local);
	fill(pool, 1000, 100);
	tarn_local_rewind(local, outer);
	before = stats_of(pool).handed_out;
	tarn_local_rewind(local, inner);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	/* Within another mark, and within two. */
	fill(pool, 1, 100);
	given = stats_of(pool).handed_out;
	other = tarn_local_mark(local);
	fill(pool, 1, 100);
	before = stats_of(pool).handed_out;
	tarn_local_rewind(local, outer);
	tarn_local_rewind(local, inner);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	tarn_local_mark(local);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	tarn_local_rewind(local, other);
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	end(pool);
}
END_TEST

/* It was where the outermost one now is, but for packed bytes since. */
START_TEST(rewind_to_a_mark_with_another_end_is_ignored)
{
	tarn_pool *pool;
	tarn_local *local;

	if (blamed())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	fill(pool, 1, 100);
	for (int i = 0; i < 100; i++) {
		tarn_mark ended = tarn_local_mark(local), outer;
		char *last;

		tarn_local_rewind(local, ended);
		ck_assert_ptr_nonnull(tarn_pnalloc(pool, 3));
		outer = tarn_local_mark(local);
		fill(pool, 1, 100);
		tarn_local_mark(local);
		fill(pool, 1, 100);
		last = local->last;
		tarn_local_rewind(local, ended);
		ck_assert_ptr_eq(local->last, last);
		tarn_local_rewind(local, outer);
	}
	end(pool);
}
END_TEST

/* Within as many marks as are open now, in a chunk that is claimed no more. */
START_TEST(rewind_to_a_mark_of_a_chunk_given_back_is_ignored)
{
	tarn_pool *pool;
	tarn_local *local;

	if (blamed())
		return;
	pool = begin();
	local = tarn_pool_local(pool);
	for (int i = 0; i < 100; i++) {
		tarn_mark outer = tarn_local_mark(local), ended;
		size_t given;

		for (size_t size = 100; size < 2000; size += 100)
			fill(pool, 100, size);
		ended = tarn_local_mark(local);
		tarn_local_rewind(local, outer);
		outer = tarn_local_mark(local);
		tarn_local_mark(local);
		fill(pool, 1, 100);
		given = stats_of(pool).handed_out;
		tarn_local_rewind(local, ended);
		ck_assert_uint_eq(stats_of(pool).handed_out, given);
		tarn_local_rewind(local, outer);
	}
	end(pool);
}
END_TEST

START_TEST(rewind_to_a_mark_of_elsewhere_is_ignored)
{
	tarn_pool *pool = begin(), *other = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local), wrong;
	size_t given;

	if (blamed())
		return;
	fill(pool, 10, 100);
	given = stats_of(pool).handed_out;
	wrong = tarn_local_mark(tarn_pool_local(other));
	tarn_local_rewind(local, wrong);
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	tarn_local_rewind(tarn_pool_local(other), wrong);
	tarn_local_rewind(local, mark);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	tarn_pool_destroy(other);
	end(pool);
}
END_TEST

START_TEST(reset_ends_all_marks)
{
	tarn_pool *pool = begin();
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark outer = tarn_local_mark(local), inner;
	size_t given;

	fill(pool, 1000, 100);
	inner = tarn_local_mark(local);
	fill(pool, 1000, 100);
	tarn_palloc(pool, LARGE);
	journal = (struct log){.pool = pool};
	add(1, 0);
	tarn_pool_reset(pool);
	ck_assert_int_eq(journal.count, 1);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	fill(pool, 10, 100);
	given = stats_of(pool).handed_out;
	if (!blamed()) {
		tarn_local_rewind(local, inner);
		tarn_local_rewind(local, outer);
	}
	ck_assert_uint_eq(stats_of(pool).handed_out, given);
	end(pool);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

static int leave_open(void *arg)
{
	struct again *again = arg;
	tarn_pool *pool = again->pool;

	again->local = tarn_pool_local(pool);
	EXPECT(again->local != NULL && tarn_palloc(pool, 100) != NULL);
	again->mark = tarn_local_mark(again->local);
	for (int i = 0; i < 1000; i++)
		EXPECT(tarn_palloc(pool, 100) != NULL);
	return 0;
}

static int inherit(void *arg)
{
	struct again *again = arg;
	tarn_pool *pool = again->pool;
	tarn_mark inner;

	EXPECT(tarn_pool_local(pool) == again->local);
	inner = tarn_local_mark(again->local);
	for (int i = 0; i < 1000; i++)
		EXPECT(tarn_palloc(pool, 100) != NULL);
	tarn_local_rewind(again->local, inner);
	EXPECT(stats_of(pool).handed_out == (size_t)16 + 112 + 1000 * 112);
	tarn_local_rewind(again->local, again->mark);
	return 0;
}

START_TEST(heir_of_a_slot_inherits_the_open_mark)
{
	tarn_pool *pool = begin();
	struct again again = {pool, tarn_pool_local(pool), {{NULL}}};
	size_t before;

	tarn_palloc(pool, 16);
	before = stats_of(pool).handed_out;
	ck_assert_int_eq(worker_run(leave_open, &again), 0);
	ck_assert_ptr_ne(again.local, tarn_pool_local(pool));
	ck_assert_int_eq(worker_run(inherit, &again), 0);
	ck_assert_uint_eq(stats_of(pool).handed_out, before + 112);
	end(pool);
}
END_TEST

/* Marks and rewinds in a shared pool: what stays is as it was left. */
static int churn(void *arg)
{
	tarn_pool *pool = arg;
	tarn_local *local = tarn_pool_local(pool);
	unsigned char *kept[200];

	for (size_t i = 0; i < 200; i++) {
		tarn_mark mark;

		kept[i] = tarn_palloc(pool, 64);
		EXPECT(kept[i] != NULL);
		memset(kept[i], (int)i, 64);
		mark = tarn_local_mark(local);
		for (size_t size = 1; size < 1000; size += 31) {
			void *object = tarn_pnalloc(pool, size);

			EXPECT(object != NULL);
			memset(object, 0xee, size);
		}
		if (i % 10 == 0)
			EXPECT(tarn_palloc(pool, LARGE) != NULL);
		tarn_local_rewind(local, mark);
	}
	for (size_t i = 0; i < 200; i++)
		for (size_t j = 0; j < 64; j++)
			EXPECT(kept[i][j] == (unsigned char)i);
	return 0;
}

START_TEST(threads_that_mark_do_not_meet)
{
	tarn_pool *pool = begin();

	ck_assert_int_eq(workers_together(churn, pool, 0, 4), 0);
	ck_assert_uint_eq(stats_of(pool).handed_out, (size_t)4 * 200 * 64);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	end(pool);
}
END_TEST

/* ---- what is covered ----------------------------------------------------- */

int main(void)
{
	Suite *suite = suite_create("rewind");
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
	tcase_add_test(tcase, mark_without_memory_is_none);
	tcase_add_test(tcase, no_memory_within_a_mark_leaves_all_as_it_was);

	tcase = suite_case(suite, "births");
	tcase_add_test(tcase, large_objects_since_the_mark_are_freed);
	tcase_add_loop_test(
		tcase, large_object_keeps_its_birth_through_prealloc, 0, 2);
	tcase_add_loop_test(tcase, large_objects_of_other_threads_stay, 0, 2);
	tcase_add_test(tcase,
		       cleanups_since_the_mark_run_newest_first_and_once);
	tcase_add_test(tcase, cleanups_of_other_threads_stay);
	tcase_add_test(tcase, cleanup_that_rewinds_itself_is_served);
	tcase_add_test(tcase, data_and_children_set_within_a_mark_stay);

	tcase = suite_case(suite, "marks");
	tcase_add_test(tcase, rewind_to_a_mark_that_ended_is_ignored);
	tcase_add_test(tcase, rewind_to_a_mark_with_another_end_is_ignored);
	tcase_add_test(tcase,
		       rewind_to_a_mark_of_a_chunk_given_back_is_ignored);
	tcase_add_test(tcase, rewind_to_a_mark_of_elsewhere_is_ignored);
	tcase_add_test(tcase, reset_ends_all_marks);
	tcase_add_test(tcase, heir_of_a_slot_inherits_the_open_mark);
	tcase_add_test(tcase, threads_that_mark_do_not_meet);
	return suite_run(suite);
}
