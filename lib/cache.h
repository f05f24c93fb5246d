/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: objects of one size, see tarn_cache_create. After Bonwick: each
 * thread has a magazine of free units that only it touches, two lists, so that
 * a thread at the edge of one does not go to the depot each time; whole lists
 * go to and from the depot, under its mutex. Units are carved from slabs.
 *
 * What every thread reads at each call (the first line) and what the owner of
 * the first magazine writes at each of its calls (`own`) are two lines apart,
 * as in a pool.
 */
#ifndef TARN_CACHE_H
#define TARN_CACHE_H

#include "pool.h"
#include "unit.h"

/* One thread's. A heir of its slot has it after it. */
struct magazine {
	struct unit *hot;   /* [o] taken from, given to        */
	size_t room;        /* [o] units that `hot` may take   */
	struct unit *spare; /* [o] a whole list; NULL: none    */
};

/* Slabs that a cache knows before it takes memory for a table of them. */
#define CACHE_FEW 7

/* Where units come from and whole lists lie: see slab.h. */
struct cache_depot {
	struct mutex mutex;
	struct shelf full;    /* [l] lists of `list` units                 */
	struct unit *loose;   /* [l] a list of fewer                       */
	size_t loose_count;   /* [l] units of it                           */
	size_t free;          /* [l] units here, of both                   */
	size_t units;         /* [l] units carved, of all slabs            */
	size_t passed;        /* [l] units that came or went since a sweep */
	unsigned regrets;     /* [l] sweeps that were in vain              */
	bool given;           /* [l] the last sweep gave slabs back        */
	struct slab *carving; /* [l] has units not carved yet, or NULL     */
	struct slab **slabs;  /* [l] by address                            */
	size_t count;         /* [l] of them                               */
	size_t capacity;      /* [l] of `slabs`                            */
	size_t bytes;         /* [l] of slabs                              */
	size_t claimed;       /* [l] bytes of all but large memory         */
	struct mutex grow;    /* before `mutex`: who takes memory          */
	struct slab *few[CACHE_FEW];
};

struct tarn_cache {
	_Atomic uint32_t owner;             /* [a] slot of `own`, once set   */
	uint32_t list;                      /* [c] units of a whole list     */
	_Atomic(struct slot_table *) table; /* [a] NULL: only the owner came */
	tarn_pool *pool;                    /* [c]                           */
	size_t size;                        /* [c] bytes, as asked for       */
	size_t alignment;                   /* [c] a unit's, at least        */
	size_t unit;                        /* [c] bytes                     */
	struct tarn_cache *older;           /* [l] the pool's mutex          */
	uint32_t forks;                     /* [c] of the process, before    */
	struct tarn_cache *previous;        /* [l] slot_caches_mutex         */
	struct tarn_cache *next;            /* [l] slot_caches_mutex         */

	struct cache_depot depot;

	_Alignas(BLOCK_LINE) struct magazine own;         /* the owner's     */
	char alone[BLOCK_LINE - sizeof(struct magazine)]; /* on its line */
};

_Static_assert(offsetof(struct tarn_cache, own) -
			       offsetof(struct tarn_cache, unit) >=
		       128,
	       "owner-written and shared words must be two lines apart");

/* Ends all caches of a pool that has any. Exclusive. */
void cache_end_all(tarn_pool *pool);

/* Gives back what slabs of all caches can be; the calling thread's magazines
   are emptied before. */
void cache_trim_all(void);

/* Bytes that caches have of the pool's blocks. */
size_t cache_claimed_locked(const tarn_pool *pool) MUTEX_HELD(pool->mutex);

#endif
