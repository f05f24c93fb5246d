/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows 14 and 15: the malloc calls of real programs, replayed on one pool with
 * sized frees, and on mimalloc. The traces are in bench/traces, which also has
 * their format.
 */
#include "bars.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records.h"

/* ---- a trace ------------------------------------------------------------- */

enum trace_op {
	TRACE_MALLOC = 1,
	TRACE_FREE,
	TRACE_REALLOC, /* of no object recorded: as MALLOC */
	TRACE_CALLOC
};

struct step {
	uint8_t op;
	uint32_t size, old_size;
	uint32_t object, old;
};

struct trace {
	struct step *steps;
	size_t count, room;
	uint32_t objects; /* numbers are below */
	uint32_t *sizes;  /* by object; grown with `objects` */
};

static void *grown(void *memory, size_t count, size_t size)
{
	memory = realloc(memory, count * size);
	if (memory == NULL)
		die("realloc");
	return memory;
}

static void trace_note(struct trace *trace, const struct step *step)
{
	if (step->object >= trace->objects) {
		trace->objects = 2 * step->object + 1024;
		trace->sizes = grown(trace->sizes, trace->objects,
				     sizeof(*trace->sizes));
	}
	trace->sizes[step->object] = step->size;
}

static bool trace_add(void *arg, const struct record *record)
{
	struct trace *trace = arg;
	struct step step = {record->op, 0, 0, 0, 0};

	if (step.op > TRACE_CALLOC)
		return false; /* neither trace has such */
	if (step.op == TRACE_FREE) {
		step.old = record->words[1];
	} else {
		step.size = record->words[0];
		step.object = record->words[1];
		step.old = step.op == TRACE_REALLOC ? record->words[2] : 0;
	}
	if (step.op == TRACE_FREE && step.old == 0)
		return true;
	if (step.op == TRACE_REALLOC && step.old == 0)
		step.op = TRACE_MALLOC;
	if (step.old != 0)
		step.old_size = trace->sizes[step.old];
	if (step.op != TRACE_FREE)
		trace_note(trace, &step);
	if (trace->count == trace->room) {
		trace->room = 2 * trace->room + 1024;
		trace->steps =
			grown(trace->steps, trace->room, sizeof(*trace->steps));
	}
	trace->steps[trace->count++] = step;
	return true;
}

/* False, told: this build cannot read it. */
static bool trace_read(struct trace *trace, const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], why[RECORDS_WHY];

	if (!records_unpack()) {
		printf("   skipped: built without liblzma (Debian: "
		       "liblzma-dev)\n");
		return false;
	}
	memset(trace, 0, sizeof(*trace));
	snprintf(path, sizeof(path), "%s/bench/traces/%s.mtr.xz",
		 srcdir != NULL ? srcdir : ".", name);
	if (!records_each(path, trace_add, trace, why)) {
		fprintf(stderr, "%s: %s\n", path, why);
		exit(2);
	}
	return true;
}

static void trace_free(struct trace *trace)
{
	free(trace->steps);
	free(trace->sizes);
}

/* ---- a replay ------------------------------------------------------------ */

struct replay {
	struct trace trace;
	const struct peer *peer; /* NULL: a pool */
	tarn_pool *pool;
	void **objects; /* by number */
	bool fills;     /* every byte, else the first word */
	size_t peak;    /* of the pool, where it fills; bytes held */
};

static void *pool_step(tarn_pool *pool, const struct step *step, void *old)
{
	switch (step->op) {
	case TRACE_FREE:
		tarn_pfree_sized(pool, old, step->old_size);
		return NULL;
	case TRACE_REALLOC:
		return tarn_prealloc(pool, old, step->old_size, step->size);
	case TRACE_CALLOC:
		return tarn_pcalloc(pool, 1, step->size);
	default:
		return tarn_palloc(pool, step->size);
	}
}

static void *peer_step(const struct peer *peer, const struct step *step,
		       void *old)
{
	switch (step->op) {
	case TRACE_FREE:
		peer->free(old);
		return NULL;
	case TRACE_REALLOC:
		return peer->resize(old, step->size);
	case TRACE_CALLOC:
		return peer->zero(step->size);
	default:
		return peer->alloc(step->size);
	}
}

/* What was asked for is used: at its front, or where all of it has to be there,
   in full. */
static void replay_use(struct replay *replay, const struct step *step,
		       void *object)
{
	if (object == NULL || step->size == 0)
		return;
	if (!replay->fills) {
		*(volatile char *)object = 1;
		return;
	}
	memset(object, 1, step->size);
	if (replay->pool != NULL && pool_held(replay->pool) > replay->peak)
		replay->peak = pool_held(replay->pool);
}

static inline void replay_steps(struct replay *replay, bool pooled)
{
	for (size_t i = 0; i < replay->trace.count; i++) {
		const struct step *step = &replay->trace.steps[i];
		void *old = replay->objects[step->old], *object;

		object = pooled ? pool_step(replay->pool, step, old)
				: peer_step(replay->peer, step, old);
		replay->objects[step->old] = NULL;
		replay->objects[step->object] = object;
		replay_use(replay, step, object);
	}
}

/* With all of the pool's life. What a trace leaves over mimalloc need not free
   within the time. */
static bool replay_run(const void *arg, double *ns)
{
	struct replay *replay = *(struct replay *const *)arg;
	struct watch start = watch_start();
	bool calm;

	if (replay->peer == NULL) {
		replay->pool = make_pool(NULL);
		replay_steps(replay, true);
		tarn_pool_destroy(replay->pool);
	} else {
		replay_steps(replay, false);
	}
	*ns = watch_ns(&start) / (double)replay->trace.count;
	calm = watch_calm(&start);
	for (size_t i = 1; i < replay->trace.objects; i++) {
		if (replay->peer != NULL)
			replay->peer->free(replay->objects[i]);
		replay->objects[i] = NULL;
	}
	return calm;
}

static bool replay_ready(struct replay *replay, const char *name)
{
	memset(replay, 0, sizeof(*replay));
	if (!trace_read(&replay->trace, name))
		return false;
	replay->objects = calloc(replay->trace.objects, sizeof(void *));
	if (replay->objects == NULL)
		die("calloc");
	/* All of it there, before anything is measured: calloc alone would
	   leave it to the first use. */
	keep(replay->objects);
	memset(replay->objects, 0, replay->trace.objects * sizeof(void *));
	return true;
}

/* ---- row 14: times ------------------------------------------------------- */

static const char *const traces[] = {"cc1", "sqlite"};

void row_trace(void)
{
	const struct peer *peer = peer_mimalloc();

	for (size_t i = 0; peer != NULL && i < 2; i++) {
		struct replay ours, theirs, *arg[2] = {&theirs, &ours};

		if (!replay_ready(&ours, traces[i]))
			return;
		theirs = ours;
		theirs.peer = peer;
		report_times(traces[i],
			     (struct side[]){{replay_run, &arg[0]},
					     {replay_run, &arg[1]}},
			     true, 1);
		free(ours.objects);
		trace_free(&ours.trace);
	}
}

/* ---- row 15: peaks ------------------------------------------------------- */

/* A figure of /proc/self/status, in bytes. */
static size_t status_bytes(const char *format)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	if (file == NULL)
		die("/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL &&
	       sscanf(line, format, &kib) != 1)
		;
	fclose(file);
	return (size_t)kib << 10;
}

static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
		die("/proc/self/clear_refs");
}

/*
 * bars peak TRACE SIDE: prints the most memory that the system gave the process
 * for one replay beyond what it had before, and what a pool held at most. Each
 * object is written in full; what reading the trace took was given back before,
 * so that neither side can use it unseen.
 */
int peak_main(int argc, char **argv)
{
	struct replay replay;
	size_t before;
	double ns;

	if (argc != 4 || !replay_ready(&replay, argv[2]))
		return 2;
	replay.fills = true;
	if (strcmp(argv[3], "mimalloc") == 0 &&
	    (replay.peer = peer_mimalloc()) == NULL)
		return 2;
	malloc_trim(0);
	forget_peak();
	before = status_bytes("VmRSS: %lu");
	replay_run(&(struct replay *){&replay}, &ns);
	printf("%zu %zu\n", status_bytes("VmHWM: %lu") - before, replay.peak);
	return 0;
}

struct peak {
	size_t rss, held;
};

/* In a process of its own, which finds no memory of another's. `before`: what
   stands in front of the command. */
static struct peak peak_of(const char *trace, const char *side,
			   const char *before)
{
	char program[4096], command[4200];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program));
	struct peak peak;
	FILE *pipe;

	if (length < 0)
		die("/proc/self/exe");
	snprintf(command, sizeof(command), "%s '%.*s' peak %s %s", before,
		 (int)length, program, trace, side);
	pipe = popen(command, "re");
	if (pipe == NULL ||
	    fscanf(pipe, "%zu %zu", &peak.rss, &peak.held) != 2 ||
	    pclose(pipe) != 0)
		die(command);
	return peak;
}

static void report_peak(const char *trace, const char *what, size_t ours,
			size_t theirs, double bar)
{
	char both[64], detail[64];

	snprintf(both, sizeof(both), "%s: %s", trace, what);
	snprintf(detail, sizeof(detail), "%zu against %zu", ours, theirs);
	report(both, detail, (double)ours / (double)theirs, bar);
}

/*
 * mimalloc keeps no account of what it took from the system and still has, so
 * it is the system that is asked, of both. Ours is without the process's block
 * cache, where up to 4 MiB of ended blocks and large objects wait for any pool;
 * how much more it is with them, is told. What a pool says that it held has a
 * bar too: it counts what was never touched.
 */
void row_trace_peak(void)
{
	struct replay replay;

	if (peer_mimalloc() == NULL || !replay_ready(&replay, traces[0]))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct peak ours = peak_of(traces[i], "pool", "TARN_CACHE=0");
		struct peak cached = peak_of(traces[i], "pool", "");
		struct peak theirs = peak_of(traces[i], "mimalloc", "");

		report_peak(traces[i], "resident", ours.rss, theirs.rss, 1.1);
		report_peak(traces[i], "held, touched or not", cached.held,
			    theirs.rss, 1.1);
		report_peak(traces[i], "resident, block cache too", cached.rss,
			    theirs.rss, NO_BAR);
	}
}
