/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rows of bars share: see bars.c.
 */
#ifndef TARN_TESTS_BARS_H
#define TARN_TESTS_BARS_H

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tarn.h"

/* ---- the rows ------------------------------------------------------------ */

void row_request(void);        /* 3, in bars_time.c */
void row_reset(void);          /* 4                 */
void row_large_pairs(void);    /* 8                 */
void row_beside_creator(void); /* 9                 */
void row_churn(void);          /* 5, in bars_held.c */
void row_million(void);        /* 6                 */
void row_crowd(void);          /* 7                 */
void row_cache(void);          /* 12, in bars_cache.c */
void row_cache_held(void);     /* 13                  */
void row_trace(void);          /* 14, in bars_trace.c */
void row_trace_peak(void);     /* 15                  */
void row_others(void);         /* 16, in bars_reuse.c */
void row_sizes(void);          /* 17                  */
void row_mark(void);           /* 18                  */
#ifdef BARS_CXX
void row_resource(void);      /* 19, in bars_resource.c */
void row_resource_pair(void); /* 20                     */
#else
#define row_resource      NULL /* there is no C++ compiler */
#define row_resource_pair NULL
#endif

/* The loops that callgrind counts, in bars_hits.c; argv as main has it. */
int hits_main(int argc, char **argv);

/* 8 threads that fill one pool, for callgrind too, in bars_held.c. */
int claims_main(void);

/* One replay of a trace in a process of its own, in bars_trace.c. */
int peak_main(int argc, char **argv);

/* Operations of a row that can be told to take longer: BARS_OPERATIONS in the
   environment, else `usual`. */
size_t operations(size_t usual);

/* ---- what is printed ----------------------------------------------------- */

/* For a figure that is told beside the others. */
#define NO_BAR HUGE_VAL

/* Tells `value`, and misses the row where it is beyond the bar. */
void report(const char *what, const char *detail, double value, double bar);
void report_bytes(const char *what, size_t held, size_t asked, double bar);

/* Misses the row, if there is a bar: the machine gave no chance to measure. */
void report_unmeasured(const char *what, double bar);

_Noreturn void die(const char *what);

/* ---- times --------------------------------------------------------------- */

double clock_ns(void);
double median(double *values, size_t count);

/* Tells that a repetition was thrown out. */
void count_thrown_out(void);

struct watch {
	double ns;
	long switches;
};

struct watch watch_start(void);
double watch_ns(const struct watch *start);
/* Whether no processor was taken from this thread since. */
bool watch_calm(const struct watch *start);

/* What one side of a comparison does once; false: it was disturbed. */
struct side {
	bool (*run)(const void *arg, double *ns);
	const void *arg;
};

/* sides[1] against sides[0]; `alternate`: they take turns to be first. */
void report_times(const char *what, const struct side *sides, bool alternate,
		  double bar);

/* fn(run, 0) on processor 0 beside fn(run, 1) on `other`, until both end. */
void pair_run(void (*fn)(void *run, unsigned self), void *run, unsigned other);

/* ---- mimalloc ------------------------------------------------------------ */

/* Loaded beside malloc, in whose place its library would stand if this program
   were linked with it. Called by pointers, as tarn is by its own: no PLT. */
struct peer {
	void *(*alloc)(size_t size);
	void *(*zero)(size_t size);
	void *(*resize)(void *object, size_t size);
	void (*free)(void *object);
};

/* Returns NULL, and tells so, where it is not installed. */
const struct peer *peer_mimalloc(void);

/* ---- threads and pools --------------------------------------------------- */

void thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);
void thread_join(pthread_t thread);

/* In a loop that waits: lets others have the processor now and then. */
static inline void spin(unsigned *spins)
{
	if (++*spins % 4096 == 0)
		sched_yield();
}

/* Holds `count` threads back until all are there, again and again. They spin,
   so as to start at once. */
struct gate {
	atomic_size_t came;
	size_t count;
};

void gate_wait(struct gate *gate);

tarn_pool *make_pool(const tarn_options *options);
size_t pool_held(const tarn_pool *pool);

/* ---- small things -------------------------------------------------------- */

/* What `ptr` points to is used, as far as the compiler can tell. */
static inline void keep(const void *ptr)
{
	__asm__ volatile("" : : "r"(ptr) : "memory");
}

/* Written to, as memory is asked for to be used. */
static inline void touch(void *object)
{
	*(volatile uint64_t *)object = 1;
	keep(object);
}

static inline size_t round_up(size_t size, size_t alignment)
{
	return (size + alignment - 1) & ~(alignment - 1);
}

#define RANDOM_START UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* 8..128 bytes. */
static inline size_t size_uniform(uint64_t *state)
{
	return 8 + (size_t)(random_next(state) % 121);
}

#endif
