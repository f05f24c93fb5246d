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

#define VALGRIND_CREATE_MEMPOOL(pool, zone, zeroed)         ((void)(pool))
#define VALGRIND_DESTROY_MEMPOOL(pool)                      ((void)(pool))
#define VALGRIND_MEMPOOL_ALLOC(pool, start, size)           ((void)(pool))
#define VALGRIND_MEMPOOL_FREE(pool, start)                  ((void)(pool))
#define VALGRIND_MEMPOOL_CHANGE(pool, from, to, size)       ((void)(pool))
#define VALGRIND_RESIZEINPLACE_BLOCK(start, from, to, zone) ((void)(start))
#define VALGRIND_MAKE_MEM_NOACCESS(start, size)             ((void)(start))
#define VALGRIND_MAKE_MEM_UNDEFINED(start, size)            ((void)(start))
#define VALGRIND_MAKE_MEM_DEFINED(start, size)              ((void)(start))

static inline int memcheck_runs(void)
{
	return 0;
}

#endif

#endif
