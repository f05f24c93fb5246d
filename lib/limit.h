/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits: how many bytes a pool and its descendants may hold together.
 *
 * Each pool with a limit has one of these; a limit inside another one charges
 * both. All limits of a tree share the mutex of the outermost, so that of two
 * charges near a limit one gets all it asked for, and not both too little.
 */
#ifndef TARN_LIMIT_H
#define TARN_LIMIT_H

#include <stddef.h>

#include "mutex.h"
#include "prefix.h"

struct limit {
	size_t most;             /* [c] bytes                       */
	size_t used;             /* [l] bytes; outermost->mutex     */
	struct limit *outer;     /* [c] NULL: this is the outermost */
	struct limit *outermost; /* [c]                             */
	struct mutex mutex;      /* used in the outermost only      */
};

/* The limit within which `outer`'s pools may put another; outer may be NULL. */
void limit_init(struct limit *limit, size_t most, struct limit *outer);

/* Ends a limit that no pool charges any more. */
void limit_finish(struct limit *limit);

/* limit_charge and limit_settle, where there is a limit. */
size_t limit_charge_slow(struct limit *limit, size_t least, size_t want);
void limit_settle_slow(struct limit *limit, size_t charged, size_t held);

/*
 * Charges `want` bytes, or what is left where that is less but no less than
 * `least`. Returns what was charged, or 0. A NULL limit grants all.
 */
static inline size_t limit_charge(struct limit *limit, size_t least,
				  size_t want)
{
	return limit != NULL ? limit_charge_slow(limit, least, want) : want;
}

/* Corrects a charge to what is held in fact, which is no more. */
static inline void limit_settle(struct limit *limit, size_t charged,
				size_t held)
{
	if (limit != NULL)
		limit_settle_slow(limit, charged, held);
}

static inline void limit_return(struct limit *limit, size_t size)
{
	limit_settle(limit, size, 0);
}

#endif
