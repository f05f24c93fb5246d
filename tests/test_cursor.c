/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor, from the inside: claims from below and from above, growth, the
 * count that moves `current`, reset; and threads that claim together.
 */
#include "cursor_tests.h"

#include <errno.h>
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

/* Lasting memory, for which a block has room once, and a third is left. */
static bool claim_wide(struct chain *chain)
{
	struct claim ask = {FIRST / 3 * 2, FIRST / 3 * 2, false, true, NULL, 0};
	struct chunk chunk;

	return cursor_claim(&chain->cursor, NULL, &chain->source, &ask, &chunk);
}

/* Bytes of it that are then left at least. */
static size_t wide_rest(void)
{
	return FIRST - BLOCK_OVERHEAD - FIRST / 3 * 2 - 2 * BLOCK_LINE;
}

/* In claims that get smaller, each until there is no memory; in bytes. */
static size_t claim_all(struct chain *chain)
{
	struct chunk chunk;
	size_t bytes = 0;

	for (size_t need = FIRST; need >= 16; need /= 2) {
		errno = 0;
		while (claim(chain, need, 2 * need, &chunk)) {
			ck_assert_int_eq(errno, 0);
			bytes += (size_t)(chunk.end - chunk.start);
		}
		ck_assert_int_eq(errno, ENOMEM);
	}
	return bytes;
}

/* Until all blocks but the last are left behind. */
static void refuse_wide(struct chain *chain)
{
	for (int i = 0; i < 10; i++)
		ck_assert(!claim_wide(chain));
	ck_assert_ptr_eq(chain_current(chain), chain->cursor.last);
}

START_TEST(claim_near_the_limit_has_all_that_was_left_behind)
{
	struct chain chain;
	size_t left;

	chain_new(&chain, (size_t)20 * FIRST);
	for (int i = 0; i < 20; i++)
		ck_assert(claim_wide(&chain));
	refuse_wide(&chain);
	left = claim_all(&chain);
	ck_assert_uint_ge(left, 20 * wide_rest());
	cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	refuse_wide(&chain);
	ck_assert_uint_ge(claim_all(&chain) + BLOCK_LINE, left);
	chain_end(&chain);
}
END_TEST

START_TEST(claim_after_refusals_has_what_comes_later)
{
	struct chain chain;
	size_t size = FIRST;
	void *others[2];

	chain_new(&chain, (size_t)3 * FIRST);
	for (int i = 0; i < 2; i++)
		others[i] = block_take(NULL, &chain.source, FIRST, &size,
				       TARN_ALIGNMENT);
	claim_all(&chain);
	for (int i = 0; i < 2; i++) {
		block_give(NULL, &chain.source, others[i], FIRST);
		ck_assert(claim_wide(&chain));
	}
	refuse_wide(&chain);
	ck_assert_uint_ge(claim_all(&chain), 2 * wide_rest());
	chain_end(&chain);
}
END_TEST

/* ---- threads --------------------------------------------------------- */

struct racer {
	struct chain *chain;
	struct claimer claimer;
	unsigned char mark;
	size_t bytes;
	struct chunk chunks[CLAIMS];
};

/* Claims so often, or until there is no memory; returns how often. */
static size_t racer_claim(struct racer *racer, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct chunk *chunk = &racer->chunks[i];

		if (!claim_for(racer->chain, &racer->claimer, 16,
			       64 + i % 5 * 64, chunk))
			break;
		memset(chunk->start, racer->mark,
		       (size_t)(chunk->end - chunk->start));
		racer->bytes += (size_t)(chunk->end - chunk->start);
	}
	return i;
}

static bool racer_has(const struct racer *racer, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (char *at = racer->chunks[i].start;
		     at < racer->chunks[i].end; at++)
			if (*at != racer->mark)
				return false;
	return true;
}

static int claimer_run(void *arg)
{
	size_t count = rounds(CLAIMS);

	EXPECT(racer_claim(arg, count) == count);
	EXPECT(racer_has(arg, count));
	return 0;
}

static int refused_run(void *arg)
{
	size_t count = racer_claim(arg, CLAIMS);

	EXPECT(count < CLAIMS);
	EXPECT(racer_has(arg, count));
	return 0;
}

static struct racer *racers_new(struct chain *chain)
{
	struct racer *racers = calloc(CLAIMERS, sizeof *racers);

	ck_assert_ptr_nonnull(racers);
	for (unsigned char i = 0; i < CLAIMERS; i++) {
		racers[i].chain = chain;
		racers[i].mark = i + 1;
	}
	return racers;
}

/* All do so together; returns the bytes that they have. */
static size_t racers_together(struct racer *racers, worker_fn *run)
{
	size_t bytes = 0;

	for (int i = 0; i < CLAIMERS; i++)
		racers[i].bytes = 0;
	ck_assert_int_eq(
		workers_together(run, racers, sizeof *racers, CLAIMERS), 0);
	for (int i = 0; i < CLAIMERS; i++) {
		bytes += racers[i].bytes;
		racers[i].claimer.again = NULL;
	}
	return bytes;
}

START_TEST(claim_by_threads_together_no_unit_twice)
{
	struct chain chain;
	struct racer *racers = racers_new(&chain);

	chain_new(&chain, SIZE_MAX);
	for (int round = 0; round < 3; round++) {
		ck_assert_uint_le(racers_together(racers, claimer_run),
				  cursor_held(&chain.cursor));
		cursor_reset(&chain.cursor, NULL, &chain.source, BLOCK_LINE);
	}
	chain_end(&chain);
	free(racers);
}
END_TEST

START_TEST(claim_by_threads_together_until_all_is_claimed)
{
	struct chain chain;
	struct racer *racers = racers_new(&chain);

	for (size_t i = 0; i < rounds(200); i++) {
		chain_new(&chain, (size_t)20 * FIRST);
		for (int k = 0; k < 20; k++)
			ck_assert(claim_wide(&chain));
		refuse_wide(&chain);
		ck_assert_uint_ge(racers_together(racers, refused_run),
				  20 * wide_rest());
		chain_end(&chain);
	}
	free(racers);
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
	tcase_add_test(tcase,
		       claim_near_the_limit_has_all_that_was_left_behind);
	tcase_add_test(tcase, claim_after_refusals_has_what_comes_later);
	tcase = suite_case(suite, "together");
	tcase_add_test(tcase, claim_by_threads_together_no_unit_twice);
	tcase_add_test(tcase, claim_by_threads_together_until_all_is_claimed);
	tcase_add_test(tcase, claim_eight_misses_together_append_one_block);
	add_fork_tests(suite);
	return suite_run(suite);
}
