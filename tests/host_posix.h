/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system of the tests, by POSIX: see host.h.
 */
#ifndef TARN_TESTS_HOST_POSIX_H
#define TARN_TESTS_HOST_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Where files may be made that go at once. */
#define HOST_FILES "/tmp/"

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
