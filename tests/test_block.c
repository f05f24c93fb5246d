/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block cache, from the inside: what it takes and gives, its shares, its
 * way through the depot, and trim; and limits, which it charges.
 */
#include "host.h"
#include "util.h"

#include <string.h>

#include "block.h"

enum {
	LARGE_TAKES = 300
};

/* Zeroed, as a new slot has it. */
static struct block_cache *cache_new(void)
{
	struct block_cache *cache = calloc(1, sizeof *cache);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

/* Back to a process in which nothing is cached. */
static void cache_end(struct block_cache *cache)
{
	block_cache_trim(cache);
	ck_assert_uint_eq(cache->bytes, 0);
	free(cache);
}

static void *take(struct block_cache *cache, size_t *size)
{
	void *memory =
		block_take(cache, &source_malloc, *size, size, TARN_ALIGNMENT);

	ck_assert_ptr_nonnull(memory);
	return memory;
}

START_TEST(block_take_any_size_rounds_up_by_a_sixteenth)
{
	struct block_cache *cache = cache_new();

	for (size_t want = 1; want < 600 * 1024; want += want / 37 + 1) {
		size_t size = want;
		char *memory = take(cache, &size);

		ck_assert_uint_ge(size, want);
		ck_assert_uint_le(size, want + want / 16 + 1);
		if (want < BLOCK_BIN_LEAST || want > BLOCK_BIN_MOST)
			ck_assert_uint_eq(size, want);
		memset(memory, 0x5a, size);
		block_give(cache, &source_malloc, memory, size);
	}
	cache_end(cache);
}
END_TEST

START_TEST(block_take_after_give_is_the_same_block)
{
	struct block_cache *cache = cache_new();

	for (size_t size = BLOCK_BIN_LEAST; size <= BLOCK_BIN_MOST; size *= 2) {
		size_t first_size = size, second_size = size;
		void *first = take(cache, &first_size);

		ck_assert_uint_eq((uintptr_t)first % TARN_ALIGNMENT, 0);
		block_give(cache, &source_malloc, first, first_size);
		ck_assert_uint_eq(cache->bytes, first_size);
		ck_assert_ptr_eq(take(cache, &second_size), first);
		ck_assert_uint_eq(cache->bytes, 0);
		source_release(&source_malloc, first, first_size);
	}
	cache_end(cache);
}
END_TEST

START_TEST(block_give_many_stays_within_the_share)
{
	struct block_cache *cache = cache_new();
	void *blocks[LARGE_TAKES];
	size_t sizes[LARGE_TAKES];

	for (size_t i = 0; i < LARGE_TAKES; i++) {
		sizes[i] = 1024 + i % 40 * 1500;
		blocks[i] = take(cache, &sizes[i]);
	}
	for (size_t i = 0; i < LARGE_TAKES; i++) {
		block_give(cache, &source_malloc, blocks[i], sizes[i]);
		ck_assert_uint_le(cache->bytes, BLOCK_CACHE_SLOT);
	}
	ck_assert_uint_gt(cache->bytes, 0);
	cache_end(cache);
}
END_TEST

/* What one thread gave, another one gets, through the depot. */
START_TEST(block_leave_another_cache_finds_the_blocks)
{
	struct block_cache *giver = cache_new(), *taker = cache_new();
	size_t size = 4096;
	void *memory = take(giver, &size);

	block_give(giver, &source_malloc, memory, size);
	block_cache_leave(giver);
	ck_assert_uint_eq(giver->bytes, 0);
	ck_assert_ptr_eq(take(taker, &size), memory);
	block_give(taker, &source_malloc, memory, size);
	cache_end(taker);
	cache_end(giver);
}
END_TEST

/* Each give of a producer's block by a consumer must not cost a trip. */
START_TEST(block_give_one_way_moves_lists_to_the_depot)
{
	struct block_cache *giver = cache_new(), *taker = cache_new();
	size_t moves = 0, before = 0;

	for (int i = 0; i < 1000; i++) {
		size_t size = 4096;
		void *memory = take(taker, &size);

		block_give(giver, &source_malloc, memory, size);
		moves += giver->bytes < before;
		before = giver->bytes;
	}
	ck_assert_uint_le(moves, 1000 / 8 + 1);
	cache_end(taker);
	cache_end(giver);
}
END_TEST

START_TEST(block_trim_elsewhere_empties_at_the_next_give)
{
	struct block_cache *other = cache_new(), *mine = cache_new();
	size_t size = 8192, small = 1024;
	void *memory = take(other, &size), *last = take(other, &small);

	block_give(other, &source_malloc, memory, size);
	block_cache_trim(mine);
	ck_assert_uint_eq(other->bytes, size);
	block_give(other, &source_malloc, last, small);
	ck_assert_uint_eq(other->bytes, small);
	cache_end(other);
	cache_end(mine);
}
END_TEST

/* The most bytes of 4 KiB blocks that a cache keeps with this TARN_CACHE. */
static size_t kept_with(const char *text)
{
	struct block_cache *cache = cache_new();
	void *blocks[100];
	size_t size = 4096, kept = 0;

	ck_assert_int_eq(host_setenv("TARN_CACHE", text), 0);
	block_cache_configure();
	for (size_t i = 0; i < 100; i++)
		blocks[i] = take(cache, &size);
	for (size_t i = 0; i < 100; i++) {
		block_give(cache, &source_malloc, blocks[i], size);
		kept = align_max(kept, cache->bytes);
	}
	cache_end(cache);
	return kept;
}

START_TEST(block_configure_environment_sets_the_shares)
{
	/* Two lists of 32 KiB at most, and a sixteenth of what is said. */
	ck_assert_uint_eq(kept_with("0"), 0);
	ck_assert_uint_eq(kept_with("262144"), 16384);
	ck_assert_uint_eq(kept_with("64k"), 16384);
	ck_assert_uint_eq(kept_with("-1"), 16384);
	ck_assert_uint_eq(kept_with("all"), 16384);
	ck_assert_uint_eq(kept_with(""), 16384);
	ck_assert_uint_eq(kept_with("65536"), 4096);
	ck_assert_uint_gt(kept_with("4194304"), 32768);
	ck_assert_int_eq(host_setenv("TARN_CACHE", NULL), 0);
}
END_TEST

START_TEST(block_take_without_a_cache_goes_upstream)
{
	size_t size = 4096;
	void *memory = take(NULL, &size);

	memset(memory, 1, size);
	block_give(NULL, &source_malloc, memory, size);
}
END_TEST

START_TEST(block_take_beyond_half_the_address_space_is_refused)
{
	size_t size = (size_t)PTRDIFF_MAX + 1;

	ck_assert_ptr_null(
		block_take(NULL, &source_malloc, size, &size, TARN_ALIGNMENT));
	ck_assert_uint_eq(size, 0);
}
END_TEST

/* ---- limits ----------------------------------------------------------------
 */

START_TEST(limit_charge_near_the_end_grants_what_is_left)
{
	struct limit limit;

	limit_init(&limit, 1000, NULL);
	ck_assert_uint_eq(limit_charge(&limit, 600, 600), 600);
	ck_assert_uint_eq(limit_charge(&limit, 500, 500), 0);
	/* Whole lines of what is left, no less than the least. */
	ck_assert_uint_eq(limit_charge(&limit, 100, 4096), 384);
	ck_assert_uint_eq(limit_charge(&limit, 17, 4096), 0);
	ck_assert_uint_eq(limit_charge(&limit, 16, 4096), 16);
	limit_return(&limit, 1000);
	ck_assert_uint_eq(limit.used, 0);
	limit_finish(&limit);
}
END_TEST

START_TEST(limit_charge_inner_counts_in_the_outer)
{
	struct limit outer, inner;

	limit_init(&outer, 1000, NULL);
	limit_init(&inner, 5000, &outer);
	ck_assert_uint_eq(limit_charge(&inner, 900, 900), 900);
	ck_assert_uint_eq(outer.used, 900);
	ck_assert_uint_eq(limit_charge(&inner, 200, 200), 0);
	ck_assert_uint_eq(limit_charge(&outer, 100, 100), 100);
	limit_settle(&inner, 900, 300);
	ck_assert_uint_eq(inner.used, 300);
	ck_assert_uint_eq(outer.used, 400);
	limit_return(&inner, 300);
	ck_assert_uint_eq(outer.used, 100);
	limit_finish(&inner);
	limit_finish(&outer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block");
	TCase *tcase = suite_case(suite, "cache");

	tcase_add_test(tcase, block_take_any_size_rounds_up_by_a_sixteenth);
	tcase_add_test(tcase, block_take_after_give_is_the_same_block);
	tcase_add_test(tcase, block_give_many_stays_within_the_share);
	tcase_add_test(tcase, block_leave_another_cache_finds_the_blocks);
	tcase_add_test(tcase, block_give_one_way_moves_lists_to_the_depot);
	tcase_add_test(tcase, block_trim_elsewhere_empties_at_the_next_give);
	tcase_add_test(tcase, block_configure_environment_sets_the_shares);
	tcase_add_test(tcase, block_take_without_a_cache_goes_upstream);
	tcase_add_test(tcase,
		       block_take_beyond_half_the_address_space_is_refused);
	tcase = suite_case(suite, "limit");
	tcase_add_test(tcase, limit_charge_near_the_end_grants_what_is_left);
	tcase_add_test(tcase, limit_charge_inner_counts_in_the_outer);
	return suite_run(suite);
}
