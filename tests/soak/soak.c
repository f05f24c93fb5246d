/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The soak: scenarios in rotation for a chosen time, and what they counted.
 *
 *	soak [--seconds N] [--scale PERCENT] [--seed N] [SCENARIO...]
 *
 * Runs each scenario once at least, then until the time is over. A round's
 * seed is printed where it fails; with --seed it is that of the first round.
 * Between rotations it looks at the memory of the process, which must not
 * grow, and at its end it tells what was counted, a line a scenario.
 */
#include "soak.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

/* Seconds: a round that takes longer hangs. */
enum {
	ROUND_SECONDS = 600
};

static const struct scenario {
	const char *name;
	void (*run)(uint64_t seed);
} scenarios[] = {
	{"crowd", scenario_crowd},     {"churn", scenario_churn},
	{"exits", scenario_exits},     {"tiny", scenario_tiny},
	{"storm", scenario_storm},     {"trees", scenario_trees},
	{"cancel", scenario_cancel},   {"forks", scenario_forks},
	{"signals", scenario_signals}, {"edges", scenario_edges},
	{"failing", scenario_failing}, {"scarce", scenario_scarce},
	{"million", scenario_million},
};

enum {
	SCENARIOS = sizeof scenarios / sizeof *scenarios
};

struct tally {
	size_t rounds;
	double seconds;
	bool chosen;
};

/* In memory that is shared with children. */
struct shared {
	atomic_size_t counts[SCENARIOS][SOAK_WHATS];
};

static struct shared *shared;
static struct tally tallies[SCENARIOS];
static size_t running; /* the scenario's index */
static pid_t soak_process;
static double began;
static size_t scale = 100; /* percent */
static char where[160];    /* how to repeat what runs */
static volatile sig_atomic_t asked_to_end;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void soak_count(enum soak_what what, size_t number)
{
	atomic_fetch_add(&shared->counts[running][what], number);
}

size_t soak_scaled(size_t full, size_t least)
{
	size_t scaled = full * scale / 100;

	return scaled > least ? scaled : least;
}

/* ---- what is told ---------------------------------------------------- */

static void print_row(size_t i)
{
	const atomic_size_t *counts = shared->counts[i];

	printf("%-8s %6zu %8.1f", scenarios[i].name, tallies[i].rounds,
	       tallies[i].seconds);
	for (size_t what = 0; what < SOAK_WHATS; what++) {
		size_t count = atomic_load(&counts[what]);

		printf(" %10zu", what == SOAK_BYTES ? count >> 20 : count);
	}
	putchar('\n');
}

static void print_end(size_t failed)
{
	size_t passed = 0;

	printf("%-8s %6s %8s %10s %10s %10s %10s %10s %10s %10s %10s %10s\n",
	       "scenario", "rounds", "seconds", "threads", "pools", "objects",
	       "MiB", "cleanups", "children", "signals", "cancelled",
	       "failures");
	for (size_t i = 0; i < SCENARIOS; i++) {
		passed += tallies[i].rounds;
		if (tallies[i].chosen)
			print_row(i);
	}
	printf("ran for %.0f seconds, in rounds:\n%zu passed, %zu failed\n",
	       now() - began, passed, failed);
	fflush(stdout);
}

_Noreturn void soak_fail(const char *file, int line, const char *what)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	int error = errno;

	if (atomic_flag_test_and_set(&told))
		for (;;)
			pause();
	fprintf(stderr, "%s  %s:%d: %s (errno %d%s)\n", where, file, line, what,
		error, getpid() == soak_process ? "" : ", in a child");
	if (getpid() == soak_process)
		print_end(1);
	_exit(EXIT_FAILURE);
}

/* ---- signals that end it --------------------------------------------- */

static struct sigaction default_action[NSIG];

/* A crash, or the alarm of a hang: tells where, and lets it happen. */
static void on_crash(int number)
{
	ssize_t ignored = write(STDERR_FILENO, where, strlen(where));

	(void)ignored;
	sigaction(number, &default_action[number], NULL);
	raise(number);
}

static void on_end(int number)
{
	(void)number;
	asked_to_end = 1;
}

static void catch_signals(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT,
				      SIGILL,  SIGFPE, SIGALRM};
	struct sigaction action = {.sa_handler = on_crash};

	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		sigaction(crashes[i], &action, &default_action[crashes[i]]);
	action.sa_handler = on_end;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- rounds ---------------------------------------------------------- */

static void run_round(size_t i, uint64_t seed)
{
	double start = now();

	running = i;
	snprintf(where, sizeof where,
		 "soak: %s failed in round %zu; again: "
		 "soak --scale %zu --seed 0x%" PRIx64 " %s\n",
		 scenarios[i].name, tallies[i].rounds + 1, scale, seed,
		 scenarios[i].name);
	alarm(ROUND_SECONDS);
	scenarios[i].run(seed);
	alarm(0);
	tallies[i].rounds++;
	tallies[i].seconds += now() - start;
}

static bool rotate(uint64_t seed, double end)
{
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (asked_to_end || (now() >= end && tallies[i].rounds != 0))
			return false;
		if (tallies[i].chosen)
			run_round(i, seed);
	}
	return true;
}

static size_t run(uint64_t seed, double seconds)
{
	uint64_t random = seed;

	began = now();
	while (rotate(seed, began + seconds)) {
		memory_look();
		seed = soak_random(&random);
	}
	if (!memory_has_grown())
		return 0;
	fprintf(stderr, "soak: the memory of the process grew\n");
	return 1;
}

/* ---- arguments ------------------------------------------------------- */

static bool choose(const char *name)
{
	for (size_t i = 0; i < SCENARIOS; i++)
		if (name == NULL || strcmp(name, scenarios[i].name) == 0) {
			tallies[i].chosen = true;
			if (name != NULL)
				return true;
		}
	return name == NULL;
}

static _Noreturn void usage(void)
{
	fputs("usage: soak [--seconds N] [--scale PERCENT] [--seed N] "
	      "[SCENARIO...]\nscenarios:",
	      stderr);
	for (size_t i = 0; i < SCENARIOS; i++)
		fprintf(stderr, " %s", scenarios[i].name);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t number;

	if (text == NULL || *text < '0' || *text > '9')
		usage();
	number = strtoull(text, &end, 0);
	if (*end != '\0')
		usage();
	return number;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	double seconds = 0;
	size_t failed;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i += 2)
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = (double)number_of(argv[i + 1]);
		else if (strcmp(argv[i], "--scale") == 0)
			scale = (size_t)number_of(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = number_of(argv[i + 1]);
		else
			usage();
	if (i == argc)
		choose(NULL);
	for (; i < argc; i++)
		if (!choose(argv[i]))
			usage();
	soak_process = getpid();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	SOAK_REQUIRE(shared != MAP_FAILED);
	catch_signals();
	printf("soak for %.0f seconds, seed 0x%" PRIx64 "\n", seconds, seed);
	fflush(stdout);
	failed = run(seed, seconds);
	print_end(failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
