/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor: see cursor.h.
 *
 * Invariants: in each block base <= low <= high; a unit below low or above
 * high belongs to one claimer; every block before `current` was passed by more
 * than cursor_patience claims that it had no room for; the chain is walked from
 * `current` and only ever gets longer.
 */
#include "cursor.h"

#include "probe.h"

/* After how many claims without room a block is left behind: the original's. */
static const uint32_t cursor_patience = 4;

/* While several threads use a pool, a new block brings at most this part of
   what is held, until blocks of the first one's size are a small part too. */
static const size_t cursor_shared_part = 4;

/* And of this part, up to so many bytes, when the first one's size is small. */
static const size_t cursor_busy_part = 8;
static const size_t cursor_busy_most = (size_t)32 << 10;

/* And this part is what any larger block is at most. */
static const size_t cursor_small_part = 64;

/* How often to look for a block that another thread is appending: a few
   microseconds, several times what it takes it. */
static const int cursor_looks = 100;

/* At a reset blocks below this part of what the round used make way for one
   that brings as much as they did. */
static const size_t cursor_used_part = 16;

/* Requests of more than this part of a block choose its size. */
static const size_t cursor_suit_part = 8;

/* ---- one block ------------------------------------------------------- */

/* From above, a line at a time. */
static bool block_divide_lasting(const struct claim *claim, uint64_t room,
				 uint64_t *after)
{
	size_t high = align_down(block_high(room), BLOCK_LINE / BLOCK_UNIT);
	size_t take = align_up(claim->need, BLOCK_LINE) / BLOCK_UNIT;

	if (high < block_low(room) + take)
		return false;
	*after = block_room(block_low(room), (uint32_t)(high - take));
	return true;
}

/* How a claim would leave `room`; false where it has not enough. */
static bool block_divide(const struct claim *claim, uint64_t room,
			 uint64_t *after)
{
	uint32_t low = block_low(room), high = block_high(room);
	size_t left = (high - low) * BLOCK_UNIT, take;

	if (claim->lasting)
		return block_divide_lasting(claim, room, after);
	if (left < claim->need)
		return false;
	take = align_up(claim->want, BLOCK_LINE);
	if (take > left || left - take < BLOCK_LINE)
		take = left;
	*after = block_room(low + (uint32_t)(take / BLOCK_UNIT), high);
	return true;
}

/* The chunk between two states of a block's room. */
static struct chunk block_chunk(struct block *block, const struct claim *claim,
				uint64_t before, uint64_t after)
{
	if (claim->lasting)
		return (struct chunk){block_at(block, block_high(after)),
				      block_at(block, block_high(before))};
	return (struct chunk){block_at(block, block_low(before)),
			      block_at(block, block_low(after))};
}

static void block_set_claimer(struct block *block, struct claimer *claimer)
{
	/* ORDER block-claimer (relaxed): publishes nothing; reset, which is
	   exclusive, reads who was the last. Pairs with block_offer_again. */
	if (claimer != NULL)
		atomic_store_explicit(&block->claimer, claimer,
				      memory_order_relaxed);
}

static bool block_claim(struct block *block, const struct claim *claim,
			struct chunk *chunk)
{
	/* ORDER block-room (relaxed): the claimed units are the claimer's by
	   the exchange alone; what they held before a reset was ordered by
	   that reset. Pairs with itself. */
	uint64_t after,
		room = atomic_load_explicit(&block->room, memory_order_relaxed);

	do {
		if (!block_divide(claim, room, &after))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&block->room, &room, after, memory_order_relaxed,
		memory_order_relaxed));
	*chunk = block_chunk(block, claim, room, after);
	block_set_claimer(block, claim->claimer);
	return true;
}

/* As block_claim, of a block with enough room that no other thread knows. */
static struct chunk block_claim_fresh(struct block *block,
				      const struct claim *claim)
{
	/* ORDER block-room (relaxed): seen by others with the block itself;
	   pairs with block-publish. */
	uint64_t room = atomic_load_explicit(&block->room,
					     memory_order_relaxed),
		 after = room;

	block_divide(claim, room, &after);
	atomic_store_explicit(&block->room, after, memory_order_relaxed);
	block_set_claimer(block, claim->claimer);
	return block_chunk(block, claim, room, after);
}

/* Whether no claim can find room in it any more. */
static bool block_is_spent(const struct block *block)
{
	/* ORDER block-room (relaxed): room only shrinks until a reset. Pairs
	   with block_claim. */
	uint64_t room =
		atomic_load_explicit(&block->room, memory_order_relaxed);

	return block_low(room) == block_high(room);
}

/* ---- the chain ------------------------------------------------------- */

struct block *block_next(struct block *block)
{
	/* ORDER block-publish (acquire): the header of the block behind; pairs
	   with cursor_append_locked. */
	return atomic_load_explicit(&block->next, memory_order_acquire);
}

static struct block *cursor_current(const struct cursor *cursor)
{
	/* ORDER current-publish (acquire): the header of the block that a
	   thread moved on to; pairs with cursor_leave_locked. */
	return atomic_load_explicit(&cursor->current, memory_order_acquire);
}

/* Moves `current` from `block`, if it is still there. */
static void cursor_leave_locked(struct cursor *cursor,
				const struct block *block, struct block *next)
	MUTEX_HELD(cursor->mutex)
{
	/* ORDER current-publish (release): hands on the header of `next`,
	   which this thread acquired; pairs with cursor_current. The mutex
	   orders the moves. */
	if (cursor_current(cursor) == block)
		atomic_store_explicit(&cursor->current, next,
				      memory_order_release);
}

static void cursor_leave(struct cursor *cursor, struct block *block,
			 struct block *next)
{
	if (cursor_current(cursor) != block)
		return;
	mutex_lock(&cursor->mutex);
	cursor_leave_locked(cursor, block, next);
	mutex_unlock(&cursor->mutex);
}

/*
 * Counts a claim that `block` had no room for. Returns whether it is one too
 * many: whoever passes it counts, be the next block new or warm, or a pool
 * that was reset would walk all its full blocks at each claim.
 */
static bool block_count_failed(struct block *block)
{
	/* ORDER block-failed (relaxed): a count, publishes nothing. Pairs with
	   itself. */
	return atomic_fetch_add_explicit(&block->failed, 1,
					 memory_order_relaxed) >=
	       cursor_patience;
}

/* Claims from `*block` or one behind it; leaves the last one seen there. */
static bool cursor_walk(struct block **block, const struct claim *claim,
			struct chunk *chunk)
{
	while (!block_claim(*block, claim, chunk)) {
		struct block *next = block_next(*block);

		if (next == NULL)
			return false;
		*block = next;
	}
	return true;
}

/* Moves `current` over spent blocks, as far as `until`; returns where to. */
static struct block *cursor_pass_spent(struct cursor *cursor,
				       struct block *block,
				       const struct block *until)
{
	struct block *to = block;

	while (to != until && block_is_spent(to))
		to = block_next(to);
	if (to != block)
		cursor_leave(cursor, block, to);
	return to;
}

/* Counts the blocks that a claim passed, from `block` on. */
static void cursor_count_failed(struct cursor *cursor, struct block *block,
				const struct block *until)
{
	block = cursor_pass_spent(cursor, block, until);
	while (block != until) {
		struct block *next = block_next(block);

		if (block_count_failed(block))
			cursor_leave(cursor, block, next);
		block = next;
	}
}

/* Claims from what the claimer had in the last round. Others may have been
   there before it, by the chain. */
static bool cursor_claim_again(const struct claim *claim, struct chunk *chunk)
{
	struct claimer *claimer = claim->claimer;

	while (claimer != NULL && claimer->again != NULL) {
		if (block_claim(claimer->again, claim, chunk))
			return true;
		claimer->again = claimer->again->again;
	}
	return false;
}

/* ---- growth ---------------------------------------------------------- */

/* Small at first, then larger than a lone thread's: the more threads claim,
   the sooner a block is used up, and they meet on the grow mutex. */
static size_t cursor_shared_size(size_t first_size, size_t held)
{
	size_t small = align_max(held / cursor_shared_part, BLOCK_BIN_LEAST);
	size_t busy = align_min(held / cursor_busy_part, cursor_busy_most);

	return align_max(align_min(first_size, small), busy);
}

/*
 * Bytes of the next block. A pool of one thread takes blocks of the first
 * one's size, a shared one smaller ones at first, since each of its threads
 * leaves some room unused; both take larger ones once these are a small part
 * of what is held.
 */
static size_t cursor_next_size(const struct cursor *cursor,
			       const struct claim *claim)
	MUTEX_HELD(cursor->mutex)
{
	size_t held = cursor_held(cursor), size = cursor->first_size;

	if (claim->shared)
		size = cursor_shared_size(size, held);
	size = align_max(size, held / cursor_small_part);
	/* What the last round used, and the pool does not hold any more. */
	if (cursor->used > held)
		size = align_max(size, cursor->used - held);
	return align_min(size, cursor->max_block);
}

static void cursor_append_locked(struct cursor *cursor, struct block *block)
	MUTEX_HELD(cursor->mutex)
{
	/* ORDER block-publish (release): the header of the new block; pairs
	   with block_next. */
	atomic_store_explicit(&cursor->last->next, block, memory_order_release);
	if (block_is_spent(cursor->last))
		cursor_leave_locked(cursor, cursor->last, block);
	cursor->last = block;
	/* ORDER cursor-held (relaxed): figures for statistics, written under
	   the grow mutex. Pairs with cursor_held. */
	atomic_store_explicit(&cursor->held, cursor_held(cursor) + block->size,
			      memory_order_relaxed);
	atomic_store_explicit(&cursor->blocks, cursor_blocks(cursor) + 1,
			      memory_order_relaxed);
}

/* For requests that are a large part of a block: a whole number of them, or
   what is left behind each would be a large part, too. */
static size_t cursor_suit(const struct claim *claim, size_t size, size_t need)
{
	size_t room = size - BLOCK_OVERHEAD, odd = room % need;

	return claim->lasting || need <= room / cursor_suit_part || odd == 0
		       ? size
		       : size - odd + need;
}

/* A chunk of `block`, for its claimer and, if need be, for the library. */
static void claim_watch(const struct claim *claim, const struct source *source,
			const struct block *block, struct chunk chunk)
{
	mark_acquire(source->watched, block);
	if (claim->lasting)
		mark_open(source->watched, chunk.start,
			  (size_t)(chunk.end - chunk.start));
}

/* Appends a block and claims from it before others can see it. */
static bool cursor_grow_locked(struct cursor *cursor, struct block_cache *cache,
			       const struct source *source,
			       const struct claim *claim, struct chunk *chunk)
	MUTEX_HELD(cursor->mutex)
{
	size_t need = align_up(claim->need - claim->beside, BLOCK_LINE);
	size_t least = BLOCK_OVERHEAD + need + claim->beside;
	size_t size = cursor_suit(
		claim, align_max(least, cursor_next_size(cursor, claim)), need);
	void *memory = block_take(cache, source, least, &size, TARN_ALIGNMENT);
	struct block *block;

	if (memory == NULL)
		return false;
	block = block_init(memory, size, BLOCK_HEADER);
	if (source->watched != 0) {
		block_watch(block, source, BLOCK_HEADER, size);
		mark_release(source->watched, block);
	}
	*chunk = block_claim_fresh(block, claim);
	cursor_append_locked(cursor, block);
	/* A pool stands behind the header of its first block. */
	probe_block((char *)cursor->first + BLOCK_HEADER, size);
	return true;
}

/* Between two looks. */
#if defined __x86_64__ || defined __i386__
static void cursor_relax(void)
{
	__builtin_ia32_pause();
}
#elif defined __aarch64__
static void cursor_relax(void)
{
	__asm__ volatile("yield");
}
#else
static void cursor_relax(void)
{
}
#endif

/* Claims from a block behind `*block`, where that itself had no room. */
static bool cursor_walk_on(struct block **block, const struct claim *claim,
			   struct chunk *chunk)
{
	struct block *next = block_next(*block);

	if (next == NULL)
		return false;
	*block = next;
	return cursor_walk(block, claim, chunk);
}

/*
 * Takes the grow mutex, or claims from what its holder appends meanwhile:
 * true. A look at the chain costs less than to sleep and be woken.
 */
static bool cursor_lock_or_walk(struct cursor *cursor, struct block **block,
				const struct claim *claim, struct chunk *chunk)
	MUTEX_TRIED(false, cursor->mutex)
{
	for (int look = 0; look < cursor_looks; look++) {
		if (mutex_trylock(&cursor->mutex))
			return false;
		if (cursor_walk_on(block, claim, chunk))
			return true;
		cursor_relax();
	}
	mutex_lock(&cursor->mutex);
	return false;
}

/* Claims from a block behind `*block`, or appends one. */
static bool cursor_claim_slow(struct cursor *cursor, struct block_cache *cache,
			      const struct source *source, struct block **block,
			      const struct claim *claim, struct chunk *chunk)
{
	bool claimed;

	if (cursor_lock_or_walk(cursor, block, claim, chunk))
		return true;
	/* Others that missed too may have appended one meanwhile. */
	claimed = cursor_walk_on(block, claim, chunk);
	if (!claimed &&
	    cursor_grow_locked(cursor, cache, source, claim, chunk)) {
		*block = cursor->last;
		claimed = true;
	}
	mutex_unlock(&cursor->mutex);
	return claimed;
}

bool cursor_claim(struct cursor *cursor, struct block_cache *cache,
		  const struct source *source, const struct claim *claim,
		  struct chunk *chunk)
{
	struct block *from, *block;
	bool claimed;

	if (cursor_claim_again(claim, chunk))
		return true;
	from = block = cursor_current(cursor);
	claimed =
		cursor_walk(&block, claim, chunk) ||
		cursor_claim_slow(cursor, cache, source, &block, claim, chunk);
	if (claimed && source->watched != 0)
		claim_watch(claim, source, block, *chunk);
	if (block != from)
		cursor_count_failed(cursor, from, block);
	return claimed;
}

/* ---- exclusive calls ------------------------------------------------- */

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

	block_claim(cursor->first, &claim, &chunk);
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

/* ---- figures --------------------------------------------------------- */

size_t cursor_held(const struct cursor *cursor)
{
	/* ORDER cursor-held (relaxed): one figure that was true. Pairs with
	   cursor_append_locked. */
	return atomic_load_explicit(&cursor->held, memory_order_relaxed);
}

size_t cursor_blocks(const struct cursor *cursor)
{
	/* ORDER cursor-held (relaxed): as cursor_held. */
	return atomic_load_explicit(&cursor->blocks, memory_order_relaxed);
}

uint64_t block_now(const struct block *block)
{
	/* ORDER block-room (relaxed): one word that was true. Pairs with
	   block_claim. */
	return atomic_load_explicit(&block->room, memory_order_relaxed);
}
