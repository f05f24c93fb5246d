/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A claim: a chunk of one block, taken by an exchange of the block's room.
 *
 * Invariants: in each block base <= low <= high; room only shrinks until a
 * reset; a unit below low or above high belongs to one claimer, lasting memory
 * from above, all other from below.
 */
#ifndef TARN_CLAIM_H
#define TARN_CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "block.h"

/* What a claim asks for. */
struct claim {
	size_t need;  /* bytes that it must have                              */
	size_t want;  /* bytes that it had better have; at least `need`       */
	bool shared;  /* several threads use the pool: grow in small steps    */
	bool lasting; /* kept at reset: exactly `need`, aligned to a line     */
	struct claimer *claimer; /* NULL for lasting memory                   */
	size_t beside;           /* bytes of `need` that are its ledger's */
};

struct chunk {
	char *start; /* aligned to a line */
	char *end;   /* aligned to a unit */
};

/* From above, a line at a time. */
static inline bool claim_divide_lasting(const struct claim *claim,
					uint64_t room, uint64_t *after)
{
	size_t high = align_down(block_high(room), BLOCK_LINE / BLOCK_UNIT);
	size_t take = align_up(claim->need, BLOCK_LINE) / BLOCK_UNIT;

	if (high < block_low(room) + take)
		return false;
	*after = block_room(block_low(room), (uint32_t)(high - take));
	return true;
}

/* How a claim would leave `room`; false where it has not enough. */
static inline bool claim_divide(const struct claim *claim, uint64_t room,
				uint64_t *after)
{
	uint32_t low = block_low(room), high = block_high(room);
	size_t left = (high - low) * BLOCK_UNIT, take;

	if (claim->lasting)
		return claim_divide_lasting(claim, room, after);
	if (left < claim->need)
		return false;
	take = align_up(claim->want, BLOCK_LINE);
	if (take > left || left - take < BLOCK_LINE)
		take = left;
	*after = block_room(low + (uint32_t)(take / BLOCK_UNIT), high);
	return true;
}

/* The chunk between two states of a block's room. */
static inline struct chunk claim_chunk(struct block *block,
				       const struct claim *claim,
				       uint64_t before, uint64_t after)
{
	if (claim->lasting)
		return (struct chunk){block_at(block, block_high(after)),
				      block_at(block, block_high(before))};
	return (struct chunk){block_at(block, block_low(before)),
			      block_at(block, block_low(after))};
}

static inline void claim_set_claimer(struct block *block,
				     struct claimer *claimer)
{
	/* ORDER block-claimer (relaxed): publishes nothing; reset, which is
	   exclusive, reads who was the last. Pairs with block_offer_again. */
	if (claimer != NULL)
		atomic_store_explicit(&block->claimer, claimer,
				      memory_order_relaxed);
}

/* Takes a chunk of `block`, where it has room for the claim. Any thread. */
static inline bool claim_from(struct block *block, const struct claim *claim,
			      struct chunk *chunk)
{
	/* ORDER block-room (relaxed): the claimed units are the claimer's by
	   the exchange alone; what they held before a reset was ordered by
	   that reset. Pairs with itself. */
	uint64_t after,
		room = atomic_load_explicit(&block->room, memory_order_relaxed);

	do {
		if (!claim_divide(claim, room, &after))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&block->room, &room, after, memory_order_relaxed,
		memory_order_relaxed));
	*chunk = claim_chunk(block, claim, room, after);
	claim_set_claimer(block, claim->claimer);
	return true;
}

/* As claim_from, of a block with enough room that no other thread knows. */
static inline struct chunk claim_from_fresh(struct block *block,
					    const struct claim *claim)
{
	/* ORDER block-room (relaxed): seen by others with the block itself;
	   pairs with block-publish. */
	uint64_t room = atomic_load_explicit(&block->room,
					     memory_order_relaxed),
		 after = room;

	claim_divide(claim, room, &after);
	atomic_store_explicit(&block->room, after, memory_order_relaxed);
	claim_set_claimer(block, claim->claimer);
	return claim_chunk(block, claim, room, after);
}

#endif
