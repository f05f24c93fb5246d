/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard of the large list: a hash table of objects by address, under a mutex
 * of its own. A few entries have room inside the shard, so that few objects
 * need no table.
 *
 * An object is listed, or detached while it is resized: then it is in no table,
 * so that nobody else finds it, but counted, and its place is kept.
 */
#ifndef TARN_SHARD_H
#define TARN_SHARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "birth.h"
#include "block.h"
#include "mutex.h"

/* Entries that a shard has room for before it takes memory. */
#define LARGE_FEW 4

struct large_entry {
	void *object; /* NULL: empty                                      */
	size_t size;  /* bytes asked for, rounded up                      */
	size_t held;  /* bytes, as block_take gave them                   */
	struct birth birth;
};

struct large_shard {
	struct mutex mutex;
	struct large_entry *entries; /* [l] open addressing, 3/4 full        */
	size_t capacity;             /* [l] a power of two                   */
	_Atomic size_t count;        /* [a] entries set, written under mutex */
	size_t reserved;             /* [l] places promised                  */
	size_t table_held;           /* [l] bytes of `entries`, if not `few` */
	size_t size;                 /* [l] bytes asked for, of all entries  */
	size_t held;                 /* [l] bytes held, of all entries       */
	struct large_entry few[LARGE_FEW];
};

/* Where an allocation comes from, and for whom. */
struct large_use {
	struct block_cache *cache;
	const struct source *source;
	bool at_home; /* the calling thread owns the first local pool */
};

struct large_figures {
	size_t size, held, count;
	size_t overhead; /* bytes of tables and shards */
};

/* Tables use its middle, the choice of a shard its top. */
static inline uint64_t shard_hash(const void *object)
{
	return (uint64_t)((uintptr_t)object / TARN_ALIGNMENT) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

/* Gives back an object that is in no table any more. */
static inline void entry_give(const struct large_entry *entry,
			      const struct large_use *use)
{
	if (use->source->watched != 0)
		mark_take(use->source->watched, use->source, entry->object,
			  entry->size);
	block_give(use->cache, use->source, entry->object, entry->held);
}

static inline size_t shard_count(const struct large_shard *shard)
{
	/* ORDER large-count (relaxed): whoever has an object had it from the
	   thread that listed it, and so sees it counted: at 0 it is not here.
	   Pairs with shard_set_count. */
	return atomic_load_explicit(&shard->count, memory_order_relaxed);
}

static inline void shard_set_count(struct large_shard *shard, size_t count)
	MUTEX_HELD(shard->mutex)
{
	/* ORDER large-count (relaxed): written under the mutex. Pairs with
	   shard_count. */
	atomic_store_explicit(&shard->count, count, memory_order_relaxed);
}

static inline void shard_empty(struct large_shard *shard)
	MUTEX_HELD(shard->mutex)
{
	for (size_t i = 0; i < LARGE_FEW; i++)
		shard->few[i].object = NULL;
	shard->entries = shard->few;
	shard->capacity = LARGE_FEW;
	shard->table_held = shard->size = shard->held = 0;
	shard_set_count(shard, 0);
}

static inline void shard_init(struct large_shard *shard)
{
	mutex_init(&shard->mutex);
	shard->reserved = 0;
	shard_empty(shard);
}

/* Promises a place, so that a later shard_attach cannot fail. Any thread. */
bool shard_reserve(struct large_shard *shard, const struct large_use *use);

/* Lists an object; false: there is no memory for the table. Any thread. */
bool shard_add(struct large_shard *shard, const struct large_use *use,
	       const struct large_entry *entry);

/* Takes an object out of the table; it stays counted, its place kept. Any
   thread. */
bool shard_detach(struct large_shard *shard, const void *object,
		  struct large_entry *entry);

/* Lists at home what was detached from `from`, in one step for statistics.
   Where `from` is another shard, home has promised a place. Any thread. */
void shard_attach(struct large_shard *home, struct large_shard *from,
		  const struct large_entry *was,
		  const struct large_entry *entry);

/* Lists what was detached where it was. Any thread. */
void shard_put_back(struct large_shard *from, const struct large_entry *entry);

/* Takes an object out of the table, and it is no longer counted. Any thread. */
bool shard_remove(struct large_shard *shard, const void *object,
		  struct large_entry *entry);

/* What is listed of an object; false if it is not here. Any thread. */
bool shard_look(struct large_shard *shard, const void *object,
		struct large_entry *entry);

/* Exchanges the births of an object and of `entry`. Any thread. */
bool shard_swap_birth(struct large_shard *shard, const void *object,
		      struct large_entry *entry);

void shard_rewind_slow(struct large_shard *shard, const struct large_use *use,
		       uint32_t slot, uint32_t depth);

/* As large_rewind, of this shard. */
static inline void shard_rewind(struct large_shard *shard,
				const struct large_use *use, uint32_t slot,
				uint32_t depth)
{
	/* What this thread listed it sees counted. */
	if (shard_count(shard) != 0)
		shard_rewind_slow(shard, use, slot, depth);
}

/* Frees all objects and the table. Exclusive. */
void shard_reset(struct large_shard *shard, const struct large_use *use);

/* Adds this shard's to `figures`. */
void shard_sum_locked(const struct large_shard *shard,
		      struct large_figures *figures) MUTEX_HELD(shard->mutex);

/* Calls see(with, entry) for each object listed. */
void shard_each_locked(const struct large_shard *shard,
		       void (*see)(void *with, const struct large_entry *entry),
		       void *with) MUTEX_HELD(shard->mutex);

#endif
