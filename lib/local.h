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

/*
 * Two lines: what inline code knows stands first, and of its reserved words
 * the library makes its own use. The first line is written at each hit.
 */
struct local {
	union {
		tarn_local hot; /* [o] last and end: others read */
		struct {
			void *known[3];         /* last, end and max        */
			struct tarn_pool *pool; /* [c]                      */
			struct local *next;     /* [l] pool mutex: the rest */
			char *chunk_end;        /* [o] end, before packed   */
			size_t claimed;         /* [o] bytes since a reset  */
			_Atomic size_t given;   /* [o] bytes handed out, and
						   the room; others read    */
		};
	};
	/* [o] odd while last, end and given do not fit together; others read */
	_Atomic uint32_t changes;
	struct claimer claimer;         /* [o] */
	struct room tails[LOCAL_TAILS]; /* [o] */
};

/* What an empty local pool stands on: its own address, never NULL. */
static inline struct chunk local_nothing(struct local *local)
{
	return (struct chunk){(char *)local, (char *)local};
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
	local->claimed = size;
	local->claimer.again = NULL;
	for (int i = 0; i < LOCAL_TAILS; i++)
		local->tails[i] = (struct room){chunk.end, chunk.end};
}

/* Takes all memory from it but `chunk`, its first, or nothing. Exclusive. */
void local_reset(struct local *local, struct chunk chunk);

/* Bytes of a chunk that serves any such request; `size` is at most
   UPSTREAM_SMALL_MOST. */
size_t local_need(size_t alignment, size_t size);

/* An object from the room at hand or the kept tails, or NULL. Owner. */
void *local_take(struct local *local, size_t alignment, size_t size);

/* How many bytes it had better claim next. Owner. */
size_t local_want(const struct local *local, bool shared);

/* An object out of a chunk just claimed for it. Owner. */
void *local_take_chunk(struct local *local, struct chunk chunk,
		       size_t alignment, size_t size);

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
