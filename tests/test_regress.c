/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The eight defects of the pool that this library comes from, found by running
 * it under AddressSanitizer. Each test fails, without a sanitizer too, where
 * its defect is put back:
 *
 *   1  destroy leaks the only block: its loop ends before the first free
 *   2  destroy of two or more blocks reads freed memory
 *   3  `current` is set on the last block, not on the pool: it never moves,
 *      and each miss walks the whole chain; so it does after a reset
 *   4  a first block whose size is no multiple of the alignment: the room goes
 *      negative and wraps, and an object is handed out past the end
 *   5  a pool too small for its own header underflows and overruns the heap
 *   6  a pool whose small limit is below the size of a list node recurses
 *      until the stack ends
 *   7  objects are aligned to 8 where blocks are aligned to 16
 *   8  one build releases aligned memory by the wrong function
 */
#include "counting.h"
#include "host.h"
#include "util.h"

#define KIB ((size_t)1024)

/* ---- an upstream whose memory can be fenced off ----------------------------
 */

enum {
	FENCED_MOST = 1024
};

struct fenced_block {
	char *map, *ptr;
	size_t mapped, size;
	bool live;
};

/*
 * Each block has pages of its own and ends before one that no one may touch;
 * released blocks, and those a test chooses, no one may touch either.
 */
struct fenced {
	tarn_upstream upstream;
	size_t page, count, live, wrong;
	struct fenced_block blocks[FENCED_MOST];
};

static void *fenced_alloc(void *ctx, size_t *size, size_t alignment)
{
	struct fenced *fenced = ctx;
	struct fenced_block *block = &fenced->blocks[fenced->count];
	size_t inner = (*size + alignment + fenced->page - 1) / fenced->page *
		       fenced->page;
	uintptr_t end;

	if (fenced->count == FENCED_MOST)
		return NULL;
	block->mapped = inner + fenced->page;
	block->map = fence_map(block->mapped);
	if (block->map == NULL)
		return NULL;
	fence_close(block->map + inner, fenced->page, true);
	end = (uintptr_t)block->map + inner;
	block->ptr =
		block->map + (((end - *size) & ~(uintptr_t)(alignment - 1)) -
			      (uintptr_t)block->map);
	block->size = *size;
	block->live = true;
	fenced->count++;
	fenced->live++;
	return block->ptr;
}

/* The index of the live block that holds `ptr`, or FENCED_MOST. */
static size_t fenced_index(const struct fenced *fenced, const void *ptr)
{
	uintptr_t address = (uintptr_t)ptr;
	size_t i;

	for (i = 0; i < fenced->count; i++) {
		const struct fenced_block *block = &fenced->blocks[i];

		if (block->live && address >= (uintptr_t)block->ptr &&
		    address < (uintptr_t)block->ptr + block->size)
			return i;
	}
	return FENCED_MOST;
}

static void fenced_release(void *ctx, void *ptr, size_t size)
{
	struct fenced *fenced = ctx;
	size_t i = fenced_index(fenced, ptr);
	struct fenced_block *block = &fenced->blocks[i];

	if (i == FENCED_MOST || block->ptr != ptr || block->size != size) {
		fenced->wrong++;
		return;
	}
	block->live = false;
	fenced->live--;
	fence_close(block->map, block->mapped, true);
}

/* Has no one, or all again, touch the block. */
static void fenced_close(struct fenced *fenced, size_t i, bool closed)
{
	struct fenced_block *block = &fenced->blocks[i];

	fence_close(block->map, block->mapped - fenced->page, closed);
}

static void fenced_init(struct fenced *fenced)
{
	memset(fenced, 0, sizeof *fenced);
	fenced->page = fence_page();
	fenced->upstream.alloc = fenced_alloc;
	fenced->upstream.release = fenced_release;
	fenced->upstream.ctx = fenced;
}

static void fenced_finish(struct fenced *fenced)
{
	size_t i;

	ck_assert_uint_eq(fenced->wrong, 0);
	ck_assert_uint_eq(fenced->live, 0);
	for (i = 0; i < fenced->count; i++)
		fence_unmap(fenced->blocks[i].map, fenced->blocks[i].mapped);
}

/* Returns a pool over `fenced` with blocks of `block` bytes throughout. */
static tarn_pool *fenced_pool(struct fenced *fenced, size_t block)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block = block;
	options.max_block = block;
	options.upstream = &fenced->upstream;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* ---- 1 and 2 ------------------------------------------------------------- */

START_TEST(regress_1_destroy_gives_back_the_only_block)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	if (_i == 1)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	ck_assert_uint_eq(stats_of(pool).blocks, 1);
	ck_assert_uint_eq(counting.live_blocks, 1);
	tarn_pool_destroy(pool);
	ck_assert_uint_eq(counting.releases, 1);
	counting_finish(&counting);
}
END_TEST

START_TEST(regress_2_destroy_of_blocks_reads_none_after_its_release)
{
	static struct fenced fenced;
	tarn_pool *pool;
	size_t i;

	fenced_init(&fenced);
	pool = fenced_pool(&fenced, 4 * KIB);
	for (i = 0; i < 3 * (size_t)_i; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 2000));
	for (i = 0; i < (size_t)_i; i++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 5000));
	ck_assert_ptr_nonnull(tarn_pool_create_child(pool, NULL));
	ck_assert_uint_gt(stats_of(pool).blocks, (size_t)_i);
	tarn_pool_destroy(pool);
	fenced_finish(&fenced);
}
END_TEST

/* ---- 3 ------------------------------------------------------------------- */

enum {
	CHAIN_BLOCKS = 150, /* in the chain at the end                        */
	CHAIN_RECENT = 12   /* those that a miss may look at: each is passed
			       four times before the cursor leaves it behind  */
};

/*
 * Fills blocks, and closes each once it is CHAIN_RECENT behind, so that a
 * miss that looks there faults. The first block holds the pool, and stays.
 */
static void fill_chain(struct fenced *fenced, tarn_pool *pool)
{
	size_t order[CHAIN_BLOCKS], used = 0, i;
	bool seen[FENCED_MOST] = {false};

	while (used < CHAIN_BLOCKS) {
		void *object = tarn_palloc(pool, 1000);

		REQUIRE(object != NULL);
		i = fenced_index(fenced, object);
		REQUIRE(i < FENCED_MOST);
		if (seen[i])
			continue;
		seen[i] = true;
		order[used++] = i;
		if (used > CHAIN_RECENT && order[used - 1 - CHAIN_RECENT] != 0)
			fenced_close(fenced, order[used - 1 - CHAIN_RECENT],
				     true);
	}
	for (i = 0; i < fenced->count; i++)
		if (fenced->blocks[i].live)
			fenced_close(fenced, i, false);
}

START_TEST(regress_3_miss_does_not_walk_the_chain)
{
	static struct fenced fenced;
	tarn_pool *pool;

	fenced_init(&fenced);
	pool = fenced_pool(&fenced, 4 * KIB);
	fill_chain(&fenced, pool);
	tarn_pool_destroy(pool);
	fenced_finish(&fenced);
}
END_TEST

START_TEST(regress_3_miss_after_reset_does_not_walk_the_chain)
{
	static struct fenced fenced;
	tarn_pool *pool;
	size_t round, count;

	fenced_init(&fenced);
	pool = fenced_pool(&fenced, 4 * KIB);
	fill_chain(&fenced, pool);
	count = fenced.count;
	for (round = 0; round < 3; round++) {
		tarn_pool_reset(pool);
		fill_chain(&fenced, pool);
	}
	/* Blocks of a watched pool are not used again. */
	ck_assert_uint_le(fenced.count, watched() ? 4 * count : count + 1);
	tarn_pool_destroy(pool);
	fenced_finish(&fenced);
}
END_TEST

/* ---- 4 and 5 ------------------------------------------------------------- */

enum {
	GUARD = 64,
	GUARD_BYTE = 0x6b
};

/*
 * Allocates and writes; each object must lie in the buffer, if there is one,
 * or in one block of upstream.
 */
static void stay_inside(struct counting *counting, tarn_pool *pool,
			const char *buffer, size_t buffer_size)
{
	static const size_t sizes[] = {16, 1, 24, 100, 7, 64, 300, 33, 2000};
	size_t i;

	for (i = 0; i < 6 * sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizes[i % (sizeof sizes / sizeof *sizes)];
		char *object = i % 4 == 3 ? tarn_pnalloc(pool, size)
					  : tarn_palloc(pool, size);

		REQUIRE(object != NULL);
		if (buffer == NULL || object < buffer ||
		    object >= buffer + buffer_size)
			REQUIRE(counting_contains(counting, object, size));
		else
			REQUIRE(size <=
				(size_t)(buffer + buffer_size - object));
		memset(object, 0, size);
	}
}

/* As stay_inside, in a pool of these options, before and after a reset. */
static void pool_stays_inside(tarn_options *options)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	options->upstream = &counting.upstream;
	pool = tarn_pool_create(options);
	ck_assert_ptr_nonnull(pool);
	stay_inside(&counting, pool, options->buffer, options->buffer_size);
	tarn_pool_reset(pool);
	stay_inside(&counting, pool, options->buffer, options->buffer_size);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}

/* As pool_stays_inside, with a buffer among bytes that must not change. */
static void buffer_stays_inside(size_t offset, size_t size)
{
	char *area = malloc(GUARD + offset + size + GUARD);
	tarn_options options = TARN_OPTIONS_INIT;
	char guard[GUARD];

	ck_assert_ptr_nonnull(area);
	memset(area, GUARD_BYTE, GUARD + offset + size + GUARD);
	memset(guard, GUARD_BYTE, GUARD);
	options.buffer = area + GUARD + offset;
	options.buffer_size = size;
	pool_stays_inside(&options);
	ck_assert_mem_eq(area + offset, guard, GUARD);
	ck_assert_mem_eq(area + GUARD + offset + size, guard, GUARD);
	free(area);
}

START_TEST(regress_4_first_block_of_odd_size_is_not_overrun)
{
	tarn_options options = TARN_OPTIONS_INIT;
	size_t size;

	for (size = 600; size < 5000; size += 1 + size / 64) {
		options.first_block = size;
		options.max_block = _i == 0 ? 0 : size;
		pool_stays_inside(&options);
	}
}
END_TEST

START_TEST(regress_4_blocks_of_odd_raised_size_are_not_overrun)
{
	struct counting counting;
	tarn_pool *pool;
	size_t raise;

	for (raise = 1; raise < 130; raise++) {
		counting_init(&counting);
		counting.raise = raise;
		pool = counting_pool(&counting, 1024);
		stay_inside(&counting, pool, NULL, 0);
		tarn_pool_reset(pool);
		stay_inside(&counting, pool, NULL, 0);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
}
END_TEST

START_TEST(regress_4_buffer_of_odd_size_and_address_is_not_overrun)
{
	size_t size;

	for (size = 900; size < 5000; size += 1 + size / 20)
		buffer_stays_inside((size_t)_i, size);
}
END_TEST

START_TEST(regress_5_first_block_too_small_is_not_overrun)
{
	tarn_options options = TARN_OPTIONS_INIT;
	size_t size;

	for (size = 1; size < 600; size++) {
		options.first_block = size;
		options.max_block = _i == 0 ? 0 : size;
		pool_stays_inside(&options);
	}
}
END_TEST

START_TEST(regress_5_buffer_too_small_is_not_overrun)
{
	size_t size;

	for (size = 0; size < 900; size += 1 + size / 20)
		buffer_stays_inside((size_t)_i, size);
}
END_TEST

/* ---- 6 ------------------------------------------------------------------- */

START_TEST(regress_6_tiny_small_limit_does_not_recurse)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;
	size_t size;

	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = (size_t)_i;
	pool = tarn_pool_create(&options);
	REQUIRE(pool != NULL);
	for (size = 1; size < 200; size++) {
		char *object = tarn_palloc(pool, size);
		char *bytes = tarn_pnalloc(pool, size);

		REQUIRE(object != NULL);
		REQUIRE(bytes != NULL);
		memset(object, 1, size);
		memset(bytes, 2, size);
		object = tarn_prealloc(pool, object, size, 2 * size);
		REQUIRE(object != NULL);
		memset(object, 3, 2 * size);
	}
	REQUIRE(tarn_pool_create_child(pool, &options) != NULL);
	REQUIRE(stats_of(pool).children == 1);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* ---- 7 ------------------------------------------------------------------- */

/* Asserts that `ptr` is aligned for every type, and stores one. */
static void holds_any_type(void *ptr)
{
	long double *number = ptr;

	REQUIRE(ptr != NULL);
	REQUIRE(is_aligned(ptr, _Alignof(max_align_t)));
	*number = 1.0L;
}

START_TEST(regress_7_objects_are_aligned_for_every_type)
{
	tarn_options options = TARN_OPTIONS_INIT;
	static char area[4096 + 16], source[4096 + 16];
	tarn_local *local;
	tarn_pool *pool;
	size_t size;

	options.buffer = area + _i;
	options.buffer_size = 4096;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	local = tarn_pool_local(pool);
	for (size = sizeof(long double); size < 9000; size += size / 8 + 1) {
		char *object = tarn_palloc(pool, size);

		holds_any_type(object);
		ck_assert_ptr_nonnull(tarn_pnalloc(pool, size));
		holds_any_type(tarn_prealloc(pool, object, size, 2 * size));
		holds_any_type(tarn_local_palloc(local, size));
		holds_any_type(tarn_pcalloc(pool, 1, size));
		holds_any_type(tarn_pmemdup(pool, source, size % 4096 + 16));
		holds_any_type(tarn_new(pool, max_align_t));
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- 8 ------------------------------------------------------------------- */

/* Uses `pool` in each way that takes memory of its own kind. */
static void take_of_each_kind(tarn_pool *pool)
{
	size_t alignment;
	char *object;

	for (alignment = 1; alignment <= 16 * KIB; alignment *= 2) {
		ck_assert_ptr_nonnull(tarn_pmemalign(pool, alignment, 300));
		object = tarn_pmemalign(pool, alignment, 9000);
		ck_assert_ptr_nonnull(object);
		if (alignment % 4 != 0)
			ck_assert_int_eq(tarn_pfree(pool, object), 0);
		object = tarn_palloc(pool, 6000);
		object = tarn_prealloc(pool, object, 6000, 12000 + alignment);
		ck_assert_ptr_nonnull(object);
	}
	for (alignment = 0; alignment < 100; alignment++)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1000));
}

START_TEST(regress_8_memory_goes_back_whence_it_came)
{
	struct counting countings[3];
	tarn_pool *pools[3];
	tarn_options options;
	size_t i, round;

	for (i = 0; i < 3; i++) {
		counting_init(&countings[i]);
		countings[i].raise = i * 24;
		countings[i].refuse_resize = i == 2;
	}
	pools[0] = counting_pool(&countings[0], 0);
	options = counting_options(&countings[1]);
	pools[1] = tarn_pool_create_child(pools[0], &options);
	pools[2] = counting_pool(&countings[2], 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 3; i++)
			take_of_each_kind(pools[i]);
		for (i = 0; i < 3; i++)
			ck_assert_uint_eq(stats_of(pools[i]).held,
					  countings[i].live_bytes);
		for (i = 3; i-- > 1;)
			tarn_pool_reset(pools[i]);
	}
	tarn_pool_destroy(pools[0]);
	tarn_pool_destroy(pools[2]);
	for (i = 0; i < 3; i++)
		counting_finish(&countings[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("regress");
	TCase *tcase = suite_case(suite, "the original's defects");

	tcase_add_loop_test(tcase, regress_1_destroy_gives_back_the_only_block,
			    0, 2);
	tcase_add_loop_test(
		tcase, regress_2_destroy_of_blocks_reads_none_after_its_release,
		1, 10);
	tcase_add_test(tcase, regress_3_miss_does_not_walk_the_chain);
	tcase_add_test(tcase,
		       regress_3_miss_after_reset_does_not_walk_the_chain);
	tcase_add_loop_test(
		tcase, regress_4_first_block_of_odd_size_is_not_overrun, 0, 2);
	tcase_add_test(tcase,
		       regress_4_blocks_of_odd_raised_size_are_not_overrun);
	tcase_add_loop_test(
		tcase, regress_4_buffer_of_odd_size_and_address_is_not_overrun,
		0, 17);
	tcase_add_loop_test(
		tcase, regress_5_first_block_too_small_is_not_overrun, 0, 2);
	tcase_add_loop_test(tcase, regress_5_buffer_too_small_is_not_overrun, 0,
			    17);
	tcase_add_loop_test(tcase, regress_6_tiny_small_limit_does_not_recurse,
			    1, 100);
	tcase_add_loop_test(tcase, regress_7_objects_are_aligned_for_every_type,
			    0, 16);
	tcase_add_test(tcase, regress_8_memory_goes_back_whence_it_came);
	return suite_run(suite);
}
