/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor's exclusive calls, at the end of a round and of the pool: see
 * cursor.h. Here alone blocks leave the chain.
 *
 * Invariants: the first block stays, and a reset keeps each that has lasting
 * memory; it leaves a block all its room but what is lasting, or none where
 * uses of it are watched for; a block that is kept is offered to its last
 * claimer, once.
 */
#include "cursor.h"

/* At a reset blocks below this part of what the round used make way for one
   that brings as much as they did. */
static const size_t cursor_used_part = 16;

/* ORDER exclusive (relaxed), here and below: every other use of the pool has
   happened before, by the caller's own ordering; pairs with each claim. */
static uint64_t block_load_room(const struct block *block)
{
	return atomic_load_explicit(&block->room, memory_order_relaxed);
}

static bool block_is_lasting(const struct block *block)
{
	return block_high(block_load_room(block)) < block_end(block);
}

/* Puts `block` before the others that its last claimer will claim from. */
static void block_offer_again(struct block *block)
{
	/* ORDER block-claimer (relaxed): exclusive. */
	struct claimer *claimer =
		atomic_load_explicit(&block->claimer, memory_order_relaxed);

	if (claimer == NULL)
		return;
	block->again = claimer->again;
	claimer->again = block;
	atomic_store_explicit(&block->claimer, NULL, memory_order_relaxed);
}

static void block_reset(struct block *block)
{
	uint32_t high = block_high(block_load_room(block));

	/* ORDER exclusive (relaxed). */
	atomic_store_explicit(&block->room, block_room(block->base, high),
			      memory_order_relaxed);
	atomic_store_explicit(&block->failed, 0, memory_order_relaxed);
}

/* Bytes of the blocks in which this round claimed. */
static size_t cursor_used(const struct cursor *cursor)
{
	size_t used = 0;

	for (struct block *block = cursor->first; block != NULL;
	     block = block_next(block)) {
		block_verify(block);
		if (block_low(block_load_room(block)) > block->base)
			used += block->size;
	}
	return used;
}

/* Takes the block behind `block` off the chain, and gives it back. */
static void cursor_remove(struct cursor *cursor, struct block_cache *cache,
			  const struct source *source, struct block *block)
{
	struct block *gone = block_next(block);
	size_t size = gone->size;

	block_verify(gone);
	if (source->watched != 0)
		block_watch_end(gone, source, BLOCK_HEADER, size);
	/* ORDER exclusive (relaxed). */
	atomic_store_explicit(&block->next, block_next(gone),
			      memory_order_relaxed);
	atomic_store_explicit(&cursor->held, cursor_held(cursor) - size,
			      memory_order_relaxed);
	atomic_store_explicit(&cursor->blocks, cursor_blocks(cursor) - 1,
			      memory_order_relaxed);
	block_give(cache, source, block_memory(gone), size);
}

/*
 * For a pool that is watched: what the round used is wiped, and not used again,
 * so that a late use of it is noticed; within a limit there is no other memory.
 */
static void cursor_wipe(struct cursor *cursor, const struct source *source)
{
	for (struct block *block = cursor->first; block != NULL;
	     block = block_next(block)) {
		uint32_t high = block_high(block_load_room(block));

		mark_wipe(source->watched, block_at(block, block->base),
			  (high - block->base) * BLOCK_UNIT);
		mark_close(source->watched, block_at(block, block->base),
			   (high - block->base) * BLOCK_UNIT);
		/* ORDER exclusive (relaxed). */
		if (source->limit == NULL)
			atomic_store_explicit(&block->room,
					      block_room(high, high),
					      memory_order_relaxed);
	}
}

static struct chunk cursor_claim_first(struct cursor *cursor, size_t size)
{
	struct claim claim = {size, size, false, false, NULL, 0};
	struct chunk chunk = {NULL, NULL};

	claim_from(cursor->first, &claim, &chunk);
	return chunk;
}

/* What was used stays warm, and half of what was kept beyond it; blocks far
   smaller than a new one would be make way. */
struct chunk cursor_reset(struct cursor *cursor, struct block_cache *cache,
			  const struct source *source, size_t size)
{
	struct block *block = cursor->first, *next;
	size_t kept = block->size, used = cursor_used(cursor);
	size_t keep = used + (align_max(cursor->keep, used) - used) / 2;
	size_t least =
		align_min(used / cursor_used_part, cursor->max_block / 2);

	block_reset(block);
	while ((next = block_next(block)) != NULL) {
		if ((kept + next->size / 2 > keep || next->size < least ||
		     source_is_watched(source)) &&
		    !block_is_lasting(next)) {
			cursor_remove(cursor, cache, source, block);
			continue;
		}
		block = next;
		kept += block->size;
		block_reset(block);
		block_offer_again(block);
	}
	cursor->last = block;
	cursor->refused = SIZE_MAX;
	cursor->used = used;
	cursor->keep = align_min(keep, kept);
	/* ORDER exclusive (relaxed). */
	atomic_store_explicit(&cursor->current, cursor->first,
			      memory_order_relaxed);
	if (source_is_watched(source))
		cursor_wipe(cursor, source);
	return cursor_claim_first(cursor, size);
}

void cursor_clear(struct cursor *cursor, struct block_cache *cache,
		  const struct source *source)
{
	while (block_next(cursor->first) != NULL)
		cursor_remove(cursor, cache, source, cursor->first);
}
