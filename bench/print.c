/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was measured, as text and as JSON: see driver.h.
 */
#define _GNU_SOURCE 1
#include "driver.h"

#include <gnu/libc-version.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* ---- the machine --------------------------------------------------------- */

static void machine_look_cpu(struct machine *machine)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];

	strcpy(machine->cpu, "unknown");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "model name", 10) == 0) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(machine->cpu, sizeof(machine->cpu), "%s",
				 strchr(line, ':') + 2);
			break;
		}
	if (file != NULL)
		fclose(file);
}

void machine_look(struct machine *machine)
{
	struct utsname name;
	time_t now = time(NULL);

	machine_look_cpu(machine);
	uname(&name);
	snprintf(machine->kernel, sizeof(machine->kernel), "%s %s %s",
		 name.sysname, name.release, name.machine);
	snprintf(machine->libc, sizeof(machine->libc), "glibc %s",
		 gnu_get_libc_version());
	snprintf(machine->compiler, sizeof(machine->compiler), "%s",
		 TARN_BENCH_COMPILER);
	snprintf(machine->flags, sizeof(machine->flags), "%s",
		 TARN_BENCH_FLAGS);
	strftime(machine->date, sizeof(machine->date), "%Y-%m-%dT%H:%M:%SZ",
		 gmtime(&now));
	machine->processors = sysconf(_SC_NPROCESSORS_ONLN);
	machine->memory_mib =
		sysconf(_SC_PHYS_PAGES) / ((1 << 20) / sysconf(_SC_PAGESIZE));
}

/* ---- text ---------------------------------------------------------------- */

static void print_title(const struct row *row)
{
	printf("  %-15s %s %s%s%s\n", row->id, row->title, row->version,
	       row->tuned ? "; " : "", row->tuning);
}

void print_list(const struct rows *rows)
{
	for (size_t i = 0; i < bench_case_count; i++)
		printf("  %-15s %s\n", bench_cases[i].id, bench_cases[i].title);
	printf("\n");
	for (size_t i = 0; i < rows->count; i++)
		print_title(&rows->rows[i]);
}

void print_head(const struct report *report)
{
	const struct machine *machine = &report->machine;

	printf("tarn %s, %s\n%ld processors, %s, %ld MiB, %s, %s\n%s, %s\n",
	       PACKAGE_VERSION, machine->date, machine->processors,
	       machine->cpu, machine->memory_mib, machine->kernel,
	       machine->libc, machine->compiler, machine->flags);
	for (size_t i = 0; i < report->rows->count; i++)
		print_title(&report->rows->rows[i]);
}

/* By the first figure that it has; rows that cannot stand last. */
static double result_key(const struct result *result)
{
	for (int i = 0; result->rounds != 0 && i < METRICS_TOLD; i++) {
		double value = quantile(result->values[i], result->rounds, 0.5);

		if (!isnan(value))
			return value;
	}
	return HUGE_VAL;
}

static void print_number(double value, const char *unit)
{
	if (isnan(value))
		printf(" %12s", "");
	else
		printf(" %*.*f%s", 12 - (int)strlen(unit), value < 100 ? 2 : 0,
		       value, unit);
}

/* Whether a pool is shared, and a peer not made for it goes under a mutex. */
static bool case_shares(const struct bench_case *bench_case)
{
	return bench_case->workload == WORKLOAD_SHARED ||
	       bench_case->workload == WORKLOAD_SHARED_FIXED ||
	       bench_case->workload == WORKLOAD_CHURN ||
	       bench_case->workload == WORKLOAD_LARGE;
}

/* With the first row as the one that others are compared with. */
static void print_row(const struct row *row, const struct result *result,
		      const struct result *ours, bool shares)
{
	const double *ns = result->values[METRIC_NS];
	const double *our_ns = ours->values[METRIC_NS];
	size_t n = result->rounds;

	printf("  %-15s%c", row->id,
	       shares && strcmp(row->shared, "mutex") == 0 ? 'm' : ' ');
	print_number(quantile(ns, n, 0.5), "");
	print_number(quantile(ns, n, 0), "");
	print_number(quantile(ns, n, 1), "");
	if (ours->rounds == n && !isnan(ratio(ns, our_ns, n)) && result != ours)
		printf(" %8.2f%c", ratio(ns, our_ns, n),
		       differ(ns, our_ns, n) ? ' ' : '~');
	else
		printf(" %9s", "");
	print_number(result->instructions, "");
	for (int i = METRIC_RESET_NS; i < METRICS_TOLD; i++) {
		double value = quantile(result->values[i], n, 0.5);

		if (!isnan(value))
			printf("  %s %.4g", metric_names[i], value);
	}
	printf("\n");
}

void print_case(const struct report *report, size_t at)
{
	const struct rows *rows = report->rows;
	struct result *results = report->results + at * ROWS_MOST;
	bool done[ROWS_MOST] = {false};

	printf("\n%s: %s\n  %-15s  %12s %12s %12s %9s %12s\n",
	       bench_cases[at].id, bench_cases[at].title, "", "ns", "least",
	       "most", "ratio", "instructions");
	for (size_t i = 0; i < rows->count; i++) {
		size_t least = rows->count;

		for (size_t k = 0; k < rows->count; k++)
			if (!done[k] && results[k].rounds != 0 &&
			    (least == rows->count ||
			     result_key(&results[k]) <
				     result_key(&results[least])))
				least = k;
		if (least == rows->count)
			break;
		done[least] = true;
		print_row(&rows->rows[least], &results[least], &results[0],
			  case_shares(&bench_cases[at]));
	}
	fflush(stdout);
}

void print_foot(const struct report *report)
{
	printf("\nns: medians of %zu repetitions, in turn with the others; "
	       "ratio: to %s,\nround by round; ~: less apart than the noise "
	       "(quartiles overlap); m: shared\nunder one mutex. %zu "
	       "repetitions were disturbed and run again; %zu stayed so.\n",
	       report->rounds, report->rows->rows[0].id, report->thrown_away,
	       report->disturbed);
}

void print_progress(const struct report *report, size_t at,
		    const struct row *row, const char *what)
{
	double spent = difftime(time(NULL), report->start);

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s: %s: %s, %.0f s", bench_cases[at].id,
		row->id, what, spent);
	if (report->done != 0)
		fprintf(stderr, " of about %.0f",
			spent * (double)report->all / (double)report->done);
}

void print_progress_end(size_t at, double seconds)
{
	fprintf(stderr, "%s%s: %.0f s\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", bench_cases[at].id,
		seconds);
}

/* ---- JSON ---------------------------------------------------------------- */

static void json_text(FILE *file, const char *name, const char *text)
{
	fprintf(file, "\"%s\":\"", name);
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(file, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, file);
	fputs("\"", file);
}

static void json_number(FILE *file, double value)
{
	if (isnan(value))
		fputs("null", file);
	else
		fprintf(file, "%.6g", value);
}

static void json_machine(FILE *file, const struct report *report)
{
	const struct machine *machine = &report->machine;

	json_text(file, "tarn", PACKAGE_VERSION);
	fputc(',', file);
	json_text(file, "date", machine->date);
	fputs(",\n\"machine\":{", file);
	json_text(file, "cpu", machine->cpu);
	fprintf(file, ",\"processors\":%ld,\"memory_mib\":%ld,",
		machine->processors, machine->memory_mib);
	json_text(file, "kernel", machine->kernel);
	fputs("},\n", file);
	json_text(file, "compiler", machine->compiler);
	fputc(',', file);
	json_text(file, "flags", machine->flags);
	fputc(',', file);
	json_text(file, "libc", machine->libc);
	fprintf(file,
		",\n\"repetitions\":%zu,\"thrown_away\":%zu,"
		"\"disturbed\":%zu,\"reference_ns\":",
		report->rounds, report->thrown_away, report->disturbed);
	json_number(file, report->reference_ns);
}

static void json_row(FILE *file, const struct row *row)
{
	fputc('{', file);
	json_text(file, "id", row->id);
	fprintf(file, ",\"tuned\":%s,", row->tuned ? "true" : "false");
	json_text(file, "title", row->title);
	fputc(',', file);
	json_text(file, "version", row->version);
	fputc(',', file);
	json_text(file, "kind", row->kind);
	fputc(',', file);
	json_text(file, "shared", row->shared);
	fputc(',', file);
	json_text(file, "tuning", row->tuning);
	fputc(',', file);
	json_text(file, "note", row->note);
	fputc('}', file);
}

static void json_metric(FILE *file, const char *name, const double *values,
			size_t count)
{
	fprintf(file, "\"%s\":{\"median\":", name);
	json_number(file, quantile(values, count, 0.5));
	fputs(",\"min\":", file);
	json_number(file, quantile(values, count, 0));
	fputs(",\"max\":", file);
	json_number(file, quantile(values, count, 1));
	fputs(",\"values\":[", file);
	for (size_t i = 0; i < count; i++) {
		fputs(i != 0 ? "," : "", file);
		json_number(file, values[i]);
	}
	fputs("]}", file);
}

static void json_result(FILE *file, const struct row *row,
			const struct result *result)
{
	const char *comma = "";

	fputs("  {", file);
	json_text(file, "peer", row->id);
	fputs(",\"instructions\":", file);
	json_number(file, result->instructions);
	fputs(",\"metrics\":{", file);
	for (int i = 0; i < METRICS_TOLD; i++) {
		if (isnan(quantile(result->values[i], result->rounds, 0.5)))
			continue;
		fputs(comma, file);
		json_metric(file, metric_names[i], result->values[i],
			    result->rounds);
		comma = ",";
	}
	fputs("}}", file);
}

static void json_case(FILE *file, const struct report *report, size_t at)
{
	const struct result *results = report->results + at * ROWS_MOST;
	const char *comma = "";

	fputs(" {", file);
	json_text(file, "id", bench_cases[at].id);
	fputc(',', file);
	json_text(file, "title", bench_cases[at].title);
	fprintf(file, ",\"threads\":%d,\"results\":[\n",
		bench_cases[at].threads);
	for (size_t i = 0; i < report->rows->count; i++)
		if (results[i].rounds != 0) {
			fputs(comma, file);
			json_result(file, &report->rows->rows[i], &results[i]);
			comma = ",\n";
		}
	fputs("]}", file);
}

static void json_report(FILE *file, const struct report *report)
{
	const char *comma = "";

	fputc('{', file);
	json_machine(file, report);
	fputs(",\n\"peers\":[\n", file);
	for (size_t i = 0; i < report->rows->count; i++) {
		fputs(i != 0 ? ",\n" : "", file);
		json_row(file, &report->rows->rows[i]);
	}
	fputs("],\n\"cases\":[\n", file);
	for (size_t i = 0; i < bench_case_count; i++)
		if (report->chosen[i]) {
			fputs(comma, file);
			json_case(file, report, i);
			comma = ",\n";
		}
	fputs("]}\n", file);
}

static bool json_write(const struct report *report, const char *path)
{
	FILE *file = fopen(path, "we");
	bool written;

	if (file == NULL)
		return false;
	json_report(file, report);
	written = fflush(file) == 0 && !ferror(file);
	return fclose(file) == 0 && written;
}

bool print_json(const struct report *report, const char *path)
{
	char temporary[4096];
	struct stat there;

	/* A device or a pipe is written to: only a file is replaced. */
	if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return json_write(report, path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (json_write(report, temporary) && rename(temporary, path) == 0)
		return true;
	unlink(temporary);
	return false;
}
