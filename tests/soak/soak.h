/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scenarios of the soak share: the scenario's numbers, checks that
 * end the program with what is needed to repeat them, threads and children.
 *
 * A scenario is one function of a seed. It returns when its round is over and
 * all it took is given back; what is wrong does not return. All a round does
 * by chance comes from its seed, save the order of threads.
 */
#ifndef TARN_SOAK_H
#define TARN_SOAK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Under a sanitizer memory is not the system's, and a child of many threads
   may start none. */
#if defined __has_feature
#define SOAK_HAS(feature) __has_feature(feature)
#else
#define SOAK_HAS(feature) 0
#endif
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__ ||             \
	SOAK_HAS(thread_sanitizer) || SOAK_HAS(address_sanitizer)
enum {
	SOAK_SANITIZED = 1
};
#else
enum {
	SOAK_SANITIZED = 0
};
#endif

/* ---- what is counted ------------------------------------------------- */

enum soak_what {
	SOAK_THREADS,
	SOAK_POOLS,
	SOAK_OBJECTS,
	SOAK_BYTES,
	SOAK_CLEANUPS,
	SOAK_CHILDREN, /* processes    */
	SOAK_SIGNALS,
	SOAK_CANCELS,
	SOAK_FAILURES, /* allocations that were to fail, and did */
	SOAK_WHATS
};

/* Adds to the figures of the scenario that runs, from any thread or child. */
void soak_count(enum soak_what what, size_t number);

/* ---- checks ---------------------------------------------------------- */

/* Tells what failed and how to repeat it, and ends the process. */
_Noreturn void soak_fail(const char *file, int line, const char *what);

#define SOAK_REQUIRE(condition)                                                \
	((condition) ? (void)0 : soak_fail(__FILE__, __LINE__, #condition))

/* ---- numbers --------------------------------------------------------- */

/* Returns `full` at the scale that the user chose, at least `least`. */
size_t soak_scaled(size_t full, size_t least);

/* The next number of a sequence; any state will do. */
static inline uint64_t soak_random(uint64_t *state)
{
	uint64_t number = *state += UINT64_C(0x9e3779b97f4a7c15);

	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/* A number from `low` to `high`, both included. */
static inline size_t soak_between(uint64_t *state, size_t low, size_t high)
{
	return low + (size_t)(soak_random(state) % (high - low + 1));
}

/* Whether a thing that happens once in `often` happens now. */
static inline bool soak_once_in(uint64_t *state, size_t often)
{
	return soak_random(state) % often == 0;
}

/* ---- threads and processes ------------------------------------------- */

/* Bytes of a stack that suffices for all but a sanitizer's bookkeeping. */
#define SOAK_SMALL_STACK ((size_t)(SOAK_SANITIZED ? 512 << 10 : 64 << 10))

/* Starts a thread on a stack of so many bytes, 0 for as many as usual. */
pthread_t soak_start(size_t stack, void *(*fn)(void *), void *arg);

/* Waits for its end; returns what it returned. */
void *soak_join(pthread_t thread);

/* Starts `count` threads of fn, each with its element of the array `args` of
   elements of arg_size bytes, and waits for all. */
void soak_together(void *(*fn)(void *), void *args, size_t arg_size,
		   size_t count);

/* Opens whenever all have arrived: threads sleep before it meanwhile. */
struct soak_gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t count;
	size_t missing, opened; /* [l] mutex */
};

void soak_gate_init(struct soak_gate *gate, size_t count);
void soak_gate_wait(struct soak_gate *gate);
void soak_gate_finish(struct soak_gate *gate);

/* As fork, but cannot fail, and the child does not outlive a hang. */
pid_t soak_fork(void);

/* Requires that the child exited with 0. */
void soak_wait(pid_t child);

/* Runs fn(arg) in a child, which exits, and waits for it. */
void soak_in_child(void (*fn)(uint64_t), uint64_t seed);

/* ---- scenarios ------------------------------------------------------- */

void scenario_crowd(uint64_t seed);
void scenario_churn(uint64_t seed);
void scenario_exits(uint64_t seed);
void scenario_tiny(uint64_t seed);
void scenario_storm(uint64_t seed);
void scenario_trees(uint64_t seed);
void scenario_cancel(uint64_t seed);
void scenario_forks(uint64_t seed);
void scenario_signals(uint64_t seed);
void scenario_edges(uint64_t seed);
void scenario_failing(uint64_t seed);
void scenario_scarce(uint64_t seed);
void scenario_million(uint64_t seed);

#endif
