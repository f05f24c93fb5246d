/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of the cursor: claims by three threads, growth, refusals, and reset
 * between two rounds. What a thread has claimed it writes to, so that memory
 * claimed twice is a data race.
 */
#include "cursor.h"

#include "models.h"

static struct cursor cursor;
static struct source source;
static struct limit limit;
static _Atomic uint32_t rounds[MODEL_THREADS];
static struct claimer claimers[MODEL_THREADS];
static struct chunk first;

/* A first block of which `left` lines are left, and later ones of `lines`. */
static void begin(size_t left, size_t lines)
{
	size_t size = BLOCK_HEADER + (left + 1) * BLOCK_LINE;
	struct block *block = block_init(model_alloc(size), size, BLOCK_HEADER);

	source = source_of(&model_upstream, NULL);
	cursor.first_size = cursor.max_block =
		BLOCK_HEADER + lines * BLOCK_LINE;
	first = cursor_init(&cursor, block, size, BLOCK_LINE);
}

static bool try_claim(size_t need, bool lasting)
{
	unsigned self = model_self();
	struct claim claim = {
		need, need, false, lasting, lasting ? NULL : &claimers[self],
		0};
	struct chunk chunk = {NULL, NULL};

	if (!cursor_claim(&cursor, NULL, &source, &claim, &chunk))
		return false;
	MODEL_ASSERT((size_t)(chunk.end - chunk.start) >= need);
	model_write(chunk.start, (size_t)(chunk.end - chunk.start));
	return true;
}

static void claim(size_t need, bool lasting)
{
	MODEL_ASSERT(try_claim(need, lasting));
}

static void claim_line(void)
{
	claim(BLOCK_LINE, false);
}

static void claim_two(void)
{
	claim_line();
	claim_line();
}

static void claim_lasting(void)
{
	claim(BLOCK_LINE, true);
}

/* The chain is whole: what is held is its blocks, and `current` is in it. */
static void see_chain(void)
{
	size_t held = 0, blocks = 0;
	bool current = false;

	for (struct block *block = cursor.first; block != NULL;
	     block = atomic_load_explicit(&block->next, memory_order_relaxed)) {
		uint64_t room = atomic_load_explicit(&block->room,
						     memory_order_relaxed);

		MODEL_ASSERT(block->base <= block_low(room));
		MODEL_ASSERT(block_low(room) <= block_high(room));
		held += block->size;
		blocks++;
		if (block ==
		    atomic_load_explicit(&cursor.current, memory_order_relaxed))
			current = true;
		if (atomic_load_explicit(&block->next, memory_order_relaxed) ==
		    NULL)
			MODEL_ASSERT(block == cursor.last);
	}
	MODEL_ASSERT(current);
	MODEL_ASSERT(held == cursor_held(&cursor));
	MODEL_ASSERT(blocks == cursor_blocks(&cursor));
}

/* ---- claims from one block ------------------------------------------- */

static void setup_room(void)
{
	begin(8, 8);
}

/* ---- growth ---------------------------------------------------------- */

static void setup_spent(void)
{
	begin(0, 2);
}

/* A line is left, and two are wanted: whoever passes it counts. */
static void setup_short(void)
{
	begin(1, 3);
}

static void claim_long(void)
{
	claim(2 * BLOCK_LINE, false);
}

/* Nobody brings a block where one that others brought has room. */
static void see_grown(void)
{
	see_chain();
	MODEL_ASSERT(cursor_blocks(&cursor) <= 3);
}

/* ---- current --------------------------------------------------------- */

/* How many blocks stand before the current one. */
static int place(void)
{
	struct block *current =
		atomic_load_explicit(&cursor.current, memory_order_acquire);
	int blocks = 0;

	for (struct block *block = cursor.first; block != current;
	     block = atomic_load_explicit(&block->next, memory_order_acquire))
		blocks++;
	return blocks;
}

/* It never goes back. */
static void claim_two_and_look(void)
{
	int before;

	claim_two();
	claim_line();
	before = place();
	MODEL_ASSERT(before <= place());
}

/* ---- refusals -------------------------------------------------------- */

/* Two lines are left in a block left behind, and there is no other memory. */
static void setup_behind(void)
{
	size_t size = BLOCK_HEADER + BLOCK_LINE;
	struct block *block = block_init(model_alloc(size), size, BLOCK_HEADER);

	begin(2, 2);
	limit_init(&limit, 0, NULL);
	source.limit = &limit;
	atomic_init(&block->room, block_room(block->base, block->base));
	atomic_init(&cursor.first->next, block);
	cursor.last = block;
	atomic_init(&cursor.current, block);
	atomic_init(&cursor.held, cursor.first->size + size);
	atomic_init(&cursor.blocks, 2);
}

/* What is too much for it is refused, and makes nothing else refused. */
static void claim_too_long(void)
{
	MODEL_ASSERT(!try_claim(3 * BLOCK_LINE, false));
	claim_line();
}

static void see_claimed(void)
{
	see_chain();
	MODEL_ASSERT(!try_claim(BLOCK_LINE, false));
	MODEL_ASSERT(cursor_blocks(&cursor) == 2);
}

/* ---- reset between two rounds ---------------------------------------- */

static void end_round(void)
{
	atomic_store_explicit(&rounds[model_self()], 1, memory_order_release);
}

static void claim_reset_claim(void)
{
	claim_line();
	end_round();
	model_wait(&rounds[MODEL_THREADS - 1], 1);
	claim_line();
}

static void see_unclaimed(void)
{
	for (struct block *block = cursor.first; block != NULL;
	     block = atomic_load_explicit(&block->next, memory_order_relaxed)) {
		uint64_t room = atomic_load_explicit(&block->room,
						     memory_order_relaxed);
		size_t claimed = (block_low(room) - block->base) * BLOCK_UNIT;

		MODEL_ASSERT(claimed ==
			     (block == cursor.first ? BLOCK_LINE : 0));
	}
}

static void reset_claim(void)
{
	model_wait(&rounds[0], 1);
	model_wait(&rounds[1], 1);
	for (int i = 0; i < MODEL_THREADS; i++)
		claimers[i].again = NULL;
	first = cursor_reset(&cursor, NULL, &source, BLOCK_LINE);
	model_write(first.start, (size_t)(first.end - first.start));
	see_chain();
	see_unclaimed();
	end_round();
	claim_line();
}

const struct model cursor_models[] = {
	{"cursor-claim",
	 setup_room,
	 {claim_two, claim_two, claim_lasting},
	 see_chain,
	 0,
	 NULL},
	{"cursor-grow",
	 setup_spent,
	 {claim_line, claim_line, claim_line},
	 see_grown,
	 0,
	 NULL},
	{"cursor-pass",
	 setup_short,
	 {claim_long, claim_long, claim_long},
	 see_chain,
	 0,
	 NULL},
	{"cursor-current",
	 setup_spent,
	 {claim_two_and_look, claim_line},
	 see_chain,
	 0,
	 NULL},
	{"cursor-behind",
	 setup_behind,
	 {claim_line, claim_too_long},
	 see_claimed,
	 0,
	 NULL},
	{"cursor-reset",
	 setup_spent,
	 {claim_reset_claim, claim_reset_claim, reset_claim},
	 see_chain,
	 0,
	 NULL},
	{.name = NULL},
};
