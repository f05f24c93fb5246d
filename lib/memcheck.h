/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Valgrind's requests to memcheck, by their own names, or nothing where the
 * library was built without Valgrind's header.
 */
#ifndef TARN_MEMCHECK_H
#define TARN_MEMCHECK_H

#include "config.h"

#ifdef HAVE_VALGRIND_MEMCHECK_H

#include <valgrind/memcheck.h>

/* Other tools of Valgrind do not answer this one. */
static inline int memcheck_runs(void)
{
	char byte = 0, bits = 0;

	return VALGRIND_GET_VBITS(&byte, &bits, 1) != 0;
}

#else

/* What they are given is used, and nothing done with it. */
#define MEMCHECK_NOT(a, b, c) ((void)(a), (void)(b), (void)(c))

#define VALGRIND_CREATE_MEMPOOL(pool, zone, zeroed)                            \
	MEMCHECK_NOT(pool, zone, zeroed)
#define VALGRIND_DESTROY_MEMPOOL(pool) ((void)(pool))
#define VALGRIND_MEMPOOL_ALLOC(pool, start, size)                              \
	MEMCHECK_NOT(pool, start, size)
#define VALGRIND_MEMPOOL_FREE(pool, start) MEMCHECK_NOT(pool, start, 0)
#define VALGRIND_MEMPOOL_CHANGE(pool, from, to, size)                          \
	MEMCHECK_NOT(pool, from, size)
#define VALGRIND_RESIZEINPLACE_BLOCK(start, from, to, zone)                    \
	MEMCHECK_NOT(start, from, to)
#define VALGRIND_MAKE_MEM_NOACCESS(start, size)  MEMCHECK_NOT(start, size, 0)
#define VALGRIND_MAKE_MEM_UNDEFINED(start, size) MEMCHECK_NOT(start, size, 0)
#define VALGRIND_MAKE_MEM_DEFINED(start, size)   MEMCHECK_NOT(start, size, 0)

static inline int memcheck_runs(void)
{
	return 0;
}

#endif

#endif
