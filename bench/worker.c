/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The services of a worker: see worker.h.
 */
#define _GNU_SOURCE 1
#include "worker.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"

/* Of one repetition: to warm up, and to measure. */
static const double warm_up_ns = 10e6;
static const double measure_ns = 40e6;

enum {
	ROUNDS_MOST = 10000,
	ROUNDS_LEAST = 3,
	REFERENCES = 31, /* times that the empty loop is run */
	REFERENCE_LOOPS = 20000
};

bool worker_tuned;
bool worker_checks;

/* 0: as many as the time allows. */
static unsigned worker_rounds;

void worker_die(const char *what)
{
	perror(what);
	exit(1);
}

void worker_fail(const char *format, size_t a, size_t b, size_t c)
{
	fprintf(stderr, format, a, b, c);
	fputc('\n', stderr);
	exit(1);
}

void worker_tune_glibc(void)
{
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
}

/* ---- figures ------------------------------------------------------------- */

void worker_print(const char *name, double value)
{
	printf("%s\t%.6g\n", name, value);
}

double clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

size_t worker_rss(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages;

	if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
		worker_die("/proc/self/statm");
	fclose(file);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t worker_peak_rss(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	if (file == NULL)
		worker_die("/proc/self/status");
	while (fgets(line, sizeof(line), file) != NULL &&
	       sscanf(line, "VmHWM: %lu", &kib) != 1)
		;
	fclose(file);
	return (size_t)kib << 10;
}

void worker_reset_peak_rss(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
		worker_die("/proc/self/clear_refs");
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

/* What an empty loop takes: tells whether something else ran. */
static double reference_ns(void)
{
	double ns[REFERENCES];

	for (int i = 0; i < REFERENCES; i++) {
		double start = clock_ns();

		for (int k = 0; k < REFERENCE_LOOPS; k++)
			keep(NULL);
		ns[i] = (clock_ns() - start) / REFERENCE_LOOPS;
	}
	return median(ns, REFERENCES);
}

static void count_rounds(struct sample (*round)(void *arg), void *arg)
{
	double operations = 0;

	round(arg);
	for (unsigned i = 0; i < worker_rounds; i++)
		operations += round(arg).operations;
	worker_print("operations", operations);
}

void worker_measure(struct sample (*round)(void *arg), void *arg)
{
	static double ns[ROUNDS_MOST], reset_ns[ROUNDS_MOST];
	double start = clock_ns();
	size_t count = 0;
	bool resets = false;

	if (worker_rounds != 0) {
		count_rounds(round, arg);
		return;
	}
	for (int i = 0; i < 2 || clock_ns() - start < warm_up_ns; i++)
		round(arg);
	start = clock_ns();
	while (count < ROUNDS_LEAST ||
	       (count < ROUNDS_MOST && clock_ns() - start < measure_ns)) {
		struct sample sample = round(arg);

		resets = sample.resets > 0;
		ns[count] = sample.ns / sample.operations;
		reset_ns[count] = resets ? sample.reset_ns / sample.resets : 0;
		count++;
	}
	worker_print("ns", median(ns, count));
	if (resets)
		worker_print("reset_ns", median(reset_ns, count));
}

/* ---- sizes --------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Within (0, 1). */
static double random_unit(uint64_t *state)
{
	return ((double)(random_next(state) >> 12) + 0.5) / 0x1p52;
}

/* Median 48; with this deviation one in 10,000 is beyond 4000, and clipped. */
static uint16_t size_log_normal(uint64_t *state)
{
	double normal = sqrt(-2 * log(random_unit(state))) *
			cos(2 * acos(-1) * random_unit(state));

	return (uint16_t)fmin(fmax(48 * exp(1.2 * normal), 8), 4000);
}

static uint16_t size_between(uint64_t *state, uint16_t least, uint16_t most)
{
	return (uint16_t)(least + random_next(state) % (most - least + 1U));
}

static uint16_t sizes[WORKER_SIZES];

const uint16_t *worker_sizes(const struct bench_case *bench_case)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < WORKER_SIZES; i++) {
		uint64_t *next = &state;

		sizes[i] = bench_case->mix == MIX_UNIFORM
				   ? size_between(next, 8, 128)
			   : bench_case->mix == MIX_LOG_NORMAL
				   ? size_log_normal(next)
				   : (uint16_t)bench_case->size;
	}
	return sizes;
}

const uint16_t *worker_request_sizes(void)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < WORKER_SIZES; i++)
		sizes[i] = size_between(&state, 8, 256);
	return sizes;
}

/* ---- the program --------------------------------------------------------- */

static void (*workload_find(const struct workload_entry *workloads,
			    size_t count, const struct peer_info *info,
			    const struct bench_case *bench_case))(
	const struct bench_case *)
{
	bool shared = bench_case->workload == WORKLOAD_SHARED ||
		      bench_case->workload == WORKLOAD_SHARED_FIXED ||
		      bench_case->workload == WORKLOAD_CHURN ||
		      bench_case->workload == WORKLOAD_PASSED ||
		      bench_case->workload == WORKLOAD_LARGE;

	if (shared && strcmp(info->shared, "none") == 0)
		return NULL;
	if (bench_case->trace != NULL && !trace_available())
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (workloads[i].workload == bench_case->workload)
			return workloads[i].run;
	return NULL;
}

static void describe(const struct peer_info *info,
		     const struct workload_entry *workloads, size_t count)
{
	printf("title\t%s\nversion\t%s\nkind\t%s\nshared\t%s\n", info->title,
	       info->version, info->kind, info->shared);
	if (info->tuned != NULL)
		printf("tuned\t%s\n", info->tuned);
	if (info->note != NULL)
		printf("note\t%s\n", info->note);
	for (size_t i = 0; i < bench_case_count; i++)
		if (workload_find(workloads, count, info, &bench_cases[i]))
			printf("case\t%s\n", bench_cases[i].id);
}

static bool read_arguments(int argc, char **argv, const struct peer_info *info)
{
	for (int i = 3; i < argc; i++)
		if (strncmp(argv[i], "rounds=", 7) == 0)
			worker_rounds =
				(unsigned)strtoul(argv[i] + 7, NULL, 10);
		else if (strcmp(argv[i], "tuned") == 0 && info->tuned != NULL)
			worker_tuned = true;
		else if (strcmp(argv[i], "check") == 0)
			worker_checks = true;
		else
			return false;
	return true;
}

int worker_main(int argc, char **argv, const struct peer_info *info,
		const struct workload_entry *workloads, size_t count,
		void (*begin)(void))
{
	const struct bench_case *bench_case =
		argc > 2 ? bench_case_find(argv[2]) : NULL;
	void (*run)(const struct bench_case *) = NULL;

	if (bench_case != NULL)
		run = workload_find(workloads, count, info, bench_case);
	if (argc == 2 && strcmp(argv[1], "describe") == 0) {
		describe(info, workloads, count);
		return 0;
	}
	if (run == NULL || strcmp(argv[1], "run") != 0 ||
	    !read_arguments(argc, argv, info)) {
		fprintf(stderr,
			"usage: %s describe\n"
			"       %s run CASE [tuned] [rounds=N] [check]\n",
			argv[0], argv[0]);
		return 2;
	}
	worker_pin(0);
	begin();
	worker_print("reference_before", reference_ns());
	run(bench_case);
	worker_print("reference_after", reference_ns());
	return 0;
}
