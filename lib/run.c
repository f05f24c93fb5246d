/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs joined: see run.h. Invariant: each byte of the list that comes is in one
 * run of the list that goes. Who calls holds the list's mutex.
 */
#include "run.h"

static struct run *run_merge(struct run *a, struct run *b)
{
	struct run front = {NULL, 0}, *end = &front;

	while (a != NULL && b != NULL) {
		struct run **lower = (uintptr_t)a < (uintptr_t)b ? &a : &b;

		end->next = *lower;
		end = *lower;
		*lower = end->next;
	}
	end->next = a != NULL ? a : b;
	return front.next;
}

/* By address: a merge sort from below, sorted[i] has 2^i runs or none. */
static struct run *run_sort(struct run *runs)
{
	struct run *sorted[64] = {NULL}, *all = NULL;

	while (runs != NULL) {
		struct run *some = runs;
		size_t i = 0;

		runs = runs->next;
		some->next = NULL;
		for (; sorted[i] != NULL; i++) {
			some = run_merge(sorted[i], some);
			sorted[i] = NULL;
		}
		sorted[i] = some;
	}
	for (size_t i = 0; i < 64; i++)
		all = run_merge(sorted[i], all);
	return all;
}

struct run *run_join(struct run *runs)
{
	runs = run_sort(runs);
	for (struct run *run = runs; run != NULL; run = run->next)
		while (run->next != NULL &&
		       (char *)run + run->size == (char *)run->next) {
			run->size += run->next->size;
			run->next = run->next->next;
		}
	return runs;
}
