/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One execution as a graph: see graph.h.
 *
 * What a new write may do to reads that came before it (graph_revise) is after
 * Kokologiannakis, Marmanis, Gladstein and Vafeiadis, "Truly stateless, optimal
 * dynamic partial order reduction", POPL 2022: of all the graphs from which a
 * revision leads to the same one, only that may revise in which whatever the
 * revision takes away was added in the one way that is called maximal. So each
 * execution is visited once, and none is left out.
 */
#include "graph.h"

#include <stddef.h>
#include <string.h>

/* ---- clocks ---------------------------------------------------------- */

bool clock_has(const struct clock *clock, const struct event *event)
{
	return clock->of[event->thread] >= event->index;
}

static void clock_join(struct clock *clock, const struct clock *other)
{
	for (int i = 0; i < MODEL_THREADS; i++)
		if (clock->of[i] < other->of[i])
			clock->of[i] = other->of[i];
}

/* ---- events ---------------------------------------------------------- */

const struct event *graph_find(const struct graph *graph, unsigned thread,
			       unsigned index)
{
	return index - 1 < graph->length[thread]
		       ? &graph->events[graph->numbers[thread][index - 1]]
		       : NULL;
}

static bool event_is_at(const struct event *event, uintptr_t address)
{
	return event->access.address == address;
}

static bool event_matches(const struct event *event)
{
	return event->access.value == event->access.expected;
}

static bool event_is_half(const struct event *event)
{
	return !event->access.write && event->access.exchange &&
	       (!event->access.compare || event_matches(event));
}

bool event_blocks(const struct event *event)
{
	return !event->access.write && event->access.must &&
	       !event_matches(event);
}

bool event_is_open(const struct event *event)
{
	return event_is_half(event) && !event_blocks(event);
}

static int event_order(const struct event *event)
{
	return event->access.compare && !event_matches(event)
		       ? event->access.failure
		       : event->access.order;
}

static bool event_acquires(const struct event *event)
{
	int order = event_order(event);

	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL;
}

static bool event_releases(const struct event *event)
{
	return event->access.order == __ATOMIC_RELEASE ||
	       event->access.order == __ATOMIC_ACQ_REL;
}

/* The first half of a second half, which came right before it. */
static const struct event *event_half(const struct graph *graph,
				      const struct event *write)
{
	return write->access.exchange
		       ? graph_find(graph, write->thread, write->index - 1U)
		       : NULL;
}

static struct clock clock_before(const struct graph *graph,
				 const struct event *event, bool needed)
{
	const struct event *last =
		graph_find(graph, event->thread, event->index - 1U);
	struct clock clock = {{0}};

	if (last != NULL)
		clock = needed ? last->needed : last->before;
	clock.of[event->thread] = event->index;
	return clock;
}

struct event *graph_add(struct graph *graph, unsigned thread,
			const struct access *access)
{
	struct event *event = &graph->events[graph->count];

	if (graph->count + 1 == GRAPH_EVENTS ||
	    graph->length[thread] == GRAPH_LENGTH)
		model_fail("too many events");
	graph->numbers[thread][graph->length[thread]] = (int16_t)graph->count++;
	*event = (struct event){.access = *access,
				.thread = (uint8_t)thread,
				.index = ++graph->length[thread],
				.from = GRAPH_INIT};
	event->before = clock_before(graph, event, false);
	event->needed = clock_before(graph, event, true);
	return event;
}

/* ---- coherence ------------------------------------------------------- */

static int graph_rank(const struct graph *graph, int write)
{
	return write == GRAPH_INIT ? 0 : graph->events[write].rank;
}

/* What an event must not come before in co: the last write that happened before
   it, or was read by what happened before it. */
static int graph_floor(const struct graph *graph, const struct event *event)
{
	int floor = 0;

	for (int i = 0; i < graph->count; i++) {
		const struct event *other = &graph->events[i];
		int rank = other->access.write ? other->rank
					       : graph_rank(graph, other->from);

		if (other != event &&
		    event_is_at(other, event->access.address) &&
		    clock_has(&event->before, other) && rank > floor)
			floor = rank;
	}
	return floor;
}

/* The write of this rank; GRAPH_INIT too, where a revision left a gap. */
static int graph_at(const struct graph *graph, uintptr_t address, int rank)
{
	for (int i = 0; rank != 0 && i < graph->count; i++)
		if (graph->events[i].access.write &&
		    graph->events[i].rank == rank &&
		    event_is_at(&graph->events[i], address))
			return i;
	return GRAPH_INIT;
}

static int graph_ranks(const struct graph *graph, uintptr_t address)
{
	int most = 0;

	for (int i = 0; i < graph->count; i++)
		if (graph->events[i].access.write &&
		    graph->events[i].rank > most &&
		    event_is_at(&graph->events[i], address))
			most = graph->events[i].rank;
	return most;
}

int graph_last(const struct graph *graph, uintptr_t address)
{
	return graph_at(graph, address, graph_ranks(graph, address));
}

uint64_t graph_value(const struct graph *graph, int write, uint64_t init)
{
	return write == GRAPH_INIT ? init : graph->events[write].access.value;
}

/* ---- reads ----------------------------------------------------------- */

int graph_sources(const struct graph *graph, const struct event *read,
		  int *writes)
{
	int count = 0, floor = graph_floor(graph, read);

	for (int rank = graph_ranks(graph, read->access.address); rank >= floor;
	     rank--) {
		int write = graph_at(graph, read->access.address, rank);

		if (write != GRAPH_INIT || rank == 0)
			writes[count++] = write;
	}
	return count;
}

void graph_read_from(struct graph *graph, struct event *read, int write,
		     uint64_t init)
{
	read->from = (int16_t)write;
	read->access.value = graph_value(graph, write, init);
	read->before = clock_before(graph, read, false);
	read->needed = clock_before(graph, read, true);
	if (write == GRAPH_INIT)
		return;
	clock_join(&read->needed, &graph->events[write].needed);
	if (event_acquires(read))
		clock_join(&read->before, &graph->events[write].given);
}

/* ---- writes ---------------------------------------------------------- */

/* Whether the write of this rank is the second half of an exchange that read
   `write`, so that nothing may come between. */
static bool graph_is_bound(const struct graph *graph, uintptr_t address,
			   int write)
{
	for (int i = 0; i < graph->count; i++) {
		const struct event *half =
			event_is_at(&graph->events[i], address) &&
					graph->events[i].access.write &&
					graph->events[i].rank != 0
				? event_half(graph, &graph->events[i])
				: NULL;

		if (half != NULL && half->from == write)
			return true;
	}
	return false;
}

int graph_places(const struct graph *graph, const struct event *write,
		 int *ranks)
{
	uintptr_t address = write->access.address;
	const struct event *half = event_half(graph, write);
	int count = 0, floor = graph_floor(graph, write);

	for (int rank = graph_ranks(graph, address); rank >= floor; rank--) {
		int before = graph_at(graph, address, rank);

		if ((before == GRAPH_INIT && rank != 0) ||
		    (half != NULL && half->from != before) ||
		    graph_is_bound(graph, address, before))
			continue;
		ranks[count++] = rank + 1;
	}
	return count;
}

/* A release sequence goes on through any thread's exchange, and through what
   the thread that released writes there itself. */
static void graph_give(const struct graph *graph, struct event *write)
{
	const struct event *half = event_half(graph, write);

	write->given = (struct clock){{0}};
	if (event_releases(write))
		write->given = write->before;
	if (half != NULL && half->from != GRAPH_INIT)
		clock_join(&write->given, &graph->events[half->from].given);
	for (int i = 0; i < graph->count; i++) {
		const struct event *other = &graph->events[i];

		if (other->thread == write->thread &&
		    other->index < write->index &&
		    event_is_at(other, write->access.address) &&
		    other->access.write && event_releases(other))
			clock_join(&write->given, &other->before);
	}
}

void graph_place(struct graph *graph, struct event *write, int rank)
{
	for (int i = 0; i < graph->count; i++) {
		struct event *other = &graph->events[i];

		if (other != write && other->access.write &&
		    other->rank >= rank &&
		    event_is_at(other, write->access.address))
			other->rank++;
	}
	write->rank = (uint16_t)rank;
	graph_give(graph, write);
}

/* ---- revisions ------------------------------------------------------- */

/* Whether `other` was there when `event` came, or will be needed anyway. */
static bool graph_is_previous(const struct graph *graph, int other, int event)
{
	return other <= event ||
	       (other != graph->count - 1 &&
		clock_has(&graph->events[graph->count - 1].needed,
			  &graph->events[other]));
}

static bool graph_is_maximal(const struct graph *graph, int event)
{
	const struct event *it = &graph->events[event];
	int write = it->access.write ? event : it->from;

	if (write != GRAPH_INIT && !graph_is_previous(graph, write, event))
		return false;
	for (int i = 0; i < graph->count; i++) {
		const struct event *other = &graph->events[i];

		if (!event_is_at(other, it->access.address) ||
		    !graph_is_previous(graph, i, event))
			continue;
		if (other->access.write &&
		    other->rank > graph_rank(graph, write))
			return false;
		if (it->access.write && !other->access.write &&
		    other->from == event)
			return false;
	}
	return true;
}

/* Takes away what was added after `read` and the last event does not need. */
static void graph_restrict(const struct graph *graph, int read,
			   struct graph *revised, int *revised_read)
{
	const struct event *last = &graph->events[graph->count - 1];
	int16_t moved[GRAPH_EVENTS];

	memset(revised, 0, offsetof(struct graph, events));
	for (int i = 0; i < graph->count; i++) {
		const struct event *event = &graph->events[i];

		if (i > read && !clock_has(&last->needed, event))
			continue;
		moved[i] = (int16_t)revised->count;
		revised->numbers[event->thread][event->index - 1] = moved[i];
		revised->events[revised->count++] = *event;
		if (event->index > revised->length[event->thread])
			revised->length[event->thread] = event->index;
	}
	*revised_read = moved[read];
	for (int i = 0; i < revised->count; i++)
		if (revised->events[i].from != GRAPH_INIT)
			revised->events[i].from =
				moved[revised->events[i].from];
	revised->events[*revised_read].from = GRAPH_INIT;
	revised->events[*revised_read].before =
		clock_before(revised, &revised->events[*revised_read], false);
}

bool graph_revise(const struct graph *graph, int read, struct graph *revised,
		  int *revised_read)
{
	const struct event *last = &graph->events[graph->count - 1];
	const struct event *it = &graph->events[read];

	if (it->access.write || !event_is_at(it, last->access.address) ||
	    clock_has(&last->needed, it))
		return false;
	for (int i = read; i < graph->count - 1; i++)
		if ((i == read ||
		     !clock_has(&last->needed, &graph->events[i])) &&
		    !graph_is_maximal(graph, i))
			return false;
	graph_restrict(graph, read, revised, revised_read);
	return true;
}

void graph_copy(struct graph *to, const struct graph *from)
{
	memcpy(to, from,
	       offsetof(struct graph, events) +
		       (size_t)from->count * sizeof(from->events[0]));
}
