/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the driver share: peers, as they describe themselves,
 * rows, of which a tuned peer has two, and the figures of each row in a case.
 */
#ifndef TARN_BENCH_DRIVER_H
#define TARN_BENCH_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "cases.h"

enum {
	ROWS_MOST = 64,
	ROUNDS_MOST = 101,
	CASES_MOST = 64,
	TEXT_MOST = 256
};

/* What a worker prints: see worker.h. The last two are told to nobody. */
enum metric {
	METRIC_NS,
	METRIC_RESET_NS,
	METRIC_HELD,
	METRIC_RSS,
	METRIC_PEAK_HELD,
	METRIC_PEAK_RSS,
	METRICS_TOLD,
	METRIC_REFERENCE_BEFORE = METRICS_TOLD,
	METRIC_REFERENCE_AFTER,
	METRIC_OPERATIONS,
	METRICS
};

extern const char *const metric_names[METRICS];

/* One repetition; NAN: not printed. */
struct figures {
	double values[METRICS];
};

/* One line of a table: a peer, or a peer tuned. */
struct row {
	char id[TEXT_MOST]; /* with a + where tuned */
	char program[4096];
	char title[TEXT_MOST], version[TEXT_MOST], kind[TEXT_MOST];
	char shared[TEXT_MOST], tuning[TEXT_MOST], note[TEXT_MOST];
	bool tuned;
	bool can[CASES_MOST];
};

struct rows {
	struct row rows[ROWS_MOST];
	size_t count;
};

/* What was measured of one row in one case. */
struct result {
	double values[METRICS][ROUNDS_MOST]; /* by round                    */
	size_t rounds;                       /* 0: the row cannot do it     */
	double instructions;                 /* an operation; NAN: not told */
};

/* ---- workers, in process.c ----------------------------------------------- */

/* The rows of all peers beside this program, which was started as `program`. */
void rows_find(struct rows *rows, const char *program);

/* Runs one repetition; false, with a message, where the worker failed. That it
   printed figures is asked of it unless it has an option. */
bool row_run(const struct row *row, const struct bench_case *bench_case,
	     const char *option, struct figures *figures);

/* Instructions an operation, by callgrind; NAN where it is not there. */
double row_instructions(const struct row *row,
			const struct bench_case *bench_case);

/* ---- figures, in figures.c ----------------------------------------------- */

/* A quantile of what is no NAN of `count` values; NAN of none. */
double quantile(const double *values, size_t count, double at);

/* The median of a[i] / b[i]. */
double ratio(const double *a, const double *b, size_t count);

/* Whether the quartiles of one enclose none of the other's. */
bool differ(const double *a, const double *b, size_t count);

/* Whether something else ran meanwhile, as the empty loop tells. */
bool is_disturbed(const struct figures *figures);

/* The empty loop's time over the last repetitions. */
double reference_ns(void);

/* ---- what is told, in print.c -------------------------------------------- */

struct machine {
	char cpu[TEXT_MOST], kernel[TEXT_MOST], libc[TEXT_MOST];
	char compiler[TEXT_MOST], flags[TEXT_MOST], date[TEXT_MOST];
	long processors, memory_mib;
};

void machine_look(struct machine *machine);

struct report {
	struct machine machine;
	const struct rows *rows;
	struct result *results; /* by case, then row */
	const bool *chosen;     /* by case           */
	size_t rounds, thrown_away;
	size_t disturbed; /* kept all the same: the last try */
	size_t done, all; /* repetitions                      */
	time_t start;
	double reference_ns;
};

/* The cases and peers that there are. */
void print_list(const struct rows *rows);

void print_head(const struct report *report);
void print_case(const struct report *report, size_t at);
void print_foot(const struct report *report);

/* Where the run is, on one line of a terminal, and how long a case took. */
void print_progress(const struct report *report, size_t at,
		    const struct row *row, const char *what);
void print_progress_end(size_t at, double seconds);

/* Writes all of it to file `path`, which is replaced once all is written;
   false with errno. */
bool print_json(const struct report *report, const char *path);

#endif
