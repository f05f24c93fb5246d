/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system of the tests, by Windows: see host.h, and host_posix.h for what
 * each of these does.
 */
#ifndef TARN_TESTS_HOST_WINDOWS_H
#define TARN_TESTS_HOST_WINDOWS_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* In the directory where the tests run: there is none for all programs. */
#define HOST_FILES ""

/* There are 256, which are all over before the library's own: as many as POSIX
   promises show that. */
#define HOST_ROUNDS      4
#define HOST_ROUNDS_PAST 0

/* Threads of POSIX are MinGW's there, whose destructors run with a lock that a
   new thread takes. */
#define HOST_THREADS_IN_DESTRUCTORS false

static inline void *host_alloc(size_t size, size_t alignment)
{
	return _aligned_malloc(size, alignment);
}

static inline void host_free(void *ptr)
{
	_aligned_free(ptr);
}

/* An empty value is the same as none there. */
static inline int host_setenv(const char *name, const char *value)
{
	return _putenv_s(name, value != NULL ? value : "");
}

#endif
