/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One execution as a graph: the atomic accesses of each thread in their order
 * (po), what each read reads from (rf), and for each location the order of its
 * writes (co). Consistent in the sense of RC11, which is C11 without values out
 * of thin air: happens-before and co agree (coherence), nothing comes between
 * the two halves of an exchange (atomicity), and po and rf have no cycle.
 */
#ifndef GRAPH_H
#define GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

#define GRAPH_EVENTS 500  /* of one execution       */
#define GRAPH_LENGTH 250  /* of one thread          */
#define GRAPH_INIT   (-1) /* what is no event's: the value before all threads */

/* How many events of each thread. */
struct clock {
	uint16_t of[MODEL_THREADS];
};

struct access {
	uintptr_t address;
	uint64_t expected; /* compare, must                              */
	uint64_t value;    /* read, or to be written                     */
	uint8_t size;
	uint8_t order;   /* __ATOMIC_...                                 */
	uint8_t failure; /* compare: the order where it fails            */
	bool write;
	bool exchange;     /* a read: the first half of a read-modify-write  */
	bool compare;      /* and only where it finds what it expected       */
	bool must;         /* the thread goes on only where it finds that    */
	const void *where; /* in the program */
};

struct event {
	struct access access;
	uint8_t thread;
	uint16_t index; /* in its thread, from 1                         */
	uint16_t rank;  /* a write's place in co, from 1: 0 is GRAPH_INIT */
	int16_t from;   /* a read's rf                                   */
	struct clock before; /* happens before it, itself included       */
	struct clock needed; /* as `before`, by po and all rf            */
	struct clock given;  /* what an acquire that reads it gets       */
};

struct graph {
	int count;
	uint16_t length[MODEL_THREADS];
	int16_t numbers[MODEL_THREADS][GRAPH_LENGTH]; /* by index - 1 */
	struct event events[GRAPH_EVENTS]; /* in the order they came */
};

bool clock_has(const struct clock *clock, const struct event *event);

/* The event of a thread, from 1; NULL: there is none. */
const struct event *graph_find(const struct graph *graph, unsigned thread,
			       unsigned index);

/* The first half of an exchange whose second half is still to come. */
bool event_is_open(const struct event *event);

/* Whether its thread cannot go on. */
bool event_blocks(const struct event *event);

/* Appends an access, without rf or a place in co. */
struct event *graph_add(struct graph *graph, unsigned thread,
			const struct access *access);

/* What the write of this number left there; `init` is what was before. */
uint64_t graph_value(const struct graph *graph, int write, uint64_t init);

/* The writes that a read may read from, last of co first; returns how many. */
int graph_sources(const struct graph *graph, const struct event *read,
		  int *writes);
void graph_read_from(struct graph *graph, struct event *read, int write,
		     uint64_t init);

/* Places in co for a write, the last one first; returns how many. */
int graph_places(const struct graph *graph, const struct event *write,
		 int *ranks);
void graph_place(struct graph *graph, struct event *write, int rank);

/* Whether the last event, a write, may be what `read` should have read; leaves
   in `revised` what is then left of the graph. */
bool graph_revise(const struct graph *graph, int read, struct graph *revised,
		  int *revised_read);

/* The last write in co to a location, or GRAPH_INIT. */
int graph_last(const struct graph *graph, uintptr_t address);

void graph_copy(struct graph *to, const struct graph *from);

#endif
