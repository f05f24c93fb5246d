/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts: part of a local pool's room out of sight.
 */
#ifndef TARN_CUT_H
#define TARN_CUT_H

#include <stddef.h>
#include <stdint.h>

#include "local.h"

/*
 * Part of a room goes out of sight, so that there is a miss at a place that
 * somebody chose. This is at its front, and one above its address is
 * `chunk_end`: so the room, its cut and all before it come and go together as
 * marks are rewound.
 */
struct cut {
	char *end;       /* of what is out of sight                        */
	char *chunk_end; /* of the local pool, as it was before            */
	size_t left;     /* bytes from the cut to that place, or SIZE_MAX: it
			    was passed                                     */
	uint32_t depth;  /* marks open at the time: it is theirs to undo   */
};

/* Where the room ends by a cut; NULL: it has all that is left of its chunk. */
static inline struct cut *cut_of(const struct local *local)
{
	return ((uintptr_t)local->chunk_end & 1) != 0
		       ? (struct cut *)(local->chunk_end - 1)
		       : NULL;
}

/* Has the room end `bytes` on, which is less than it has, or up to a few lines
   before. Owner. */
void cut_room(struct local *local, size_t bytes);

/* Has the room whole again, if no mark was made since the cut. Returns what is
   lost by that, if objects stand between. Owner. */
struct room cut_join(struct local *local);

/* A rewind ended marks: their cuts are none any more. Owner. */
void cut_forget(struct local *local);

#endif
