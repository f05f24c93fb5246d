/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor: see cursor.h. What it does while the pool is used; its exclusive
 * calls are in cursor_reset.c.
 *
 * Invariants: every block before `current` was passed by more than
 * cursor_patience claims that it had no room for; the chain is walked from
 * `current`, or where there is no other memory from its first block, and only
 * ever gets longer; no block has `refused` bytes of room.
 */
#include "cursor.h"

#include <errno.h>

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

/* Requests of more than this part of a block choose its size. */
static const size_t cursor_suit_part = 8;

/* ---- the chain ------------------------------------------------------- */

/* Whether no claim can find room in it any more. */
static bool block_is_spent(const struct block *block)
{
	/* ORDER block-room (relaxed): room only shrinks until a reset. Pairs
	   with claim_from. */
	uint64_t room =
		atomic_load_explicit(&block->room, memory_order_relaxed);

	return block_low(room) == block_high(room);
}

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
	while (!claim_from(*block, claim, chunk)) {
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
		if (claim_from(claimer->again, claim, chunk))
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
	cursor->refused = SIZE_MAX;
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
	*chunk = claim_from_fresh(block, claim);
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

/* Bytes of room that suffice for it; for lasting memory, which begins on a
   line, less than a line too many. */
static size_t claim_most(const struct claim *claim)
{
	return claim->lasting ? align_up(claim->need, BLOCK_LINE) + BLOCK_LINE
			      : claim->need;
}

/*
 * Claims from a block that was left behind: there is no memory for another.
 * What none of them had is not looked for again, as room only shrinks, or each
 * refusal would walk them all.
 */
static bool cursor_claim_behind(struct cursor *cursor, struct block **block,
				const struct claim *claim, struct chunk *chunk)
{
	bool claimed = false;

	mutex_lock(&cursor->mutex);
	if (claim_most(claim) < cursor->refused) {
		*block = cursor->first;
		claimed = cursor_walk(block, claim, chunk);
		if (!claimed)
			cursor->refused = claim_most(claim);
	}
	mutex_unlock(&cursor->mutex);
	return claimed;
}

bool cursor_claim(struct cursor *cursor, struct block_cache *cache,
		  const struct source *source, const struct claim *claim,
		  struct chunk *chunk)
{
	struct block *from, *block;
	int error = errno;
	bool claimed;

	if (cursor_claim_again(claim, chunk))
		return true;
	from = block = cursor_current(cursor);
	claimed =
		cursor_walk(&block, claim, chunk) ||
		cursor_claim_slow(cursor, cache, source, &block, claim, chunk);
	if (block != from)
		cursor_count_failed(cursor, from, block);
	if (!claimed && cursor_claim_behind(cursor, &block, claim, chunk)) {
		errno = error;
		claimed = true;
	}
	if (claimed && source->watched != 0)
		claim_watch(claim, source, block, *chunk);
	return claimed;
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
	   claim_from. */
	return atomic_load_explicit(&block->room, memory_order_relaxed);
}
