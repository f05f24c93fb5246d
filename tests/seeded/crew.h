/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads, and steps that are taken one after the other while nothing is
 * ordered by them, neither in C11 nor for ThreadSanitizer: relaxed all along.
 */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "seeded.h"

static atomic_int step;

/* ORDER none (relaxed): not to order is what it is for. */
static inline void reach(int number)
{
	atomic_store_explicit(&step, number, memory_order_relaxed);
}

/* ORDER none (relaxed): as in reach. */
static inline void await(int number)
{
	while (atomic_load_explicit(&step, memory_order_relaxed) < number)
		usleep(1000);
}

static inline pthread_t start(void *(*run)(void *), void *data)
{
	pthread_t thread;

	expect(pthread_create(&thread, NULL, run, data) == 0, "no thread");
	return thread;
}

static inline void join(pthread_t thread)
{
	expect(pthread_join(thread, NULL) == 0, "not joined");
}

#endif
