/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool is made of. It stands at the front of its own first block.
 *
 * What every thread reads at each hit (the first line) and what the owner of
 * the first local pool writes at each of its hits (`own.hot`, last) are more
 * than two lines apart: on one line, or on a pair that the processor fetches
 * together, the owner would slow the others down.
 */
#ifndef TARN_POOL_H
#define TARN_POOL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"
#include "cursor.h"
#include "large.h"
#include "local.h"
#include "mutex.h"
#include "slot.h"
#include "tarn.h"
#include "upstream.h"

/* What tarn_pool_set_data keeps. */
struct pool_data {
	const void *key;
	void *data;
	struct pool_data *next;
};

struct tarn_pool {
	_Atomic uint32_t owner;             /* [a] slot of `own`, once set   */
	_Atomic uint32_t busy;              /* [a] slot that resets it       */
	_Atomic(struct slot_table *) table; /* [a] NULL: only the owner came */
	struct source source;               /* [c]                           */

	size_t taken; /* [c] bytes of the first block; 0: a caller's buffer */
	struct cursor cursor;
	struct large large;
	struct cleanup_list cleanups;

	struct mutex mutex;         /* all [l] below                         */
	struct tarn_pool *children; /* [l] the newest                        */
	size_t child_count;         /* [l]                                   */
	struct pool_data *data;     /* [l]                                   */
	struct tarn_pool *older;    /* [l] the parent's mutex                */
	struct tarn_pool *newer;    /* [l] the parent's mutex                */
	struct tarn_pool *parent;   /* [c]                                   */
	tarn_oom_fn *on_oom;        /* [c]                                   */
	void *on_oom_data;          /* [c]                                   */
	const char *name;           /* [c] NULL: none                        */
	size_t limit;               /* [c] bytes; 0: none of its own         */
	struct watch *watch;        /* [c] NULL: nothing rides on its misses */
	_Atomic(struct depot *) depot; /* [a] NULL: nothing was freed yet    */
	struct run *loose;             /* [l] freed, where there is no depot */
	_Atomic bool freed;            /* [a] small memory was, once         */
	_Atomic bool strays;           /* [a] small objects are listed large */
	_Atomic size_t unowned; /* [a] bytes freed by who has no local pool  */
	struct tarn_cache *caches; /* [l] the newest                     */

	_Alignas(BLOCK_LINE) struct local own; /* the owner's                */
};

_Static_assert(sizeof(tarn_local) == 8 * sizeof(void *) &&
		       offsetof(tarn_local, last) == 0 &&
		       offsetof(tarn_local, end) == sizeof(void *) &&
		       offsetof(tarn_local, max) == 2 * sizeof(void *) &&
		       offsetof(struct local, hot) == 0 &&
		       offsetof(struct local, pool) == 3 * sizeof(void *),
	       "inline code of old programs reads this prefix");
_Static_assert(sizeof(struct local) <= 2 * BLOCK_LINE,
	       "a pool of many threads pays for each of these");
_Static_assert(offsetof(struct tarn_pool, own) -
			       offsetof(struct tarn_pool, source) >=
		       128,
	       "owner-written and shared words must be two lines apart");

/* What other threads read of a pool that nobody has used yet. */
static inline void pool_init_shared(tarn_pool *pool)
{
	atomic_init(&pool->owner, SLOT_UNOWNED);
	atomic_init(&pool->busy, SLOT_NONE);
	atomic_init(&pool->table, NULL);
	atomic_init(&pool->depot, NULL);
	atomic_init(&pool->freed, false);
	atomic_init(&pool->strays, false);
	atomic_init(&pool->unowned, 0);
}

/* Whether the calling thread owns the first local pool, `own`. Not NULL: all
   that asks comes here first, and static analysis begins to know it here. */
static inline __attribute__((nonnull)) bool pool_is_own(const tarn_pool *pool)
{
	/* ORDER pool-owner (relaxed): a thread that finds its own name here
	   set it, or has its slot from the one that did (the slot mutex orders
	   them). Pairs with pool_own. */
	return TARN_LIKELY(
		atomic_load_explicit(&pool->owner, memory_order_relaxed) ==
		slot_name());
}

/* The local pool of any other thread, or NULL where it has none yet. */
static inline struct local *pool_find_other(const tarn_pool *pool)
{
	/* ORDER table-publish (acquire): the entries that another thread copied
	   into a larger table; pairs with pool_grow_table_locked. */
	struct slot_table *table =
		atomic_load_explicit(&pool->table, memory_order_acquire);

	return table != NULL ? slot_table_find(table, slot_name()) : NULL;
}

/* Whether several threads use the pool, which is to grow in small steps. */
static inline bool pool_is_shared(const tarn_pool *pool)
{
	/* ORDER table-publish (relaxed): whether there is one, no more. Pairs
	   with pool_grow_table_locked. */
	return atomic_load_explicit(&pool->table, memory_order_relaxed) != NULL;
}

/* One of its local pools but `own`, and its slot, as by slot_table_next. Under
   the mutex, or exclusive. */
static inline struct local *pool_next_local(const tarn_pool *pool, uint32_t *at,
					    uint32_t *slot)
{
	/* ORDER table-publish (relaxed): under the mutex of whoever stored it,
	   or exclusive. Pairs with pool_grow_table_locked. */
	return slot_table_next(
		atomic_load_explicit(&pool->table, memory_order_relaxed), at,
		slot);
}

/* What the pool's threads freed and have not at hand; NULL: nothing yet. */
static inline struct depot *pool_depot(const tarn_pool *pool)
{
	/* ORDER depot-publish (acquire): the depot made ready; pairs with
	   depot_publish_locked. */
	return atomic_load_explicit(&pool->depot, memory_order_acquire);
}

/* Whether a thread without a local pool was served small objects by the large
   list, which is then to be asked before they are freed as small ones. */
static inline bool pool_has_strays(const tarn_pool *pool)
{
	/* ORDER pool-strays (relaxed): whoever has the object had it from the
	   thread that set this before. Pairs with serve_large. */
	return atomic_load_explicit(&pool->strays, memory_order_relaxed);
}

/* Memory that reset leaves alone, aligned to a line; or NULL with ENOMEM. */
void *pool_claim_lasting(tarn_pool *pool, size_t size);

/* The calling thread's local pool in `pool`, or NULL where it has none yet. */
static inline struct local *pool_find_local(tarn_pool *pool)
{
	return pool_is_own(pool) ? &pool->own : pool_find_other(pool);
}

/* pool_local, where pool_find_local found none. */
struct local *pool_local_slow(tarn_pool *pool);

/*
 * As pool_find_local, made at the first use. Keeps errno. NULL: no memory for
 * it, no slot for the thread, or the pool is refused.
 */
static inline struct local *pool_local(tarn_pool *pool)
{
	struct local *local = pool_find_local(pool);

	return local != NULL ? local : pool_local_slow(pool);
}

/* Takes bytes off what was handed out. `local` is the calling thread's, or
   NULL: it has none. */
static inline void pool_count_freed(tarn_pool *pool, struct local *local,
				    size_t size)
{
	/* ORDER pool-unowned (relaxed): a figure. Pairs with stats_locals. */
	if (local == NULL)
		atomic_fetch_add_explicit(&pool->unowned, size,
					  memory_order_relaxed);
	else
		local_add_given(local, -size);
}

/* The birth of what the calling thread allocates now. Owner of `local`. */
static inline struct birth pool_birth(const struct local *local)
{
	return (struct birth){slot_name(), local_depth(local)};
}

/* pool_is_refused, while there is a reset or destroy of slot `busy`. */
bool pool_is_refused_slow(const tarn_pool *pool, uint32_t busy);

/* Whether a reset or destroy is under way. */
static inline bool pool_is_busy(const tarn_pool *pool)
{
	/* ORDER pool-busy (relaxed): see pool_set_busy. */
	return atomic_load_explicit(&pool->busy, memory_order_relaxed) !=
	       SLOT_NONE;
}

/* Who resets or destroys the pool from now on, or SLOT_NONE. */
void pool_set_busy(tarn_pool *pool, uint32_t busy);

/*
 * Whether another thread is resetting or destroying the pool: then errno is
 * EBUSY. A hint for those who broke the rules, of no use to those who kept it.
 */
static inline bool pool_is_refused(tarn_pool *pool)
{
	/* ORDER pool-busy (relaxed): see pool_is_busy. */
	uint32_t busy = atomic_load_explicit(&pool->busy, memory_order_relaxed);

	return !TARN_LIKELY(busy == SLOT_NONE) &&
	       pool_is_refused_slow(pool, busy);
}

/* Gives back all memory of a pool that has neither children nor cleanups. */
void pool_release(tarn_pool *pool);

/* Whether the large list serves a request; else what a chunk must have for it.
   No local pool: past its thread's end, or there is no key or memory. */
bool palloc_is_large(const struct local *local, size_t alignment, size_t size,
		     size_t *need);

/* For the large list and its tables. */
struct large_use pool_large_use(tarn_pool *pool);

/* Memory until reset, whatever marks are open; or NULL with ENOMEM. Aligned to
   a line. */
void *pool_claim_object(tarn_pool *pool, size_t size);

/* Calls the out-of-memory handler; errno is ENOMEM after it. Returns NULL. */
void *pool_out_of_memory(tarn_pool *pool, size_t size);

/* What a request returns: `object`, which is NULL with errno where it failed.
   Not within a call that is watched: the handler may leave it by longjmp. */
static inline void *pool_answer(tarn_pool *pool, void *object, size_t size)
{
	return object == NULL && errno == ENOMEM
		       ? pool_out_of_memory(pool, size)
		       : object;
}

#endif
