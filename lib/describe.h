/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one pool is made of, as a report tells of it: its blocks and who claimed
 * what of them, local pools, large allocations, caches and cleanups, in lines
 * or as JSON.
 */
#ifndef TARN_DESCRIBE_H
#define TARN_DESCRIBE_H

#include "picture.h"
#include "text.h"

struct report {
	struct text text;
	struct picture picture;              /* of the pool it is at   */
	size_t unclaimed, kept, room, tails; /* bytes, as told of that */
};

/* Appends a pool, which is not destroyed meanwhile and, unless busy, not reset
   either. One that is busy ends, or is emptied: of that only its name is
   there. */
void describe_pool(struct report *report, tarn_pool *pool, size_t depth,
		   bool busy);

#endif
