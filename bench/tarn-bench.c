/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench: runs the chosen cases for the chosen peers, and prints what they
 * took. In each round of a case every peer runs once, in turn, in a process of
 * its own; a repetition that something else on the machine disturbed, as an
 * empty loop before and after it shows, is thrown away and run again.
 */
#define _GNU_SOURCE 1
#include "driver.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	TRIES = 5,
	REFERENCES = 15
};

/* How far the empty loop may be off. */
static const double disturbed_part = 0.05;

static struct rows rows;
static struct report report = {.rows = &rows, .rounds = 7};
static const char *json_path;
static bool counts = true, quick, failed;

/* ---- what is chosen ------------------------------------------------------ */

static const char quick_cases[] =
	"W1-code,W1-memory,W2-1,W3-2,W4-16,W5,W6-uniform,W9-64K-1,W10-nginx";
static const char quick_peers[] =
	"tarn,tarn-local,glibc,mimalloc,apr,apr-child,protobuf+,original,"
	"floor-tls,floor-inline";

enum {
	QUICK_ROUNDS = 3
};

static void refuse(const char *what, const char *name)
{
	fprintf(stderr, "tarn-bench: there is no %s %s; --list tells all\n",
		what, name);
	exit(2);
}

/* Whether case `id` is the one named, or of the workload named. */
static bool case_is(const char *id, const char *name)
{
	size_t length = strlen(name);

	return strncmp(id, name, length) == 0 &&
	       (id[length] == '\0' || id[length] == '-');
}

static void cases_choose(bool *chosen, const char *list)
{
	char names[1024], *rest = names, *name;

	memset(chosen, 0, bench_case_count * sizeof(*chosen));
	snprintf(names, sizeof(names), "%s", list);
	while ((name = strsep(&rest, ",")) != NULL) {
		bool found = false;

		for (size_t i = 0; i < bench_case_count; i++)
			if (case_is(bench_cases[i].id, name))
				chosen[i] = found = true;
		if (!found)
			refuse("workload", name);
	}
}

/* A plain name stands for the tuned row too, unless `exactly`. */
static bool row_is(const struct row *row, const char *name, bool exactly)
{
	size_t length = strlen(name);

	return strcmp(row->id, name) == 0 ||
	       (!exactly && strncmp(row->id, name, length) == 0 &&
		strcmp(row->id + length, "+") == 0);
}

static void rows_choose(const char *list, bool exactly)
{
	bool keep[ROWS_MOST] = {false};
	char names[1024], *rest = names, *name;
	size_t count = 0;

	snprintf(names, sizeof(names), "%s", list);
	while ((name = strsep(&rest, ",")) != NULL) {
		bool found = false;

		for (size_t i = 0; i < rows.count; i++)
			if (row_is(&rows.rows[i], name, exactly))
				keep[i] = found = true;
		if (!found && !exactly)
			refuse("peer", name);
	}
	for (size_t i = 0; i < rows.count; i++)
		if (keep[i])
			rows.rows[count++] = rows.rows[i];
	rows.count = count;
}

static void threads_choose(bool *chosen, const char *list)
{
	char names[256], *rest, *name;

	for (size_t i = 0; i < bench_case_count; i++) {
		bool named = false;

		snprintf(names, sizeof(names), "%s", list);
		rest = names;
		while ((name = strsep(&rest, ",")) != NULL)
			named |= atoi(name) == bench_cases[i].threads;
		chosen[i] &= named;
	}
}

/* ---- rounds -------------------------------------------------------------- */

static bool is_disturbed(const struct figures *figures, double reference)
{
	double before = figures->values[METRIC_REFERENCE_BEFORE];
	double after = figures->values[METRIC_REFERENCE_AFTER];

	return fabs(after / before - 1) > disturbed_part ||
	       fmax(before, after) > reference * (1 + 2 * disturbed_part);
}

/* The empty loop's time over the last repetitions: it follows a machine that
   changes its pace. */
static double reference_follow(const struct figures *figures)
{
	static double last[REFERENCES];
	static size_t count;
	size_t filled;

	last[count++ % REFERENCES] = figures->values[METRIC_REFERENCE_BEFORE];
	filled = count < REFERENCES ? count : REFERENCES;
	report.reference_ns = quantile(last, filled, 0.5);
	return report.reference_ns;
}

/* One repetition that nothing disturbed, if that can be had. */
static bool repeat(const struct row *row, const struct bench_case *at,
		   struct figures *figures)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (!row_run(row, at, NULL, figures))
			return false;
		if (!is_disturbed(figures, reference_follow(figures)))
			break;
		report.thrown_away++;
	}
	return true;
}

static void progress(const struct bench_case *at, size_t round,
		     const struct row *row)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s: round %zu of %zu: %s", at->id,
			round + 1, report.rounds, row->id);
}

static void progress_end(const struct bench_case *at, double seconds)
{
	fprintf(stderr, "%s%s: %.0f s\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", at->id, seconds);
}

static void row_repeat(struct result *result, size_t round,
		       const struct row *row, const struct bench_case *at)
{
	struct figures figures;

	progress(at, round, row);
	if (!repeat(row, at, &figures)) {
		failed = true;
		for (int k = 0; k < METRICS; k++)
			figures.values[k] = NAN;
	}
	for (int k = 0; k < METRICS; k++)
		result->values[k][round] = figures.values[k];
	result->rounds = round + 1;
}

/* Objects that overlap would be fast, too. */
static void case_check(size_t at)
{
	struct figures figures;

	for (size_t i = 0; i < rows.count; i++)
		if (bench_cases[at].trace != NULL && rows.rows[i].can[at] &&
		    !row_run(&rows.rows[i], &bench_cases[at], "check",
			     &figures))
			failed = true;
}

static void case_run(size_t at)
{
	struct result *results = report.results + at * ROWS_MOST;
	double start = (double)time(NULL);

	case_check(at);
	for (size_t round = 0; round < report.rounds; round++)
		for (size_t i = 0; i < rows.count; i++) {
			size_t next = (i + round) % rows.count;

			if (rows.rows[next].can[at])
				row_repeat(&results[next], round,
					   &rows.rows[next], &bench_cases[at]);
		}
	for (size_t i = 0; i < rows.count; i++) {
		results[i].instructions = NAN;
		if (counts && results[i].rounds != 0)
			results[i].instructions = row_instructions(
				&rows.rows[i], &bench_cases[at]);
	}
	progress_end(&bench_cases[at], (double)time(NULL) - start);
	print_case(&report, at);
}

/* ---- the program --------------------------------------------------------- */

static void list(void)
{
	for (size_t i = 0; i < bench_case_count; i++)
		printf("%-14s %s\n", bench_cases[i].id, bench_cases[i].title);
	printf("\n");
	for (size_t i = 0; i < rows.count; i++)
		printf("%-14s %s %s%s%s\n", rows.rows[i].id, rows.rows[i].title,
		       rows.rows[i].version, rows.rows[i].tuned ? "; " : "",
		       rows.rows[i].tuning);
}

static const char usage[] =
	"usage: tarn-bench [options]\n"
	"  -w, --workloads LIST    W1,W3-8,...: all of a workload, or a case\n"
	"  -p, --peers LIST        by name, tuned rows too\n"
	"  -t, --threads LIST      cases of so many threads\n"
	"  -r, --repetitions N     of each case and peer (7)\n"
	"  -q, --quick             few of each, in under a minute\n"
	"  -n, --no-instructions   do not count them, where valgrind is there\n"
	"  -j, --json FILE         write all figures there, too\n"
	"  -l, --list              the cases and peers that there are\n"
	"  -h, --help\n"
	"      --version\n";

static const struct option options[] = {
	{"workloads", required_argument, NULL, 'w'},
	{"peers", required_argument, NULL, 'p'},
	{"threads", required_argument, NULL, 't'},
	{"repetitions", required_argument, NULL, 'r'},
	{"quick", no_argument, NULL, 'q'},
	{"no-instructions", no_argument, NULL, 'n'},
	{"json", required_argument, NULL, 'j'},
	{"list", no_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static void read_repetitions(const char *text)
{
	char *end;
	long count = strtol(text, &end, 10);

	if (*end != '\0' || count < 1 || count > ROUNDS_MOST) {
		fprintf(stderr, "tarn-bench: 1 to %d repetitions\n",
			ROUNDS_MOST);
		exit(2);
	}
	report.rounds = (size_t)count;
}

/* What only the whole list of peers can answer waits for it. */
struct asked {
	const char *workloads, *peers, *threads;
	bool list;
};

static struct asked read_options(int argc, char **argv)
{
	struct asked asked = {NULL, NULL, NULL, false};
	int option;

	while ((option = getopt_long(argc, argv, "w:p:t:r:qnj:lh", options,
				     NULL)) != -1)
		switch (option) {
		case 'w':
			asked.workloads = optarg;
			break;
		case 'p':
			asked.peers = optarg;
			break;
		case 't':
			asked.threads = optarg;
			break;
		case 'r':
			read_repetitions(optarg);
			break;
		case 'q':
			quick = true;
			break;
		case 'n':
			counts = false;
			break;
		case 'j':
			json_path = optarg;
			break;
		case 'l':
			asked.list = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		case 'V':
			puts("tarn-bench " PACKAGE_VERSION);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(2);
	}
	return asked;
}

static void choose(const struct asked *asked, bool *chosen)
{
	for (size_t i = 0; i < bench_case_count; i++)
		chosen[i] = true;
	if (quick) {
		counts = false;
		report.rounds = QUICK_ROUNDS;
		cases_choose(chosen, quick_cases);
		rows_choose(quick_peers, true);
	}
	if (asked->workloads != NULL)
		cases_choose(chosen, asked->workloads);
	if (asked->threads != NULL)
		threads_choose(chosen, asked->threads);
	if (asked->peers != NULL)
		rows_choose(asked->peers, false);
}

int main(int argc, char **argv)
{
	struct asked asked = read_options(argc, argv);
	bool *chosen = calloc(bench_case_count, sizeof(*chosen));

	report.results =
		calloc(bench_case_count * ROWS_MOST, sizeof(*report.results));
	report.chosen = chosen;
	if (chosen == NULL || report.results == NULL) {
		perror("tarn-bench");
		return 1;
	}
	rows_find(&rows, argv[0]);
	if (asked.list) {
		list();
		return 0;
	}
	choose(&asked, chosen);
	machine_look(&report.machine);
	print_head(&report);
	for (size_t i = 0; i < bench_case_count; i++)
		if (chosen[i])
			case_run(i);
	print_foot(&report);
	if (json_path != NULL && !print_json(&report, json_path)) {
		perror(json_path);
		return 1;
	}
	return failed;
}
