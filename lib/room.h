/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Room: the bytes between two addresses, and how an object comes out of them:
 * up from the front where both its size and alignment are as for every type,
 * down from the end where they are not. No more than that: whose the room is,
 * and who else reads of it, is local.h's.
 *
 * Invariants: last <= end, `last` aligned for every type; what does not fit
 * leaves the room as it was.
 */
#ifndef TARN_ROOM_H
#define TARN_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include "align.h"
#include "tarn.h"
#include "unit.h"

/* Room to allocate from: [last, end), `last` aligned for every type. */
struct room {
	char *last;
	char *end;
};

static inline size_t room_size(struct room room)
{
	return (size_t)(room.end - room.last);
}

/* As the inline calls do it, in just these bytes; `size` and `alignment` are
   small, and there are so many bytes. */
static inline char *room_take(struct room *room, size_t alignment, size_t size)
{
	char *object = room->end - size;

	if (alignment == TARN_ALIGNMENT && (size & (TARN_ALIGNMENT - 1)) == 0) {
		object = room->last;
		room->last += size;
		return object;
	}
	object -= (uintptr_t)object & (alignment - 1);
	if (object < room->last)
		return NULL;
	room->end = object;
	return object;
}

/* The same, save that what is left above an object that comes down, and in the
   room, is nothing or a unit at least. */
static inline char *room_take_neatly(struct room *room, size_t alignment,
				     size_t size)
{
	struct room left = *room;
	char *object = room_take(&left, alignment, size);
	size_t above;

	if (object == NULL)
		return NULL;
	above = room_size(*room) - room_size(left) - size;
	if (above != 0 && above < UNIT_LEAST) {
		size_t step = align_max(alignment, UNIT_LEAST);

		if (room_size(left) < step)
			return NULL;
		left.end = object -= step;
	}
	if (room_size(left) != 0 && room_size(left) < UNIT_LEAST)
		return NULL;
	*room = left;
	return object;
}

#endif
