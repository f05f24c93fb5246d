/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The large list: requests above `max`, each memory of its own, found by
 * address in tables under mutexes. Nothing is kept in front of an object, so
 * that a wild pointer is refused without a look at what it points to.
 *
 * The thread that owns the pool's first local pool lists at home, in a table
 * inside the pool; the others in shards by address, made when the first of
 * them comes, so that threads meet on a mutex only by chance.
 */
#ifndef TARN_LARGE_H
#define TARN_LARGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

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

struct large {
	_Atomic(struct large_shard *) shards; /* [a] NULL until needed       */
	size_t shards_held;                   /* [c] once published          */
	struct large_shard home;
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

static inline void large_init(struct large *large)
{
	atomic_init(&large->shards, NULL);
	large->shards_held = 0;
	shard_init(&large->home);
}

/* An object of its own, or NULL with ENOMEM. Any thread. */
void *large_alloc(struct large *large, const struct large_use *use,
		  struct birth birth, size_t alignment, size_t size);

/* Frees an object; false if it is not one of these. Any thread. */
bool large_free(struct large *large, const struct large_use *use, void *object);

/* Bytes asked for, rounded up, of an object; false if it is not one of these.
   Any thread. */
bool large_size(struct large *large, const struct large_use *use,
		const void *object, size_t *size);

/* Of an object; BIRTH_NONE if it is not one of these. Any thread. */
struct birth large_birth(struct large *large, const struct large_use *use,
			 const void *object);

/* Resizes, by upstream if need be; NULL, errno untouched: it cannot, and the
   object is as it was. `size` is no larger than half the address space. */
void *large_resize(struct large *large, const struct large_use *use,
		   void *object, size_t size);

/* Makes `object` as old as another one that it takes the place of. Nobody else
   may use either meanwhile. Any thread. */
void large_inherit(struct large *large, const struct large_use *use,
		   const void *from, const void *object);

/* Frees all that was allocated within more than `depth` marks of the calling
   thread, that of `slot`. */
void large_rewind(struct large *large, const struct large_use *use,
		  uint32_t slot, uint32_t depth);

/* Frees all objects and tables. Exclusive. */
void large_reset(struct large *large, const struct large_use *use);

/* As large_reset, and the shards too. Exclusive. */
void large_clear(struct large *large, const struct large_use *use);

/* Whether there is nothing that large_clear would free. Exclusive. */
static inline bool large_is_clear(const struct large *large)
{
	/* ORDER shards-publish (relaxed): exclusive. */
	return shard_count(&large->home) == 0 && large->home.table_held == 0 &&
	       atomic_load_explicit(&large->shards, memory_order_relaxed) ==
		       NULL;
}

/* Calls see(with, entry) for each object, with mutexes held. Any thread. */
void large_each(struct large *large, unsigned watched,
		void (*see)(void *with, const struct large_entry *entry),
		void *with);

/* For statistics; any thread. */
struct large_figures large_figures(struct large *large, unsigned watched);

#endif
