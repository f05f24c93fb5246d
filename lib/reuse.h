/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reuse: small memory that was freed before its pool ends.
 *
 * Each thread has bins, a list of free pieces for each class, which only it
 * touches; while they hold anything its room is set aside, so that each request
 * is a miss and looks there first. What it has too much of goes to the pool's
 * depot, where every thread looks before it claims.
 */
#ifndef TARN_REUSE_H
#define TARN_REUSE_H

#include "depot.h"
#include "pool.h"

/* A thread's own; in lasting memory. */
struct bins {
	struct local_side side;
	size_t bytes;  /* [o] of all pieces in them                          */
	size_t budget; /* [o] bytes: what they may hold                      */
	unsigned slow; /* [o] requests that the room served since they were
			  flushed                                            */
	struct unit *lists[DEPOT_CLASSES]; /* [o] */
};

static inline struct bins *bins_of(const struct local *local)
{
	return (struct bins *)local->side;
}

/* A piece of tarn_palloc's from the bins, or NULL. Owner. */
static inline void *reuse_pop(struct local *local, size_t size)
{
	struct bins *bins = bins_of(local);
	struct unit **list, *unit;

	if (!TARN_LIKELY(bins != NULL && size - 1 < bins->side.most))
		return NULL;
	list = &bins->lists[(size - 1) / TARN_ALIGNMENT];
	unit = *list;
	if (!TARN_LIKELY(unit != NULL))
		return NULL;
	*list = unit->next;
	size = align_up(size, TARN_ALIGNMENT);
	bins->bytes -= size;
	local_add_given(local, size);
	return unit;
}

/* After a push: the room goes aside, and what is too much to the depot. */
void reuse_settle(struct local *local);

/* Puts memory of tarn_palloc into the bins; false: that takes more than a few
   stores. Owner. */
static inline bool reuse_push(struct local *local, void *ptr, size_t size)
{
	struct bins *bins = bins_of(local);
	struct unit *unit = ptr;

	if (bins == NULL || size - 1 >= bins->side.most || unit == NULL ||
	    ((uintptr_t)unit & (TARN_ALIGNMENT - 1)) != 0)
		return false;
	unit->next = bins->lists[(size - 1) / TARN_ALIGNMENT];
	bins->lists[(size - 1) / TARN_ALIGNMENT] = unit;
	size = align_up(size, TARN_ALIGNMENT);
	bins->bytes += size;
	local_add_given(local, -size);
	if (!TARN_LIKELY(local_is_out(local) && bins->bytes <= bins->budget))
		reuse_settle(local);
	return true;
}

/* Whether small memory was ever freed in the pool, since a reset. */
static inline bool reuse_is_active(const tarn_pool *pool)
{
	/* ORDER pool-freed (relaxed): a hint, publishes nothing; what was freed
	   is found under a mutex. Pairs with reuse_begin. */
	return atomic_load_explicit(&pool->freed, memory_order_relaxed);
}

/* From now on rests and misses look for it. */
static inline void reuse_begin(tarn_pool *pool)
{
	/* ORDER pool-freed (relaxed): a hint. Pairs with reuse_is_active. */
	atomic_store_explicit(&pool->freed, true, memory_order_relaxed);
}

/* An object of just these bytes from freed memory or NULL, errno untouched: the
   room is due. Of a pool where memory was freed, by the owner of `local`. */
void *reuse_take(struct local *local, size_t alignment, size_t size);

/* Before the room serves a request, and after it did so. */
void reuse_begin_room(struct local *local);
void reuse_end_room(struct local *local);

/* Memory from what was freed; false, errno untouched: there is none. `hard`:
   there is no other. */
bool reuse_claim(tarn_pool *pool, const struct wanted *wanted, bool hard,
		 struct chunk *chunk);

/* What a local pool has beside it, made now if it has nothing yet; NULL, errno
   untouched: there is no memory. Owner. */
struct local_side *reuse_side(struct local *local);

/* Takes [start, start + size) back, of any place and size; too small a piece
   is lost. `local`, the caller's, may be NULL. */
void reuse_give(tarn_pool *pool, struct local *local, char *start, size_t size);

/* As reuse_give, but handed out to nobody: a chunk, or what is one no more. */
void reuse_give_run(tarn_pool *pool, char *start, size_t size);

/* Bytes that were freed and that no thread has at hand. Any thread. */
size_t reuse_bytes(tarn_pool *pool);

/* Forgets all that was freed, before blocks are given back. Exclusive. */
void reuse_reset(tarn_pool *pool);

#endif
