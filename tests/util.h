/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the test programs share: workers that start together, a random
 * sequence with a printed seed, shorter rounds, and the runner.
 *
 * Workers never assert: they return a status, 0 or the line of the EXPECT
 * that failed, and the main thread asserts on that.
 *
 * TARN_TEST_SEED=number repeats a random run, TARN_TEST_QUICK=1 shortens all.
 */
#ifndef TARN_TESTS_UTIL_H
#define TARN_TESTS_UTIL_H

#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* Rounds of a thread's destructors. ThreadSanitizer is gone in the last one,
   and the library then gives slots back one round before. */
#if defined __SANITIZE_THREAD__ || __has_feature(thread_sanitizer)
#define DESTRUCTOR_ROUNDS 3
#else
#define DESTRUCTOR_ROUNDS 4
#endif

/* Whether half of all there could be is something that the system may have. */
#define WORD_IS_SHORT (sizeof(size_t) == 4)

/* Bytes: options.large_above at most, as documented. */
#if defined __arm__ || defined __riscv
#define LARGE_ABOVE_MOST ((size_t)1 << 16)
#else
#define LARGE_ABOVE_MOST ((size_t)1 << 20)
#endif

/* Whether malloc aligns as tarn_palloc does, so that its upstream resizes by
   realloc: with words of 32 bits it need not, but Windows has one that does. */
#ifdef _WIN32
#define HEAP_RESIZES 1
#else
#define HEAP_RESIZES (!WORD_IS_SHORT || _Alignof(max_align_t) >= 16)
#endif

enum {
	UTIL_TIMEOUT = 600,      /* seconds a case may take under valgrind */
	UTIL_QUICK_DIVISOR = 10, /* how much shorter quick rounds are      */
	UTIL_GATE_SPINS = 1000   /* looks at the gate between two yields */
};

/* For a function that returns a status: 0, or the line that failed. */
#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition))                                              \
			return __LINE__;                                       \
	} while (0)

/* ---- rounds and seeds -------------------------------------------------- */

static inline bool quick(void)
{
	const char *text = getenv("TARN_TEST_QUICK");

	return text != NULL && *text != '\0' && *text != '0';
}

/* Whether the program is run by an emulator: make check EMULATOR=... */
static inline bool emulated(void)
{
	const char *text = getenv("EMULATOR");

	return text != NULL && *text != '\0';
}

/* Returns `full`, or a part of it, at least 1, in a quick run. */
static inline size_t rounds(size_t full)
{
	if (!quick())
		return full;
	return full / UTIL_QUICK_DIVISOR + (full < UTIL_QUICK_DIVISOR);
}

/* Returns a seed, never 0, and prints it, so that a failure can be repeated. */
static inline uint64_t seed(const char *what)
{
	const char *text = getenv("TARN_TEST_SEED");
	uint64_t value = text != NULL ? strtoull(text, NULL, 0) : 0;

	if (value == 0)
		value = UINT64_C(0x9e3779b97f4a7c15);
	printf("%s: TARN_TEST_SEED=%#" PRIx64 "\n", what, value);
	fflush(stdout);
	return value;
}

/* The next number of a xorshift sequence; *state must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A number from `low` to `high`, both included. */
static inline size_t random_between(uint64_t *state, size_t low, size_t high)
{
	return low + (size_t)(random_next(state) % (high - low + 1));
}

/* ---- workers ----------------------------------------------------------- */

/*
 * Holds threads back until all are there. They spin: woken by the kernel one
 * after the other, the first would have ended before the last began.
 */
struct gate {
	atomic_size_t missing;
};

static inline void gate_init(struct gate *gate, size_t threads)
{
	atomic_init(&gate->missing, threads);
}

/* Once per thread and gate_init. */
static inline void gate_wait(struct gate *gate)
{
	unsigned spins = 0;

	atomic_fetch_sub(&gate->missing, 1);
	while (atomic_load(&gate->missing) != 0)
		if (++spins % UTIL_GATE_SPINS == 0)
			sched_yield();
}

typedef int worker_fn(void *arg);

struct worker {
	pthread_t thread;
	worker_fn *fn;
	void *arg;
	struct gate *gate; /* waited at before fn; NULL: none */
	int status;
};

static inline void *worker_main(void *arg)
{
	struct worker *worker = arg;

	if (worker->gate != NULL)
		gate_wait(worker->gate);
	worker->status = worker->fn(worker->arg);
	return NULL;
}

/* Starts a thread that runs fn(arg); to be joined by worker_join. */
static inline void worker_start(struct worker *worker, worker_fn *fn, void *arg,
				struct gate *gate)
{
	*worker = (struct worker){
		.fn = fn, .arg = arg, .gate = gate, .status = -1};
	if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
		perror("pthread_create");
		abort();
	}
}

/* Waits for the thread's end; returns its status. */
static inline int worker_join(struct worker *worker)
{
	if (pthread_join(worker->thread, NULL) != 0)
		abort();
	return worker->status;
}

/* Runs fn(arg) in a thread of its own; returns its status. */
static inline int worker_run(worker_fn *fn, void *arg)
{
	struct worker worker;

	worker_start(&worker, fn, arg, NULL);
	return worker_join(&worker);
}

/*
 * Runs fn in `count` threads that start together, each with its element of the
 * array `args` of elements of arg_size bytes (0: all with `args` itself).
 * Returns 0, or the status of one that failed.
 */
static inline int workers_together(worker_fn *fn, void *args, size_t arg_size,
				   size_t count)
{
	struct worker *workers = calloc(count, sizeof *workers);
	struct gate gate;
	int status = 0;
	size_t i;

	if (workers == NULL)
		abort();
	gate_init(&gate, count);
	for (i = 0; i < count; i++)
		worker_start(&workers[i], fn,
			     arg_size == 0 ? args : (char *)args + i * arg_size,
			     &gate);
	for (i = 0; i < count; i++) {
		int one = worker_join(&workers[i]);

		status = one != 0 ? one : status;
	}
	free(workers);
	return status;
}

/* ---- the runner -------------------------------------------------------- */

/* Adds a case with the long timeout to `suite`. */
static inline TCase *suite_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, UTIL_TIMEOUT);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* Defined by a program with tests that fork; it has others instead where there
   is no fork. */
void add_fork_tests(Suite *suite);

/* Runs and frees `suite`; returns what main should. */
static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
