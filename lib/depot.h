/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The depot: a pool's freed small memory that is at no thread's hand. Pieces of
 * up to DEPOT_SMALL bytes lie on a shelf for each class, whole lists at a time;
 * what is larger is a run, of any size, and serves as a chunk. Neighbours are
 * not looked for when a piece comes, but all at once, by depot_join.
 *
 * A class is a size and a grain: the largest of 16, 8 and 4 that divides both
 * the size of its pieces and where they begin.
 */
#ifndef TARN_DEPOT_H
#define TARN_DEPOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "mutex.h"
#include "unit.h"

/* Bytes: the largest piece that has a class, and the largest of a grain below
   TARN_ALIGNMENT. */
#define DEPOT_SMALL ((size_t)1024)
#define DEPOT_FINE  ((size_t)256)

/* Classes of grain 16 from 16 bytes on, then of 8 and of 4 from 16 on. */
#define DEPOT_EIGHTS  ((unsigned)(DEPOT_SMALL / 16))
#define DEPOT_FOURS   (DEPOT_EIGHTS + (unsigned)(DEPOT_FINE / 8) - 1)
#define DEPOT_CLASSES (DEPOT_FOURS + (unsigned)(DEPOT_FINE / 4) - 3)

/* Lists of runs, by the power of two below their size. */
#define DEPOT_RUNS 32

/* Memory of any size while it is neither on a shelf nor handed out. */
struct run {
	struct run *next;
	size_t size;
} __attribute__((packed, aligned(4)));

/* Takes `run` out of its list, in which it is behind `before` or the first. */
static inline void run_unlink(struct run **bin, struct run *before,
			      const struct run *run)
{
	if (before != NULL)
		before->next = run->next;
	else
		*bin = run->next;
}

struct depot {
	struct mutex mutex;
	bool lasting; /* [c] else it ends at reset             */
	size_t bytes; /* [l] of all that lies here             */
	size_t fresh; /* [l] of what came since the last join  */
	struct run *runs[DEPOT_RUNS]; /* [l] */
	struct shelf shelves[DEPOT_CLASSES];
};

static inline unsigned depot_class(size_t grain, size_t size)
{
	if (grain == 16)
		return (unsigned)(size / 16) - 1;
	return grain == 8 ? DEPOT_EIGHTS + (unsigned)(size / 8) - 2
			  : DEPOT_FOURS + (unsigned)(size / 4) - 4;
}

/* Bytes of the pieces of a class. */
static inline size_t depot_class_size(unsigned kind)
{
	if (kind < DEPOT_EIGHTS)
		return ((size_t)kind + 1) * 16;
	return kind < DEPOT_FOURS ? ((size_t)kind - DEPOT_EIGHTS + 2) * 8
				  : ((size_t)kind - DEPOT_FOURS + 4) * 4;
}

/* Free memory, as much of it as can be used. */
struct piece {
	char *start;
	size_t size;   /* 0: none */
	unsigned kind; /* DEPOT_CLASSES: it is a run */
};

struct piece depot_piece(char *start, size_t size);

/* As much of it as `grain` divides, on both sides; without a class. */
struct piece depot_trim(char *start, size_t size, size_t grain);

/* `lasting`: in memory that reset leaves alone. */
void depot_init(struct depot *depot, bool lasting);

/* Empties it. Exclusive. */
void depot_reset(struct depot *depot);

/* Takes a piece. Any thread. */
void depot_put(struct depot *depot, struct piece piece);

/* Takes lists, one of each class at most, NULL: none; of `bytes` in all. */
void depot_put_lists(struct depot *depot, struct unit **lists, size_t bytes);

/* A list of a class, or NULL; *bytes: of all its pieces. Any thread. */
struct unit *depot_get_list(struct depot *depot, unsigned kind, size_t *bytes);

/* A run of at least `need` bytes, and no more than `want` if that is much less;
   false: none. */
bool depot_get_run(struct depot *depot, size_t need, size_t want,
		   struct chunk *chunk);

/* As depot_get_run, of anything that lies here, joined first if need be. */
bool depot_get_any(struct depot *depot, size_t need, struct chunk *chunk);

/* The same runs by address, neighbours joined. */
struct run *depot_join_runs(struct run *runs);

/* Whether so much has come that a join may pay, in a pool that holds so many
   bytes. A hint. */
bool depot_may_join(struct depot *depot, size_t held);

/* Joins all neighbours. */
void depot_join(struct depot *depot);

#endif
