/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread's own part of a pool: see local.h.
 *
 * Invariants: last <= end, both in one chunk or both the local pool's own
 * address, never NULL; `last` and the tails' are aligned for every type;
 * handed out = given - (end - last) whenever `changes` is even; only the owner
 * writes.
 */
#include "local.h"

#include "thread.h"

/* Bytes: the least that a thread claims after its first chunk. */
static const size_t local_least_chunk = 128;

/* Where threads share a pool, a claim brings this part of what the thread has:
   more would be left unused by each of them. */
static const size_t local_shared_part = 5;

/* Bytes: a smaller rest is not worth a look at each miss. */
static const size_t local_least_tail = 32;

/* ---- the three words that others read -------------------------------- */

/* A reader between two of the stores sees `changes` odd. */
void local_set(struct local *local, struct room room, size_t given)
{
	/* ORDER local-change (release): no store below may be seen without the
	   odd count before it, nor the even count without the stores; pairs
	   with local_try_see. */
	uint32_t changes =
		atomic_load_explicit(&local->changes, memory_order_relaxed);

	atomic_store_explicit(&local->changes, changes + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&local->given, given, memory_order_release);
	__atomic_store_n(&local->hot.last, room.last, __ATOMIC_RELEASE);
	__atomic_store_n(&local->hot.end, room.end, __ATOMIC_RELEASE);
	/* ORDER local-change (release): see above. */
	atomic_store_explicit(&local->changes, changes + 2,
			      memory_order_release);
}

/* False where the owner was in the middle of something. */
static bool local_try_see(const struct local *local, struct local_seen *seen)
{
	/* ORDER local-change (acquire): each load before the next, the even
	   count before all; pairs with local_set. A hit moves one of last and
	   end: `end` the same twice means that both were true at once, save on
	   a machine that shows two of the owner's hits in another order, where
	   the figure may miss the earlier. */
	uint32_t changes =
		atomic_load_explicit(&local->changes, memory_order_acquire);
	size_t given =
		atomic_load_explicit(&local->given, memory_order_acquire);
	char *end = __atomic_load_n(&local->hot.end, __ATOMIC_ACQUIRE);
	char *last = __atomic_load_n(&local->hot.last, __ATOMIC_ACQUIRE);
	/* ORDER local-change (acquire): see above. */
	char *end_again = __atomic_load_n(&local->hot.end, __ATOMIC_ACQUIRE);
	uint32_t changes_again =
		atomic_load_explicit(&local->changes, memory_order_relaxed);

	*seen = (struct local_seen){given - (size_t)(end - last), {last, end}};
	/* One test of all three, as no test of ours can fail each alone. */
	return ((changes & 1) | (changes ^ changes_again) |
		(uint32_t)(end != end_again)) == 0;
}

struct local_seen local_see(const struct local *local)
{
	struct local_seen seen;

	while (!local_try_see(local, &seen))
		thread_yield();
	return seen;
}

size_t local_handed_out(const struct local *local)
{
	return local_see(local).handed_out;
}

void local_count(struct local *local, size_t size)
{
	local_set(local, local_room(local), local_given(local) + size);
}

/* ---- the tails, which others read, too ------------------------------- */

struct room local_tail(const struct local *local, int i)
{
	/* ORDER local-tail (relaxed): two words for a picture, each of which
	   was true; who reads them looks whether they fit. Pairs with
	   local_set_tail. */
	return (struct room){
		__atomic_load_n(&local->tails[i].last, __ATOMIC_RELAXED),
		__atomic_load_n(&local->tails[i].end, __ATOMIC_RELAXED)};
}

static void local_set_tail(struct local *local, int i, struct room tail)
{
	/* ORDER local-tail (relaxed): see local_tail. */
	__atomic_store_n(&local->tails[i].last, tail.last, __ATOMIC_RELAXED);
	__atomic_store_n(&local->tails[i].end, tail.end, __ATOMIC_RELAXED);
}

/* ---- the room out of sight ------------------------------------------- */

void local_set_aside(struct local *local)
{
	struct room room = local_room(local);

	if (room.last == room.end)
		return;
	local->side->aside = room;
	local_set(local, (struct room){room.last, room.last},
		  local_given(local) - room_size(room));
}

void local_put_back(struct local *local)
{
	struct room room = local->side->aside;

	if (room.last == room.end)
		return;
	local->side->aside = (struct room){NULL, NULL};
	local_set(local, room, local_given(local) + room_size(room));
}

/* ---- lifetime -------------------------------------------------------- */

void local_reset(struct local *local, struct chunk chunk)
{
	struct room room = {chunk.start, chunk.end};
	size_t size = (size_t)(chunk.end - chunk.start);

	local_set_claimed(local, size);
	local->chunk_end = chunk.end;
	for (int i = 0; i < LOCAL_TAILS; i++)
		local_set_tail(local, i, (struct room){chunk.end, chunk.end});
	ledger_reset(&local->ledger);
	if (local->side != NULL)
		local_side_init(local->side, local->side->most,
				local->side->lasting);
	local_set(local, room, size);
}

/* ---- room ------------------------------------------------------------ */

size_t local_need(size_t alignment, size_t size)
{
	/* No sum wraps: an alignment is at most half the address space. */
	if (alignment > BLOCK_LINE)
		size += alignment - BLOCK_LINE;
	return align_up(size, TARN_ALIGNMENT);
}

struct room local_keep_tail(struct local *local, struct room tail)
{
	struct room out = local_tail(local, 0);
	int smallest = 0;

	for (int i = 1; i < LOCAL_TAILS; i++)
		if (room_size(local_tail(local, i)) < room_size(out)) {
			smallest = i;
			out = local_tail(local, i);
		}
	if (room_size(tail) < local_least_tail ||
	    room_size(tail) <= room_size(out))
		return tail;
	local_set_tail(local, smallest, tail);
	return out;
}

/*
 * An object and what it takes. The gap that a wide alignment leaves above the
 * object is kept as a tail.
 */
static char *local_carve(struct local *local, struct room *room,
			 size_t alignment, size_t size, size_t *taken,
			 struct lost *lost)
{
	size_t before = room_size(*room), used = align_up(size, TARN_ALIGNMENT);
	char *end = room->end;
	char *object = room_take(room, alignment, size);

	if (object == NULL)
		return NULL;
	*taken = before - room_size(*room);
	/* Within a mark, a tail would outlive the rewind. */
	if (alignment > BLOCK_LINE && *taken >= used + local_least_tail &&
	    local_depth(local) == 0) {
		struct room gap = {object + used, end};

		gap.end -= (uintptr_t)gap.end & (TARN_ALIGNMENT - 1);
		lost->gap = local_keep_tail(local, gap);
		*taken = used;
	}
	return object;
}

/* The same where what is lost is freed. */
static char *local_carve_neatly(struct room *room, size_t alignment,
				size_t size, size_t *taken, struct lost *lost)
{
	struct room before = *room;
	char *object = room_take_neatly(room, alignment, size);

	*taken = size;
	if (object != NULL && object == room->end)
		lost->gap = (struct room){object + size, before.end};
	return object;
}

static char *local_carve_either(struct local *local, struct room *room,
				size_t alignment, size_t size, size_t *taken,
				struct lost *lost)
{
	return lost->neat
		       ? local_carve_neatly(room, alignment, size, taken, lost)
		       : local_carve(local, room, alignment, size, taken, lost);
}

/* ---- requests -------------------------------------------------------- */

static bool local_has_tail(const struct local *local, size_t size)
{
	size_t most = 0;

	for (int i = 0; i < LOCAL_TAILS && local_depth(local) == 0; i++)
		most = align_max(most, room_size(local_tail(local, i)));
	return most >= size;
}

/* An object from the kept tails, or NULL. */
static char *local_take_tail(struct local *local, size_t alignment, size_t size,
			     struct lost *lost)
{
	char *object = NULL;
	size_t taken;

	for (int i = 0; i < LOCAL_TAILS && object == NULL; i++) {
		struct room tail = local_tail(local, i);

		if (room_size(tail) < size)
			continue;
		/* A gap in it is smaller, and does not push it out. */
		object = local_carve_either(local, &tail, alignment, size,
					    &taken, lost);
		if (object != NULL)
			local_set_tail(local, i, tail);
	}
	if (object != NULL)
		local_set(local, local_room(local), local_given(local) + taken);
	return object;
}

void *local_take(struct local *local, size_t alignment, size_t size,
		 struct lost *lost)
{
	struct room room = local_room(local);
	size_t before = room_size(room), taken;
	char *object = NULL;

	if (before >= size)
		object = local_carve_either(local, &room, alignment, size,
					    &taken, lost);
	if (object == NULL)
		return local_has_tail(local, size)
			       ? local_take_tail(local, alignment, size, lost)
			       : NULL;
	local_set(local, room,
		  local_given(local) - (before - room_size(room) - taken));
	return object;
}

size_t local_want(const struct local *local, bool shared)
{
	if (local_claimed(local) == 0)
		return LOCAL_FIRST_CHUNK;
	return shared ? align_max(local_claimed(local) / local_shared_part,
				  local_least_chunk)
		      : LOCAL_ALL;
}

/* Whether `chunk` goes on where the current one ended, and no packed object
   stands between: then both are one room. */
static bool local_extends(const struct local *local, struct chunk chunk)
{
	return chunk.start == local->chunk_end &&
	       chunk.start == local_room(local).end;
}

/* Puts it before the others of the open marks, and leaves what is not header.
   Its part of `given` is known once the chunk is divided. */
static struct marked_chunk *local_list_chunk(struct local *local,
					     struct chunk *chunk)
{
	struct marked_chunk *listed = (struct marked_chunk *)chunk->start;
	struct local_marks *marks = &local->side->marks;

	*listed = (struct marked_chunk){marks->chunks, chunk->end, marks->floor,
					local->chunk_end, 0};
	marks->chunks = listed;
	chunk->start += LOCAL_MARKED;
	return listed;
}

/*
 * Of what is left of the old chunk and of the new one the larger stays, so
 * that an outlier does not cost the room that smaller requests can use.
 */
void *local_take_chunk(struct local *local, struct chunk chunk,
		       size_t alignment, size_t size, struct lost *lost)
{
	struct marked_chunk *listed = local_depth(local) != 0
					      ? local_list_chunk(local, &chunk)
					      : NULL;
	struct room old = local_room(local), fresh = {chunk.start, chunk.end},
		    rest;
	size_t given = local_given(local) - room_size(old), taken = 0;
	char *object = NULL;

	if (local_extends(local, chunk)) {
		fresh.last = old.last;
		old.last = old.end;
	}
	if (lost->neat)
		object = local_carve_neatly(&fresh, alignment, size, &taken,
					    lost);
	if (object == NULL)
		object = local_carve(local, &fresh, alignment, size, &taken,
				     lost);
	given += taken;
	if (room_size(old) > room_size(fresh)) {
		rest = fresh;
		fresh = old;
	} else {
		rest = old;
		/* Odd is what has a cut. */
		local->chunk_end = chunk.end - ((uintptr_t)chunk.end & 1);
		if (listed != NULL)
			local->side->marks.floor = chunk.start;
	}
	/* What is left within a mark comes back with the rewind. */
	if (listed == NULL)
		lost->rest = local_keep_tail(local, rest);
	given += room_size(fresh);
	if (listed != NULL)
		listed->given = given - local_given(local);
	local_set(local, fresh, given);
	return object;
}

void local_move_back_slow(struct local *local, struct room room)
{
	local_set(local, room, local_given(local));
}

struct marked_chunk *local_leave_chunks(struct local *local, struct room room,
					struct marked_chunk *chunks)
{
	struct local_marks *marks = &local->side->marks;
	struct marked_chunk *left = marks->chunks, **link = &left;
	size_t given = local_given(local);

	for (; *link != chunks; link = &(*link)->next) {
		given -= (*link)->given;
		local->chunk_end = (*link)->chunk_end;
	}
	*link = NULL;
	marks->chunks = chunks;
	local_set(local, room, given);
	return left;
}

bool local_resize(struct local *local, void *ptr, size_t old_size,
		  size_t new_size)
{
	struct room room = local_room(local);
	size_t size = align_up(old_size, TARN_ALIGNMENT);
	/* Rounded, for packed objects may leave `end` unaligned. */
	size_t resized = align_up(new_size, TARN_ALIGNMENT);

	/* What was there before a mark ends where the rewind goes back to. */
	if ((char *)ptr + size != room.last ||
	    resized > size + room_size(room) ||
	    (char *)ptr < local_floor(local))
		return false;
	room.last = (char *)ptr + resized;
	local_set(local, room, local_given(local));
	return true;
}
