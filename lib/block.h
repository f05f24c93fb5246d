/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks: memory taken from upstream, carved into chunks, and the cache in
 * which blocks of pools that ended wait for the next pool.
 *
 * The cache is two-layered, after Bonwick's magazines: each slot keeps a
 * little that only its thread touches, in two lists a size, so that a thread
 * at the edge of one list does not go to the depot each time; whole lists move
 * to and from the process-wide depot under its mutex.
 */
#ifndef TARN_BLOCK_H
#define TARN_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "align.h"
#include "upstream.h"

/* Bytes: chunks begin at a multiple of it, so that no two threads share one. */
#define BLOCK_LINE ((size_t)64)
/* Bytes: what offsets in a block count, so that two fit one atomic word. */
#define BLOCK_UNIT ((size_t)16)
/* Bytes: the largest block that growth may ask for. */
#define BLOCK_MOST ((size_t)64 << 20)

/* A thread that claims, as far as blocks know it. */
struct claimer {
	/* [o] those of the last round that it was the last one to claim from:
	   its processor may have them at hand. Set by reset. */
	struct block *again;
};

struct block {
	/* [a] units, low half: chunks were claimed up to here; high half:
	   from here on memory is kept until destroy */
	_Atomic uint64_t room;
	_Atomic(struct block *) next; /* [a] appended under the grow mutex   */
	_Atomic uint32_t failed;      /* [a] claims that found no room       */
	uint32_t base;                /* [c] units: where chunks begin       */
	size_t size;                  /* [c] bytes of its memory             */
	size_t skip;                  /* [c] bytes of it in front of here    */
	_Atomic(struct claimer *) claimer; /* [a] the last one; NULL: none   */
	struct block *again; /* [c] since a reset: its claimer's next        */
	uintptr_t check;     /* [c] what its end relies on, and a secret     */
};

/* Bytes of a block in front of its first chunk. */
#define BLOCK_HEADER align_up(sizeof(struct block), BLOCK_LINE)

/* Bytes of memory that a block may need beyond what its chunks need: upstream
   aligns for any type, a block begins on a line. */
#define BLOCK_OVERHEAD (BLOCK_HEADER + BLOCK_LINE - TARN_ALIGNMENT)

static inline uint64_t block_room(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

static inline uint32_t block_low(uint64_t room)
{
	return (uint32_t)room;
}

static inline uint32_t block_high(uint64_t room)
{
	return (uint32_t)(room >> 32);
}

static inline char *block_at(struct block *block, uint32_t units)
{
	return (char *)block + units * BLOCK_UNIT;
}

/* Where its memory ends, as far as offsets reach: 64 GiB. */
static inline uint32_t block_end(const struct block *block)
{
	return (uint32_t)align_min((block->size - block->skip) / BLOCK_UNIT,
				   UINT32_MAX);
}

/* What block_init was given. */
static inline void *block_memory(struct block *block)
{
	return (char *)block - block->skip;
}

/* [a] set once; 0: not yet */
extern _Atomic uintptr_t block_secret TARN_HIDDEN;

/* Sets the secret, before the first block is made. */
uintptr_t block_draw_secret(void);

/* What no program knows, the same for all blocks of a process. */
static inline uintptr_t block_known_secret(void)
{
	/* ORDER block-secret (relaxed): a number, which publishes nothing; who
	   finds none yet sets it, or learns what another thread has set. Pairs
	   with block_draw_secret. */
	uintptr_t secret =
		atomic_load_explicit(&block_secret, memory_order_relaxed);

	return TARN_LIKELY(secret != 0) ? secret : block_draw_secret();
}

/* What `check` is while nobody overwrote the header. */
static inline uintptr_t block_checked(const struct block *block)
{
	uintptr_t word = (uintptr_t)block ^ block_known_secret() ^ block->size;

	word = word * (uintptr_t)UINT64_C(0x9e3779b97f4a7c15) + block->skip;
	return word ^ block->base * (uintptr_t)UINT64_C(0xff51afd7ed558ccd);
}

/* Ends the program: its memory is not what the library left there. */
_Noreturn void block_overwritten(const struct block *block);

/* Before a block is given back, or what its header says is believed. */
static inline void block_verify(const struct block *block)
{
	if (!TARN_LIKELY(block->check == block_checked(block)))
		block_overwritten(block);
}

/* Makes `size` bytes a block whose chunks begin `header` bytes in. */
static inline struct block *block_init(void *memory, size_t size, size_t header)
{
	size_t skip = -(uintptr_t)memory & (BLOCK_LINE - 1);
	struct block *block = (struct block *)((char *)memory + skip);

	block->base = (uint32_t)(align_up(header, BLOCK_LINE) / BLOCK_UNIT);
	block->size = size;
	block->skip = skip;
	block->check = block_checked(block);
	atomic_init(&block->room, block_room(block->base, block_end(block)));
	atomic_init(&block->next, NULL);
	atomic_init(&block->failed, 0);
	atomic_init(&block->claimer, NULL);
	return block;
}

/* ---- blocks of pools that are watched -------------------------------- */

/* The first `own` bytes of a new block, of `taken` bytes of upstream, are the
   library's: the header, and a pool that its user has a pointer to. The tools
   report any touch of what is behind its base. */
void block_watch(struct block *block, const struct source *source, size_t own,
		 size_t taken);
void block_watch_end(struct block *block, const struct source *source,
		     size_t own, size_t taken);

/* ---- the cache: block_cache.c ---------------------------------------- */

/*
 * Sizes that are cached: powers of two from 1 KiB to 256 KiB, in 16 steps
 * each, so that rounding up to one wastes at most a sixteenth.
 */
#define BLOCK_BIN_LEAST ((size_t)1 << 10)
#define BLOCK_BIN_MOST  ((size_t)256 << 10)
#define BLOCK_BINS      129

/* Bytes: what a slot may keep, and what the depot may keep. */
#define BLOCK_CACHE_SLOT  ((size_t)256 << 10)
#define BLOCK_CACHE_DEPOT ((size_t)4 << 20)

struct block_list {
	struct block_free *first;
	size_t bytes;
};

struct block_cache {
	size_t bytes;                        /* [o]                      */
	uint32_t trims;                      /* [o] of the last look     */
	uint32_t hand;                       /* [o] next bin to shrink */
	struct block_list hot[BLOCK_BINS];   /* [o] taken from, given to */
	struct block_list spare[BLOCK_BINS]; /* [o] full, or empty       */
};

/*
 * Memory for a block or a large allocation: `*size` bytes, fewer near the
 * limit but at least `least`, from the cache of the calling thread's slot
 * (NULL: none), the depot, or upstream. Sets *size. NULL with ENOMEM.
 */
void *block_take(struct block_cache *cache, const struct source *source,
		 size_t least, size_t *size, size_t alignment);

/* Takes memory of block_take back. Keeps errno. */
void block_give(struct block_cache *cache, const struct source *source,
		void *memory, size_t size);

/* Moves all of an exiting thread's cache to the depot. */
void block_cache_leave(struct block_cache *cache);

/* Gives the depot and `cache` (or NULL) back to malloc; tells the others. */
void block_cache_trim(struct block_cache *cache);

/* Reads TARN_CACHE. Once, before the first cache is used. */
void block_cache_configure(void);

/* Around fork: the depot must not be torn in the child. */
void block_cache_lock(void);
void block_cache_unlock(void);

#endif
