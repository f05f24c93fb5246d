/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's own part of a pool: the original design, unsynchronised. Objects
 * come up from `last`, packed ones down from `end`; what a chunk has left when
 * it cannot serve a request is kept as a tail for smaller ones.
 */
#ifndef TARN_LOCAL_H
#define TARN_LOCAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "tarn.h"

#define LOCAL_TAILS 3

/* Bytes: the first chunk of a thread. Ten small objects. */
#define LOCAL_FIRST_CHUNK ((size_t)320)

/* Bytes: all that a block has. What a thread claims that is alone. */
#define LOCAL_ALL ((size_t)PTRDIFF_MAX)

/* Room to allocate from: [last, end), `last` aligned for every type. */
struct room {
	char *last;
	char *end;
};

/* What marks of a local pool are open: see rewind.h. */
struct local_marks {
	uint32_t depth;              /* [o] marks open                        */
	char *floor;                 /* [o] `last` at the innermost           */
	struct marked_chunk *chunks; /* [o] claimed since the outermost       */
	size_t large;                /* [o] large objects since the outermost */
	size_t cleanups;             /* [o] registered since the outermost    */
};

/* What only some local pools need: reuse.c makes it, in lasting memory. */
struct local_side {
	struct room aside; /* [o] the room, while freed memory goes before it */
	struct local_marks marks;
	bool lasting; /* [c] else it ends at reset */
};

static inline void local_side_init(struct local_side *side)
{
	*side = (struct local_side){.lasting = side->lasting};
}

/*
 * Two lines: what inline code knows stands first, and of its reserved words
 * the library makes its own use. The first line is written at each hit.
 */
struct local {
	union {
		tarn_local hot; /* [o] last and end: others read */
		struct {
			void *known[3];          /* last, end and max        */
			struct tarn_pool *pool;  /* [c]                      */
			struct local *next;      /* [l] pool mutex: the rest */
			char *chunk_end;         /* [o] end, before packed   */
			struct local_side *side; /* [o] NULL: not needed yet */
			_Atomic size_t given;    /* [o] bytes handed out, and
						    the room; others read    */
		};
	};
	/* [o] odd while last, end and given do not fit together; others read */
	_Atomic uint32_t changes;
	uint32_t claimed;               /* [o] units since a reset, or most */
	struct claimer claimer;         /* [o] */
	struct room tails[LOCAL_TAILS]; /* [o] */
};

/* What an empty local pool stands on: its own address, never NULL. */
static inline struct chunk local_nothing(struct local *local)
{
	return (struct chunk){(char *)local, (char *)local};
}

/* Bytes that it claimed since a reset, as far as the word reaches: 64 GiB. */
static inline void local_set_claimed(struct local *local, size_t bytes)
{
	local->claimed = (uint32_t)align_min(bytes / BLOCK_UNIT, UINT32_MAX);
}

static inline size_t local_claimed(const struct local *local)
{
	return local->claimed * BLOCK_UNIT;
}

/* How many marks of its thread are open. */
static inline uint32_t local_depth(const struct local *local)
{
	return local->side != NULL ? local->side->marks.depth : 0;
}

/* A local pool that no thread has used yet; `chunk` is its first, or nothing.
   Exclusive. */
static inline void local_init(struct local *local, struct tarn_pool *pool,
			      size_t max, struct chunk chunk)
{
	size_t size = (size_t)(chunk.end - chunk.start);

	local->hot.last = chunk.start;
	local->hot.end = chunk.end;
	local->hot.max = max;
	local->pool = pool;
	local->next = NULL;
	atomic_init(&local->given, size);
	atomic_init(&local->changes, 0);
	local->chunk_end = chunk.end;
	local_set_claimed(local, size);
	local->claimer.again = NULL;
	for (int i = 0; i < LOCAL_TAILS; i++)
		local->tails[i] = (struct room){chunk.end, chunk.end};
	local->side = NULL;
}

/* Bytes handed out, and the room. Owner. */
static inline size_t local_given(const struct local *local)
{
	/* ORDER local-change (relaxed): the owner reads what it wrote. */
	return atomic_load_explicit(&local->given, memory_order_relaxed);
}

/* Hands out so many more bytes that are not from the room. Owner. */
static inline void local_add_given(struct local *local, size_t size)
{
	/* ORDER local-change (relaxed): one of the three words alone, which
	   fits the others before and after. */
	atomic_store_explicit(&local->given, local_given(local) + size,
			      memory_order_relaxed);
}

/* Takes the room out of sight, so that each request is a miss; puts it back.
   Each does nothing where it is so already. Owner. */
void local_set_aside(struct local *local);
void local_put_back(struct local *local);

/* Takes all memory from it but `chunk`, its first, or nothing. Exclusive. */
void local_reset(struct local *local, struct chunk chunk);

/* Bytes of a chunk that serves any such request; `size` is at most
   UPSTREAM_SMALL_MOST. */
size_t local_need(size_t alignment, size_t size);

/* Rests that are not worth to be kept, or were pushed out by larger ones. */
struct lost {
	struct room gap;  /* above an object of wide alignment */
	struct room rest; /* of a chunk                        */
};

/* An object from the room at hand or the kept tails, or NULL. Owner. */
void *local_take(struct local *local, size_t alignment, size_t size,
		 struct lost *lost);

/* How many bytes it had better claim next. Owner. */
size_t local_want(const struct local *local, bool shared);

/* An object out of a chunk just claimed for it. Owner. */
void *local_take_chunk(struct local *local, struct chunk chunk,
		       size_t alignment, size_t size, struct lost *lost);

/*
 * Resizes the last object in place, or returns false; neither size is above
 * `max`. `ptr` is of tarn_palloc, of whichever thread. Owner.
 */
bool local_resize(struct local *local, void *ptr, size_t old_size,
		  size_t new_size);

/* Counts an object that came from elsewhere. Owner. */
void local_count(struct local *local, size_t size);

/* Bytes handed out; any thread. */
size_t local_handed_out(const struct local *local);

#endif
