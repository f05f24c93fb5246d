/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The depot: a pool's freed small memory that is at no thread's hand. Pieces of
 * up to DEPOT_SMALL bytes lie on a shelf for each class, whole lists at a time;
 * what is larger is a run, of any size, and serves as a chunk. Neighbours are
 * not looked for when a piece comes, but all at once, by depot_join.
 *
 * Whatever comes is kept to the byte, and whatever goes leaves pieces behind
 * that can be kept, so that nothing is lost between neighbours.
 *
 * A class is a size and a grain: the largest of 16, 8 and 1 that divides both
 * the size of its pieces and where they begin.
 */
#ifndef TARN_DEPOT_H
#define TARN_DEPOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mutex.h"
#include "run.h"
#include "unit.h"

/* Bytes: the largest pieces that have a class, by their grain. */
#define DEPOT_SMALL ((size_t)1024)
#define DEPOT_FINE  ((size_t)256)
#define DEPOT_ODD   ((size_t)79)

/* Classes of grain 16 from 16 bytes on, then of 8 and of 1 from 16 on. */
#define DEPOT_EIGHTS  ((unsigned)(DEPOT_SMALL / 16))
#define DEPOT_ONES    (DEPOT_EIGHTS + (unsigned)(DEPOT_FINE / 8) - 1)
#define DEPOT_CLASSES (DEPOT_ONES + (unsigned)DEPOT_ODD - 15)

/* Lists of runs, by the power of two below their size. */
#define DEPOT_RUNS 32

struct depot {
	struct mutex mutex;
	bool lasting; /* [c] else it ends at reset             */
	size_t bytes; /* [l] of all that lies here             */
	size_t fresh; /* [l] of what came since the last join  */
	struct run *runs[DEPOT_RUNS]; /* [l] */
	struct shelf shelves[DEPOT_CLASSES];
};

/* The class of memory that begins so, modulo 16, or DEPOT_CLASSES: none. */
static inline unsigned depot_class(uintptr_t start, size_t size)
{
	if (((start | size) & 15) == 0)
		return size <= DEPOT_SMALL ? (unsigned)(size / 16) - 1
					   : DEPOT_CLASSES;
	if (((start | size) & 7) == 0)
		return size <= DEPOT_FINE
			       ? DEPOT_EIGHTS + (unsigned)(size / 8) - 2
			       : DEPOT_CLASSES;
	return size <= DEPOT_ODD ? DEPOT_ONES + (unsigned)size - 16
				 : DEPOT_CLASSES;
}

/* Bytes of the pieces of a class. */
static inline size_t depot_class_size(unsigned kind)
{
	if (kind < DEPOT_EIGHTS)
		return ((size_t)kind + 1) * 16;
	return kind < DEPOT_ONES ? ((size_t)kind - DEPOT_EIGHTS + 2) * 8
				 : (size_t)kind - DEPOT_ONES + 16;
}

/* `lasting`: in memory that reset leaves alone. */
void depot_init(struct depot *depot, bool lasting);

/* Empties it. Exclusive. */
void depot_reset(struct depot *depot);

/* Takes memory of any place, of UNIT_LEAST bytes or more, or none. Any thread.
 */
void depot_put(struct depot *depot, char *start, size_t size);

/* Takes lists, one of each class at most, NULL: none; of `bytes` in all. */
void depot_put_lists(struct depot *depot, struct unit **lists, size_t bytes);

/* A list of a class, or NULL; *bytes: of all its pieces. Any thread. */
struct unit *depot_get_list(struct depot *depot, unsigned kind, size_t *bytes);

/* Part of a run; false: none serves, among a few. */
bool depot_get(struct depot *depot, const struct wanted *wanted,
	       struct chunk *chunk);

/* Of anything that lies here, joined first if need be. */
bool depot_get_any(struct depot *depot, const struct wanted *wanted,
		   struct chunk *chunk);

/* A piece as a chunk, though it is one of a class, where much lies of a pool
   that holds so many bytes: so that it is bounded by what is alive, however the
   sizes of what comes differ from those that go. *join: so much has come that a
   join pays, and is to be first. */
bool depot_get_piece(struct depot *depot, const struct wanted *wanted,
		     size_t held, struct chunk *chunk, bool *join);

/* Joins all neighbours; then part of a run, or such a piece. */
bool depot_join(struct depot *depot, const struct wanted *wanted, size_t held,
		struct chunk *chunk);

/* Bytes of all that lies here. Any thread. */
size_t depot_bytes(struct depot *depot);

#endif
