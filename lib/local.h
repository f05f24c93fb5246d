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

#include "birth.h"
#include "cursor.h"
#include "ledger.h"
#include "room.h"
#include "tarn.h"

#define LOCAL_TAILS 3

/* Bytes: the first chunk of a thread. Ten small objects. */
#define LOCAL_FIRST_CHUNK ((size_t)320)

/* Bytes: all that a block has. What a thread claims that is alone. */
#define LOCAL_ALL ((size_t)PTRDIFF_MAX)

/* At the front of a chunk that was claimed within a mark. */
struct marked_chunk {
	struct marked_chunk *next; /* the one claimed before             */
	char *end;                 /* of the chunk                       */
	char *floor;               /* of the marks, as it was before     */
	char *chunk_end;           /* of the room's, as it was before    */
	size_t given;              /* by how much the claim increased it */
};

/* Bytes in front of such a chunk: a line, as chunks begin on lines. */
#define LOCAL_MARKED BLOCK_LINE

/* What marks of a local pool are open: see rewind.h. */
struct local_marks {
	uint32_t depth; /* [o] marks open */
	union {
		uint32_t births; /* [o] 0: a rewind need not look for any */
		struct {
			/* [o] the depth of the deepest, or 0: there is none */
			uint16_t large, cleanups;
		};
	};
	char *floor; /* [o] what stands below it in the room was there before
			the innermost mark; NULL: no mark */
	struct marked_chunk *chunks; /* [o] claimed since the outermost   */
	struct room outer;           /* [o] the room at the outermost     */
};

/* Of births: there may be some, within any number of marks. */
#define LOCAL_BIRTHS_ANY UINT16_MAX

/* What only some local pools need: reuse.c makes it, in lasting memory. */
struct local_side {
	struct room aside; /* [o] the room, while freed memory goes before it */
	struct local_marks marks;
	size_t most;  /* [o] bytes: larger requests pass freed memory by, and
			 all do while a mark is open: 0 */
	bool lasting; /* [c] else it ends at reset */
};

/* Forgets the room and the marks. */
static inline void local_side_init(struct local_side *side, size_t most,
				   bool lasting)
{
	*side = (struct local_side){.most = most, .lasting = lasting};
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
			struct ledger ledger;    /* [a] chunks claimed       */
			char *chunk_end;         /* [o] end, before packed;
						    odd: see cut.h           */
			struct local_side *side; /* [o] NULL: not needed yet */
			_Atomic size_t given;    /* [o] bytes handed out, and
						    the room; others read    */
		};
	};
	/* [o] odd while last, end and given do not fit together; others read */
	_Atomic uint32_t changes;
	uint32_t claimed;               /* [o] units since a reset, or most */
	struct claimer claimer;         /* [o] */
	struct room tails[LOCAL_TAILS]; /* [o] others read */
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

/* What of the room stands below it was there before the innermost mark. */
static inline const char *local_floor(const struct local *local)
{
	return local->side != NULL ? local->side->marks.floor : NULL;
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
	ledger_init(&local->ledger);
	atomic_init(&local->given, size);
	atomic_init(&local->changes, 0);
	local->chunk_end = chunk.end;
	local_set_claimed(local, size);
	local->claimer.again = NULL;
	for (int i = 0; i < LOCAL_TAILS; i++)
		local->tails[i] = (struct room){chunk.end, chunk.end};
	local->side = NULL;
}

/* Whether nothing is left of the room at hand, or it is aside. Owner. */
static inline bool local_is_out(const struct local *local)
{
	/* ORDER local-room (relaxed): the owner reads what it wrote. */
	return __atomic_load_n(&local->hot.last, __ATOMIC_RELAXED) ==
	       __atomic_load_n(&local->hot.end, __ATOMIC_RELAXED);
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

/* The room at hand. Owner. */
static inline struct room local_room(const struct local *local)
{
	/* ORDER local-room (relaxed): the owner reads what it wrote. */
	return (struct room){
		__atomic_load_n(&local->hot.last, __ATOMIC_RELAXED),
		__atomic_load_n(&local->hot.end, __ATOMIC_RELAXED)};
}

/* Sets last, end and given, which others read, as one. Owner. */
void local_set(struct local *local, struct room room, size_t given);

/* Takes the room out of sight, so that each request is a miss; puts it back.
   Each does nothing where it is so already. Owner. */
void local_set_aside(struct local *local);
void local_put_back(struct local *local);

/* How deep within marks something was born, where it is noted that there is
   such a thing: of so many marks it tells no more. */
static inline uint16_t births_note(uint16_t deepest, struct birth birth)
{
	return (uint16_t)align_min(align_max(deepest, birth.depth), UINT16_MAX);
}

/* Whether, by the note, there may be some within more than `depth` marks. */
static inline bool births_since(uint16_t deepest, uint32_t depth)
{
	return deepest > align_min(depth, UINT16_MAX - 1);
}

/* local_move_back, where `end` moves too. */
void local_move_back_slow(struct local *local, struct room room);

/* Makes the room what it was once in the same chunk. Owner. */
static inline void local_move_back(struct local *local, struct room room)
{
	/* ORDER local-room (relaxed): as a hit, but backwards. */
	char *end = __atomic_load_n(&local->hot.end, __ATOMIC_RELAXED);

	if (TARN_LIKELY(room.end == end))
		__atomic_store_n(&local->hot.last, room.last, __ATOMIC_RELAXED);
	else
		local_move_back_slow(local, room);
}

/* Makes the room what it was once, before the chunks above `chunks` were
   claimed. Returns those, as a list. Owner. */
struct marked_chunk *local_leave_chunks(struct local *local, struct room room,
					struct marked_chunk *chunks);

/* Takes all memory from it but `chunk`, its first, or nothing. Exclusive. */
void local_reset(struct local *local, struct chunk chunk);

/* Bytes of a chunk that serves any such request, where no mark is open; `size`
   is at most UPSTREAM_SMALL_MOST. */
size_t local_need(size_t alignment, size_t size);

/* Rests that are not worth to be kept, or were pushed out by larger ones. */
struct lost {
	bool neat;        /* given: whether they are freed, and so to be 0 or
			     UNIT_LEAST bytes at least, if that can be */
	struct room gap;  /* above an object of wide alignment */
	struct room rest; /* of a chunk                        */
};

/* Keeps a rest as a tail. Returns what is not kept: it, or a smaller one that
   it pushed out. Owner. */
struct room local_keep_tail(struct local *local, struct room tail);

/* An object from the room at hand or, but within a mark, the kept tails; or
   NULL. Owner. */
void *local_take(struct local *local, size_t alignment, size_t size,
		 struct lost *lost);

/* How many bytes it had better claim next. Owner. */
size_t local_want(const struct local *local, bool shared);

/* An object out of a chunk just claimed for it, of LOCAL_MARKED bytes more
   within a mark. Owner. */
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

/* Bytes handed out, and the room at hand; any thread. */
struct local_seen {
	size_t handed_out;
	struct room room;
};
struct local_seen local_see(const struct local *local);
size_t local_handed_out(const struct local *local);

/* One of the LOCAL_TAILS kept tails, or what was none at any time: then it may
   reach over more than one chunk, or end before it begins. Any thread. */
struct room local_tail(const struct local *local, int i);

#endif
