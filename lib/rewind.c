/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rewinding: see rewind.h.
 *
 * Invariants: the room of an open mark's moment is a part of the chunk that is
 * its; the chunks claimed since are those above its head in the list; `floor`
 * is in the room at hand, at the front of what was added there since the
 * innermost mark. What fits none of it is no open mark, and is ignored.
 */
#include "config.h"

#include "rewind.h"

#include "reuse.h"
#include "sample.h"
#include "watch.h"

/* What a tarn_mark holds. */
struct __attribute__((may_alias)) mark {
	const struct local *local;
	struct room room;
	struct marked_chunk *chunks; /* the newest, at the time */
	char *floor;                 /* as it was before        */
	uint32_t depth;              /* marks around this one   */
	uint32_t most;               /* as it was before        */
	size_t given; /* of the local pool, where the pool is watched */
};

_Static_assert(sizeof(struct mark) <= sizeof(tarn_mark),
	       "a mark is by value: its size is for ever");

/* [o] Of the marks in pools that are watched: they have no room to be known by,
   since each request is a miss. */
static TARN_TLS uintptr_t mark_serial;

/* ---- marks ----------------------------------------------------------- */

/* Whether it is the innermost, and there is nothing to do but to move back. No
   room of another local pool can begin where this one's does. */
static bool mark_is_plain(const struct mark *mark, const struct local *local)
{
	const struct local_marks *marks = &local->side->marks;

	return mark->room.last == marks->floor &&
	       mark->chunks == marks->chunks &&
	       mark->depth + 1 == marks->depth && marks->births == 0;
}

/* The same of any mark, as far as it can be seen: what is between it and the
   innermost is known by their number alone. */
static bool mark_is_open(const struct mark *mark, const struct local *local)
{
	const struct local_marks *marks = &local->side->marks;
	const struct marked_chunk *chunk = marks->chunks;
	const char *floor = marks->floor;

	if (mark->local != local || mark->depth >= marks->depth)
		return false;
	for (; chunk != mark->chunks && chunk != NULL; chunk = chunk->next)
		floor = chunk->floor;
	if (chunk != mark->chunks)
		return false;
	if (mark->depth + 1 == marks->depth)
		return floor == mark->room.last;
	return mark->depth != 0 || (marks->outer.last == mark->room.last &&
				    marks->outer.end == mark->room.end);
}

/* A mark of what the room is. */
static inline tarn_mark mark_make(struct local *local)
{
	struct local_marks *marks = &local->side->marks;
	tarn_mark value;
	struct mark *mark = (struct mark *)&value;

	mark->local = local;
	mark->room.last = local->hot.last;
	mark->room.end = local->hot.end;
	mark->chunks = marks->chunks;
	mark->floor = marks->floor;
	mark->depth = marks->depth;
	mark->most = (uint32_t)local->side->most;
	local->side->most = 0;
	if (marks->depth++ == 0)
		marks->outer = mark->room;
	marks->floor = mark->room.last;
	return value;
}

/* Its room stands for a serial number. What is known of births makes each
   rewind of it a slow one. */
static tarn_mark mark_watched(struct local *local, const void *caller)
{
	struct watch_call call WATCH_UNTIL_END =
		watch_begin(local->pool, caller, WATCH_AS_IT_IS);
	struct local_marks *marks = &local->side->marks;
	tarn_mark value;
	struct mark *mark = (struct mark *)&value;

	watch_local(local->pool, local);
	value = mark_make(local);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): no address is meant */
	mark->room.last = mark->room.end = (char *)++mark_serial;
	mark->given = local_given(local);
	marks->floor = mark->room.last;
	if (marks->depth == 1)
		marks->outer = mark->room;
	marks->large = births_note(marks->large, pool_birth(local));
	return value;
}

/* The first of a thread in a pool, or freed memory goes before the room, or
   there is none at hand. */
static __attribute__((noinline)) tarn_mark mark_slow(struct local *local,
						     const void *caller)
{
	if (reuse_side(local) == NULL)
		return (tarn_mark){{NULL}};
	if (source_is_watched(&local->pool->source))
		return mark_watched(local, caller);
	reuse_begin_room(local);
	return mark_make(local);
}

tarn_mark tarn_local_mark(tarn_local *local)
{
	struct local *whole = (struct local *)local;

	return TARN_LIKELY(local->last != local->end && whole->side != NULL)
		       ? mark_make(whole)
		       : mark_slow(whole, __builtin_return_address(0));
}

/* ---- what a rewind ends ---------------------------------------------- */

static void rewind_cleanups(tarn_pool *pool, struct local *local,
			    uint32_t depth)
{
	struct tarn_cleanup *node;

	while ((node = cleanup_take_since(&pool->cleanups, slot_name(),
					  depth)) != NULL)
		node->fn(node->data);
	local->side->marks.cleanups =
		(uint16_t)align_min(local->side->marks.cleanups, depth);
}

static void rewind_large(tarn_pool *pool, struct local *local, uint32_t depth)
{
	struct large_use use = pool_large_use(pool);

	/* Before another thread may have such memory, and sample it. */
	if (sample_is_on(pool))
		sample_free_since(pool, depth);
	large_rewind(&pool->large, &use, slot_name(), depth);
	local->side->marks.large =
		(uint16_t)align_min(local->side->marks.large, depth);
}

static size_t chunk_size(const struct marked_chunk *chunk)
{
	return (size_t)(chunk->end - (const char *)chunk);
}

/* Makes a chunk the room, where no mark is open. */
static void rewind_keep(tarn_pool *pool, struct local *local,
			struct chunk chunk)
{
	struct lost lost = {false, {NULL, NULL}, {NULL, NULL}};

	local_take_chunk(local, chunk, TARN_ALIGNMENT, 0, &lost);
	if (reuse_is_active(pool))
		reuse_give_run(pool, lost.rest.last, room_size(lost.rest));
}

/*
 * Gives back the chunks of a list. Where no mark is open any more the largest
 * is kept, if it has more than `most`, bytes of the room at hand: or the next
 * mark would be followed by a claim again.
 */
static void rewind_chunks(tarn_pool *pool, struct local *local,
			  struct marked_chunk *left, size_t most)
{
	struct marked_chunk *kept = NULL, *next;

	for (struct marked_chunk *chunk = left; chunk != NULL; chunk = next) {
		struct marked_chunk *given = chunk;

		next = chunk->next;
		if (local->side->marks.depth == 0 && chunk_size(chunk) > most) {
			most = chunk_size(chunk);
			given = kept;
			kept = chunk;
		}
		if (given != NULL)
			reuse_give_run(pool, (char *)given, chunk_size(given));
	}
	if (kept != NULL)
		rewind_keep(pool, local,
			    (struct chunk){(char *)kept, kept->end});
}

static void rewind_room(tarn_pool *pool, struct local *local,
			const struct mark *mark)
{
	struct local_marks *marks = &local->side->marks;
	struct marked_chunk *left =
		local_leave_chunks(local, mark->room, mark->chunks);

	marks->depth = mark->depth;
	marks->floor = mark->floor;
	local->side->most = mark->most;
	if (sample_is_on(pool))
		sample_rewind(local);
	/* Not the mark's, which may have been cut. */
	rewind_chunks(pool, local, left, room_size(local_room(local)));
}

/* Of a pool that is watched. */
static void rewind_objects(tarn_pool *pool, struct local *local,
			   const struct mark *mark)
{
	size_t given;

	if (!watch_rewind(pool, mark->depth, &given))
		given = local_given(local) - mark->given;
	local_add_given(local, -given);
	local->side->marks.depth = mark->depth;
	local->side->marks.floor = mark->floor;
	local->side->most = mark->most;
	if (sample_is_on(pool))
		sample_rewind(local);
}

/* Ends what has a birth; false: the mark is not open, or not any more. */
static bool rewind_births(tarn_pool *pool, struct local *local,
			  const struct mark *mark)
{
	if (!mark_is_open(mark, local))
		return false;
	if (births_since(local->side->marks.cleanups, mark->depth))
		rewind_cleanups(pool, local, mark->depth);
	/* One of them may have come here itself. */
	if (!mark_is_open(mark, local))
		return false;
	if (births_since(local->side->marks.large, mark->depth))
		rewind_large(pool, local, mark->depth);
	return true;
}

static void rewind_watched(struct local *local, const struct mark *mark,
			   const void *caller)
{
	tarn_pool *pool = local->pool;
	struct watch_call call WATCH_UNTIL_END =
		watch_begin(pool, caller, WATCH_AS_IT_IS);

	watch_local(pool, local);
	if (!mark_is_open(mark, local))
		watch_blame(pool, "rewound to a mark that has ended, or is "
				  "not of this tarn_local");
	else if (rewind_births(pool, local, mark))
		rewind_objects(pool, local, mark);
}

static __attribute__((noinline)) void
rewind_slow(struct local *local, const struct mark *mark, const void *caller)
{
	tarn_pool *pool = local->pool;

	if (source_is_watched(&pool->source)) {
		rewind_watched(local, mark, caller);
	} else if (rewind_births(pool, local, mark)) {
		rewind_room(pool, local, mark);
		if (sample_is_on(pool))
			sample_room(local);
		reuse_end_room(local);
	}
}

static inline void rewind_local(struct local *local, const struct mark *mark)
{
	/* Without it none is open. */
	if (local->side == NULL)
		return;
	if (!TARN_LIKELY(mark_is_plain(mark, local))) {
		rewind_slow(local, mark, __builtin_return_address(0));
		return;
	}
	local->side->marks.depth = mark->depth;
	local->side->marks.floor = mark->floor;
	local->side->most = mark->most;
	local_move_back(local, mark->room);
	if (bins_of(local)->bytes != 0)
		reuse_end_room(local);
}

void tarn_local_rewind(tarn_local *local, tarn_mark mark)
{
	rewind_local((struct local *)local, (const struct mark *)&mark);
}

/* ---- what is covered ------------------------------------------------- */

bool rewind_covers(const struct local *local, const void *ptr)
{
	const struct marked_chunk *chunk;
	const struct room *outer;
	const char *at = ptr;

	if (TARN_LIKELY(local_depth(local) == 0))
		return false;
	outer = &local->side->marks.outer;
	if (at >= outer->last && at < outer->end)
		return true;
	chunk = local->side->marks.chunks;
	while (chunk != NULL && (at < (const char *)chunk || at >= chunk->end))
		chunk = chunk->next;
	return chunk != NULL;
}
