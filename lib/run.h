/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs: freed memory in lists that are kept in itself; what part of one serves,
 * and neighbours joined.
 *
 * A run is UNIT_LEAST bytes or more, which its own link and size take.
 */
#ifndef TARN_RUN_H
#define TARN_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "cursor.h"
#include "unit.h"

/* Memory of any size and place while it is neither on a shelf nor handed out.
 */
struct run {
	struct run *next;
	size_t size;
} __attribute__((packed));

/* Takes `run` out of its list, in which it is behind `before` or the first. */
static inline void run_unlink(struct run **bin, struct run *before,
			      const struct run *run)
{
	if (before != NULL)
		before->next = run->next;
	else
		*bin = run->next;
}

/* What is looked for in them. */
struct wanted {
	size_t alignment;
	size_t size;
	size_t most; /* bytes: a chunk of so many is better; 0: an object, of
			`size` and no more */
};

/* Where an object may begin so that what is below it is nothing, or a run. */
static inline char *run_start(const struct run *run, size_t alignment)
{
	size_t front = -(uintptr_t)run & (alignment - 1);

	if (front != 0 && front < UNIT_LEAST)
		front += align_max(alignment, UNIT_LEAST);
	return (char *)run + front;
}

/* The part of a run that serves `wanted`, or one of no bytes. What is left on
   both sides is nothing, or is a run, save that a chunk may be at the end. */
static inline struct chunk run_part(const struct run *run,
				    const struct wanted *wanted)
{
	char *start = run_start(run, wanted->alignment);
	char *end = (char *)run + run->size;
	size_t size = align_max(wanted->size, wanted->most), left;

	if (start > end || (size_t)(end - start) < wanted->size)
		return (struct chunk){start, start};
	left = (size_t)(end - start) - align_min(size, (size_t)(end - start));
	if (wanted->most != 0)
		return (struct chunk){start,
				      left < BLOCK_LINE ? end : start + size};
	return (struct chunk){
		start, left == 0 || left >= UNIT_LEAST ? start + size : start};
}

/* The same runs by address, neighbours joined. */
struct run *run_join(struct run *runs);

#endif
