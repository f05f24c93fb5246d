/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests ask of the system that Windows has by other names: aligned
 * memory, the environment, and pages that nobody may touch. Threads are those
 * of POSIX there, too.
 */
#ifndef TARN_TESTS_HOST_H
#define TARN_TESTS_HOST_H

#ifdef _WIN32
#include "host_windows.h"
#else
#include "host_posix.h"
#endif

/* ---- fences: linked by the tests that have some ------------------------- */

/* Bytes of a page. */
size_t fence_page(void);

/* Whole pages, zeroed; NULL: there are none. */
char *fence_map(size_t size);

/* Has no one, or all again, touch some of them. */
void fence_close(char *ptr, size_t size, bool closed);

/* All that one fence_map gave. */
void fence_unmap(char *ptr, size_t size);

#endif
