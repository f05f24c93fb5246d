/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker is made of: the program of one peer, that runs one case once
 * and prints its figures. Each peer is a program of its own, so that none runs
 * in what another left behind; the driver (tarn-bench.c) runs them in turn.
 *
 *	peer-NAME describe
 *	peer-NAME run CASE [tuned] [rounds=N] [check]
 *
 * prints one line a figure or property: its name, a tab, its value. With
 * `rounds`, exactly so many after one to warm up, for counting instructions.
 * With `check`, a trace is replayed with every byte of every object looked at,
 * and not timed.
 */
#ifndef TARN_BENCH_WORKER_H
#define TARN_BENCH_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cases.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a peer says of itself. */
struct peer_info {
	const char *title;   /* "APR pools, children of one parent"          */
	const char *version; /* of the library; "" where there is none       */
	const char *kind;    /* tarn, peer, optional, reference or floor     */
	const char *shared;  /* threads: "native", "mutex" or "none"         */
	const char *tuned;   /* what its tuned row sets, or NULL: no such row*/
	const char *note;    /* how it is used, where a reader would ask     */
};

/* What of the cases a peer can do: the capabilities that it named. */
struct workload_entry {
	enum workload workload;
	void (*run)(const struct bench_case *bench_case);
};

int worker_main(int argc, char **argv, const struct peer_info *info,
		const struct workload_entry *workloads, size_t count,
		void (*begin)(void));

#define WORKER_TEXT(value)   WORKER_QUOTED(value)
#define WORKER_QUOTED(value) #value

/* That glibc keeps what was freed, and takes more at once. */
#define WORKER_TUNED_GLIBC                                                     \
	"M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_TOP_PAD of glibc raised"
void worker_tune_glibc(void);

/* Whether this is the tuned row. Set before peer_begin. */
extern bool worker_tuned;

/* Whether objects are to be checked and not timed. */
extern bool worker_checks;

/* What the system refused. */
__attribute__((noreturn)) void worker_die(const char *what);

/* What the peer did wrong; `format` is for three size_t. */
__attribute__((noreturn)) void worker_fail(const char *format, size_t a,
					   size_t b, size_t c);

/* ---- figures ------------------------------------------------------------- */

void worker_print(const char *name, double value);

double clock_ns(void);

/* Bytes of memory that the process has in use. */
size_t worker_rss(void);

/* The most it had since worker_reset_peak_rss. */
size_t worker_peak_rss(void);
void worker_reset_peak_rss(void);

/* What one round took. */
struct sample {
	double ns, operations;   /* the figure `ns`                       */
	double reset_ns, resets; /* the figure `reset_ns`; 0 resets: none */
};

/* Has rounds run until the time is up, after some to warm up, and prints the
   medians of ns per operation and per reset. */
void worker_measure(struct sample (*round)(void *arg), void *arg);

/* ---- threads ------------------------------------------------------------- */

/* Threads that all start at once, each pinned to a processor. */
struct crew;

typedef void crew_fn(void *arg, int thread);

/* `idle`: with one more thread, number `threads`, for the creator. */
struct crew *crew_start(int threads, bool idle);
/* Has all but the idle one run fn(arg, 0..), and returns the ns from the first
   start to the last end. */
double crew_run(struct crew *crew, crew_fn *fn, void *arg);
/* On one thread alone, while the others wait. */
void crew_run_one(struct crew *crew, int thread, crew_fn *fn, void *arg);
void crew_end(struct crew *crew);

/* The calling thread, to the processor of this number. */
void worker_pin(int thread);

/* In a loop that waits: lets another thread have the processor now and then. */
void worker_yield(void);

/* How many processors these threads have for themselves. */
int worker_processors(int threads);

/* ---- sizes --------------------------------------------------------------- */

enum {
	WORKER_FIXED_SIZE = 32
}; /* bytes: of the cases with one size */
enum {
	WORKER_SIZES = 4096
}; /* a power of two: they are taken in a circle */

/* The sizes of a case's mix, the same at each run. */
const uint16_t *worker_sizes(const struct bench_case *bench_case);

/* A request's: 8..256. */
const uint16_t *worker_request_sizes(void);

/* What `ptr` points to is used, as far as the compiler can tell. */
static inline void keep(const void *ptr)
{
	__asm__ volatile("" : : "r"(ptr) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
