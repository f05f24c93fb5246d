/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor: a pool's chain of blocks and the atomic pointer to its current
 * one. Any thread claims chunks from it without a lock; blocks are appended,
 * and `current` moves on, under the grow mutex; only the exclusive calls take
 * blocks away, so a block's address means the same block all along.
 */
#ifndef TARN_CURSOR_H
#define TARN_CURSOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "block.h"
#include "claim.h"
#include "mutex.h"

struct cursor {
	_Atomic(struct block *) current; /* [a] moves under the mutex        */
	struct block *first;             /* [c]                              */
	struct block *last;              /* [l] mutex                        */
	size_t first_size;               /* [c] bytes                        */
	size_t max_block;                /* [c] bytes                        */
	struct mutex mutex;              /* the grow mutex                   */
	size_t refused;                  /* [l] mutex: bytes no block has    */
	_Atomic size_t held;             /* [a] bytes, written under mutex   */
	_Atomic size_t blocks;           /* [a] written under mutex          */
	size_t keep;                     /* [l] exclusive: bytes kept warm   */
	size_t used;                     /* [l] exclusive: in the last round */
};

/*
 * Begins with `first`; `held` is what of it came from upstream. Returns its
 * first chunk, of `size` bytes, which it has.
 */
static inline struct chunk cursor_init(struct cursor *cursor,
				       struct block *first, size_t held,
				       size_t size)
{
	uint32_t low = first->base + (uint32_t)(size / BLOCK_UNIT);

	atomic_init(&cursor->current, first);
	cursor->first = first;
	cursor->last = first;
	mutex_init(&cursor->mutex);
	cursor->refused = SIZE_MAX;
	atomic_init(&cursor->held, held);
	atomic_init(&cursor->blocks, 1);
	cursor->keep = cursor->used = 0;
	atomic_init(&first->room, block_room(low, block_end(first)));
	return (struct chunk){block_at(first, first->base),
			      block_at(first, low)};
}

/*
 * Claims a chunk: from the current block or one behind it, else from a new
 * one, else from one that was left behind. False with ENOMEM. Any thread.
 */
bool cursor_claim(struct cursor *cursor, struct block_cache *cache,
		  const struct source *source, const struct claim *claim,
		  struct chunk *chunk);

/*
 * All but lasting memory is unclaimed again; blocks beyond what to keep warm
 * are given back, and the others offered to their last claimers, all of which
 * have been emptied before. Returns the first chunk, of `size` bytes.
 * Exclusive.
 */
struct chunk cursor_reset(struct cursor *cursor, struct block_cache *cache,
			  const struct source *source, size_t size);

/* Whether there is no block but the first. Exclusive. */
static inline bool cursor_is_clear(const struct cursor *cursor)
{
	return cursor->last == cursor->first;
}

/* Gives back all blocks but the first. Exclusive. */
void cursor_clear(struct cursor *cursor, struct block_cache *cache,
		  const struct source *source);

/* For statistics; any thread. */
size_t cursor_held(const struct cursor *cursor);
size_t cursor_blocks(const struct cursor *cursor);

/* For reports: the block behind it, or NULL, and its room; any thread. */
struct block *block_next(struct block *block);
uint64_t block_now(const struct block *block);

#endif
