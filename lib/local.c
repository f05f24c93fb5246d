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

#include <sched.h>

/* Bytes: the least that a thread claims after its first chunk. */
static const size_t local_least_chunk = 128;

/* Where threads share a pool, a claim brings this part of what the thread has:
   more would be left unused by each of them. */
static const size_t local_shared_part = 4;

/* Bytes: a smaller rest is not worth a look at each miss. */
static const size_t local_least_tail = 32;

/* ---- the three words that others read -------------------------------- */

static struct room local_room(const struct local *local)
{
	/* ORDER local-room (relaxed): the owner reads what it wrote. */
	return (struct room){
		__atomic_load_n(&local->hot.last, __ATOMIC_RELAXED),
		__atomic_load_n(&local->hot.end, __ATOMIC_RELAXED)};
}

static size_t local_given(const struct local *local)
{
	/* ORDER local-change (relaxed): the owner reads what it wrote. */
	return atomic_load_explicit(&local->given, memory_order_relaxed);
}

/* Sets all three; a reader between two of the stores sees `changes` odd. */
static void local_set(struct local *local, struct room room, size_t given)
{
	/* ORDER local-change (release): no store below may be seen without the
	   odd count before it, nor the even count without the stores; pairs
	   with local_handed_out. */
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
static bool local_try_handed_out(const struct local *local, size_t *bytes)
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

	*bytes = given - (size_t)(end - last);
	/* One test of all three, as no test of ours can fail each alone. */
	return ((changes & 1) | (changes ^ changes_again) |
		(uint32_t)(end != end_again)) == 0;
}

size_t local_handed_out(const struct local *local)
{
	size_t bytes;

	while (!local_try_handed_out(local, &bytes))
		sched_yield();
	return bytes;
}

void local_count(struct local *local, size_t size)
{
	local_set(local, local_room(local), local_given(local) + size);
}

/* ---- lifetime -------------------------------------------------------- */

void local_reset(struct local *local, struct chunk chunk)
{
	struct room room = {chunk.start, chunk.end};

	local->claimed = (size_t)(chunk.end - chunk.start);
	local->chunk_end = chunk.end;
	for (int i = 0; i < LOCAL_TAILS; i++)
		local->tails[i] = (struct room){chunk.end, chunk.end};
	local_set(local, room, local->claimed);
}

/* ---- room ------------------------------------------------------------ */

size_t local_need(size_t alignment, size_t size)
{
	/* No sum wraps: an alignment is at most half the address space. */
	if (alignment > BLOCK_LINE)
		size += alignment - BLOCK_LINE;
	return align_up(size, TARN_ALIGNMENT);
}

static size_t room_size(struct room room)
{
	return (size_t)(room.end - room.last);
}

/* As the inline calls do it; `size` and `alignment` are small. */
static void *room_take(struct room *room, size_t alignment, size_t size)
{
	char *object = room->end - size;

	if (alignment == TARN_ALIGNMENT) {
		if (align_up(size, TARN_ALIGNMENT) > room_size(*room))
			return NULL;
		object = room->last;
		room->last += align_up(size, TARN_ALIGNMENT);
		return object;
	}
	object -= (uintptr_t)object & (alignment - 1);
	if (object < room->last)
		return NULL;
	room->end = object;
	return object;
}

static void local_keep_tail(struct local *local, struct room tail)
{
	struct room *smallest = &local->tails[0];

	if (room_size(tail) < local_least_tail)
		return;
	for (int i = 1; i < LOCAL_TAILS; i++)
		if (room_size(local->tails[i]) < room_size(*smallest))
			smallest = &local->tails[i];
	if (room_size(tail) > room_size(*smallest))
		*smallest = tail;
}

/*
 * An object and what it takes. The gap that a wide alignment leaves above the
 * object is kept as a tail.
 */
static char *local_carve(struct local *local, struct room *room,
			 size_t alignment, size_t size, size_t *taken)
{
	size_t before = room_size(*room), used = align_up(size, TARN_ALIGNMENT);
	char *end = room->end;
	char *object = room_take(room, alignment, size);

	if (object == NULL)
		return NULL;
	*taken = before - room_size(*room);
	if (alignment > BLOCK_LINE && *taken >= used + local_least_tail) {
		struct room gap = {object + used, end};

		gap.end -= (uintptr_t)gap.end & (TARN_ALIGNMENT - 1);
		local_keep_tail(local, gap);
		*taken = used;
	}
	return object;
}

/* ---- requests -------------------------------------------------------- */

static bool local_has_tail(const struct local *local, size_t size)
{
	size_t most = 0;

	for (int i = 0; i < LOCAL_TAILS; i++)
		most = align_max(most, room_size(local->tails[i]));
	return most >= size;
}

/* An object from the kept tails, or NULL. */
static char *local_take_tail(struct local *local, size_t alignment, size_t size)
{
	char *object = NULL;
	size_t taken;

	for (int i = 0; i < LOCAL_TAILS && object == NULL; i++)
		if (room_size(local->tails[i]) >= size)
			object = local_carve(local, &local->tails[i], alignment,
					     size, &taken);
	if (object != NULL)
		local_set(local, local_room(local), local_given(local) + taken);
	return object;
}

void *local_take(struct local *local, size_t alignment, size_t size)
{
	struct room room = local_room(local);
	size_t before = room_size(room), taken;
	char *object = NULL;

	if (before >= size)
		object = local_carve(local, &room, alignment, size, &taken);
	if (object == NULL)
		return local_has_tail(local, size)
			       ? local_take_tail(local, alignment, size)
			       : NULL;
	local_set(local, room,
		  local_given(local) - (before - room_size(room) - taken));
	return object;
}

size_t local_want(const struct local *local, bool shared)
{
	if (local->claimed == 0)
		return LOCAL_FIRST_CHUNK;
	return shared ? align_max(local->claimed / local_shared_part,
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

/*
 * Of what is left of the old chunk and of the new one the larger stays, so
 * that an outlier does not cost the room that smaller requests can use.
 */
void *local_take_chunk(struct local *local, struct chunk chunk,
		       size_t alignment, size_t size)
{
	struct room old = local_room(local), fresh = {chunk.start, chunk.end};
	size_t given = local_given(local) - room_size(old), taken = 0;
	char *object;

	if (local_extends(local, chunk)) {
		fresh.last = old.last;
		old.last = old.end;
	}
	object = local_carve(local, &fresh, alignment, size, &taken);
	given += taken;
	local->claimed += (size_t)(chunk.end - chunk.start);
	if (room_size(old) > room_size(fresh)) {
		local_keep_tail(local, fresh);
		fresh = old;
	} else {
		local_keep_tail(local, old);
		local->chunk_end = chunk.end;
	}
	local_set(local, fresh, given + room_size(fresh));
	return object;
}

bool local_resize(struct local *local, void *ptr, size_t old_size,
		  size_t new_size)
{
	struct room room = local_room(local);
	size_t size = align_up(old_size, TARN_ALIGNMENT);
	/* Rounded, for packed objects may leave `end` unaligned. */
	size_t resized = align_up(new_size, TARN_ALIGNMENT);

	if ((char *)ptr + size != room.last || resized > size + room_size(room))
		return false;
	room.last = (char *)ptr + resized;
	local_set(local, room, local_given(local));
	return true;
}
