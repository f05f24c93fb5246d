/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bag of objects of one pool: random allocations by all calls there are,
 * each object filled with a pattern of its own, which is looked at again when
 * it is resized, freed, forgotten, or asked for. A bag is one thread's at a
 * time, and may be handed on.
 */
#ifndef TARN_SOAK_BAG_H
#define TARN_SOAK_BAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tarn.h"

enum {
	BAG_OBJECTS = 48
};

struct bag_object {
	unsigned char *at;
	size_t size;
	uint64_t pattern;
	bool resizable; /* by tarn_prealloc */
};

struct bag {
	uint64_t random;
	size_t large_above; /* the pool's */
	size_t most;        /* bytes of the largest request */
	size_t count;
	size_t objects, bytes, failures; /* not told yet */
	struct bag_object held[BAG_OBJECTS];
};

/* What fits a pool of preset options. */
void bag_init(struct bag *bag, uint64_t seed);

/*
 * Takes one object from `pool`, or resizes or frees one; at once from that
 * thread's `local` if it is not NULL. False where the pool had no memory: then
 * all is as it was, and errno was ENOMEM.
 */
bool bag_step(struct bag *bag, tarn_pool *pool, tarn_local *local);

/* So many steps, none of which may fail. */
void bag_fill(struct bag *bag, tarn_pool *pool, size_t steps);

/* Requires a memory that was just given to be so aligned, and fills it. */
void bag_put(struct bag *bag, void *memory, size_t size, size_t alignment);

/* Requires that each object holds what it was filled with. */
void bag_check(const struct bag *bag);

/* Bytes of all objects. */
size_t bag_size(const struct bag *bag);

/* Checks them for the last time: the pool is about to be reset. */
void bag_empty(struct bag *bag);

#endif
