/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers: the programs peer-* beside this one, described and run.
 */
#define _GNU_SOURCE 1
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* A repetition takes a tenth of a second; this one hangs. */
static const int time_limit_ms = 120000;

const char *const metric_names[METRICS] = {"ns",
					   "reset_ns",
					   "held",
					   "rss",
					   "peak_held",
					   "peak_rss",
					   "reference_before",
					   "reference_after",
					   "operations"};

/* ---- one process --------------------------------------------------------- */

/* Starts `argv`, whose output and errors come from the descriptor returned. */
static int process_start(char *const *argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error == 0)
		return ends[0];
	close(ends[0]);
	errno = error;
	return -1;
}

/* Reads all there is, up to `size`; false where it takes too long. */
static bool process_read(int from, char *text, size_t size)
{
	struct pollfd poll_from = {from, POLLIN, 0};
	size_t used = 0;

	for (;;) {
		ssize_t got;

		if (poll(&poll_from, 1, time_limit_ms) <= 0)
			return false;
		got = read(from, text + used, size - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	text[used] = '\0';
	return true;
}

/* What `argv` printed; false where it did not end well. */
static bool process_run(char *const *argv, char *text, size_t size)
{
	pid_t pid;
	int from = process_start(argv, &pid), status;
	bool all;

	text[0] = '\0';
	if (from < 0)
		return false;
	all = process_read(from, text, size);
	close(from);
	if (!all)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return all && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- rows ---------------------------------------------------------------- */

static void row_set(struct row *row, const char *name, const char *value)
{
	struct {
		const char *name;
		char *text;
	} texts[] = {
		{"title", row->title},  {"version", row->version},
		{"kind", row->kind},    {"shared", row->shared},
		{"tuned", row->tuning}, {"note", row->note},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(texts[i].name, name) == 0)
			snprintf(texts[i].text, TEXT_MOST, "%s", value);
	for (size_t i = 0; i < bench_case_count; i++)
		if (strcmp(name, "case") == 0 &&
		    strcmp(bench_cases[i].id, value) == 0)
			row->can[i] = true;
}

static bool row_describe(struct row *row)
{
	char text[1 << 14], describe[] = "describe";
	char *argv[] = {row->program, describe, NULL};
	char *rest = text, *line;

	row->can = calloc(bench_case_count, sizeof(*row->can));
	if (row->can == NULL || !process_run(argv, text, sizeof(text)))
		return false;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *name = strsep(&line, "\t");

		if (line != NULL)
			row_set(row, name, line);
	}
	return true;
}

static void rows_add(struct rows *rows, const char *directory, const char *name)
{
	struct row *row = &rows->rows[rows->count];

	if (rows->count + 2 > ROWS_MOST)
		return;
	snprintf(row->id, sizeof(row->id), "%s", name + strlen("peer-"));
	snprintf(row->program, sizeof(row->program), "%s/%s", directory, name);
	if (!row_describe(row)) {
		fprintf(stderr, "tarn-bench: %s does not run\n", row->program);
		return;
	}
	rows->count++;
	if (row->tuning[0] == '\0')
		return;
	row[1] = row[0];
	row[1].tuned = true;
	strcat(row[1].id, "+");
	row[0].tuning[0] = '\0';
	rows->count++;
}

/* Ours first, floors last, by name within. */
static int row_compare(const void *a, const void *b)
{
	static const char order[] = "tarn peer optional reference floor";
	const struct row *x = a, *y = b;
	const char *at_x = strstr(order, x->kind);
	const char *at_y = strstr(order, y->kind);

	return at_x != at_y ? (at_x > at_y) - (at_x < at_y)
			    : strcmp(x->id, y->id);
}

void rows_find(struct rows *rows, const char *program)
{
	char directory[3800];
	const char *slash = strrchr(program, '/');
	struct dirent *entry;
	DIR *open;

	snprintf(directory, sizeof(directory), "%.*s",
		 slash != NULL ? (int)(slash - program) : 1,
		 slash != NULL ? program : ".");
	open = opendir(directory);
	while (open != NULL && (entry = readdir(open)) != NULL)
		if (strncmp(entry->d_name, "peer-", 5) == 0 &&
		    strchr(entry->d_name, '.') == NULL)
			rows_add(rows, directory, entry->d_name);
	if (open != NULL)
		closedir(open);
	qsort(rows->rows, rows->count, sizeof(*rows->rows), row_compare);
}

/* ---- one repetition ------------------------------------------------------ */

static void figures_read(struct figures *figures, char *text)
{
	char *line;

	for (int i = 0; i < METRICS; i++)
		figures->values[i] = NAN;
	while ((line = strsep(&text, "\n")) != NULL) {
		char *name = strsep(&line, "\t");

		for (int i = 0; line != NULL && i < METRICS; i++)
			if (strcmp(name, metric_names[i]) == 0)
				figures->values[i] = strtod(line, NULL);
	}
}

bool row_run(const struct row *row, const struct bench_case *bench_case,
	     const char *option, struct figures *figures)
{
	char text[1 << 14];
	char *argv[] = {(char *)row->program,
			(char *)"run",
			(char *)bench_case->id,
			(char *)(row->tuned ? "tuned" : option),
			(char *)(row->tuned ? option : NULL),
			NULL};

	if (!process_run(argv, text, sizeof(text))) {
		fprintf(stderr, "tarn-bench: %s failed in %s:\n%s\n", row->id,
			bench_case->id, text);
		return false;
	}
	figures_read(figures, text);
	return true;
}

/* ---- instructions -------------------------------------------------------- */

/* All instructions of a run of so many rounds, and its operations. */
static bool callgrind(const struct row *row, const struct bench_case *at,
		      const char *rounds, double *instructions,
		      double *operations)
{
	static char text[1 << 16];
	struct figures figures;
	const char *collected;
	char *argv[] = {(char *)"valgrind",
			(char *)"--tool=callgrind",
			(char *)"--callgrind-out-file=/dev/null",
			(char *)row->program,
			(char *)"run",
			(char *)at->id,
			(char *)rounds,
			(char *)(row->tuned ? "tuned" : NULL),
			NULL};

	if (!process_run(argv, text, sizeof(text)) ||
	    (collected = strstr(text, "Collected : ")) == NULL)
		return false;
	*instructions = strtod(collected + strlen("Collected : "), NULL);
	figures_read(&figures, text);
	*operations = figures.values[METRIC_OPERATIONS];
	return true;
}

/* Where an operation is a piece of code, the same each time. */
static bool case_counts(const struct bench_case *bench_case)
{
	return bench_case->threads == 1 &&
	       (bench_case->workload == WORKLOAD_FILL ||
		bench_case->workload == WORKLOAD_FIXED ||
		bench_case->workload == WORKLOAD_REQUEST);
}

double row_instructions(const struct row *row,
			const struct bench_case *bench_case)
{
	double few, few_operations, more, more_operations;

	if (!case_counts(bench_case) || row->tuned ||
	    !callgrind(row, bench_case, "rounds=1", &few, &few_operations) ||
	    !callgrind(row, bench_case, "rounds=3", &more, &more_operations))
		return NAN;
	return (more - few) / (more_operations - few_operations);
}
