/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of times. They are compared within a run: the two sides alternate in
 * short repetitions, those in which the kernel took a processor away are
 * thrown out, and what is held against the bar is the median of the ratios.
 */
#define _GNU_SOURCE 1
#include "bars.h"

#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* ---- processors ---------------------------------------------------------- */

/* Those that this program may use. */
static cpu_set_t processors;

/* Has the calling thread stay on the one of them with this number. */
static void pin(unsigned number)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &processors) && number-- == 0)
			CPU_SET(i, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* ---- times --------------------------------------------------------------- */

enum {
	REPETITIONS = 201,
	REPETITIONS_LEAST = REPETITIONS / 4,
	SECONDS_MOST = 5 /* that a comparison takes, on a busy machine */
};

/* How often this thread was made to wait for a processor. */
static long clock_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

struct watch watch_start(void)
{
	long switches = clock_switches();

	return (struct watch){clock_ns(), switches};
}

double watch_ns(const struct watch *start)
{
	return clock_ns() - start->ns;
}

bool watch_calm(const struct watch *start)
{
	return clock_switches() == start->switches;
}

/* Fills ns[0] and ns[1] repetition by repetition; returns how many. */
static size_t sides_repeat(const struct side *sides, bool alternate,
			   double ns[2][REPETITIONS])
{
	double end = clock_ns() + SECONDS_MOST * 1e9;
	size_t n = 0;

	for (size_t i = 0; n < REPETITIONS && clock_ns() < end; i++) {
		unsigned first = alternate && i % 2 != 0;
		bool calm = sides[first].run(sides[first].arg, &ns[first][n]);

		calm &= sides[!first].run(sides[!first].arg, &ns[!first][n]);
		n += calm;
		if (!calm)
			count_thrown_out();
	}
	return n;
}

void report_times(const char *what, const struct side *sides, bool alternate,
		  double bar)
{
	double ns[2][REPETITIONS], ratio[REPETITIONS];
	char detail[64];
	size_t n;

	sched_getaffinity(0, sizeof(processors), &processors);
	pin(0);
	n = sides_repeat(sides, alternate, ns);
	sched_setaffinity(0, sizeof(processors), &processors);
	if (n < REPETITIONS_LEAST) {
		report_unmeasured(what, bar);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ratio[i] = ns[1][i] / ns[0][i];
	snprintf(detail, sizeof(detail), "%.1f ns against %.1f",
		 median(ns[1], n), median(ns[0], n));
	report(what, detail, median(ratio, n), bar);
}

/* ---- two threads, pinned ------------------------------------------------- */

struct pair_thread {
	void (*fn)(void *run, unsigned self);
	void *run;
	unsigned self, processor;
};

static void *pair_main(void *arg)
{
	const struct pair_thread *thread = arg;

	pin(thread->processor);
	thread->fn(thread->run, thread->self);
	return NULL;
}

void pair_run(void (*fn)(void *run, unsigned self), void *run, unsigned other)
{
	struct pair_thread threads[2] = {{fn, run, 0, 0}, {fn, run, 1, other}};
	pthread_t handles[2];

	thread_start(&handles[0], pair_main, &threads[0]);
	thread_start(&handles[1], pair_main, &threads[1]);
	thread_join(handles[0]);
	thread_join(handles[1]);
}

/* ---- row 3: a pool per request ------------------------------------------- */

enum {
	BATCH = 32,         /* timed at once, handed over at once   */
	BATCHES = 2,        /* that wait in the ring at most        */
	BATCHES_WARM = 32,  /* at the start of a repetition         */
	BATCHES_TIMED = 64, /* after that; their median counts      */
	FLAT = 1000000      /* handed over in all for the last line */
};

struct request {
	void *(*begin)(void);
	void (*end)(void *);
};

static void *pool_begin(void)
{
	return tarn_pool_create(NULL);
}

static void pool_end(void *pool)
{
	keep(tarn_palloc(pool, 64));
	tarn_pool_destroy(pool);
}

static void *malloc_begin(void)
{
	return malloc(4096);
}

static void malloc_end(void *memory)
{
	keep(memory);
	free(memory);
}

static const struct request request_pool = {pool_begin, pool_end};
static const struct request request_malloc = {malloc_begin, malloc_end};

/* What a request takes of a batch, without the two looks at the clock. The
   median: batches in which a thread lost its processor do not count. */
static double batch_request(double batches[BATCHES_TIMED])
{
	static double empty[BATCHES_TIMED];

	for (int i = 0; i < BATCHES_TIMED; i++) {
		double start = clock_ns();

		empty[i] = clock_ns() - start;
	}
	return (median(batches, BATCHES_TIMED) - median(empty, BATCHES_TIMED)) /
	       BATCH;
}

/* By one thread: each is ended before the next begins. */
static bool request_one(const void *arg, double *ns)
{
	const struct request *request = arg;
	double batches[BATCHES_TIMED];

	for (size_t i = 0; i < BATCHES_WARM + BATCHES_TIMED; i++) {
		double start = clock_ns();

		for (int k = 0; k < BATCH; k++)
			request->end(request->begin());
		batches[i % BATCHES_TIMED] = clock_ns() - start;
	}
	*ns = batch_request(batches);
	return true;
}

/* By one thread: as many live at a time as when they are handed over. */
static bool request_many(const void *arg, double *ns)
{
	const struct request *request = arg;
	double batches[BATCHES_TIMED];
	void *items[BATCHES * BATCH];

	for (size_t i = 0; i < BATCHES_WARM + BATCHES_TIMED; i++) {
		double start = clock_ns();

		for (int k = 0; k < BATCHES * BATCH; k++)
			items[k] = request->begin();
		for (int k = 0; k < BATCHES * BATCH; k++)
			request->end(items[k]);
		batches[i % BATCHES_TIMED] = (clock_ns() - start) / BATCHES;
	}
	*ns = batch_request(batches);
	return true;
}

/* Begun by one thread, ended by another, in batches that go round a ring. */
struct handover {
	const struct request *request;
	size_t batches;
	struct gate gate;
	struct {
		_Alignas(128) atomic_bool full;
		void *items[BATCH];
	} ring[BATCHES];
	double ns[2][BATCHES_TIMED];
};

static void handover_batch(const struct request *request, unsigned self,
			   void **items)
{
	for (int i = 0; i < BATCH; i++)
		if (self == 0)
			items[i] = request->begin();
		else
			request->end(items[i]);
}

/* What a thread works for a batch is timed, not how long it waits for it. */
static void handover_thread(void *arg, unsigned self)
{
	struct handover *run = arg;

	gate_wait(&run->gate);
	for (size_t i = 0; i < run->batches; i++) {
		atomic_bool *full = &run->ring[i % BATCHES].full;
		double start;

		while (atomic_load(full) != (self == 1))
			sched_yield();
		start = clock_ns();
		handover_batch(run->request, self,
			       run->ring[i % BATCHES].items);
		run->ns[self][i % BATCHES_TIMED] = clock_ns() - start;
		atomic_store(full, self == 0);
	}
}

static double request_hand_over(const struct request *request, size_t count,
				unsigned other)
{
	struct handover run = {.request = request, .gate = {0, 2}};

	run.batches = count / BATCH;
	pair_run(handover_thread, &run, other);
	return batch_request(run.ns[0]) + batch_request(run.ns[1]);
}

/* Both threads on one processor: what the library does more. */
static bool request_over_near(const void *arg, double *ns)
{
	*ns = request_hand_over(arg, BATCH * (BATCHES_WARM + BATCHES_TIMED), 0);
	return true;
}

/* And what the processors do to bring memory from one to the other. */
static bool request_over_far(const void *arg, double *ns)
{
	*ns = request_hand_over(arg, BATCH * (BATCHES_WARM + BATCHES_TIMED), 1);
	return true;
}

/* By malloc's own account: RSS would also tell of what it keeps to itself. */
static size_t bytes_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* After the first tenth all caches are full. */
static void report_flat(void)
{
	size_t before;

	request_hand_over(&request_pool, FLAT / 10, 1);
	before = bytes_in_use();
	request_hand_over(&request_pool, FLAT - FLAT / 10, 1);
	report_bytes("in use after 10^6, and after 10^5", bytes_in_use(),
		     before, 1.01);
}

void row_request(void)
{
	const struct side malloc_one = {request_one, &request_malloc};
	const struct side one = {request_one, &request_pool};
	const struct side many = {request_many, &request_pool};
	const struct side near = {request_over_near, &request_pool};
	const struct side far = {request_over_far, &request_pool};
	const struct side malloc_far = {request_over_far, &request_malloc};

	report_times("one by one, against malloc(4096) and free",
		     (struct side[]){malloc_one, one}, true, 1.5);
	report_times("handed over, against by one thread",
		     (struct side[]){many, near}, true, 1.3);
	report_times("to another processor, against malloc so",
		     (struct side[]){malloc_far, far}, true, NO_BAR);
	report_times("to another processor, against by one thread",
		     (struct side[]){many, far}, true, NO_BAR);
	report_flat();
}

/* ---- row 4: the second round --------------------------------------------- */

enum {
	ROUND_BLOCKS = 2000
};

struct round {
	tarn_pool *pool;
	size_t size; /* bytes of each object; 0: 8..128 */
	size_t calls;
};

static tarn_pool *round_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.max_block = 4096;
	return make_pool(&options);
}

static void round_fill(const struct round *round)
{
	uint64_t state = RANDOM_START;

	for (size_t i = 0; i < round->calls; i++) {
		size_t size = round->size;

		if (size == 0)
			size = size_uniform(&state);
		keep(tarn_palloc(round->pool, size));
	}
}

/* How many calls take so many blocks. */
static size_t round_calls(struct round round)
{
	tarn_stats stats = TARN_STATS_INIT;
	size_t calls = 0;

	round.calls = 1000;
	round.pool = round_pool();
	while (stats.blocks < ROUND_BLOCKS) {
		round_fill(&round);
		calls += round.calls;
		tarn_pool_stats(round.pool, &stats);
	}
	tarn_pool_destroy(round.pool);
	return calls;
}

static bool round_first(const void *arg, double *ns)
{
	struct round *round = *(struct round *const *)arg;
	struct watch start;

	round->pool = round_pool();
	start = watch_start();
	round_fill(round);
	*ns = watch_ns(&start) / (double)round->calls;
	return watch_calm(&start);
}

/* With the reset itself. */
static bool round_second(const void *arg, double *ns)
{
	const struct round *round = *(struct round *const *)arg;
	struct watch start = watch_start();
	bool calm;

	tarn_pool_reset(round->pool);
	round_fill(round);
	*ns = watch_ns(&start) / (double)round->calls;
	calm = watch_calm(&start);
	tarn_pool_destroy(round->pool);
	return calm;
}

void row_reset(void)
{
	static const size_t sizes[] = {32, 0, 1000};
	static const char *const what[] = {"32 bytes", "8..128 bytes",
					   "1000 bytes"};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct round round = {NULL, sizes[i], 0}, *arg = &round;
		struct side sides[] = {{round_first, &arg},
				       {round_second, &arg}};

		round.calls = round_calls(round);
		report_times(what[i], sides, false, 1.15);
	}
}

/* ---- rows 8 and 9: beside another thread --------------------------------- */

enum {
	DUEL_LARGE = 64 * 1024,
	DUEL_SMALL = 32,
	DUEL_BATCH = 8
};

typedef void work_fn(tarn_pool *pool, size_t calls);

static void work_pairs(tarn_pool *pool, size_t calls)
{
	while (calls-- != 0) {
		void *object = tarn_palloc(pool, DUEL_LARGE);

		keep(object);
		tarn_pfree(pool, object);
	}
}

static void work_small(tarn_pool *pool, size_t calls)
{
	while (calls-- != 0)
		keep(tarn_palloc(pool, DUEL_SMALL));
}

struct duel {
	work_fn *work;
	size_t calls;
	size_t first_block; /* bytes; 0: as pools have it */
	bool creator;       /* thread 0 allocates first, else a third does */
	unsigned measured;  /* of the two threads: the other is beside it */
	bool busy;          /* the other does the same, or nothing */
};

struct duel_run {
	const struct duel *duel;
	tarn_pool *pool;
	struct gate gate;
	atomic_bool over;
	bool calm[2];
	double ns;
};

static void duel_thread(void *arg, unsigned self)
{
	struct duel_run *run = arg;
	const struct duel *duel = run->duel;
	struct watch start;

	for (unsigned i = 0; i < 2; i++) {
		if (self == i)
			duel->work(run->pool, 1);
		gate_wait(&run->gate);
	}
	start = watch_start();
	if (self == duel->measured) {
		duel->work(run->pool, duel->calls);
		run->ns = watch_ns(&start) / (double)duel->calls;
		atomic_store(&run->over, true);
	}
	/* Idle or not, the thread keeps its processor awake. */
	while (!atomic_load_explicit(&run->over, memory_order_relaxed))
		if (duel->busy)
			duel->work(run->pool, DUEL_BATCH);
	run->calm[self] = watch_calm(&start);
}

static bool duel_run(const void *arg, double *ns)
{
	const struct duel *duel = arg;
	struct duel_run run = {.duel = duel, .gate = {0, 2}};
	tarn_options options = TARN_OPTIONS_INIT;

	options.first_block = duel->first_block;
	run.pool = make_pool(&options);
	if (!duel->creator)
		duel->work(run.pool, 1);
	pair_run(duel_thread, &run, 1);
	tarn_pool_destroy(run.pool);
	*ns = run.ns;
	return run.calm[0] && run.calm[1];
}

/* Beside a busy thread against beside an idle one. */
static void report_duel(const char *what, struct duel duel, double bar)
{
	struct duel busy = duel;

	busy.busy = true;
	report_times(what,
		     (struct side[]){{duel_run, &duel}, {duel_run, &busy}},
		     true, bar);
}

void row_large_pairs(void)
{
	static const char *const what[] = {
		"creator idle, first thread", "creator idle, second thread",
		"creator is one of them, the creator",
		"creator is one of them, the other"};

	for (unsigned i = 0; i < 4; i++)
		report_duel(what[i],
			    (struct duel){.work = work_pairs,
					  .calls = 10000,
					  .creator = i >= 2,
					  .measured = i % 2},
			    1.3);
}

void row_beside_creator(void)
{
	struct duel duel = {.work = work_small, .creator = true, .measured = 1};

	duel.calls = 100000;
	report_duel("100,000 in a pool that grows", duel, 1.2);
	duel.calls = 10000;
	report_duel("10,000 in a pool that grows", duel, NO_BAR);
	duel.calls = 100000;
	duel.first_block = (size_t)64 << 20;
	report_duel("100,000 in one block: all hits", duel, 1.2);
}
