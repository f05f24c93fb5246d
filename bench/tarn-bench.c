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
	REPEATS = 5,     /* of a disturbed repetition    */
	ROUNDS = 7,      /* where the user does not say  */
	QUICK_ROUNDS = 3 /* the same, of a quick look    */
};

static struct rows rows;
static struct report report = {.rows = &rows};
static const char *json_path;
static bool quick, failed;

/* Whether instructions are counted; -1: as long as it is not to be quick. */
static int counts = -1;

/* ---- what is chosen ------------------------------------------------------ */

static const char quick_cases[] =
	"W1-code,W1-memory,W2-1,W3-2,W4-16,W5,W6-uniform,W9-64K-1,W10-nginx";
static const char quick_peers[] =
	"tarn,tarn-local,glibc,mimalloc,apr,apr-child,protobuf+,original,"
	"floor-tls,floor-inline";

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

/* Takes the first name off a list; false where none is left. */
static bool next_name(const char **list, char name[TEXT_MOST])
{
	size_t length;

	if (*list == NULL)
		return false;
	length = strcspn(*list, ",");
	snprintf(name, TEXT_MOST, "%.*s", (int)length, *list);
	*list = (*list)[length] == ',' ? *list + length + 1 : NULL;
	return true;
}

static void cases_choose(bool *chosen, const char *list)
{
	char name[TEXT_MOST];

	memset(chosen, 0, bench_case_count * sizeof(*chosen));
	while (next_name(&list, name)) {
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
	char name[TEXT_MOST];
	size_t count = 0;

	while (next_name(&list, name)) {
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
	bool named[CASES_MOST] = {false};
	char name[TEXT_MOST], threads[16];

	while (next_name(&list, name)) {
		bool found = false;

		for (size_t i = 0; i < bench_case_count; i++) {
			snprintf(threads, sizeof(threads), "%d",
				 bench_cases[i].threads);
			if (strcmp(threads, name) == 0)
				named[i] = found = true;
		}
		if (!found)
			refuse("case of so many threads:", name);
	}
	for (size_t i = 0; i < bench_case_count; i++)
		chosen[i] &= named[i];
}

/* ---- rounds -------------------------------------------------------------- */

/* One repetition that nothing disturbed, if that can be had. */
static bool repeat(const struct row *row, const struct bench_case *at,
		   struct figures *figures)
{
	for (int repeats = 0;; repeats++) {
		if (!row_run(row, at, NULL, figures))
			return false;
		if (!is_disturbed(figures))
			return true;
		if (repeats == REPEATS)
			break;
		report.thrown_away++;
	}
	report.disturbed++;
	return true;
}

static void row_repeat(size_t at, size_t round, size_t i)
{
	struct result *result = &report.results[at * ROWS_MOST + i];
	struct figures figures;
	char what[64];

	snprintf(what, sizeof(what), "round %zu of %zu", round + 1,
		 report.rounds);
	print_progress(&report, at, &rows.rows[i], what);
	if (!repeat(&rows.rows[i], &bench_cases[at], &figures)) {
		failed = true;
		for (int k = 0; k < METRICS; k++)
			figures.values[k] = NAN;
	}
	for (int k = 0; k < METRICS; k++)
		result->values[k][round] = figures.values[k];
	result->rounds = round + 1;
	report.done++;
}

/* Objects that overlap would be fast, too. */
static void case_check(size_t at)
{
	struct figures figures;

	for (size_t i = 0; i < rows.count; i++) {
		const struct row *row = &rows.rows[i];

		if (bench_cases[at].trace == NULL || !row->can[at])
			continue;
		print_progress(&report, at, row, "check");
		failed |= !row_run(row, &bench_cases[at], "check", &figures);
	}
}

static void case_count(size_t at)
{
	struct result *results = report.results + at * ROWS_MOST;

	for (size_t i = 0; i < rows.count; i++) {
		results[i].instructions = NAN;
		if (counts == 0 || results[i].rounds == 0)
			continue;
		print_progress(&report, at, &rows.rows[i], "instructions");
		results[i].instructions =
			row_instructions(&rows.rows[i], &bench_cases[at]);
	}
}

static void case_run(size_t at)
{
	time_t start = time(NULL);

	case_check(at);
	for (size_t round = 0; round < report.rounds; round++)
		for (size_t i = 0; i < rows.count; i++) {
			size_t next = (i + round) % rows.count;

			if (rows.rows[next].can[at])
				row_repeat(at, round, next);
		}
	case_count(at);
	report.reference_ns = reference_ns();
	print_progress_end(at, difftime(time(NULL), start));
	print_case(&report, at);
}

/* ---- the program --------------------------------------------------------- */

static const char usage[] =
	"usage: tarn-bench [options]\n"
	"  -w, --workloads LIST    W1,W3-8,...: all of a workload, or a case\n"
	"  -p, --peers LIST        by name, tuned rows too\n"
	"  -t, --threads LIST      cases of so many threads\n"
	"  -r, --repetitions N     of each case and peer (7)\n"
	"  -q, --quick             few of each, in under a minute\n"
	"  -i, --instructions      count them in a quick look, too\n"
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
	{"instructions", no_argument, NULL, 'i'},
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

__attribute__((noreturn)) static void refuse_usage(void)
{
	fputs(usage, stderr);
	exit(2);
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

	while ((option = getopt_long(argc, argv, "w:p:t:r:qinj:lh", options,
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
		case 'i':
			counts = 1;
			break;
		case 'n':
			counts = 0;
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
			refuse_usage();
		}
	if (optind < argc)
		refuse_usage();
	return asked;
}

/* How many repetitions the chosen cases and rows come to. */
static size_t work_count(const bool *chosen)
{
	size_t pairs = 0;

	for (size_t i = 0; i < bench_case_count; i++)
		for (size_t k = 0; k < rows.count; k++)
			pairs += chosen[i] && rows.rows[k].can[i];
	return pairs * report.rounds;
}

static void choose(const struct asked *asked, bool *chosen)
{
	memset(chosen, true, bench_case_count * sizeof(*chosen));
	if (asked->workloads != NULL)
		cases_choose(chosen, asked->workloads);
	else if (quick)
		cases_choose(chosen, quick_cases);
	if (asked->threads != NULL)
		threads_choose(chosen, asked->threads);
	if (asked->peers != NULL)
		rows_choose(asked->peers, false);
	else if (quick)
		rows_choose(quick_peers, true);
	if (report.rounds == 0)
		report.rounds = quick ? QUICK_ROUNDS : ROUNDS;
	if (counts < 0)
		counts = !quick;
	report.all = work_count(chosen);
	if (report.all == 0) {
		fputs("tarn-bench: no chosen peer can do a chosen case\n",
		      stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct asked asked = read_options(argc, argv);
	static bool chosen[CASES_MOST];

	report.results =
		calloc(bench_case_count * ROWS_MOST, sizeof(*report.results));
	report.chosen = chosen;
	if (report.results == NULL) {
		perror("tarn-bench");
		return 1;
	}
	rows_find(&rows, argv[0]);
	if (rows.count == 0) {
		fprintf(stderr, "tarn-bench: no peers beside %s\n", argv[0]);
		return 1;
	}
	if (asked.list) {
		print_list(&rows);
		return 0;
	}
	choose(&asked, chosen);
	machine_look(&report.machine);
	print_head(&report);
	report.start = time(NULL);
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
