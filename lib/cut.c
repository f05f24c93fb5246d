/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts: see cut.h.
 *
 * Invariants: while `chunk_end` is odd there is a cut, one below it; those of
 * outer marks are found by the `chunk_end` that a cut, or a marked chunk,
 * keeps. What is out of sight is not in `given`, save what was cut within a
 * mark.
 */
#include "cut.h"

/* On a line, where no alignment of the inline calls leaves a gap. */
void cut_room(struct local *local, size_t bytes)
{
	struct room room = local_room(local);
	char *at = room.last + bytes;
	size_t given = local_given(local);

	at -= (uintptr_t)at & (BLOCK_LINE - 1);
	if ((size_t)(room.end - at) < sizeof(struct cut))
		at -= BLOCK_LINE;
	if ((uintptr_t)at < (uintptr_t)room.last)
		at = room.last;
	/* Within a mark it counts as handed out, as the rewind knows nothing
	   of it. */
	if (local_depth(local) == 0)
		given -= (size_t)(room.end - at);
	if ((size_t)(room.end - at) >= sizeof(struct cut)) {
		*(struct cut *)at = (struct cut){
			room.end, local->chunk_end,
			(size_t)(room.last + bytes - at), local_depth(local)};
		local->chunk_end = at + 1;
	}
	/* Too small a room is lost. */
	local_set(local, (struct room){room.last, at}, given);
}

struct room cut_join(struct local *local)
{
	struct cut *cut = cut_of(local);
	struct room old = local_room(local), whole, rest = {NULL, NULL};
	size_t given = local_given(local);

	if (cut == NULL || cut->depth != local_depth(local))
		return rest;
	whole = (struct room){(char *)cut, cut->end};
	local->chunk_end = cut->chunk_end;
	if (old.end == whole.last) {
		whole.last = old.last;
	} else if (room_size(old) > room_size(whole)) {
		rest = whole;
		whole = old;
	} else {
		rest = old;
	}
	if (local_depth(local) == 0)
		given += room_size(whole) - room_size(old);
	local_set(local, whole, given);
	/* What is left within a mark comes back with the rewind. */
	return local_depth(local) == 0 ? local_keep_tail(local, rest)
				       : (struct room){NULL, NULL};
}

void cut_forget(struct local *local)
{
	struct cut *cut;

	while ((cut = cut_of(local)) != NULL && cut->depth > local_depth(local))
		local->chunk_end = cut->chunk_end;
}
