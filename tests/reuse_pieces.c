/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pieces: the depot alone, in memory of the test's. Each size has the class it
 * asks in, and whatever is put in comes out again, in one piece where it was
 * one.
 */
#include "test_reuse.h"

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

void add_piece_tests(Suite *suite)
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
