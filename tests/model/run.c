/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a model in every way there is. An execution is run from its start, each
 * atomic access answered from its graph, until a thread asks for one that is
 * not in there; then all that may come of that is found: one is gone on with,
 * and the others wait on a stack of graphs.
 *
 * Threads are contexts on one thread of the system. The next access is that of
 * the first thread that can go on, but the second half of an exchange comes at
 * once: what comes next must follow from the graph alone.
 */
#include "run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)256 << 10)
#define LOCALS      4
#define LOCAL_BYTES 16

struct fiber {
	ucontext_t start;
	jmp_buf at;
	char *stack;
	bool begun;
	bool ended;
	unsigned done; /* events */
	struct clock clock;
	struct access request;
	int error; /* errno */
	char locals[LOCALS][LOCAL_BYTES];
};

struct run {
	const struct model *model;
	struct model_counts counts;
	struct graph graph, revised, placed;
	struct graph **waiting;
	size_t waiting_count, waiting_room;
	jmp_buf scheduler, failed;
	int self; /* the running thread, or -1 */
	uint64_t answer;
	struct fiber fibers[MODEL_THREADS];
	struct {
		void *variable;
		size_t size;
		char init[LOCAL_BYTES];
	} locals[LOCALS];
	int local_count;
};

static struct run *run;

/* ---- what is waiting ------------------------------------------------- */

static struct graph *run_push(const struct graph *graph)
{
	struct graph *copy =
		malloc(offsetof(struct graph, events) +
		       ((size_t)graph->count + 1) * sizeof(struct event));

	if (run->waiting_count == run->waiting_room) {
		run->waiting_room = 2 * run->waiting_room + 64;
		run->waiting =
			realloc(run->waiting, run->waiting_room * sizeof(copy));
	}
	graph_copy(copy, graph);
	return run->waiting[run->waiting_count++] = copy;
}

static bool run_pop(void)
{
	struct graph *graph;

	if (run->waiting_count == 0)
		return false;
	graph = run->waiting[--run->waiting_count];
	graph_copy(&run->graph, graph);
	free(graph);
	return true;
}

/* ---- failure --------------------------------------------------------- */

/* MODEL_TRACE in the environment: the accesses of what failed are told. */
static bool is_traced(void)
{
	return getenv("MODEL_TRACE") != NULL;
}

static void print_where(const void *where)
{
	char command[128], line[256] = "?";
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "addr2line -s -p -f -e /proc/%ld/exe %p 2>/dev/null",
		 (long)getpid(), (void *)((uintptr_t)where - 1));
	pipe = popen(command, "r");
	if (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL)
		line[strcspn(line, "\n")] = '\0';
	if (pipe != NULL)
		pclose(pipe);
	fprintf(stderr, "  %s\n", line);
}

static void print_event(int number)
{
	static const char *const orders[] = {"relaxed", "consume", "acquire",
					     "release", "acq_rel", "seq_cst"};
	const struct event *event = &run->graph.events[number];
	const struct access *access = &event->access;

	fprintf(stderr, "%3d thread %u %-8s %s %#lx: %#llx", number,
		event->thread + 1U, orders[access->order],
		access->write ? "write" : "read ",
		(unsigned long)access->address,
		(unsigned long long)access->value);
	if (access->write)
		fprintf(stderr, ", number %d in co", event->rank);
	else
		fprintf(stderr, ", of %d", event->from);
	print_where(access->where);
}

void model_fail(const char *format, ...)
{
	const char *fails = run->model->fails;
	char message[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (fails != NULL && strcmp(message, fails) == 0)
		_longjmp(run->failed, 1);
	printf("%s (thread %d, after %lu executions)\n", message, run->self + 1,
	       run->counts.complete + run->counts.blocked);
	fflush(stdout);
	for (int i = 0; is_traced() && i < run->graph.count; i++)
		print_event(i);
	_Exit(1);
}

/* ---- threads --------------------------------------------------------- */

bool run_in_thread(void)
{
	return run != NULL && run->self >= 0;
}

static struct fiber *run_fiber(void)
{
	return &run->fibers[run->self];
}

static void fiber_enter(struct fiber *fiber)
{
	for (int i = 0; i < run->local_count; i++)
		memcpy(run->locals[i].variable, fiber->locals[i],
		       run->locals[i].size);
	errno = fiber->error;
}

static void fiber_leave(struct fiber *fiber)
{
	fiber->error = errno;
	for (int i = 0; i < run->local_count; i++)
		memcpy(fiber->locals[i], run->locals[i].variable,
		       run->locals[i].size);
}

static void fiber_main(void)
{
	run->model->threads[run->self]();
	run_fiber()->ended = true;
	_longjmp(run->scheduler, 1);
}

/* Runs a thread as far as its next atomic access, or its end. */
static void fiber_resume(int thread)
{
	struct fiber *fiber = &run->fibers[thread];

	run->self = thread;
	fiber_enter(fiber);
	if (_setjmp(run->scheduler) == 0) {
		if (fiber->begun)
			_longjmp(fiber->at, 1);
		fiber->begun = true;
		setcontext(&fiber->start);
	}
	fiber_leave(&run->fibers[thread]);
	run->self = -1;
}

static void fiber_begin(int thread)
{
	struct fiber *fiber = &run->fibers[thread];

	fiber->begun = false;
	fiber->ended = run->model->threads[thread] == NULL;
	fiber->done = 0;
	fiber->clock = (struct clock){{0}};
	fiber->error = 0;
	for (int i = 0; i < run->local_count; i++)
		memcpy(fiber->locals[i], run->locals[i].init, LOCAL_BYTES);
	if (fiber->ended)
		return;
	getcontext(&fiber->start);
	fiber->start.uc_stack.ss_sp = fiber->stack;
	fiber->start.uc_stack.ss_size = STACK_BYTES;
	makecontext(&fiber->start, fiber_main, 0);
	fiber_resume(thread);
}

uint64_t run_access(const struct access *access)
{
	struct fiber *fiber = run_fiber();

	fiber->request = *access;
	if (_setjmp(fiber->at) == 0)
		_longjmp(run->scheduler, 1);
	return run->answer;
}

void run_plain(uintptr_t address, size_t size, enum use use, const void *where)
{
	const char *wrong;

	if (!run_in_thread())
		return;
	wrong = memory_use((unsigned)run->self, &run_fiber()->clock, address,
			   size, use);
	if (wrong == NULL)
		return;
	if (is_traced())
		print_where(where);
	model_fail("%s", wrong);
}

/* ---- one execution --------------------------------------------------- */

/* Answers a thread's request with the event that it is, and lets it go on. */
static void run_event(int thread, const struct event *event)
{
	struct fiber *fiber = &run->fibers[thread];
	const struct access *access = &event->access;
	const char *wrong;

	fiber->done++;
	fiber->clock = event->before;
	wrong = memory_use(
		(unsigned)thread, &event->before, access->address, access->size,
		access->write || event->from != GRAPH_INIT ? USE_ATOMIC
							   : USE_FIRST);
	run->self = thread;
	if (wrong != NULL)
		model_fail("%s", wrong);
	if (fiber->request.address != access->address ||
	    fiber->request.write != access->write)
		model_fail("another access than in the last run");
	run->answer = access->value;
	run->self = -1;
	if (!event_blocks(event))
		fiber_resume(thread);
}

/* The next event of a thread, if what it reads from has been done. */
static const struct event *run_next(int thread)
{
	const struct graph *graph = &run->graph;
	const struct event *event = graph_find(graph, (unsigned)thread,
					       run->fibers[thread].done + 1);
	const struct event *from;

	if (event == NULL || event->access.write || event->from == GRAPH_INIT)
		return event;
	from = &graph->events[event->from];
	return run->fibers[from->thread].done >= from->index ? event : NULL;
}

/* All that the graph has, in an order that po and rf allow. */
static void run_replay(void)
{
	bool more = true;

	while (more) {
		more = false;
		for (int thread = 0; thread < MODEL_THREADS; thread++) {
			const struct event *event;

			while ((event = run_next(thread)) != NULL) {
				run_event(thread, event);
				more = true;
			}
		}
	}
}

static void run_begin(void)
{
	memory_begin();
	for (int i = 0; i < run->local_count; i++)
		memcpy(run->locals[i].variable, run->locals[i].init,
		       run->locals[i].size);
	if (run->model->setup != NULL)
		run->model->setup();
	memory_threads_begin();
	for (int thread = 0; thread < MODEL_THREADS; thread++)
		fiber_begin(thread);
	run_replay();
}

/* ---- what comes next ------------------------------------------------- */

/* The last event of a thread in the graph, or NULL. */
static const struct event *run_last(int thread)
{
	return graph_find(&run->graph, (unsigned)thread,
			  run->graph.length[thread]);
}

/* The thread whose access comes next, or -1. */
static int run_choose(void)
{
	int chosen = -1;

	for (int thread = MODEL_THREADS - 1; thread >= 0; thread--) {
		const struct event *last = run_last(thread);

		if (run->fibers[thread].ended ||
		    (last != NULL && event_blocks(last)))
			continue;
		if (last != NULL && event_is_open(last))
			return thread;
		chosen = thread;
	}
	return chosen;
}

static uint64_t value_at(uintptr_t address, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)address, size);
	return value;
}

/* Whether a thread that waits in vain would be woken by another execution. */
static bool source_matters(const struct event *read, int write)
{
	return !event_blocks(read) ||
	       write == graph_last(&run->graph, read->access.address);
}

static void run_read(struct event *event)
{
	int writes[GRAPH_EVENTS];
	int count = graph_sources(&run->graph, event, writes);
	uint64_t init = value_at(event->access.address, event->access.size);

	for (int i = count - 1; i >= 0; i--) {
		graph_read_from(&run->graph, event, writes[i], init);
		if (i != 0 && source_matters(event, writes[i]))
			run_push(&run->graph);
	}
}

/* The graphs in which an earlier read reads the new write. */
static void run_revise(int read)
{
	struct graph *revised = &run->revised, *placed = &run->placed;
	int ranks[GRAPH_EVENTS], writes[GRAPH_EVENTS], at, count;

	if (!graph_revise(&run->graph, read, revised, &at))
		return;
	count = graph_places(revised, &revised->events[revised->count - 1],
			     ranks);
	for (int i = 0; i < count; i++) {
		int last = revised->count - 1, sources;

		graph_copy(placed, revised);
		graph_place(placed, &placed->events[last], ranks[i]);
		sources = graph_sources(placed, &placed->events[at], writes);
		for (int j = 0; j < sources; j++) {
			if (writes[j] != last)
				continue;
			graph_read_from(placed, &placed->events[at], last, 0);
			run_push(placed);
		}
	}
}

/* False where there is no place for it: another execution has it. */
static bool run_write(struct event *event)
{
	int ranks[GRAPH_EVENTS], count;

	for (int read = 0; read < run->graph.count - 1; read++)
		run_revise(read);
	count = graph_places(&run->graph, event, ranks);
	for (int i = 1; i < count; i++) {
		struct graph *graph = run_push(&run->graph);

		graph_place(graph, &graph->events[graph->count - 1], ranks[i]);
	}
	if (count != 0)
		graph_place(&run->graph, event, ranks[0]);
	return count != 0;
}

/* One more event; false where this execution cannot go on. */
static bool run_step(int thread)
{
	struct event *event = graph_add(&run->graph, (unsigned)thread,
					&run->fibers[thread].request);

	if (!event->access.write)
		run_read(event);
	else if (!run_write(event))
		return false;
	run_event(thread, event);
	return true;
}

/* ---- the end of an execution ----------------------------------------- */

static bool run_is_complete(void)
{
	bool complete = true, stuck = true;

	for (int thread = 0; thread < MODEL_THREADS; thread++) {
		const struct event *last = run_last(thread);

		if (run->fibers[thread].ended)
			continue;
		complete = false;
		if (last->access.where == NULL ||
		    last->from != graph_last(&run->graph, last->access.address))
			stuck = false;
	}
	if (!complete && stuck)
		model_fail("a deadlock");
	return complete;
}

/* Memory as the threads left it. */
static void run_finish(void)
{
	for (int i = 0; i < run->graph.count; i++) {
		const struct access *access = &run->graph.events[i].access;

		if (access->write &&
		    graph_last(&run->graph, access->address) == i)
			memcpy((void *)access->address, &access->value,
			       access->size);
	}
	if (run->model->finish != NULL)
		run->model->finish();
}

static void run_execution(void)
{
	int thread;

	run_begin();
	while ((thread = run_choose()) != -1)
		if (!run_step(thread))
			return;
	if (run_is_complete()) {
		run_finish();
		run->counts.complete++;
	} else {
		run->counts.blocked++;
	}
}

/* ---- models ---------------------------------------------------------- */

static void run_init(void)
{
	run = calloc(1, sizeof(*run));
	run->self = -1;
	for (int thread = 0; thread < MODEL_THREADS; thread++)
		run->fibers[thread].stack = malloc(STACK_BYTES);
	memory_setup();
}

void model_thread_local(void *variable, size_t size)
{
	if (run == NULL)
		run_init();
	memcpy(run->locals[run->local_count].init, variable, size);
	run->locals[run->local_count].variable = variable;
	run->locals[run->local_count++].size = size;
}

struct model_counts model_check(const struct model *model)
{
	if (run == NULL)
		run_init();
	run->model = model;
	run->counts = (struct model_counts){0, 0, false};
	run->graph.count = 0;
	memset(run->graph.length, 0, sizeof(run->graph.length));
	if (_setjmp(run->failed) == 0) {
		do
			run_execution();
		while (run_pop());
		return run->counts;
	}
	run->self = -1;
	run->counts.failed = true;
	while (run_pop())
		;
	return run->counts;
}

unsigned model_self(void)
{
	return run_in_thread() ? (unsigned)run->self : MODEL_THREADS;
}

void *model_alloc(size_t size)
{
	return memory_alloc(model_self(), size);
}

void model_free(void *memory, size_t size)
{
	run_plain((uintptr_t)memory, size, USE_FREE,
		  __builtin_return_address(0));
}
