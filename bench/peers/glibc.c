/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glibc's malloc.
 */
#include <stdlib.h>

#define MALLOC_RESIZES

static inline void *malloc_take(size_t size)
{
	return malloc(size);
}

static inline void malloc_give(void *object, size_t size)
{
	(void)size;
	free(object);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	(void)old_size;
	return realloc(object, size);
}

static inline void *malloc_zeroed(size_t size)
{
	return calloc(1, size);
}

#include "malloc.h"

static const struct peer_info peer = {
	"glibc malloc",
	WORKER_TEXT(__GLIBC__) "." WORKER_TEXT(__GLIBC_MINOR__),
	"peer",
	"native",
	WORKER_TUNED_GLIBC,
	MALLOC_NOTE,
};

static void peer_begin(void)
{
	if (worker_tuned)
		worker_tune_glibc();
}

#include "../workloads.h"
