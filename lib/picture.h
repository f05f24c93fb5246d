/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pictures: which blocks a pool has, and which thread claimed what of them, as
 * it was at one moment, while others go on.
 */
#ifndef TARN_PICTURE_H
#define TARN_PICTURE_H

#include "array.h"
#include "pool.h"

/* A block, and its room then. */
struct seen_block {
	struct block *block;
	uint64_t room;
};

/* Memory of the block, or of the slot, of that number or name. */
struct span {
	char *start, *end;
	uint32_t of;
};

struct picture {
	struct array blocks; /* of struct seen_block, in the pool's order */
	struct array places; /* of struct span: these, by address         */
	struct array chunks; /* of struct span, by address                */
	uint32_t owner;      /* of the first local pool                   */
	uint32_t rest;       /* of what is in no ledger                   */
	uint32_t slot;       /* whose ledger is looked at                 */
};

/* Takes that of another pool in place of what was there. */
void picture_take(struct picture *picture, tarn_pool *pool);

/* Whether there was no memory for any of them. */
bool picture_is_failed(const struct picture *picture);
void picture_end(struct picture *picture);

/* The block of that number, or NULL: there are fewer. */
const struct seen_block *picture_block(const struct picture *picture,
				       uint32_t number);

/* Whether `room` is in one block, and not empty. */
bool picture_find(const struct picture *picture, struct room room,
		  uint32_t *number, size_t *offset);

/* Calls see(with, seen, span) for all that was claimed of a block, upwards, and
   for what is in between and may be empty. */
void picture_each_claimed(const struct picture *picture,
			  const struct seen_block *seen,
			  void (*see)(void *with, const struct seen_block *seen,
				      struct span span),
			  void *with);

#endif
