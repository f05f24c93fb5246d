/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system of the tests, by POSIX: see host.h.
 */
#ifndef TARN_TESTS_HOST_POSIX_H
#define TARN_TESTS_HOST_POSIX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Where files may be made that go at once. */
#define HOST_FILES "/tmp/"

/* Rounds of a thread's destructors. */
#ifdef PTHREAD_DESTRUCTOR_ITERATIONS
#define HOST_ROUNDS PTHREAD_DESTRUCTOR_ITERATIONS
#else
#define HOST_ROUNDS _POSIX_THREAD_DESTRUCTOR_ITERATIONS
#endif

/* Those that come after the library's own. */
#define HOST_ROUNDS_PAST 1

/* Whether a destructor may start a thread and wait for its end. */
#define HOST_THREADS_IN_DESTRUCTORS true

/* `alignment` is a multiple of a pointer's size. NULL: there is no memory. */
static inline void *host_alloc(size_t size, size_t alignment)
{
	void *ptr;

	return posix_memalign(&ptr, alignment, size) == 0 ? ptr : NULL;
}

/* What host_alloc gave. */
static inline void host_free(void *ptr)
{
	free(ptr);
}

/* NULL: it is not set any more. Returns 0 where it could. */
static inline int host_setenv(const char *name, const char *value)
{
	return value != NULL ? setenv(name, value, 1) : unsetenv(name);
}

#endif
