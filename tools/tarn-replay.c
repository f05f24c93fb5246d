/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn-replay [options] FILE
 *
 * Replays a trace of pools (doc/TRACE) with the library, looks at every object,
 * and tells what it took: so that options, first_block above all, can be chosen
 * for a program's own load. The manual is tarn-replay(1).
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "replay.h"

enum {
	EXIT_WRONG = 1, /* the library, or the machine  */
	EXIT_USAGE = 2, /* the command, or the trace    */
	COMPARE_MOST = 64
};

static const char usage[] =
	"usage: tarn-replay [options] FILE\n"
	"  --first-block SIZE    of each pool, instead of what was recorded\n"
	"  --max-block SIZE      the ceiling of block growth\n"
	"  --large-above SIZE    larger requests are large\n"
	"  --cache SIZE          what the block cache may keep (TARN_CACHE)\n"
	"  --upstream NAME       malloc or mmap\n"
	"  --compare SIZES       a line for each first block: 512,1K,4K\n"
	"  --memory SIZE         what the trace may keep alive at once\n"
	"  --no-check            look at no object\n"
	"  --json                for programs\n"
	"  --help, --version\n"
	"A SIZE is in bytes, or ends with K, M or G.\n";

/* ---- the command line ---------------------------------------------------- */

struct command {
	struct run_options options;
	size_t first_blocks[COMPARE_MOST];
	size_t count; /* of first_blocks, of which 0 is as recorded */
	uint64_t memory;
	bool checks, json;
	const char *path;
};

enum option_code {
	OPTION_FIRST_BLOCK = 1,
	OPTION_MAX_BLOCK,
	OPTION_LARGE_ABOVE,
	OPTION_CACHE,
	OPTION_UPSTREAM,
	OPTION_COMPARE,
	OPTION_MEMORY,
	OPTION_NO_CHECK,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option options[] = {
	{"first-block", required_argument, NULL, OPTION_FIRST_BLOCK},
	{"max-block", required_argument, NULL, OPTION_MAX_BLOCK},
	{"large-above", required_argument, NULL, OPTION_LARGE_ABOVE},
	{"cache", required_argument, NULL, OPTION_CACHE},
	{"upstream", required_argument, NULL, OPTION_UPSTREAM},
	{"compare", required_argument, NULL, OPTION_COMPARE},
	{"memory", required_argument, NULL, OPTION_MEMORY},
	{"no-check", no_argument, NULL, OPTION_NO_CHECK},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static __attribute__((noreturn)) void refuse(const char *what, const char *text)
{
	fprintf(stderr, "tarn-replay: %s: %s\n", text, what);
	exit(EXIT_USAGE);
}

/* The size at *text, which is moved behind it. */
static size_t take_size(const char **text)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned long long size = 0;
	int shift = 0;

	if (**text < '0' || **text > '9')
		refuse("no size", *text);
	size = strtoull(*text, &end, 10);
	unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (unit != NULL) {
		shift = 10 * (int)(unit - units + 1);
		end++;
	}
	if (size > SIZE_MAX >> 1 >> shift)
		refuse("too large", *text);
	*text = end;
	return (size_t)size << shift;
}

static size_t size_of(const char *text)
{
	const char *at = text;
	size_t size = take_size(&at);

	if (*at != '\0')
		refuse("no size", text);
	return size;
}

static void command_compare(struct command *command, const char *text)
{
	const char *at = text;

	for (command->count = 0; command->count < COMPARE_MOST;) {
		command->first_blocks[command->count++] = take_size(&at);
		if (*at == '\0')
			return;
		if (*at++ != ',')
			refuse("no list of sizes", text);
	}
	refuse("too many sizes", text);
}

/* The library reads it where it is first used. */
static void command_cache(const char *text)
{
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%zu", size_of(text));
	machine_setenv("TARN_CACHE", bytes);
}

static const tarn_upstream *upstream_of(const char *name)
{
	if (strcmp(name, "mmap") == 0)
		return tarn_upstream_mmap();
	if (strcmp(name, "malloc") == 0)
		return tarn_upstream_malloc();
	refuse("no upstream; it is malloc or mmap", name);
}

static __attribute__((noreturn)) void finish(const char *text)
{
	fputs(text, stdout);
	exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_WRONG);
}

static void command_option(struct command *command, int code)
{
	switch (code) {
	case OPTION_FIRST_BLOCK:
		command->first_blocks[0] = size_of(optarg);
		break;
	case OPTION_MAX_BLOCK:
		command->options.max_block = size_of(optarg);
		break;
	case OPTION_LARGE_ABOVE:
		command->options.large_above = size_of(optarg);
		break;
	case OPTION_CACHE:
		command_cache(optarg);
		break;
	case OPTION_UPSTREAM:
		command->options.upstream = upstream_of(optarg);
		break;
	case OPTION_COMPARE:
		command_compare(command, optarg);
		break;
	case OPTION_MEMORY:
		command->memory = size_of(optarg);
		break;
	case OPTION_NO_CHECK:
		command->checks = false;
		break;
	case OPTION_JSON:
		command->json = true;
		break;
	case OPTION_HELP:
		finish(usage);
	case OPTION_VERSION:
		printf("tarn-replay %s\n", tarn_version());
		finish("");
	default:
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
}

/* Half of the machine's. */
static uint64_t memory_preset(void)
{
	uint64_t memory = machine_memory();

	return memory != 0 ? memory / 2 : UINT64_C(1) << 30;
}

static void command_read(struct command *command, int argc, char **argv)
{
	int code;

	*command = (struct command){
		.count = 1, .memory = memory_preset(), .checks = true};
	while ((code = getopt_long(argc, argv, "", options, NULL)) != -1)
		command_option(command, code);
	if (optind != argc - 1) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	command->path = argv[optind];
}

/* ---- the report ---------------------------------------------------------- */

/* What is held beyond what was handed out, in percent of that, to `text`. */
static const char *waste(char text[32], const struct check_sums *sums,
			 const char *format, const char *none)
{
	double held = (double)sums->held, out = (double)sums->handed_out;

	if (sums->handed_out == 0)
		return none;
	snprintf(text, 32, format, 100 * (held / out - 1));
	return text;
}

static void print_head(const struct plan *plan)
{
	printf("records %zu, calls %zu, pools %" PRIu32 ", threads %" PRIu32
	       ", processes %zu\n",
	       plan->records, plan->calls, plan->pools, plan->threads,
	       plan->processes);
	if (plan->failed != 0)
		printf("left out: %zu calls that had failed\n", plan->failed);
	if (plan->skipped != 0)
		printf("left out: %zu calls with objects that the trace "
		       "does not have\n",
		       plan->skipped);
	printf("%11s %13s %13s %9s %9s %7s %8s\n", "first_block", "peak held",
	       "handed out", "waste", "by pool", "blocks", "ns/call");
}

static void print_line(size_t first_block, const struct replay *replay)
{
	char name[32] = "recorded", peak[32], ends[32];

	if (first_block != 0)
		snprintf(name, sizeof(name), "%zu", first_block);
	printf("%11s %13zu %13zu %9s %9s %7zu %8.1f\n", name, replay->peak.held,
	       replay->peak.handed_out,
	       waste(peak, &replay->peak, "%.1f %%", "-"),
	       waste(ends, &replay->ends, "%.1f %%", "-"), replay->peak.blocks,
	       replay->ns);
	if (replay->others != 0)
		printf("%11s %zu frees ended otherwise than recorded\n", "",
		       replay->others);
}

static void print_json_head(const struct plan *plan)
{
	printf("{\"tarn\": \"%s\", \"records\": %zu, \"calls\": %zu, "
	       "\"pools\": %" PRIu32 ", \"threads\": %" PRIu32
	       ", \"processes\": %zu, \"failed\": %zu, \"skipped\": %zu,\n"
	       " \"results\": [",
	       tarn_version(), plan->records, plan->calls, plan->pools,
	       plan->threads, plan->processes, plan->failed, plan->skipped);
}

static void print_json(size_t first_block, const struct replay *replay)
{
	char name[32] = "null", peak[32], ends[32];

	if (first_block != 0)
		snprintf(name, sizeof(name), "%zu", first_block);
	printf("\n  {\"first_block\": %s, \"peak_held\": %zu, "
	       "\"peak_handed_out\": %zu, \"waste_percent\": %s, "
	       "\"waste_percent_by_pool\": %s, \"blocks\": %zu, "
	       "\"ns_per_call\": %.3f, \"frees_otherwise\": %zu}",
	       name, replay->peak.held, replay->peak.handed_out,
	       waste(peak, &replay->peak, "%.3f", "null"),
	       waste(ends, &replay->ends, "%.3f", "null"), replay->peak.blocks,
	       replay->ns, replay->others);
}

/* ---- all of it ----------------------------------------------------------- */

static __attribute__((noreturn)) void fail(const struct command *command,
					   int status, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "tarn-replay: %s: %s\n", command->path, why);
	exit(status);
}

static void replay_one(const struct command *command, const struct plan *plan,
		       size_t first_block)
{
	struct run_options wanted = command->options;
	struct replay replay;
	char why[RECORDS_WHY];

	wanted.first_block = first_block;
	if (!replay_check(&replay, plan, &wanted, command->checks, why) ||
	    !replay_time(&replay, plan, &wanted, why))
		fail(command, EXIT_WRONG, why);
	(command->json ? print_json : print_line)(first_block, &replay);
	tarn_trim();
}

/* What was set to record a program would overwrite its trace with ours. */
static void forget_trace(void)
{
	const char *words = getenv("TARN_DEBUG");

	if (words == NULL || strstr(words, "trace=") == NULL)
		return;
	fputs("tarn-replay: TARN_DEBUG is ignored, for it has trace=\n",
	      stderr);
	machine_setenv("TARN_DEBUG", NULL);
}

int main(int argc, char **argv)
{
	struct command command;
	struct plan plan;
	char why[RECORDS_WHY];

	forget_trace();
	command_read(&command, argc, argv);
	if (!plan_read(&plan, command.path, command.memory, why))
		fail(&command, EXIT_USAGE, why);
	(command.json ? print_json_head : print_head)(&plan);
	for (size_t i = 0; i < command.count; i++) {
		if (command.json && i != 0)
			putchar(',');
		replay_one(&command, &plan, command.first_blocks[i]);
	}
	if (command.json)
		puts("]}");
	plan_free(&plan);
	if (fflush(stdout) != 0 || ferror(stdout))
		fail(&command, EXIT_WRONG, "the report cannot be written");
	return EXIT_SUCCESS;
}
