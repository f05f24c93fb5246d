/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a model, as it is in one execution: each thread's own region,
 * which begins empty, and the program's static variables, which are put back;
 * who used each word of both, and when, so that data races are seen.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph.h"

enum use {
	USE_READ,
	USE_WRITE,
	USE_ATOMIC,
	USE_FIRST, /* an atomic read of what was there before all writes */
	USE_FREE
};

/* Remembers the static variables as they are, for memory_begin. */
void memory_setup(void);

/* A new execution. */
void memory_begin(void);

/* The threads begin: what was there so far happened before all. */
void memory_threads_begin(void);

/* From a thread's region; MODEL_THREADS: what is there before the threads. */
void *memory_alloc(unsigned thread, size_t size);

/* An access of a thread all of whose events so far `clock` has; names the first
   thing that is wrong with it, or returns NULL. */
const char *memory_use(unsigned thread, const struct clock *clock,
		       uintptr_t address, size_t size, enum use use);

#endif
