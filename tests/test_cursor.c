/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor, from the inside: claims from below and from above, growth, the
 * count that moves `current`, reset; and threads that claim together.
 */
#include "cursor_tests.h"

#include <string.h>

enum {
	CLAIMERS = 4,
	CLAIMS = 4000
};

static char *claim_lasting(struct chain *chain, size_t size)
{
	struct claim ask = {size, size, true, true, NULL, 0};
	struct chunk chunk;

	ck_assert(cursor_claim(&chain->cursor, NULL, &chain->source, &ask,
			       &chunk));
	ck_assert_uint_ge((size_t)(chunk.end - chunk.start), size);
	return chunk.start;
}

static struct block *chain_current(struct chain *chain)
{
	return atomic_load_explicit(&chain->cursor.current,
				    memory_order_relaxed);
}

START_TEST(claim_in_a_row_adjacent_chunks_of_lines)
{
	struct chain chain;
	struct chunk chunk;
	char *end;

	chain_new(&chain, SIZE_MAX);
	end = chain.first.end;
	for (size_t want = 16; want <= 512; want += 40) {
		ck_assert(claim(&chain, 16, want, &chunk));
		ck_assert_ptr_eq(chunk.start, end);
		ck_assert_uint_eq((uintptr_t)chunk.start % BLOCK_LINE, 0);
		ck_assert_uint_eq((size_t)(chunk.end - chunk.start),
				  align_up(want, BLOCK_LINE));
		end = chunk.end;
	}
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), 1);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_more_than_is_left_takes_the_rest_if_it_suffices)
{
	struct chain chain;
	struct chunk chunk;

	chain_new(&chain, SIZE_MAX);
	ck_assert(claim(&chain, 16, FIRST - 1024, &chunk));
	ck_assert(claim(&chain, 16, 1 << 20, &chunk));
	ck_assert_ptr_eq(chunk.end,
			 (char *)block_memory(chain.cursor.first) + FIRST);
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), 1);
	ck_assert(claim(&chain, 16, 64, &chunk));
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), 2);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_passed_five_times_current_moves_on)
{
	struct chain chain;
	struct chunk chunk;

	chain_new(&chain, SIZE_MAX);
	/* Room is left in the first block, too little for what follows. */
	ck_assert(claim(&chain, FIRST - 512, FIRST - 512, &chunk));
	for (int i = 0; i < 5; i++) {
		ck_assert_ptr_eq(chain_current(&chain), chain.cursor.first);
		ck_assert(claim(&chain, 1024, 1024, &chunk));
	}
	ck_assert_ptr_ne(chain_current(&chain), chain.cursor.first);
	chain_end(&chain);
}
END_TEST

/* The passes of one round, seen from the count in each block. */
static size_t chain_passes(struct chain *chain)
{
	size_t passes = 0;

	for (struct block *block = chain->cursor.first; block != NULL;
	     block = atomic_load_explicit(&block->next, memory_order_relaxed))
		passes += atomic_load_explicit(&block->failed,
					       memory_order_relaxed);
	return passes;
}

START_TEST(claim_after_reset_passes_no_more_blocks_than_before)
{
	struct chain chain;
	struct chunk chunk;
	size_t first_round, blocks;

	chain_new(&chain, SIZE_MAX);
	chain.cursor.max_block = FIRST;
	for (int i = 0; i < 2000; i++)
		ck_assert(claim(&chain, FIRST / 2, FIRST, &chunk));
	first_round = chain_passes(&chain);
	blocks = cursor_blocks(&chain.cursor);
	cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), blocks);
	ck_assert_uint_eq(chain_passes(&chain), 0);
	for (int i = 0; i < 2000; i++)
		ck_assert(claim(&chain, FIRST / 2, FIRST, &chunk));
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), blocks);
	ck_assert_uint_le(chain_passes(&chain), first_round);
	/* Each block is left for good after five. */
	ck_assert_uint_le(first_round, 5 * blocks);
	chain_end(&chain);
}
END_TEST

/* Whether some chunk of `a` is one of `b`. */
static bool chunks_meet(const struct chunk *a, const struct chunk *b, int count)
{
	for (int i = 0; i < count; i++)
		for (int k = 0; k < count; k++)
			if (a[i].start < b[k].end && b[k].start < a[i].end)
				return true;
	return false;
}

START_TEST(claim_after_reset_has_the_blocks_of_the_last_round)
{
	struct chain chain;
	struct claimer claimers[2] = {{NULL}, {NULL}};
	struct chunk first[2][8], second[2][8];
	size_t blocks;

	chain_new(&chain, SIZE_MAX);
	chain.cursor.max_block = FIRST;
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < 2; k++)
			ck_assert(claim_for(&chain, &claimers[k], FIRST / 2,
					    FIRST, &first[k][i]));
	blocks = cursor_blocks(&chain.cursor);
	claimers[0].again = claimers[1].again = NULL;
	cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	/* The other way round: each has its own again, all but perhaps the one
	   that came from the first block. */
	for (int i = 0; i < 7; i++)
		for (int k = 1; k >= 0; k--)
			ck_assert(claim_for(&chain, &claimers[k], FIRST / 2,
					    FIRST, &second[k][i]));
	ck_assert(!chunks_meet(second[0], first[1], 7));
	ck_assert(!chunks_meet(second[1], first[0], 7));
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), blocks);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_after_reset_takes_what_others_do_not)
{
	struct chain chain;
	struct claimer claimers[2] = {{NULL}, {NULL}};
	struct chunk chunk;
	size_t blocks;

	chain_new(&chain, SIZE_MAX);
	chain.cursor.max_block = FIRST;
	for (int i = 0; i < 100; i++)
		ck_assert(claim_for(&chain, &claimers[0], FIRST / 2, FIRST,
				    &chunk));
	blocks = cursor_blocks(&chain.cursor);
	cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	ck_assert_ptr_nonnull(claimers[0].again);
	for (int i = 0; i < 99; i++)
		ck_assert(claim_for(&chain, &claimers[1], FIRST / 2, FIRST,
				    &chunk));
	ck_assert_uint_eq(cursor_blocks(&chain.cursor), blocks);
	/* What it was offered is gone: it goes by the chain, and grows it. */
	for (int i = 0; i < 10; i++)
		ck_assert(claim_for(&chain, &claimers[0], FIRST / 2, FIRST,
				    &chunk));
	ck_assert_ptr_null(claimers[0].again);
	ck_assert_uint_gt(cursor_blocks(&chain.cursor), blocks);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_lasting_memory_survives_a_reset)
{
	struct chain chain;
	struct chunk chunk;
	char *kept[40];

	chain_new(&chain, SIZE_MAX);
	for (int i = 0; i < 40; i++) {
		kept[i] = claim_lasting(&chain, 200);
		ck_assert_uint_eq((uintptr_t)kept[i] % BLOCK_LINE, 0);
		memset(kept[i], i, 200);
	}
	for (int round = 0; round < 20; round++) {
		cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
		for (int i = 0; i < round * 7; i++) {
			ck_assert(claim(&chain, 16, 300, &chunk));
			memset(chunk.start, 0xff,
			       (size_t)(chunk.end - chunk.start));
		}
	}
	for (int i = 0; i < 40; i++)
		for (int k = 0; k < 200; k++)
			ck_assert_int_eq(kept[i][k], i);
	chain_end(&chain);
}
END_TEST

START_TEST(reset_after_one_huge_round_shrinks_by_halves)
{
	struct chain chain;
	struct chunk chunk;
	size_t held;

	chain_new(&chain, SIZE_MAX);
	/* The second huge round has the large blocks that are kept. */
	chain.cursor.max_block = (size_t)256 << 10;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3000; i++)
			ck_assert(claim(&chain, 4000, 4000, &chunk));
		cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	}
	held = cursor_held(&chain.cursor);
	for (int round = 0; round < 5; round++) {
		ck_assert(claim(&chain, 1000, 1000, &chunk));
		cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
		ck_assert_uint_lt(cursor_held(&chain.cursor), held);
	}
	ck_assert_uint_lt(cursor_held(&chain.cursor), held / 16);
	ck_assert_uint_eq(cursor_held(&chain.cursor), chain.limit.used);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_near_the_limit_the_last_block_shrinks)
{
	struct chain chain;
	struct chunk chunk;
	size_t bytes = 0;

	chain_new(&chain, 100000);
	while (claim(&chain, 64, 64, &chunk))
		bytes += (size_t)(chunk.end - chunk.start);
	ck_assert_uint_gt(bytes, 90000);
	ck_assert_uint_le(chain.limit.used, 100000);
	ck_assert_uint_eq(chain.limit.used, cursor_held(&chain.cursor));
	chain_end(&chain);
}
END_TEST

/* ---- threads
 * ------------------------------------------------------------------ */

struct racer {
	struct chain *chain;
	struct claimer claimer;
	unsigned char mark;
	size_t bytes;
	struct chunk chunks[CLAIMS];
};

static int claimer_run(void *arg)
{
	struct racer *claimer = arg;
	size_t count = rounds(CLAIMS);

	for (size_t i = 0; i < count; i++) {
		struct chunk *chunk = &claimer->chunks[i];

		EXPECT(claim_for(claimer->chain, &claimer->claimer, 16,
				 64 + i % 5 * 64, chunk));
		memset(chunk->start, claimer->mark,
		       (size_t)(chunk->end - chunk->start));
		claimer->bytes += (size_t)(chunk->end - chunk->start);
	}
	for (size_t i = 0; i < count; i++)
		for (char *at = claimer->chunks[i].start;
		     at < claimer->chunks[i].end; at++)
			EXPECT(*at == claimer->mark);
	return 0;
}

START_TEST(claim_by_threads_together_no_unit_twice)
{
	struct racer *claimers = calloc(CLAIMERS, sizeof *claimers);
	struct chain chain;

	ck_assert_ptr_nonnull(claimers);
	chain_new(&chain, SIZE_MAX);
	for (int round = 0; round < 3; round++) {
		size_t bytes = 0;

		for (unsigned char i = 0; i < CLAIMERS; i++) {
			claimers[i].chain = &chain;
			claimers[i].mark = i + 1;
			claimers[i].bytes = 0;
		}
		ck_assert_int_eq(workers_together(claimer_run, claimers,
						  sizeof *claimers, CLAIMERS),
				 0);
		for (int i = 0; i < CLAIMERS; i++)
			bytes += claimers[i].bytes;
		ck_assert_uint_le(bytes, cursor_held(&chain.cursor));
		for (int i = 0; i < CLAIMERS; i++)
			claimers[i].claimer.again = NULL;
		cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	}
	chain_end(&chain);
	free(claimers);
}
END_TEST

struct grower {
	struct chain *chain;
	struct chunk chunk;
};

static int grower_run(void *arg)
{
	struct grower *grower = arg;

	EXPECT(claim(grower->chain, 64, 64, &grower->chunk));
	return 0;
}

START_TEST(claim_eight_misses_together_append_one_block)
{
	struct grower growers[8];

	for (size_t i = 0; i < rounds(200); i++) {
		struct chain chain;
		struct chunk chunk;

		chain_new(&chain, SIZE_MAX);
		ck_assert(claim(&chain, 64, FIRST, &chunk));
		for (int k = 0; k < 8; k++)
			growers[k].chain = &chain;
		ck_assert_int_eq(workers_together(grower_run, growers,
						  sizeof growers[0], 8),
				 0);
		ck_assert_uint_eq(cursor_blocks(&chain.cursor), 2);
		chain_end(&chain);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cursor");
	TCase *tcase = suite_case(suite, "alone");

	tcase_add_test(tcase, claim_in_a_row_adjacent_chunks_of_lines);
	tcase_add_test(tcase,
		       claim_more_than_is_left_takes_the_rest_if_it_suffices);
	tcase_add_test(tcase, claim_passed_five_times_current_moves_on);
	tcase_add_test(tcase,
		       claim_after_reset_passes_no_more_blocks_than_before);
	tcase_add_test(tcase,
		       claim_after_reset_has_the_blocks_of_the_last_round);
	tcase_add_test(tcase, claim_after_reset_takes_what_others_do_not);
	tcase_add_test(tcase, claim_lasting_memory_survives_a_reset);
	tcase_add_test(tcase, reset_after_one_huge_round_shrinks_by_halves);
	tcase_add_test(tcase, claim_near_the_limit_the_last_block_shrinks);
	tcase = suite_case(suite, "together");
	tcase_add_test(tcase, claim_by_threads_together_no_unit_twice);
	tcase_add_test(tcase, claim_eight_misses_together_append_one_block);
	add_fork_tests(suite);
	return suite_run(suite);
}
