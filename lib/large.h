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
#include "shard.h"

struct large {
	_Atomic(struct large_shard *) shards; /* [a] NULL until needed       */
	size_t shards_held;                   /* [c] once published          */
	struct large_shard home;
};

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
