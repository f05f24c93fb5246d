/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers: the programs peer-* beside this one, described and run.
 */
#define _GNU_SOURCE 1
#include "driver.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	TIME_LIMIT = 60 /* s: a repetition takes a tenth of one; this hangs */
};

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

static volatile pid_t running;
static volatile sig_atomic_t late;

static void end_late(int signal)
{
	(void)signal;
	late = 1;
	kill(running, SIGKILL);
}

/* Has a process killed where it takes too long. */
static void process_limit(pid_t pid)
{
	struct sigaction action = {.sa_handler = end_late};

	sigaction(SIGALRM, &action, NULL);
	running = pid;
	late = 0;
	alarm(TIME_LIMIT);
}

/* Reads all there is, of which it keeps what `size` has room for. */
static void process_read(int from, char *text, size_t size)
{
	char beyond[4096];
	size_t used = 0;

	while (!late) {
		size_t room = size - 1 - used;
		ssize_t got = room != 0 ? read(from, text + used, room)
					: read(from, beyond, sizeof(beyond));

		if (got == 0 || (got < 0 && errno != EINTR))
			break;
		if (got > 0 && room != 0)
			used += (size_t)got;
	}
	text[used] = '\0';
}

/* How it ended: "" where well. The limit ends before its number may be that of
   another process. */
static void process_end(pid_t pid, char *why, size_t size)
{
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 &&
	       errno == EINTR)
		;
	alarm(0);
	waitpid(pid, &status, 0);
	why[0] = '\0';
	if (late)
		snprintf(why, size, "took more than %d s", TIME_LIMIT);
	else if (WIFSIGNALED(status))
		snprintf(why, size, "ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(why, size, "exit status %d", WEXITSTATUS(status));
}

/* What `argv` printed, and why it failed; false where it did. */
static bool process_run(char *const *argv, char *text, size_t size,
			char why[TEXT_MOST])
{
	pid_t pid;
	int from = process_start(argv, &pid);

	text[0] = '\0';
	if (from < 0) {
		snprintf(why, TEXT_MOST, "%s", strerror(errno));
		return false;
	}
	process_limit(pid);
	process_read(from, text, size);
	close(from);
	process_end(pid, why, TEXT_MOST);
	return why[0] == '\0';
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

/* Its place in the table, by what it is: ours first, floors last. */
static int kind_rank(const char *kind)
{
	static const char *const kinds[] = {"tarn", "peer", "optional",
					    "reference", "floor"};
	int count = sizeof(kinds) / sizeof(*kinds), rank = 0;

	while (rank < count && strcmp(kinds[rank], kind) != 0)
		rank++;
	return rank < count ? rank : -1;
}

static bool row_describe(struct row *row)
{
	char text[1 << 14], why[TEXT_MOST], describe[] = "describe";
	char *argv[] = {row->program, describe, NULL};
	char *rest = text, *line;

	if (!process_run(argv, text, sizeof(text), why)) {
		fprintf(stderr, "tarn-bench: %s: %s\n%s", row->program, why,
			text);
		return false;
	}
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *name = strsep(&line, "\t");

		if (line != NULL)
			row_set(row, name, line);
	}
	if (kind_rank(row->kind) >= 0)
		return true;
	fprintf(stderr, "tarn-bench: %s does not describe itself\n",
		row->program);
	return false;
}

static void rows_add(struct rows *rows, const char *directory, const char *name)
{
	struct row *row = &rows->rows[rows->count];

	if (rows->count + 2 > ROWS_MOST)
		return;
	memset(row, 0, sizeof(*row));
	snprintf(row->id, sizeof(row->id), "%s", name + strlen("peer-"));
	snprintf(row->program, sizeof(row->program), "%s/%s", directory, name);
	if (!row_describe(row))
		return;
	rows->count++;
	if (row->tuning[0] == '\0')
		return;
	row[1] = row[0];
	row[1].tuned = true;
	strcat(row[1].id, "+");
	row[0].tuning[0] = '\0';
	rows->count++;
}

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int rank_x = kind_rank(x->kind), rank_y = kind_rank(y->kind);

	return rank_x != rank_y ? rank_x - rank_y : strcmp(x->id, y->id);
}

/* Where this program is, also where the shell found it. */
static void directory_find(char *directory, size_t size, const char *program)
{
	ssize_t length = readlink("/proc/self/exe", directory, size - 1);
	char *slash;

	if (length > 0)
		directory[length] = '\0';
	else
		snprintf(directory, size, "%s", program);
	slash = strrchr(directory, '/');
	if (slash != NULL)
		*slash = '\0';
	else
		snprintf(directory, size, ".");
}

void rows_find(struct rows *rows, const char *program)
{
	char directory[3800];
	struct dirent *entry;
	DIR *open;

	assert(bench_case_count <= CASES_MOST);
	directory_find(directory, sizeof(directory), program);
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
	char *line, *end;

	for (int i = 0; i < METRICS; i++)
		figures->values[i] = NAN;
	while ((line = strsep(&text, "\n")) != NULL) {
		char *name = strsep(&line, "\t");

		for (int i = 0; line != NULL && i < METRICS; i++) {
			double value = strtod(line, &end);

			if (strcmp(name, metric_names[i]) == 0 && end != line &&
			    *end == '\0' && isfinite(value))
				figures->values[i] = value;
		}
	}
}

static bool figures_told(const struct figures *figures)
{
	for (int i = 0; i < METRICS_TOLD; i++)
		if (!isnan(figures->values[i]))
			return true;
	return false;
}

bool row_run(const struct row *row, const struct bench_case *bench_case,
	     const char *option, struct figures *figures)
{
	char text[1 << 14], why[TEXT_MOST];
	char *argv[] = {(char *)row->program,
			(char *)"run",
			(char *)bench_case->id,
			(char *)(row->tuned ? "tuned" : option),
			(char *)(row->tuned ? option : NULL),
			NULL};

	if (!process_run(argv, text, sizeof(text), why)) {
		fprintf(stderr, "\ntarn-bench: %s failed in %s: %s\n%s",
			row->id, bench_case->id, why, text);
		return false;
	}
	figures_read(figures, text);
	if (option != NULL || figures_told(figures))
		return true;
	fprintf(stderr, "\ntarn-bench: %s printed no figure in %s\n", row->id,
		bench_case->id);
	return false;
}

/* ---- instructions -------------------------------------------------------- */

/* All instructions of a run of so many rounds, and its operations. */
static bool callgrind(const struct row *row, const struct bench_case *at,
		      const char *rounds, double *instructions,
		      double *operations)
{
	static char text[1 << 16];
	char why[TEXT_MOST];
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

	if (!process_run(argv, text, sizeof(text), why) ||
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
