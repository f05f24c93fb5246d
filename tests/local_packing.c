/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where small objects lie: packed as closely as their sizes and alignments
 * allow, inside what upstream gave, and never over each other.
 */
#include "local_tests.h"

#include <stdalign.h>

struct vector {
	alignas(32) float lanes[8];
};

/* ---- packing ------------------------------------------------------------- */

/* Neighbours touch each other, save where one chunk ends and another begins. */
START_TEST(new_node_costs_its_size)
{
	enum {
		NODES = 1000
	};
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	struct node *node, *previous = NULL;
	int i, touching = 0;

	for (i = 0; i < NODES; i++) {
		node = i % 2 == 0 ? tarn_new(pool, struct node)
				  : tarn_local_new(local, struct node);
		ck_assert_ptr_nonnull(node);
		touching += previous != NULL && node == previous - 1;
		*node = (struct node){.left = previous, .key = i};
		previous = node;
	}
	for (i = NODES - 1; i >= 0; i--, node = node->left)
		ck_assert_int_eq(node->key, i);
	ck_assert_int_ge(touching, NODES - NODES / 50);
	ck_assert_uint_eq(stats_of(pool).handed_out,
			  sizeof(struct node) * NODES);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(new_array_is_packed_and_aligned)
{
	tarn_pool *pool = roomy_pool();
	size_t before, count;

	ck_assert_ptr_nonnull(tarn_new(pool, struct node));
	for (count = 1; count < 100; count++) {
		struct node *nodes;

		before = stats_of(pool).handed_out;
		nodes = tarn_new_array(pool, struct node, count);
		ck_assert(is_aligned(nodes, alignof(struct node)));
		memset(nodes, 1, count * sizeof *nodes);
		ck_assert_uint_eq(stats_of(pool).handed_out - before,
				  count * sizeof *nodes);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(new_overaligned_type_is_aligned)
{
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	int i;

	for (i = 0; i < 50; i++) {
		ck_assert_ptr_nonnull(tarn_pnalloc(pool, 1));
		ck_assert(is_aligned(tarn_new(pool, struct vector), 32));
		ck_assert(is_aligned(tarn_local_new(local, struct vector), 32));
		ck_assert(
			is_aligned(tarn_new_array(pool, struct vector, 3), 32));
		ck_assert(is_aligned(tarn_new(pool, char), 1));
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(packed_bytes_touch_each_other)
{
	enum {
		STRINGS = 200
	};
	tarn_pool *pool = roomy_pool();
	char *strings[STRINGS + 1];
	size_t size, touching = 0, total = 0;

	for (size = 1; size <= STRINGS; size++) {
		strings[size] = tarn_pnalloc(pool, size);
		ck_assert_ptr_nonnull(strings[size]);
		memset(strings[size], (int)size, size);
		touching +=
			size > 1 && strings[size] + size == strings[size - 1];
		total += size;
	}
	for (size = 1; size <= STRINGS; size++) {
		ck_assert_int_eq(strings[size][0], (char)size);
		ck_assert_int_eq(strings[size][size - 1], (char)size);
	}
	ck_assert_uint_ge(touching, STRINGS - STRINGS / 10);
	ck_assert_uint_eq(stats_of(pool).handed_out, total);
	tarn_pool_destroy(pool);
}
END_TEST

/* Allocates objects of three kinds by turns; each keeps its contents. */
START_TEST(packed_and_aligned_by_turns_do_not_overlap)
{
	enum {
		OBJECTS = 3000
	};
	tarn_options options = TARN_OPTIONS_INIT;
	unsigned char *objects[OBJECTS];
	size_t sizes[OBJECTS], i, j;
	tarn_pool *pool;

	options.first_block = (size_t)_i;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (i = 0; i < OBJECTS; i++) {
		sizes[i] = i * 7919 % 300 + 1;
		objects[i] = i % 3 == 0   ? tarn_palloc(pool, sizes[i])
			     : i % 3 == 1 ? tarn_pnalloc(pool, sizes[i])
					  : tarn_pmemalign(pool, 8, sizes[i]);
		ck_assert_ptr_nonnull(objects[i]);
		memset(objects[i], (int)(i % 251), sizes[i]);
	}
	for (i = 0; i < OBJECTS; i++)
		for (j = 0; j < sizes[i]; j++)
			if (objects[i][j] != i % 251)
				ck_abort_msg("object %zu was overwritten", i);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(packed_sizes_around_the_room_left_stay_inside)
{
	struct counting counting;
	tarn_pool *pool;
	size_t size, fit;

	for (size = 1; size < 4200; size += 13) {
		counting_init(&counting);
		pool = counting_pool(&counting, 4096);
		REQUIRE(tarn_palloc(pool, 100) != NULL);
		for (fit = 0; fit < 3; fit++) {
			char *bytes = tarn_pnalloc(pool, size);
			char *object = tarn_palloc(pool, size);

			REQUIRE(counting_contains(&counting, bytes, size));
			REQUIRE(counting_contains(&counting, object, size));
			memset(bytes, 1, size);
			memset(object, 2, size);
			REQUIRE(bytes[0] == 1);
			REQUIRE(bytes[size - 1] == 1);
		}
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
}
END_TEST

void add_packing_tests(Suite *suite)
{
	static const int blocks[] = {0, 1000, 262144};
	TCase *tcase = suite_case(suite, "packing");
	size_t i;

	tcase_add_test(tcase, new_node_costs_its_size);
	tcase_add_test(tcase, new_array_is_packed_and_aligned);
	tcase_add_test(tcase, new_overaligned_type_is_aligned);
	tcase_add_test(tcase, packed_bytes_touch_each_other);
	for (i = 0; i < sizeof blocks / sizeof *blocks; i++)
		tcase_add_loop_test(tcase,
				    packed_and_aligned_by_turns_do_not_overlap,
				    blocks[i], blocks[i] + 1);
	tcase_add_test(tcase, packed_sizes_around_the_room_left_stay_inside);
}

/* ---- alignment ----------------------------------------------------------- */

/* The ways to ask for `size` bytes with `alignment`. */
typedef void *ask_fn(tarn_pool *pool, size_t alignment, size_t size);

static void *ask_pool(tarn_pool *pool, size_t alignment, size_t size)
{
	return tarn_pmemalign(pool, alignment, size);
}

static void *ask_local(tarn_pool *pool, size_t alignment, size_t size)
{
	return tarn_local_pmemalign(tarn_pool_local(pool), alignment, size);
}

static ask_fn *const ask[] = {ask_pool, ask_local};

static const size_t aligned_sizes[] = {0,    1,    2,    8,    15,    16,
				       17,   24,   63,   64,   65,    100,
				       1000, 4095, 4096, 4097, 10000, 70000};

enum {
	ALIGNED_SIZES = sizeof aligned_sizes / sizeof *aligned_sizes
};

START_TEST(align_every_power_and_size_is_kept)
{
	size_t alignment = (size_t)1 << _i, i, round;
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (round = 0; round < 4; round++)
		for (i = 0; i < ALIGNED_SIZES; i++) {
			size_t size = aligned_sizes[i];
			char *object = ask[round % 2](pool, alignment, size);

			ck_assert_ptr_nonnull(object);
			ck_assert(is_aligned(object, alignment));
			ck_assert(size == 0 ||
				  counting_contains(&counting, object, size));
			memset(object, 1, size);
			ck_assert_ptr_nonnull(tarn_pnalloc(pool, 3));
		}
	tarn_pool_reset(pool);
	ck_assert(is_aligned(tarn_pmemalign(pool, alignment, 24), alignment));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(align_takes_no_more_than_it_must)
{
	size_t alignment = (size_t)1 << _i, count = 2 * MIB / alignment, i;
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t least;

	if (count > 20000)
		count = 20000;
	least = count * alignment;
	for (i = 0; i < count; i++)
		REQUIRE(tarn_pmemalign(pool, alignment, alignment) != NULL);
	ck_assert_uint_le(stats_of(pool).handed_out,
			  least + least / 20 + alignment);
	ck_assert_uint_le(stats_of(pool).held, least + least / 4 + 64 * KIB);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(align_not_a_power_of_two_is_einval)
{
	static const size_t wrong[] = {0,
				       3,
				       5,
				       6,
				       7,
				       9,
				       12,
				       15,
				       24,
				       48,
				       63,
				       65,
				       96,
				       100,
				       127,
				       129,
				       4095,
				       4097,
				       SIZE_MAX,
				       SIZE_MAX - 1,
				       SIZE_MAX / 2,
				       SIZE_MAX / 2 + 2};
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_stats before, after;
	size_t i, j;

	REQUIRE(tarn_palloc(pool, 100) != NULL);
	before = stats_of(pool);
	for (i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++)
		for (j = 0; j < ALIGNED_SIZES; j++) {
			errno = 0;
			ck_assert_ptr_null(ask[i % 2](
				pool, opaque(wrong[i / 2]), aligned_sizes[j]));
			REQUIRE(errno == EINVAL);
		}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(align_huge_is_enomem_and_leaves_the_pool)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	int shift;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	REQUIRE(tarn_palloc(pool, 100) != NULL);
	before = stats_of(pool);
	for (shift = 31; shift < (int)(8 * sizeof(size_t)); shift++) {
		size_t alignment = opaque((size_t)1 << shift), i;

		for (i = 0; i < 2 * (ALIGNED_SIZES - 1); i++) {
			errno = 0;
			ck_assert_ptr_null(ask[i % 2](
				pool, alignment, aligned_sizes[i / 2 + 1]));
			REQUIRE(errno == ENOMEM);
		}
		ck_assert_ptr_null(
			tarn_pmemalign(pool, alignment, opaque(SIZE_MAX)));
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	REQUIRE(tarn_palloc(pool, 100) != NULL);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_alignment_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "alignment");

	tcase_add_loop_test(tcase, align_every_power_and_size_is_kept, 0, 22);
	tcase_add_loop_test(tcase, align_takes_no_more_than_it_must, 0, 16);
	tcase_add_test(tcase, align_not_a_power_of_two_is_einval);
	tcase_add_test(tcase, align_huge_is_enomem_and_leaves_the_pool);
}
