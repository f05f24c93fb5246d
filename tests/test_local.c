/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small requests, by the pool and by a thread's own handle: packing,
 * alignment, sizes that are none, odd or wrap around, and arrays.
 */
#include "counting.h"
#include "util.h"

#include "local.h"

#include <sched.h>
#include <stdalign.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

struct node {
	struct node *left, *right;
	long key;
};

struct vector {
	alignas(32) float lanes[8];
};

/* Returns a pool whose first block has room for what a test allocates. */
static tarn_pool *roomy_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block = 256 * KIB;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

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

/* ---- handles ------------------------------------------------------------- */

START_TEST(local_asked_again_is_the_same)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *other = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	ck_assert_ptr_nonnull(local);
	ck_assert_ptr_eq(tarn_pool_local(pool), local);
	ck_assert_ptr_ne(tarn_pool_local(other), local);
	ck_assert_ptr_eq(tarn_local_pool(local), pool);
	ck_assert_ptr_eq(tarn_local_pool(tarn_pool_local(other)), other);
	tarn_pool_destroy(pool);
	tarn_pool_destroy(other);
}
END_TEST

START_TEST(local_and_pool_calls_share_the_room)
{
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	char *first = tarn_palloc(pool, 20);
	char *second = tarn_local_palloc(local, 20);
	char *third = tarn_palloc(pool, 20);
	char *packed = tarn_pnalloc(pool, 3);

	ck_assert_ptr_eq(second, first + 32);
	ck_assert_ptr_eq(third, second + 32);
	ck_assert_ptr_eq(tarn_local_pnalloc(local, 5), packed - 5);
	ck_assert_ptr_eq(tarn_pnalloc(pool, 1), packed - 6);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(local_across_resets_stays_valid)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	int round, i;

	for (round = 0; round < 10; round++) {
		ck_assert_ptr_eq(tarn_pool_local(pool), local);
		for (i = 1; i < 500; i++) {
			char *object = tarn_local_palloc(local, (size_t)i);
			char *bytes = tarn_local_pnalloc(local, (size_t)i);

			memset(object, 1, (size_t)i);
			memset(bytes, 2, (size_t)i);
			ck_assert_int_eq(object[i - 1], 1);
		}
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* As it is seen where another thread frees between two looks. */
START_TEST(stats_while_freed_is_seen_before_allocated_are_none)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct local *local = (struct local *)tarn_pool_local(pool);

	local_add_given(local, -(size_t)16);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	local_add_given(local, 32);
	ck_assert_uint_eq(stats_of(pool).handed_out, 16);
	tarn_pool_destroy(pool);
}
END_TEST

/* A thread that hits, downwards and upwards, and begins anew. */
struct mover {
	struct local local;
	struct chunk chunk;
	atomic_bool ends;
};

static int mover_run(void *arg)
{
	struct mover *mover = arg;
	tarn_local *hot = &mover->local.hot;

	while (!atomic_load(&mover->ends)) {
		for (int i = 0; i < 100; i++) {
			EXPECT(tarn_local_pnalloc(hot, 1) != NULL);
			EXPECT(tarn_local_palloc(hot, 16) != NULL);
		}
		local_reset(&mover->local, mover->chunk);
	}
	return 0;
}

START_TEST(local_handed_out_while_the_owner_moves_fits_together)
{
	static _Alignas(16) char memory[4096];
	static struct mover mover;
	size_t samples = rounds(1000000), seen = 0;
	struct worker worker;
	struct gate gate;

	mover.chunk = (struct chunk){memory, memory + sizeof memory};
	local_init(&mover.local, NULL, 4096, mover.chunk);
	gate_init(&gate, 2);
	worker_start(&worker, mover_run, &mover, &gate);
	gate_wait(&gate);
	/* Where there is one processor, most are of a thread that stands. */
	for (size_t i = 0, last = 0; i < samples || seen < 10; i++) {
		size_t bytes = local_handed_out(&mover.local);

		REQUIRE(bytes <= 100 + 100 * 16);
		seen += bytes != last;
		last = bytes;
	}
	atomic_store(&mover.ends, true);
	ck_assert_int_eq(worker_join(&worker), 0);
	ck_assert_uint_eq(local_handed_out(&mover.local), 0);
}
END_TEST

/* What stands in the middle of a change until its reader gives way. */
static struct local *halfway;

/* In place of the system's, which would do nothing that matters here. */
int sched_yield(void)
{
	if (halfway == NULL)
		return 0;
	atomic_fetch_add(&halfway->changes, 1);
	halfway = NULL;
	return 0;
}

START_TEST(local_handed_out_in_the_middle_of_a_change_waits)
{
	static _Alignas(16) char memory[64];
	static struct local local;

	local_init(&local, NULL, 4096,
		   (struct chunk){memory, memory + sizeof memory});
	ck_assert_ptr_nonnull(tarn_local_palloc(&local.hot, 16));
	atomic_store(&local.changes, 1);
	halfway = &local;
	ck_assert_uint_eq(local_handed_out(&local), 16);
	ck_assert_ptr_null(halfway);
}
END_TEST

static int local_of_another_thread(void *arg)
{
	tarn_pool *pool = arg;
	tarn_local *local = tarn_pool_local(pool);

	EXPECT(local != NULL);
	EXPECT(tarn_local_pool(local) == pool);
	EXPECT(tarn_pool_local(pool) == local);
	EXPECT(tarn_local_palloc(local, 100) != NULL);
	return 0;
}

static int local_is_refused(void *arg)
{
	errno = 0;
	EXPECT(tarn_pool_local(arg) == NULL);
	EXPECT(errno == ENOMEM);
	return 0;
}

START_TEST(local_without_memory_is_null)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	while (tarn_pnalloc(pool, 1) != NULL)
		;
	ck_assert_int_eq(worker_run(local_is_refused, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 1);
	counting.fail_at = 0;
	ck_assert_int_eq(worker_run(local_of_another_thread, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 2);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_handle_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "handles");

	tcase_add_test(tcase, local_asked_again_is_the_same);
	tcase_add_test(tcase, local_and_pool_calls_share_the_room);
	tcase_add_test(tcase, local_across_resets_stays_valid);
	tcase_add_test(tcase,
		       local_handed_out_while_the_owner_moves_fits_together);
	tcase_add_test(tcase, local_handed_out_in_the_middle_of_a_change_waits);
	tcase_add_test(tcase,
		       stats_while_freed_is_seen_before_allocated_are_none);
	tcase_add_test(tcase, local_without_memory_is_null);
}

/* ---- packing ------------------------------------------------------------- */

/* Neighbours touch each other, save where one chunk ends and another begins. */
START_TEST(new_node_of_24_bytes_costs_24)
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
	ck_assert_uint_eq(stats_of(pool).handed_out, 24 * NODES);
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

static void add_packing_tests(Suite *suite)
{
	static const int blocks[] = {0, 1000, 262144};
	TCase *tcase = suite_case(suite, "packing");
	size_t i;

	tcase_add_test(tcase, new_node_of_24_bytes_costs_24);
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

static void add_alignment_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "alignment");

	tcase_add_loop_test(tcase, align_every_power_and_size_is_kept, 0, 22);
	tcase_add_loop_test(tcase, align_takes_no_more_than_it_must, 0, 16);
	tcase_add_test(tcase, align_not_a_power_of_two_is_einval);
	tcase_add_test(tcase, align_huge_is_enomem_and_leaves_the_pool);
}

/* ---- sizes --------------------------------------------------------------- */

START_TEST(size_zero_is_a_valid_pointer)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	int i;

	for (i = 0; i < 1000; i++) {
		REQUIRE(tarn_palloc(pool, 0) != NULL);
		REQUIRE(tarn_pnalloc(pool, 0) != NULL);
		REQUIRE(tarn_pcalloc(pool, 0, 0) != NULL);
		REQUIRE(tarn_pcalloc(pool, 0, SIZE_MAX) != NULL);
		REQUIRE(tarn_pcalloc(pool, SIZE_MAX, 0) != NULL);
		REQUIRE(tarn_pmemalign(pool, 32, 0) != NULL);
		REQUIRE(tarn_pmemdup(pool, "", 0) != NULL);
		REQUIRE(tarn_prealloc(pool, NULL, 0, 0) != NULL);
		REQUIRE(tarn_local_palloc(local, 0) != NULL);
		REQUIRE(tarn_local_pnalloc(local, 0) != NULL);
		REQUIRE(tarn_new_array(pool, int, 0) != NULL);
		REQUIRE(is_aligned(tarn_palloc(pool, 0), TARN_ALIGNMENT));
		REQUIRE(tarn_palloc(pool, 1) != NULL);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(size_zero_of_an_unused_pool_is_a_valid_pointer)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	void *empty = _i == 0   ? tarn_palloc(pool, 0)
		      : _i == 1 ? tarn_pnalloc(pool, 0)
				: tarn_pmemalign(pool, 4096, 0);

	ck_assert_ptr_nonnull(empty);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(size_around_large_above_is_served_by_the_right_layer)
{
	static const size_t bounds[] = {16,   100,  128,   1000,
					4096, 5000, 65536, 1048576};
	size_t bound = bounds[_i], size, count = 0;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.large_above = bound;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (size = bound > 64 ? bound - 17 : bound; size < bound + 17;
	     size++) {
		char *object = tarn_palloc(pool, size);
		char *bytes = tarn_pnalloc(pool, size);

		ck_assert_ptr_nonnull(object);
		ck_assert_ptr_nonnull(bytes);
		memset(object, 1, size);
		memset(bytes, 2, size);
		ck_assert_int_eq(object[size - 1], 1);
		count += size > bound ? 2 : 0;
		if (bound > 64)
			ck_assert_uint_eq(stats_of(pool).large_count, count);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Sizes that no memory holds; sums with small numbers wrap around. */
static const size_t endless[] = {
	SIZE_MAX,        SIZE_MAX - 1,        SIZE_MAX - 7,
	SIZE_MAX - 8,    SIZE_MAX - 14,       SIZE_MAX - 15,
	SIZE_MAX - 16,   SIZE_MAX - 63,       SIZE_MAX - 64,
	SIZE_MAX - 80,   SIZE_MAX - 128,      SIZE_MAX - 4095,
	SIZE_MAX - 4096, SIZE_MAX - 65536,    SIZE_MAX / 2 + 1,
	SIZE_MAX / 2,    SIZE_MAX / 2 - 4096, SIZE_MAX / 4};

enum {
	ENDLESS = sizeof endless / sizeof *endless
};

static void refuse(const void *ptr)
{
	ck_assert_ptr_null(ptr);
	REQUIRE(errno == ENOMEM);
	errno = 0;
}

START_TEST(size_without_end_is_enomem_and_leaves_the_pool)
{
	size_t size = opaque(endless[_i]), alignment;
	struct counting counting;
	tarn_stats before, after;
	tarn_local *local;
	tarn_pool *pool;
	char *object;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	local = tarn_pool_local(pool);
	object = tarn_pmemdup(pool, "object", 7);
	before = stats_of(pool);
	errno = 0;
	refuse(tarn_palloc(pool, size));
	refuse(tarn_pnalloc(pool, size));
	refuse(tarn_pcalloc(pool, 1, size));
	refuse(tarn_pcalloc(pool, size, 1));
	refuse(tarn_pmemdup(pool, object, size));
	refuse(tarn_prealloc(pool, NULL, 0, size));
	refuse(tarn_prealloc(pool, object, 7, size));
	refuse(tarn_local_palloc(local, size));
	refuse(tarn_local_pnalloc(local, size));
	for (alignment = 1; alignment <= MIB; alignment *= 2) {
		refuse(tarn_pmemalign(pool, alignment, size));
		refuse(tarn_local_pmemalign(local, alignment, size));
	}
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_str_eq(object, "object");
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(size_without_end_of_an_unused_pool_is_enomem)
{
	size_t size = opaque(endless[_i / 3]);
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	errno = 0;
	refuse(_i % 3 == 0   ? tarn_palloc(pool, size)
	       : _i % 3 == 1 ? tarn_pnalloc(pool, size)
			     : tarn_pmemalign(pool, 64, size));
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(size_of_large_prealloc_without_end_keeps_the_old)
{
	size_t size = opaque(endless[_i]);
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	char *object;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	object = tarn_pcalloc(pool, 1, 10000);
	ck_assert_ptr_nonnull(object);
	before = stats_of(pool);
	errno = 0;
	refuse(tarn_prealloc(pool, object, 10000, size));
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_int_eq(object[0], 0);
	ck_assert_int_eq(object[9999], 0);
	ck_assert_int_eq(tarn_pfree(pool, object), 0);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_size_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "sizes");

	tcase_add_test(tcase, size_zero_is_a_valid_pointer);
	tcase_add_loop_test(
		tcase, size_zero_of_an_unused_pool_is_a_valid_pointer, 0, 3);
	tcase_add_loop_test(
		tcase, size_around_large_above_is_served_by_the_right_layer, 0,
		8);
	tcase_add_loop_test(tcase,
			    size_without_end_is_enomem_and_leaves_the_pool, 0,
			    ENDLESS);
	tcase_add_loop_test(tcase, size_without_end_of_an_unused_pool_is_enomem,
			    0, 3 * ENDLESS);
	tcase_add_loop_test(tcase,
			    size_of_large_prealloc_without_end_keeps_the_old, 0,
			    ENDLESS);
}

/* ---- arrays -------------------------------------------------------------- */

START_TEST(array_size_overflow_is_size_max)
{
	size_t half = opaque(SIZE_MAX / 2);

	ck_assert_uint_eq(tarn_array_size(0, 0), 0);
	ck_assert_uint_eq(tarn_array_size(0, SIZE_MAX), 0);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, 0), 0);
	ck_assert_uint_eq(tarn_array_size(3, 24), 72);
	ck_assert_uint_eq(tarn_array_size(half, 2), SIZE_MAX - 1);
	ck_assert_uint_eq(tarn_array_size(half + 1, 2), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(3, half), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, SIZE_MAX), SIZE_MAX);
	ck_assert_uint_eq(tarn_array_size(SIZE_MAX, 1), SIZE_MAX);
}
END_TEST

START_TEST(array_overflow_is_enomem)
{
	struct counting counting;
	size_t i, calls;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	calls = counting.calls;
	errno = 0;
	for (i = 2; i <= sizeof(struct node); i++) {
		size_t count = opaque(SIZE_MAX / i + 1);

		refuse(tarn_pcalloc(pool, count, i));
		refuse(tarn_pcalloc(pool, i, count));
		refuse(tarn_pcalloc(pool, count, count));
		refuse(tarn_new_array(pool, struct node, count));
	}
	ck_assert_uint_eq(counting.calls, calls);
	ck_assert_ptr_nonnull(tarn_pcalloc(pool, 10, 10));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(array_of_pcalloc_is_zero_in_reused_memory)
{
	static const size_t counts[] = {1, 3, 50, 500, 1365, 1366, 5000, 50000};
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t round, i, j;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			unsigned char *bytes = tarn_pcalloc(pool, counts[i], 3);

			ck_assert_ptr_nonnull(bytes);
			ck_assert(is_aligned(bytes, TARN_ALIGNMENT));
			for (j = 0; j < counts[i] * 3; j++)
				if (bytes[j] != 0)
					ck_abort_msg("byte %zu is not zero", j);
			memset(bytes, 0xff, counts[i] * 3);
		}
		tarn_pool_reset(pool);
	}
	tarn_pool_destroy(pool);
}
END_TEST

static void add_array_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "arrays");

	tcase_add_test(tcase, array_size_overflow_is_size_max);
	tcase_add_test(tcase, array_overflow_is_enomem);
	tcase_add_test(tcase, array_of_pcalloc_is_zero_in_reused_memory);
}

/* ---- prealloc of small objects ------------------------------------------- */

START_TEST(prealloc_of_the_last_object_is_in_place)
{
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	size_t size, before;
	char *object;

	while (local->end - local->last < 5000)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	before = stats_of(pool).handed_out;
	object = tarn_palloc(pool, 10);
	memcpy(object, "123456789", 10);
	for (size = 10; size < 4000; size += 10)
		ck_assert_ptr_eq(tarn_prealloc(pool, object, size, size + 10),
				 object);
	ck_assert_str_eq(object, "123456789");
	ck_assert_uint_eq(stats_of(pool).handed_out - before, 4000);
	ck_assert_ptr_eq(tarn_palloc(pool, 16), object + 4000);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_to_a_smaller_size_is_in_place)
{
	tarn_pool *pool = roomy_pool();
	char *object = tarn_palloc(pool, 1000);
	size_t size;

	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	memset(object, 7, 1000);
	for (size = 1000; size >= 100; size -= 100) {
		ck_assert_ptr_eq(
			tarn_prealloc(pool, object, size, size - 100 + 1),
			object);
		ck_assert_ptr_eq(
			tarn_prealloc(pool, object, size - 100 + 1, size - 100),
			object);
		if (size > 100)
			ck_assert_int_eq(object[size - 101], 7);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_of_another_object_moves_it)
{
	tarn_pool *pool = roomy_pool();
	char *object = tarn_palloc(pool, 10);
	char *next = tarn_palloc(pool, 10);
	char *moved;

	memcpy(object, "123456789", 10);
	memcpy(next, "abcdefghi", 10);
	moved = tarn_prealloc(pool, object, 10, 100);
	ck_assert_ptr_nonnull(moved);
	ck_assert_ptr_ne(moved, object);
	ck_assert(is_aligned(moved, TARN_ALIGNMENT));
	memset(moved + 10, 1, 90);
	ck_assert_str_eq(moved, "123456789");
	ck_assert_str_eq(next, "abcdefghi");
	tarn_pool_destroy(pool);
}
END_TEST

/* Of what is not on the large list there is nothing to free. */
START_TEST(prealloc_of_large_foreign_memory_copies_it)
{
	static char foreign[20000];
	tarn_pool *pool = roomy_pool();

	memset(foreign, 'x', sizeof(foreign));
	for (size_t size = 10; size <= 3 * sizeof(foreign); size += 600) {
		size_t both = size < sizeof(foreign) ? size : sizeof(foreign);
		char *copy =
			tarn_prealloc(pool, foreign, sizeof(foreign), size);

		ck_assert(copy != NULL && copy != foreign);
		ck_assert_mem_eq(copy, foreign, both);
		memset(copy, 'y', size);
	}
	for (size_t i = 0; i < sizeof(foreign); i++)
		REQUIRE(foreign[i] == 'x');
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_beside_packed_bytes_does_not_touch_them)
{
	struct counting counting;
	tarn_pool *pool;
	char *object, *bytes;
	size_t size = 16, i;

	counting_init(&counting);
	pool = counting_pool(&counting, 4096);
	object = tarn_palloc(pool, size);
	bytes = tarn_pnalloc(pool, 500);
	memset(bytes, 9, 500);
	memset(object, 5, size);
	for (; size < 20000; size += 48) {
		object = tarn_prealloc(pool, object, size, size + 48);
		REQUIRE(counting_contains(&counting, object, size + 48));
		memset(object + size, 5, 48);
	}
	for (i = 0; i < 500; i++)
		REQUIRE(bytes[i] == 9);
	for (i = 0; i < size; i++)
		if (object[i] != 5)
			ck_abort_msg("byte %zu was lost", i);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Grows the last object by `more`, behind packed bytes that end the room. */
static void grow_beside_packed(size_t packed, size_t more)
{
	struct counting counting;
	tarn_local *local;
	tarn_pool *pool;
	char *bytes, *object;
	size_t room, i;

	counting_init(&counting);
	pool = counting_pool(&counting, 4096);
	local = tarn_pool_local(pool);
	object = tarn_palloc(pool, 16);
	bytes = tarn_pnalloc(pool, packed);
	memset(bytes, 7, packed);
	room = (size_t)(local->end - local->last);
	REQUIRE(room > 30);
	object = tarn_prealloc(pool, object, 16, 16 + room - 20 + more);
	REQUIRE(local->last <= local->end);
	REQUIRE(counting_contains(&counting, object, 16 + room - 20 + more));
	memset(object, 8, 16 + room - 20 + more);
	for (i = 0; i < packed; i++)
		REQUIRE(bytes[i] == 7);
	for (i = 0; i < 20; i++)
		REQUIRE(counting_contains(&counting, tarn_palloc(pool, 1000),
					  1000));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}

START_TEST(prealloc_to_the_last_byte_of_room_stays_inside)
{
	size_t more;

	for (more = 0; more < 40; more++)
		grow_beside_packed((size_t)_i, more);
}
END_TEST

START_TEST(prealloc_among_other_objects_keeps_contents)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = NULL;
	size_t size = 0, i;

	for (i = 1; i < 300; i++) {
		char *other = tarn_palloc(pool, i % 60 + 1);

		memset(other, 0xee, i % 60 + 1);
		object = tarn_prealloc(pool, object, size, size + 5);
		ck_assert_ptr_nonnull(object);
		memset(object + size, (int)(i % 100), 5);
		size += 5;
	}
	for (i = 1; i < 300; i++)
		ck_assert_int_eq(object[i * 5 - 1], (char)(i % 100));
	tarn_pool_destroy(pool);
}
END_TEST

static void add_prealloc_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "prealloc");

	tcase_add_test(tcase, prealloc_of_the_last_object_is_in_place);
	tcase_add_test(tcase, prealloc_to_a_smaller_size_is_in_place);
	tcase_add_test(tcase, prealloc_of_another_object_moves_it);
	tcase_add_test(tcase, prealloc_of_large_foreign_memory_copies_it);
	tcase_add_test(tcase, prealloc_beside_packed_bytes_does_not_touch_them);
	tcase_add_loop_test(
		tcase, prealloc_to_the_last_byte_of_room_stays_inside, 1, 18);
	tcase_add_test(tcase, prealloc_among_other_objects_keeps_contents);
}

int main(void)
{
	Suite *suite = suite_create("local");

	add_handle_tests(suite);
	add_packing_tests(suite);
	add_alignment_tests(suite);
	add_size_tests(suite);
	add_array_tests(suite);
	add_prealloc_tests(suite);
	return suite_run(suite);
}
