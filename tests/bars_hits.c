/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loops of hits, for callgrind to count: row 1 of bars.sh; and, for row 11, of
 * requests that are served from freed memory.
 *
 *	bars hits WHAT WHO POOLS THREADS CALLS MOST
 *
 * The main thread allocates first from each of POOLS pools, so that it owns
 * their first local pools; THREADS - 1 others come after it. WHO (`first` or
 * `others`) then makes CALLS calls of WHAT in each pool. There is no miss
 * among them: each thread has got room enough for MOST calls before, or has
 * freed as many objects, so that two runs with the same MOST differ by these
 * calls and nothing else.
 */
#include "bars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HITS_SIZE = 24,
	HITS_BYTES = 64, /* that a call takes at most, with its alignment */
	HITS_POOLS = 64, /* at most */
	HITS_THREADS = 64,
	HITS_LARGE =
		1024 * 1024 /* bytes: all requests below are hits or claims */
};

/* What one thread calls. */
struct hits {
	const struct loop *loop;
	tarn_pool *const *pools;
	size_t count; /* of pools */
	size_t calls; /* in each; 0: the thread is there, no more */
	size_t most;  /* calls in each that there is to be room for */
	size_t size;  /* HITS_SIZE, not known when this is compiled */
	tarn_local *locals[HITS_POOLS];
	pthread_barrier_t *ready; /* of one thread and the main one */
	pthread_barrier_t *all;
};

static inline void keep_size(size_t size)
{
	__asm__ volatile("" : : "r"(size));
}

struct loop {
	const char *name;
	void (*run)(const struct hits *hits);
	bool reuses; /* memory that was freed: not hits, then */
};

/* All loops are the same but for the call in them. The size is read from memory
   each time, so that it is new at each call. */
#define LOOP(loop_name, array, call)                                           \
	static __attribute__((noinline)) void loop_name(                       \
		const struct hits *hits)                                       \
	{                                                                      \
		size_t count = hits->count;                                    \
                                                                               \
		for (size_t n = hits->calls; n != 0; n--)                      \
			for (size_t i = 0; i < count; i++)                     \
				keep(call(hits->array[i], hits->size));        \
	}

#define CALL_NONE(pool, size)         (keep_size(size), (pool))
#define CALL_PALLOC(pool, size)       tarn_palloc(pool, size)
#define CALL_PMEMALIGN_8(pool, size)  tarn_pmemalign(pool, 8, size)
#define CALL_PMEMALIGN_16(pool, size) tarn_pmemalign(pool, 16, size)
#define CALL_PMEMALIGN_32(pool, size) tarn_pmemalign(pool, 32, size)
#define CALL_PMEMALIGN_64(pool, size) tarn_pmemalign(pool, 64, size)
#define CALL_LOCAL(local, size)       tarn_local_palloc(local, size)
#define CALL_LOCAL_CONSTANT(local, size)                                       \
	(keep_size(size), tarn_local_palloc(local, HITS_SIZE))

LOOP(loop_pools, pools, CALL_NONE)
LOOP(loop_palloc, pools, CALL_PALLOC)
LOOP(loop_pmemalign_8, pools, CALL_PMEMALIGN_8)
LOOP(loop_pmemalign_16, pools, CALL_PMEMALIGN_16)
LOOP(loop_pmemalign_32, pools, CALL_PMEMALIGN_32)
LOOP(loop_pmemalign_64, pools, CALL_PMEMALIGN_64)
LOOP(loop_locals, locals, CALL_NONE)
LOOP(loop_local, locals, CALL_LOCAL)
LOOP(loop_local_constant, locals, CALL_LOCAL_CONSTANT)

static const struct loop loops[] = {
	{"pools", loop_pools,
	 false}, /* no call: what the next ones cost without */
	{"palloc", loop_palloc, false},
	{"palloc_freed", loop_palloc, true},
	{"pmemalign_8", loop_pmemalign_8, false},
	{"pmemalign_16", loop_pmemalign_16, false},
	{"pmemalign_32", loop_pmemalign_32, false},
	{"pmemalign_64", loop_pmemalign_64, false},
	{"locals", loop_locals, false}, /* no call either */
	{"local", loop_local, false},
	{"local_constant", loop_local_constant, false},
};

static size_t local_room(const tarn_local *local)
{
	return (size_t)(local->end - local->last);
}

/* Frees as many as will be asked for, and no more: all are used again. */
static void hits_free(const struct hits *hits)
{
	void *objects[HITS_LARGE / HITS_BYTES];

	for (size_t i = 0; i < hits->count && hits->calls != 0; i++) {
		for (size_t n = 0; n < hits->most; n++)
			objects[n] = tarn_palloc(hits->pools[i], hits->size);
		for (size_t n = 0; n < hits->most; n++)
			tarn_pfree_sized(hits->pools[i], objects[n],
					 hits->size);
	}
}

/* Each request that the room does not suffice for brings a larger chunk. */
static void hits_make_room(struct hits *hits)
{
	/* Who makes no calls wants a local pool, no more. The end of the room
	   may not be aligned to HITS_BYTES: hence one more. */
	size_t need = hits->calls != 0 ? (hits->most + 1) * HITS_BYTES : 1;

	for (size_t i = 0; i < hits->count; i++) {
		tarn_local *local = tarn_pool_local(hits->pools[i]);

		if (local == NULL)
			die("tarn_pool_local");
		while (local_room(local) < need)
			keep(tarn_local_palloc(local, local_room(local) + 1));
		hits->locals[i] = local;
	}
}

static void hits_make_ready(struct hits *hits)
{
	hits_make_room(hits);
	if (hits->loop->reuses)
		hits_free(hits);
}

static void hits_run(const struct hits *hits)
{
	const tarn_local *last = hits->locals[hits->count - 1];
	size_t before = local_room(last);

	hits->loop->run(hits);
	if (!hits->loop->reuses &&
	    before - local_room(last) > (hits->calls + 1) * HITS_BYTES) {
		fputs("bars: a miss among the hits\n", stderr);
		exit(2);
	}
}

/* Makes ready while no other thread does, so that each run is the same. */
static void *hits_thread(void *arg)
{
	struct hits *hits = arg;

	hits_make_ready(hits);
	pthread_barrier_wait(hits->ready);
	pthread_barrier_wait(hits->all);
	hits_run(hits);
	pthread_barrier_wait(hits->all);
	/* The main thread ends the program: an end is work, too. */
	pause();
	return NULL;
}

static void hits_pools(tarn_pool **pools, size_t count)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.large_above = HITS_LARGE;
	options.max_block = (size_t)64 << 20;
	for (size_t i = 0; i < count; i++) {
		pools[i] = make_pool(&options);
		keep(tarn_palloc(pools[i], HITS_SIZE));
	}
}

/* The other threads one after the other, and all of them together. */
static void hits_together(struct hits *first, const struct hits *other,
			  size_t count)
{
	static struct hits hits[HITS_THREADS];

	hits_make_ready(first);
	for (size_t i = 1; i < count; i++) {
		pthread_t thread;

		hits[i] = *other;
		thread_start(&thread, hits_thread, &hits[i]);
		pthread_barrier_wait(first->ready);
	}
	pthread_barrier_wait(first->all);
	hits_run(first);
	pthread_barrier_wait(first->all);
}

static size_t hits_number(const char *text, size_t most)
{
	size_t number = strtoul(text, NULL, 10);

	return number < 1 ? 1 : number > most ? most : number;
}

static const struct loop *hits_loop(const char *name)
{
	for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
		if (strcmp(loops[i].name, name) == 0)
			return &loops[i];
	fprintf(stderr, "bars: no loop %s\n", name);
	exit(2);
}

int hits_main(int argc, char **argv)
{
	tarn_pool *pools[HITS_POOLS];
	pthread_barrier_t ready, all;
	struct hits first = {.pools = pools, .ready = &ready, .all = &all};
	struct hits other;
	size_t threads;

	if (argc != 8) {
		fputs("usage: bars hits WHAT WHO POOLS THREADS CALLS MOST\n",
		      stderr);
		return 2;
	}
	first.loop = hits_loop(argv[2]);
	first.size = HITS_SIZE;
	first.count = hits_number(argv[4], HITS_POOLS);
	first.most = hits_number(argv[7], HITS_LARGE / HITS_BYTES - 2);
	threads = hits_number(argv[5], HITS_THREADS);
	other = first;
	if (strcmp(argv[3], "first") == 0)
		first.calls = hits_number(argv[6], first.most);
	else
		other.calls = hits_number(argv[6], first.most);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&all, NULL, (unsigned)threads);
	hits_pools(pools, first.count);
	hits_together(&first, &other, threads);
	_exit(0);
}
