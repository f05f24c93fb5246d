/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reuse: small memory that is freed by its size serves again, to any thread of
 * the pool, in bounded memory, also where there is none left; and what the
 * depot makes of pieces.
 */
#include "counting.h"
#include "util.h"

#include "reuse.h"

#include <unistd.h>

enum {
	LEAST_UNIT = 16,     /* bytes: what is smaller is lost         */
	THINGS = 1500,       /* objects of a random program            */
	MOST = 1400,         /* bytes of each: beyond all classes      */
	FILL = 4096,         /* objects of a full pool, at most        */
	PLACES = 32,         /* where a piece may begin, all of a line */
	THREADS = 8,         /* at a time                              */
	SLOW = 5000,         /* microseconds of an upstream            */
	WARM_STEPS = 50000,  /* of a quick run, too                    */
	CHURN_LIVE = 2000000 /* bytes                                  */
};

static void *filled[FILL];

/* Alignment 0 stands for tarn_palloc. */
static void *take(tarn_pool *pool, size_t alignment, size_t size)
{
	return alignment == 0 ? tarn_palloc(pool, size)
			      : tarn_pmemalign(pool, alignment, size);
}

static int give(tarn_pool *pool, void *ptr, size_t alignment, size_t size)
{
	return alignment == 0
		       ? tarn_pfree_sized(pool, ptr, size)
		       : tarn_pfree_aligned_sized(pool, ptr, alignment, size);
}

static size_t rounded(size_t alignment, size_t size)
{
	return align_up(size, alignment == 0 ? TARN_ALIGNMENT : alignment);
}

static size_t handed_out(const tarn_pool *pool)
{
	return stats_of(pool).handed_out;
}

/* ---- pieces -------------------------------------------------------------- */

START_TEST(class_each_size_and_grain_its_own)
{
	static const size_t grains[] = {16, 8, 1};
	static const size_t most[] = {DEPOT_SMALL, DEPOT_FINE, DEPOT_ODD};
	bool seen[DEPOT_CLASSES] = {false};

	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++) {
		size_t size = depot_class_size(kind);
		int grain = kind < DEPOT_EIGHTS ? 0 : kind < DEPOT_ONES ? 1 : 2;

		ck_assert_uint_ge(size, UNIT_LEAST);
		ck_assert_uint_le(size, most[grain]);
		ck_assert_uint_eq(size % grains[grain], 0);
		ck_assert_uint_eq(depot_class(grains[grain], size), kind);
	}
	for (size_t start = 0; start < PLACES; start++)
		for (size_t size = UNIT_LEAST; size < 2 * DEPOT_SMALL; size++) {
			unsigned kind = depot_class(start, size);

			if (kind == DEPOT_CLASSES) {
				ck_assert_uint_gt(size, DEPOT_ODD);
				continue;
			}
			ck_assert_uint_eq(depot_class_size(kind), size);
			seen[kind] = true;
		}
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		ck_assert(seen[kind]);
}
END_TEST

static _Alignas(64) char arena[1 << 16];

static struct depot *depot_empty(void)
{
	static struct depot depot;

	depot_init(&depot, true);
	return &depot;
}

/* So many bytes as a chunk. */
static bool get_chunk(struct depot *depot, size_t size, struct chunk *chunk)
{
	return depot_get(depot, &(struct wanted){TARN_ALIGNMENT, size, size},
			 chunk);
}

static bool get_any(struct depot *depot, size_t size, struct chunk *chunk)
{
	return depot_get_any(
		depot, &(struct wanted){TARN_ALIGNMENT, size, size}, chunk);
}

/* And takes nothing. */
static void join(struct depot *depot)
{
	const struct wanted nothing_so_large = {1, SIZE_MAX / 2, 0};
	struct chunk chunk;

	ck_assert(!depot_join(depot, &nothing_so_large, 0, &chunk));
}

/* With _i == 0 of whole alignments, else of any size and place. */
START_TEST(join_all_neighbours_one_run)
{
	uint64_t state = seed("join_all_neighbours_one_run");
	struct depot *depot = depot_empty();
	static size_t cuts[sizeof(arena) / UNIT_LEAST + 1];
	size_t count = 0, at = 0;
	struct chunk chunk;

	for (; at < sizeof(arena) - 2 * DEPOT_SMALL; count++) {
		size_t size = random_between(&state, UNIT_LEAST, 1200);

		cuts[count] = at;
		at += _i == 0 ? align_up(size, 16) : size;
	}
	cuts[count++] = at;
	cuts[count] = sizeof(arena);
	/* The odd ones first: no neighbours but of pieces that came before. */
	for (size_t odd = 0; odd < 2; odd++)
		for (size_t i = 1 - odd; i < count; i += 2)
			depot_put(depot, arena + cuts[i],
				  cuts[i + 1] - cuts[i]);
	ck_assert_uint_eq(depot->bytes, sizeof(arena));
	ck_assert(!get_chunk(depot, 1 << 13, &chunk));
	join(depot);
	ck_assert(get_chunk(depot, sizeof(arena), &chunk));
	ck_assert_ptr_eq(chunk.start, arena);
	ck_assert_ptr_eq(chunk.end, arena + sizeof(arena));
	ck_assert_uint_eq(depot->bytes, 0);
}
END_TEST

/* Objects of any alignment and size out of one run, freed again: all of it is
   there. */
START_TEST(get_objects_and_put_nothing_lost)
{
	uint64_t state = seed("get_objects_and_put_nothing_lost");
	struct depot *depot = depot_empty();
	struct chunk objects[sizeof(arena) / UNIT_LEAST], chunk;

	depot_put(depot, arena, sizeof(arena));
	for (size_t round = 0; round < rounds(1000); round++) {
		size_t count = 0, bytes = 0;

		for (size_t tries = 0; tries < 500; tries++) {
			struct wanted wanted = {
				(size_t)1 << random_between(&state, 0, 8),
				random_between(&state, UNIT_LEAST, 2000), 0};

			if (!depot_get(depot, &wanted, &chunk))
				continue;
			REQUIRE(is_aligned(chunk.start, wanted.alignment));
			REQUIRE((size_t)(chunk.end - chunk.start) ==
				wanted.size);
			memset(chunk.start, 7, wanted.size);
			objects[count++] = chunk;
			bytes += wanted.size;
		}
		REQUIRE(depot->bytes == sizeof(arena) - bytes);
		while (count-- > 0)
			depot_put(depot, objects[count].start,
				  (size_t)(objects[count].end -
					   objects[count].start));
		join(depot);
		REQUIRE(get_chunk(depot, sizeof(arena), &chunk));
		REQUIRE(chunk.start == arena);
		depot_put(depot, arena, sizeof(arena));
	}
}
END_TEST

/* Every other piece is missing: lists, each of no more than so many bytes. */
START_TEST(join_without_neighbours_lists_again)
{
	struct depot *depot = depot_empty();
	size_t bytes = 0, all = 0, lists = 0, list;

	for (size_t at = 0; at < sizeof(arena); at += 96)
		depot_put(depot, arena + at, 48);
	all = depot->bytes;
	join(depot);
	ck_assert_uint_eq(depot->bytes, all);
	while (depot_get_list(depot, depot_class(16, 48), &list) != NULL) {
		ck_assert_uint_le(list, 1024);
		bytes += list;
		lists++;
	}
	ck_assert_uint_eq(bytes, all);
	ck_assert_uint_le(lists, all / 512);
	ck_assert_uint_eq(depot->bytes, 0);
}
END_TEST

START_TEST(get_any_pieces_then_runs)
{
	struct depot *depot = depot_empty();
	struct chunk chunk;

	ck_assert(!get_any(depot, 1, &chunk));
	depot_put(depot, arena, 64);
	depot_put(depot, arena + 128, 64);
	depot_put(depot, arena + 4096, 4096);
	for (int i = 0; i < 2; i++) {
		ck_assert(get_any(depot, 50, &chunk));
		ck_assert_int_eq(chunk.end - chunk.start, 64);
	}
	ck_assert(get_any(depot, 50, &chunk));
	ck_assert_ptr_eq(chunk.start, arena + 4096);
	ck_assert_int_eq(chunk.end - chunk.start, 50);
	ck_assert(!get_any(depot, 4096, &chunk));
}
END_TEST

/* A run that suits is found behind a few that do not, and in larger bins. */
START_TEST(get_run_behind_smaller_found)
{
	struct depot *depot = depot_empty();
	struct chunk chunk;

	depot_put(depot, arena, 2000);
	for (size_t at = 4096; at < 4 * 4096; at += 4096)
		depot_put(depot, arena + at, 1040);
	ck_assert(get_chunk(depot, 1900, &chunk));
	ck_assert_ptr_eq(chunk.start, arena);
	ck_assert_int_eq(chunk.end - chunk.start, 1900);
	ck_assert(!get_chunk(depot, 1900, &chunk));
	ck_assert(get_chunk(depot, 1000, &chunk));
	/* The rest is too small for a line: it comes along. */
	ck_assert_int_eq(chunk.end - chunk.start, 1040);
}
END_TEST

/* A piece of a class as a chunk, where much lies, and it is worth a claim. */
START_TEST(get_piece_only_of_much)
{
	const struct wanted room = {TARN_ALIGNMENT, 20, 4096};
	const struct wanted object = {TARN_ALIGNMENT, 20, 0};
	const size_t held = 1 << 16;
	struct depot *depot = depot_empty();
	struct chunk chunk;
	bool pays;

	for (size_t at = 0; at < held / 4; at += 2048)
		depot_put(depot, arena + at, 1024);
	for (size_t at = 1040; at < held / 4; at += 2048)
		depot_put(depot, arena + at, 240);
	ck_assert(!depot_get_piece(depot, &room, 2 * held, &chunk, &pays));
	ck_assert(!pays);
	/* Until they were joined, though none has a neighbour. */
	ck_assert(!depot_get_piece(depot, &room, held, &chunk, &pays));
	ck_assert(pays);
	join(depot);
	ck_assert(!depot_get_piece(depot, &object, held, &chunk, &pays));
	ck_assert(!pays);
	for (int i = 0; i < 2; i++) {
		size_t bytes = depot->bytes;

		ck_assert(depot_get_piece(depot, &room, held, &chunk, &pays));
		ck_assert_int_eq(chunk.end - chunk.start, 1024);
		ck_assert_uint_eq(depot->bytes, bytes - 1024);
	}
	ck_assert(!depot_get_piece(depot, &room, held, &chunk, &pays));
	ck_assert(depot_join(depot, &room, held / 2, &chunk));
	ck_assert_int_eq(chunk.end - chunk.start, 1024);
}
END_TEST

static void add_piece_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "pieces");

	tcase_add_test(tcase, class_each_size_and_grain_its_own);
	tcase_add_loop_test(tcase, join_all_neighbours_one_run, 0, 2);
	tcase_add_test(tcase, get_objects_and_put_nothing_lost);
	tcase_add_test(tcase, join_without_neighbours_lists_again);
	tcase_add_test(tcase, get_any_pieces_then_runs);
	tcase_add_test(tcase, get_run_behind_smaller_found);
	tcase_add_test(tcase, get_piece_only_of_much);
}

/* ---- what is no small object ----------------------------------------------
 */

/* Asserts that a free fails so and changes nothing. */
static void refused(tarn_pool *pool, void *ptr, size_t alignment, size_t size,
		    int error)
{
	tarn_stats before = stats_of(pool), after;

	errno = 0;
	REQUIRE(give(pool, ptr, alignment, size) == -1);
	REQUIRE(errno == error);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof(before));
}

START_TEST(free_of_nothing_is_nothing)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_palloc(pool, 32);
	tarn_stats before = stats_of(pool), after;

	for (size_t alignment = 0; alignment < 4; alignment++) {
		ck_assert_int_eq(give(pool, NULL, alignment, 16), 0);
		ck_assert_int_eq(give(pool, NULL, alignment, 5000), 0);
		ck_assert_int_eq(give(pool, NULL, alignment, 0), 0);
		ck_assert_int_eq(give(pool, object, alignment, 0), 0);
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	tarn_pool_destroy(pool);
}
END_TEST

/* Before anything was freed, and when the bins are there. */
START_TEST(free_impossible_refused)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_palloc(pool, 200);
	char *large = tarn_palloc(pool, 5000);

	memset(object, 7, 200);
	if (_i == 1)
		ck_assert_int_eq(
			tarn_pfree_sized(pool, tarn_palloc(pool, 64), 64), 0);
	for (size_t i = 1; i < 16; i++) {
		refused(pool, object + i, 0, 32, EINVAL);
		refused(pool, object + i, 16, 32, EINVAL);
	}
	refused(pool, object + 4, 8, 32, EINVAL);
	refused(pool, object, 0, 5000, ENOENT);
	refused(pool, object, 4, SIZE_MAX, ENOENT);
	refused(pool, object, 0, PTRDIFF_MAX, ENOENT);
	refused(pool, large + 16, 0, 5000, ENOENT);
	for (size_t alignment = 3; alignment < 200; alignment++)
		if (!align_is_power(alignment))
			refused(pool, object, alignment, 32, EINVAL);
	errno = 0;
	ck_assert_int_eq(tarn_pfree_aligned_sized(pool, object, 0, 32), -1);
	ck_assert_int_eq(errno, EINVAL);
	for (size_t i = 0; i < 200; i++)
		ck_assert_int_eq(object[i], 7);
	ck_assert_int_eq(tarn_pfree_sized(pool, large, 5000), 0);
	refused(pool, large, 0, 5000, ENOENT);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_success_errno_untouched)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t size = 1; size < 6000; size += 7) {
		char *object = tarn_palloc(pool, size);
		char *packed = tarn_pnalloc(pool, size);

		errno = EDOM;
		ck_assert_int_eq(tarn_pfree_sized(pool, object, size), 0);
		ck_assert_int_eq(
			tarn_pfree_aligned_sized(pool, packed, 1, size), 0);
		ck_assert_int_eq(errno, EDOM);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_large_of_every_call_goes)
{
	static const size_t above[] = {0, 100, 1024, 20000};
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;

	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = above[_i];
	pool = tarn_pool_create(&options);
	for (size_t alignment = 1; alignment <= 8192; alignment *= 2) {
		void *object = tarn_pmemalign(pool, alignment, 30000);

		ck_assert_uint_eq(stats_of(pool).large_count, 1);
		ck_assert_int_eq(tarn_pfree_aligned_sized(pool, object,
							  alignment, 30000),
				 0);
		refused(pool, object, alignment, 30000, ENOENT);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
	}
	/* Large for its alignment alone. */
	filled[0] = tarn_pmemalign(pool, 65536, 16);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree_aligned_sized(pool, filled[0], 65536, 16),
			 0);
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_refusal_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "refusals");

	tcase_add_test(tcase, free_of_nothing_is_nothing);
	tcase_add_loop_test(tcase, free_impossible_refused, 0, 2);
	tcase_add_test(tcase, free_success_errno_untouched);
	tcase_add_loop_test(tcase, free_large_of_every_call_goes, 0, 4);
}

/* ---- handing out again ----------------------------------------------------
 */

/* Frees an object and asks for such a one: it is the same. */
static void again(tarn_pool *pool, size_t alignment, size_t size)
{
	void *object = take(pool, alignment, size);
	size_t before = handed_out(pool);

	REQUIRE(object != NULL);
	memset(object, 1, size);
	REQUIRE(give(pool, object, alignment, size) == 0);
	REQUIRE(handed_out(pool) < before);
	REQUIRE(take(pool, alignment, size) == object);
	REQUIRE(handed_out(pool) == before);
	REQUIRE(give(pool, object, alignment, size) == 0);
}

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

struct given {
	tarn_pool *pool;
	void **objects;
	size_t count;
	size_t size;
};

static int give_all(void *arg)
{
	struct given *given = arg;

	for (size_t i = 0; i < given->count; i++)
		EXPECT(tarn_pfree_sized(given->pool, given->objects[i],
					given->size) == 0);
	return 0;
}

static int take_all(void *arg)
{
	struct given *given = arg;

	for (size_t i = 0; i < given->count; i++) {
		given->objects[i] = tarn_palloc(given->pool, given->size);
		EXPECT(given->objects[i] != NULL);
		memset(given->objects[i], (int)i, given->size);
	}
	return 0;
}

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

static void add_again_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "again");

	tcase_add_loop_test(tcase, take_after_give_same_object, 0, 5);
	tcase_add_test(tcase, take_wide_after_give_same_object);
	tcase_add_test(tcase, take_wide_of_narrow_pieces_aligned);
	tcase_add_test(tcase, give_tiny_lost_until_reset);
	tcase_add_loop_test(tcase, give_by_one_thread_take_by_another, 0, 2);
	tcase_add_test(tcase, threads_in_turn_bins_inherited);
}

/* ---- the room --------------------------------------------------------------
 */

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

static void add_room_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "room");

	tcase_add_test(tcase, room_back_when_bins_are_empty);
	tcase_add_test(tcase, room_back_when_bins_do_not_suit);
	tcase_add_test(tcase, free_within_a_mark_left_to_the_rewind);
}

/* ---- random programs -------------------------------------------------------
 */

/* An object whose every byte is known, or none. */
struct thing {
	atomic_bool busy; /* a thread has it in hand */
	unsigned char *ptr;
	size_t size;
	size_t alignment;
	unsigned char value;
};

struct program {
	tarn_pool *pool;
	struct thing *things;
	size_t count;
	size_t steps;
	size_t low, high; /* sizes */
	uint64_t state;
	bool may_fail;
	bool whole; /* tarn_palloc alone */
};

static bool thing_is_whole(const struct thing *thing)
{
	for (size_t i = 0; i < thing->size; i++)
		if (thing->ptr[i] != (unsigned char)(thing->value + i))
			return false;
	return true;
}

static void thing_fill(struct thing *thing, unsigned char value)
{
	thing->value = value;
	for (size_t i = 0; i < thing->size; i++)
		thing->ptr[i] = (unsigned char)(value + i);
}

static size_t any_alignment(uint64_t *state)
{
	static const size_t alignments[] = {0, 0,  0,  0,  1,   1,   2,
					    4, 8,  8,  16, 32,  64,  128,
					    8, 16, 64, 1,  256, 1024};

	return alignments[random_between(
		state, 0, sizeof(alignments) / sizeof(*alignments) - 1)];
}

static int thing_make(struct program *program, struct thing *thing)
{
	uint64_t *state = &program->state;

	thing->alignment = program->whole ? 0 : any_alignment(state);
	thing->size = random_between(state, program->low, program->high);
	thing->ptr = take(program->pool, thing->alignment, thing->size);
	EXPECT(thing->ptr != NULL || program->may_fail);
	if (thing->ptr == NULL)
		return 0;
	EXPECT(is_aligned(thing->ptr, rounded(thing->alignment, 1)));
	thing_fill(thing, (unsigned char)random_next(state));
	return 0;
}

static int thing_end(struct program *program, struct thing *thing)
{
	EXPECT(thing_is_whole(thing));
	memset(thing->ptr, 0xee, thing->size);
	EXPECT(give(program->pool, thing->ptr, thing->alignment, thing->size) ==
	       0);
	thing->ptr = NULL;
	return 0;
}

static int thing_resize(struct program *program, struct thing *thing)
{
	size_t size =
		random_between(&program->state, program->low, program->high);
	size_t common = align_min(size, thing->size);
	void *ptr = tarn_prealloc(program->pool, thing->ptr, thing->size, size);

	EXPECT(ptr != NULL || program->may_fail);
	if (ptr == NULL)
		return 0;
	thing->ptr = ptr;
	thing->size = common;
	EXPECT(thing_is_whole(thing));
	thing->size = size;
	thing_fill(thing, (unsigned char)random_next(&program->state));
	return 0;
}

static int thing_step(struct program *program, struct thing *thing)
{
	if (thing->ptr == NULL)
		return thing_make(program, thing);
	if (thing->alignment == 0 && random_next(&program->state) % 4 == 0)
		return thing_resize(program, thing);
	return thing_end(program, thing);
}

static int program_run(void *arg)
{
	struct program *program = arg;

	for (size_t i = 0; i < program->steps; i++) {
		struct thing *thing = &program->things[random_between(
			&program->state, 0, program->count - 1)];
		int status;

		if (atomic_exchange(&thing->busy, true))
			continue;
		status = thing_step(program, thing);
		atomic_store(&thing->busy, false);
		if (status != 0)
			return status;
	}
	return 0;
}

static int program_end(struct program *program)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->things[i].ptr != NULL) {
			int status = thing_end(program, &program->things[i]);

			EXPECT(status == 0);
		}
	return 0;
}

static struct thing things[THINGS];

/* Nothing of the pool is lost to it, whatever it was: but what is too small. */
START_TEST(program_of_one_thread_nothing_overlaps)
{
	static const size_t above[] = {0, 100, 1024, 8192};
	struct program program = {.things = things,
				  .count = THINGS,
				  .steps = rounds(300000),
				  .low = 1,
				  .high = MOST};
	struct counting counting;
	tarn_options options;
	size_t before;

	program.state = seed("program_of_one_thread_nothing_overlaps");
	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = above[_i];
	program.pool = tarn_pool_create(&options);
	before = handed_out(program.pool);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(program_run(&program), 0);
		ck_assert_int_eq(program_end(&program), 0);
		ck_assert_uint_ge(handed_out(program.pool), before);
		ck_assert_uint_eq(stats_of(program.pool).large_count, 0);
		tarn_pool_reset(program.pool);
		ck_assert_uint_eq(handed_out(program.pool), before);
	}
	tarn_pool_destroy(program.pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(program_of_threads_nothing_overlaps)
{
	struct program programs[THREADS];
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = seed("program_of_threads_nothing_overlaps");

	for (size_t i = 0; i < THREADS; i++)
		programs[i] = (struct program){.pool = pool,
					       .things = things,
					       .count = THINGS,
					       .steps = rounds(100000),
					       .low = 1,
					       .high = MOST,
					       .state = random_next(&state)};
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(workers_together(program_run, programs,
						  sizeof(*programs), THREADS),
				 0);
		ck_assert_int_eq(program_end(&programs[0]), 0);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		tarn_pool_reset(pool);
	}
	tarn_pool_destroy(pool);
}
END_TEST

static void add_program_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "programs");

	tcase_add_loop_test(tcase, program_of_one_thread_nothing_overlaps, 0,
			    4);
	tcase_add_test(tcase, program_of_threads_nothing_overlaps);
}

/* ---- figures ---------------------------------------------------------------
 */

START_TEST(figures_fall_and_rise_exactly)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = seed("figures_fall_and_rise_exactly");
	static size_t sizes[FILL];
	size_t out = handed_out(pool);

	memset(sizes, 0, sizeof(sizes));
	for (size_t i = 0; i < rounds(100000); i++) {
		size_t k = random_between(&state, 0, FILL - 1);

		if (sizes[k] == 0) {
			sizes[k] = random_between(&state, 1, 4096);
			filled[k] = tarn_palloc(pool, sizes[k]);
			REQUIRE(filled[k] != NULL);
			out += align_up(sizes[k], TARN_ALIGNMENT);
		} else {
			REQUIRE(tarn_pfree_sized(pool, filled[k], sizes[k]) ==
				0);
			out -= align_up(sizes[k], TARN_ALIGNMENT);
			sizes[k] = 0;
		}
		if (i % 64 == 0)
			REQUIRE(handed_out(pool) == out);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Packed memory freed as it came gives back what it was, not its padding. */
START_TEST(figures_packed_fall_by_the_size)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t size = 1; size < 3000; size++) {
		void *object = tarn_pnalloc(pool, size);
		size_t out = handed_out(pool);

		ck_assert_int_eq(
			tarn_pfree_aligned_sized(pool, object, 1, size), 0);
		ck_assert_uint_eq(handed_out(pool), out - size);
	}
	tarn_pool_destroy(pool);
}
END_TEST

static void add_figure_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "figures");

	tcase_add_test(tcase, figures_fall_and_rise_exactly);
	tcase_add_test(tcase, figures_packed_fall_by_the_size);
}

/* ---- for long ---------------------------------------------------------------
 */

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

static void add_long_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "for long");

	tcase_add_loop_test(tcase, cycles_of_few_sizes_held_flat, 0, 5);
	tcase_add_test(tcase, cycles_of_random_sizes_held_flat);
	tcase_add_loop_test(tcase, churn_sizes_move_held_in_bounds, 0, 2);
	tcase_add_test(tcase, churn_freed_by_others_held_in_bounds);
	tcase_add_test(tcase, prealloc_moves_held_flat);
	tcase_add_test(tcase, prealloc_shrinking_gives_back);
}

/* ---- without memory
 * ---------------------------------------------------------- */

/* Takes objects until there is no more; returns how many. */
static size_t fill(tarn_pool *pool, size_t size)
{
	size_t count = 0;

	for (; count < FILL; count++) {
		filled[count] = tarn_palloc(pool, size);
		if (filled[count] == NULL)
			break;
	}
	return count;
}

static tarn_pool *limited(size_t limit, size_t large_above,
			  const tarn_upstream *upstream)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.limit = limit;
	options.large_above = large_above;
	options.upstream = upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* The pool is full before anything was freed: there is no place for a depot. */
START_TEST(limit_free_and_retry_always_succeeds)
{
	static const size_t sizes[] = {16, 48, 100, 1000, 1024, 1100, 3000};
	size_t size = sizes[_i];
	tarn_pool *pool = limited((size_t)64 << 10, 0, NULL);
	uint64_t state = seed("limit_free_and_retry_always_succeeds");
	size_t count = fill(pool, size);

	ck_assert_uint_lt(count, FILL);
	for (size_t i = 0; i < rounds(10000); i++) {
		size_t k = random_between(&state, 0, count - 1);

		REQUIRE(tarn_palloc(pool, size) == NULL);
		REQUIRE(tarn_pfree_sized(pool, filled[k], size) == 0);
		filled[k] = tarn_palloc(pool, size);
		REQUIRE(filled[k] != NULL);
		memset(filled[k], 9, size);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* All that was small serves what is larger, in whatever order it comes. Blocks
   are pages: by malloc's addresses headers differ, and four objects fit into a
   block or three. */
START_TEST(limit_small_freed_larger_succeeds)
{
	tarn_pool *pool = limited((size_t)64 << 10, 0, tarn_upstream_mmap());
	uint64_t state = seed("limit_small_freed_larger_succeeds");
	size_t count = fill(pool, 64), larger, bytes = count * 64;

	for (size_t i = count; i > 1; i--) {
		size_t k = random_between(&state, 0, i - 1);

		REQUIRE(tarn_pfree_sized(pool, filled[k], 64) == 0);
		filled[k] = filled[i - 1];
	}
	larger = fill(pool, 1000);
	ck_assert_uint_ge(larger * 1000, bytes / 4 * 3);
	for (size_t i = 0; i < larger; i++)
		REQUIRE(tarn_pfree_sized(pool, filled[i], 1000) == 0);
	ck_assert_uint_ge(fill(pool, 64) * 64, bytes / 10 * 9);
	tarn_pool_destroy(pool);
}
END_TEST

/* Where a request fails, freeing a few others lets it go on. */
START_TEST(limit_random_sizes_get_on)
{
	tarn_pool *pool = limited((size_t)256 << 10, 0, NULL);
	struct program program = {.pool = pool,
				  .things = things,
				  .count = THINGS,
				  .steps = rounds(100000),
				  .low = 1,
				  .high = 1000,
				  .may_fail = true,
				  .whole = true};
	size_t least = SIZE_MAX;

	program.state = seed("limit_random_sizes_get_on");
	for (int round = 0; round < 10; round++) {
		ck_assert_int_eq(program_run(&program), 0);
		least = align_min(least, handed_out(pool));
	}
	ck_assert_uint_ge(least, (size_t)256 * 1024 / 2);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_uint_ge(fill(pool, 1000) * 1000, (size_t)256 * 1024 / 2);
	tarn_pool_destroy(pool);
}
END_TEST

static void upstream_fails(struct counting *counting, bool fails)
{
	counting->fail_at = fails ? counting->calls + 1 : 0;
	counting->fail_for_ever = fails;
}

/* What was freed without a depot comes to it as soon as there is memory. */
START_TEST(depot_made_late_has_all)
{
	struct counting counting;
	tarn_pool *pool;
	size_t count;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	upstream_fails(&counting, true);
	count = fill(pool, 16);
	for (size_t i = 0; i < count / 2; i++)
		ck_assert_int_eq(tarn_pfree_sized(pool, filled[i], 16), 0);
	ck_assert_ptr_null(pool_depot(pool));
	ck_assert_ptr_nonnull(pool->loose);
	/* Too small for an aligned one: it is lost, with a depot or without. */
	ck_assert_int_eq(tarn_pfree_aligned_sized(
				 pool, (char *)filled[count / 2] + 1, 1, 15),
			 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	upstream_fails(&counting, false);
	ck_assert_int_eq(tarn_pfree_sized(pool, filled[count - 1], 16), 0);
	ck_assert_ptr_nonnull(pool_depot(pool));
	ck_assert_ptr_null(pool->loose);
	ck_assert_uint_eq(pool_depot(pool)->bytes, (count / 2 - 1) * 16);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* A depot in freed memory goes with it. */
START_TEST(depot_of_freed_memory_ends_at_reset)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 16384);
	for (int round = 0; round < 100; round++) {
		size_t count;

		upstream_fails(&counting, true);
		count = fill(pool, 16);
		for (size_t i = 0; i < count; i++)
			REQUIRE(tarn_pfree_sized(pool, filled[i], 16) == 0);
		ck_assert_ptr_null(pool_depot(pool));
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1000));
		ck_assert_ptr_nonnull(pool_depot(pool));
		ck_assert(!pool_depot(pool)->lasting);
		tarn_pool_reset(pool);
		ck_assert_ptr_null(pool_depot(pool));
		ck_assert(!reuse_is_active(pool));
		upstream_fails(&counting, false);
	}
	again(pool, 0, 100);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

struct poor {
	struct counting *counting;
	struct given given;
};

/* A thread that has a local pool, and no memory for bins. */
static int use_without_bins(void *arg)
{
	struct poor *poor = arg;

	EXPECT(tarn_pool_local(poor->given.pool) != NULL);
	upstream_fails(poor->counting, true);
	while (tarn_palloc(poor->given.pool, 16) != NULL)
		;
	for (int i = 0; i < 10; i++) {
		EXPECT(give_all(&poor->given) == 0);
		EXPECT(take_all(&poor->given) == 0);
		EXPECT(tarn_palloc(poor->given.pool, 16) == NULL);
	}
	EXPECT(pool_find_local(poor->given.pool)->side == NULL);
	upstream_fails(poor->counting, false);
	return 0;
}

START_TEST(thread_without_bins_served)
{
	struct counting counting;
	struct poor poor = {&counting, {NULL, filled, 30, 200}};
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	poor.given.pool = pool;
	/* No two of them are neighbours, and none is large enough for bins. */
	for (size_t i = 0; i < poor.given.count; i++) {
		filled[i] = tarn_palloc(pool, poor.given.size);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	}
	ck_assert_int_eq(tarn_pfree_sized(pool, tarn_palloc(pool, 16), 16), 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	ck_assert_int_eq(worker_run(use_without_bins, &poor), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static int begin_only(void *arg)
{
	EXPECT(tarn_pool_local(arg) != NULL);
	return 0;
}

/* A piece that is freed is the next one, as with bins of lasting memory. */
static int use_bins_of_freed(void *arg)
{
	tarn_pool *pool = arg;
	size_t out = handed_out(pool);
	char *object;

	errno = EDOM;
	object = tarn_palloc(pool, 64);
	EXPECT(object != NULL && errno == EDOM);
	EXPECT(handed_out(pool) == out + 64);
	EXPECT(tarn_pfree_sized(pool, object, 64) == 0);
	EXPECT(handed_out(pool) == out);
	EXPECT(tarn_palloc(pool, 64) == object);
	EXPECT(tarn_pfree_sized(pool, object, 64) == 0);
	EXPECT(!pool_find_local(pool)->side->lasting);
	return 0;
}

static int has_no_bins(void *arg)
{
	const struct local *local = pool_local(arg);

	EXPECT(local != NULL && local->side == NULL);
	return 0;
}

/* With no other memory left, a thread's bins stand in what was freed, until
   reset. */
START_TEST(thread_bins_of_freed_memory_until_reset)
{
	struct counting counting;
	struct given given = {NULL, filled, 100, 48};
	tarn_pool *pool;
	void *large;

	counting_init(&counting);
	given.pool = pool = counting_pool(&counting, 0);
	for (int round = 0; round < 100; round++) {
		large = tarn_palloc(pool, 2 * sizeof(struct bins));
		ck_assert_int_eq(
			tarn_pfree_sized(pool, tarn_palloc(pool, 16), 16), 0);
		ck_assert_int_eq(worker_run(begin_only, pool), 0);
		upstream_fails(&counting, true);
		while (tarn_palloc(pool, 16) != NULL)
			;
		ck_assert_int_eq(
			tarn_pfree_sized(pool, large, 2 * sizeof(struct bins)),
			0);
		ck_assert_int_eq(worker_run(use_bins_of_freed, pool), 0);
		upstream_fails(&counting, false);
		tarn_pool_reset(pool);
		ck_assert_int_eq(worker_run(has_no_bins, pool), 0);
	}
	ck_assert_int_eq(worker_run(take_all, &given), 0);
	ck_assert_int_eq(worker_run(give_all, &given), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Each call of upstream fails once, of a program that frees. */
START_TEST(upstream_fails_once_usable)
{
	for (size_t fail = 1; fail < 60; fail++) {
		struct program program = {.things = things,
					  .count = THINGS / 10,
					  .steps = 2000,
					  .low = 1,
					  .high = MOST,
					  .may_fail = true,
					  .state = fail};
		struct counting counting;

		counting_init(&counting);
		program.pool = counting_pool(&counting, 0);
		counting.fail_at = counting.calls + fail;
		ck_assert_int_eq(program_run(&program), 0);
		ck_assert_int_eq(program_end(&program), 0);
		tarn_pool_destroy(program.pool);
		counting_finish(&counting);
	}
}
END_TEST

static void add_limit_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "without memory");

	tcase_add_loop_test(tcase, limit_free_and_retry_always_succeeds, 0, 7);
	tcase_add_test(tcase, limit_small_freed_larger_succeeds);
	tcase_add_test(tcase, limit_random_sizes_get_on);
	tcase_add_test(tcase, depot_made_late_has_all);
	tcase_add_test(tcase, depot_of_freed_memory_ends_at_reset);
	tcase_add_test(tcase, thread_without_bins_served);
	tcase_add_test(tcase, thread_bins_of_freed_memory_until_reset);
	tcase_add_test(tcase, upstream_fails_once_usable);
}

/* ---- threads past their end
 * --------------------------------------------------- */

struct late {
	tarn_pool *pool;
	void *theirs[DESTRUCTOR_ROUNDS]; /* to be freed in a round each */
	void *strays[DESTRUCTOR_ROUNDS];
	size_t rounds;
	int status;
};

static pthread_key_t late_key;

static int late_round(struct late *late)
{
	size_t out = handed_out(late->pool);
	void *object = tarn_palloc(late->pool, 100);

	EXPECT(object != NULL);
	EXPECT(tarn_pfree_sized(late->pool, object, 100) == 0);
	EXPECT(handed_out(late->pool) == out);
	EXPECT(tarn_pfree_sized(late->pool, late->theirs[late->rounds], 80) ==
	       0);
	EXPECT(handed_out(late->pool) == out - 80);
	late->strays[late->rounds] = tarn_palloc(late->pool, 40);
	EXPECT(late->strays[late->rounds] != NULL);
	return 0;
}

static void late_run(void *arg)
{
	struct late *late = arg;

	if (late->status == 0)
		late->status = late_round(late);
	if (++late->rounds < DESTRUCTOR_ROUNDS)
		pthread_setspecific(late_key, late);
}

static int live_until_late(void *arg)
{
	struct late *late = arg;

	EXPECT(tarn_palloc(late->pool, 16) != NULL);
	EXPECT(pthread_key_create(&late_key, late_run) == 0);
	EXPECT(pthread_setspecific(late_key, late) == 0);
	return 0;
}

START_TEST(thread_past_its_end_frees)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct late late = {.pool = pool};
	size_t out, large;

	for (size_t i = 0; i < DESTRUCTOR_ROUNDS; i++)
		late.theirs[i] = tarn_palloc(pool, 80);
	ck_assert_int_eq(worker_run(live_until_late, &late), 0);
	pthread_key_delete(late_key);
	ck_assert_int_eq(late.status, 0);
	ck_assert_uint_eq(late.rounds, DESTRUCTOR_ROUNDS);
	/* What the large list served is freed as such, by its small size. */
	large = stats_of(pool).large_count;
	ck_assert(pool_has_strays(pool) == (large != 0));
	for (size_t i = 0; i < DESTRUCTOR_ROUNDS; i++) {
		out = handed_out(pool);
		ck_assert_int_eq(tarn_pfree_sized(pool, late.strays[i], 40), 0);
		ck_assert_uint_eq(handed_out(pool), out - 48);
	}
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	/* Those that are small are none of them, as ever. */
	again(pool, 0, 100);
	tarn_pool_reset(pool);
	ck_assert(!pool_has_strays(pool));
	tarn_pool_destroy(pool);
}
END_TEST

static void add_late_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "past the end"),
		       thread_past_its_end_frees);
}

/* ---- threads that free first, at once -------------------------------------
 */

/* An upstream that takes so long that both of them need it. */
static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	usleep(SLOW);
	return counting_alloc(ctx, size, alignment);
}

struct first {
	tarn_pool *pool;
	struct gate *ready;
	struct gate *full;
};

static int free_first(void *arg)
{
	struct first *first = arg;
	void *object = tarn_palloc(first->pool, 200);

	gate_wait(first->ready);
	gate_wait(first->full);
	EXPECT(tarn_pfree_sized(first->pool, object, 200) == 0);
	EXPECT(tarn_palloc(first->pool, 200) == object);
	return tarn_pfree_sized(first->pool, object, 200);
}

/* The depot is made once: neither loses what it freed. */
START_TEST(first_frees_at_once_one_depot)
{
	for (int round = 0; round < 20; round++) {
		struct counting counting;
		struct gate ready, full;
		struct first first = {NULL, &ready, &full};
		struct worker workers[2];
		tarn_pool *pool;
		size_t out;

		counting_init(&counting);
		counting.upstream.alloc = slow_alloc;
		first.pool = pool = counting_pool(&counting, 0);
		out = handed_out(pool);
		gate_init(&ready, 3);
		gate_init(&full, 3);
		for (int i = 0; i < 2; i++)
			worker_start(&workers[i], free_first, &first, NULL);
		gate_wait(&ready);
		upstream_fails(&counting, true);
		while (pool_claim_lasting(pool, BLOCK_LINE) != NULL)
			;
		upstream_fails(&counting, false);
		gate_wait(&full);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(worker_join(&workers[i]), 0);
		ck_assert_uint_eq(handed_out(pool), out);
		ck_assert(pool_depot(pool)->lasting);
		ck_assert_ptr_null(pool->loose);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
}
END_TEST

static void add_first_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "first frees"),
		       first_frees_at_once_one_depot);
}

/* ---- lifetimes
 * ------------------------------------------------------------------ */

static int free_some(void *arg)
{
	struct given *given = arg;

	EXPECT(take_all(given) == 0);
	return give_all(given);
}

START_TEST(reset_forgets_what_was_freed)
{
	struct counting counting;
	tarn_pool *pool;
	struct given given = {NULL, filled, 500, 64};
	size_t out, held = 0;

	counting_init(&counting);
	given.pool = pool = counting_pool(&counting, 0);
	out = handed_out(pool);
	for (int round = 0; round < 20; round++) {
		ck_assert_int_eq(free_some(&given), 0);
		ck_assert_int_eq(worker_run(free_some, &given), 0);
		tarn_pool_reset(pool);
		ck_assert_uint_eq(handed_out(pool), out);
		ck_assert_uint_eq(pool_depot(pool)->bytes, 0);
		if (round == 5)
			held = stats_of(pool).held;
	}
	ck_assert_uint_eq(stats_of(pool).held, held);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Memory goes back to the pool that it is of, and no other. */
START_TEST(child_pools_reuse_their_own)
{
	tarn_pool *parent = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(parent, NULL);
	void *object = tarn_palloc(child, 100);
	size_t parents = handed_out(parent);

	ck_assert_int_eq(tarn_pfree_sized(child, object, 100), 0);
	ck_assert_ptr_ne(tarn_palloc(parent, 100), object);
	ck_assert_ptr_eq(tarn_palloc(child, 100), object);
	ck_assert_uint_eq(handed_out(parent), parents + 112);
	again(child, 0, 500);
	again(parent, 0, 500);
	tarn_pool_destroy(child);
	again(parent, 8, 64);
	tarn_pool_destroy(parent);
}
END_TEST

START_TEST(buffer_memory_is_used_again)
{
	static _Alignas(64) char buffer[16384];
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	char *object;

	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	pool = tarn_pool_create(&options);
	object = tarn_palloc(pool, 256);
	ck_assert(object > buffer && object < buffer + sizeof(buffer));
	again(pool, 0, 256);
	for (int i = 0; i < 1000; i++)
		again(pool, 8, 16 + 8 * ((size_t)i % 30));
	/* What stays over a reset, the lists of what is free. */
	ck_assert_uint_le(stats_of(pool).held, 4096);
	tarn_pool_destroy(pool);
}
END_TEST

static void add_lifetime_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "lifetimes");

	tcase_add_test(tcase, reset_forgets_what_was_freed);
	tcase_add_test(tcase, child_pools_reuse_their_own);
	tcase_add_test(tcase, buffer_memory_is_used_again);
}

/* A watched pool lays its memory out in its own way, and uses none again. */
int main(void)
{
	Suite *suite = suite_create("reuse");

	add_piece_tests(suite);
	add_refusal_tests(suite);
	if (watched())
		return suite_run(suite);
	add_again_tests(suite);
	add_room_tests(suite);
	add_program_tests(suite);
	add_figure_tests(suite);
	add_long_tests(suite);
	add_limit_tests(suite);
	add_late_tests(suite);
	add_first_tests(suite);
	add_lifetime_tests(suite);
	return suite_run(suite);
}
