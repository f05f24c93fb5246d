/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promised numbers that are times and bytes, each beside its bar: the rows
 * of bars.sh that are listed here, or those named as arguments. They stand in
 * the other files bars_*.c. With `hits` as the first argument, the loops of
 * bars_hits.c instead, and so on.
 */
#define _GNU_SOURCE 1
#include "bars.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TRIES = 3,            /* of a row of times, on a disturbed machine */
	THROWN_OUT_MOST = 20, /* repetitions a row, on one that is calm    */
	REFERENCES = 101,     /* times that the empty loop is run          */
	REFERENCE_LOOPS = 10000
};

_Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- what is printed ----------------------------------------------------- */

static bool missed;       /* this row */
static size_t thrown_out; /* repetitions of this row */

void count_thrown_out(void)
{
	thrown_out++;
}

void report(const char *what, const char *detail, double value, double bar)
{
	printf("   %-47s %-34s %6.3f", what, detail, value);
	if (bar == NO_BAR)
		printf("\n");
	else
		printf(" <= %-5.4g %s\n", bar, value <= bar ? "ok" : "MISSED");
	fflush(stdout);
	missed |= !(value <= bar);
}

void report_bytes(const char *what, size_t held, size_t asked, double bar)
{
	char detail[64];

	snprintf(detail, sizeof(detail), "%zu held, %zu asked", held, asked);
	report(what, detail, (double)held / (double)asked, bar);
}

void report_unmeasured(const char *what, double bar)
{
	printf("   %-47s too much else runs here\n", what);
	missed |= bar != NO_BAR;
}

size_t operations(size_t usual)
{
	const char *text = getenv("BARS_OPERATIONS");

	return text != NULL ? strtoul(text, NULL, 10) : usual;
}

/* ---- times --------------------------------------------------------------- */

double clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

/* ---- threads and pools --------------------------------------------------- */

void thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	if (pthread_create(thread, NULL, fn, arg) != 0)
		die("pthread_create");
}

void thread_join(pthread_t thread)
{
	if (pthread_join(thread, NULL) != 0)
		die("pthread_join");
}

void gate_wait(struct gate *gate)
{
	size_t round = atomic_fetch_add(&gate->came, 1) / gate->count;
	unsigned spins = 0;

	while (atomic_load(&gate->came) / gate->count == round)
		spin(&spins);
}

tarn_pool *make_pool(const tarn_options *options)
{
	tarn_pool *pool = tarn_pool_create(options);

	if (pool == NULL)
		die("tarn_pool_create");
	return pool;
}

size_t pool_held(const tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	if (tarn_pool_stats(pool, &stats) != 0)
		die("tarn_pool_stats");
	return stats.held;
}

/* ---- mimalloc ------------------------------------------------------------ */

/* The function `name`; data and functions are alike to POSIX alone. */
static void peer_find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	if (found == NULL)
		die(name);
	memcpy(function, &found, sizeof(found));
}

const struct peer *peer_mimalloc(void)
{
	static struct peer peer;
	void *library;

	if (peer.free != NULL)
		return &peer;
	/* It keeps what was freed, as malloc does here: see main. */
	setenv("MIMALLOC_ALLOW_DECOMMIT", "0", 0); /* up to 2.0 */
	setenv("MIMALLOC_PURGE_DELAY", "-1", 0);   /* since     */
	library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		printf("   skipped: no libmimalloc.so.2 (Debian: "
		       "libmimalloc-dev)\n");
		return NULL;
	}
	peer_find(library, "mi_malloc", &peer.alloc);
	peer_find(library, "mi_zalloc", &peer.zero);
	peer_find(library, "mi_realloc", &peer.resize);
	peer_find(library, "mi_free", &peer.free);
	return &peer;
}

/* ---- the rows ------------------------------------------------------------ */

static const struct row {
	unsigned number;
	bool timed;
	void (*run)(void);
	const char *what;
} rows[] = {
	{3, true, row_request, "create, one allocation, destroy, warm"},
	{4, true, row_reset, "second round after a reset, 2,000 blocks"},
	{5, false, row_churn, "20,000 threads, 2 at a time, one pool"},
	{6, false, row_million, "1,000,000 allocations"},
	{7, false, row_crowd, "64 pools x 8 threads x 10 objects"},
	{8, true, row_large_pairs, "two threads, pairs of 64 KiB, one pool"},
	{9, true, row_beside_creator, "beside the creator, busy against idle"},
	{12, true, row_cache, "objects of one size, against mimalloc"},
	{13, false, row_cache_held,
	 "objects of one size, made here, freed there"},
	{14, true, row_trace, "traces on one pool, against mimalloc"},
	{15, false, row_trace_peak, "peaks of the traces, against mimalloc"},
	{16, false, row_others, "8 threads, objects freed by others, one pool"},
	{17, false, row_sizes, "sizes that move from 8..64 to 256..1024"},
	{18, true, row_mark, "mark and rewind around 10 allocations"},
	{19, true, row_resource, "tarn::memory_resource, against monotonic"},
	{20, true, row_resource_pair, "tarn::memory_resource, two threads"},
};

static bool row_chosen(const struct row *row, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strtoul(argv[i], NULL, 10) == row->number)
			return true;
	return argc < 2;
}

/* What an empty loop takes: tells how fast the machine is just now. */
static double reference_ns(void)
{
	double ns[REFERENCES];

	for (int i = 0; i < REFERENCES; i++) {
		double start = clock_ns();

		for (int k = 0; k < REFERENCE_LOOPS; k++)
			keep(NULL);
		ns[i] = clock_ns() - start;
	}
	return median(ns, REFERENCES);
}

/* Whether the row is kept to. Times are taken again where a miss may be the
   machine's doing. */
static bool row_run(const struct row *row)
{
	for (int tries = 1;; tries++) {
		double before = reference_ns(), after;

		missed = false;
		thrown_out = 0;
		printf("%u. %s\n", row->number, row->what);
		if (row->run == NULL) {
			printf("   skipped: no compiler does C++17\n");
			return true;
		}
		row->run();
		after = reference_ns();
		if (!missed || !row->timed || tries == TRIES ||
		    (fabs(after / before - 1) < 0.05 &&
		     thrown_out <= THROWN_OUT_MOST))
			return !missed;
		printf("   the machine was disturbed: once more\n");
	}
}

int main(int argc, char **argv)
{
	bool kept = true, chosen = false;

	if (argc > 1 && strcmp(argv[1], "hits") == 0)
		return hits_main(argc, argv);
	if (argc > 1 && strcmp(argv[1], "claims") == 0)
		return claims_main();
	if (argc > 1 && strcmp(argv[1], "peak") == 0)
		return peak_main(argc, argv);
	/* What was freed stays mapped: no side pays for fresh pages. */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (row_chosen(&rows[i], argc, argv)) {
			chosen = true;
			kept &= row_run(&rows[i]);
		}
	return kept && chosen ? EXIT_SUCCESS : EXIT_FAILURE;
}
