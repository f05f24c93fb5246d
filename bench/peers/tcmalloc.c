/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcmalloc, as gperftools has it, in malloc's place.
 */
#include <gperftools/tcmalloc.h>
#include <stdlib.h>

#define MALLOC_NAMED
#define MALLOC_RESIZES

static inline void *malloc_take(size_t size)
{
	return tc_malloc(size);
}

static inline void malloc_give(void *object, size_t size)
{
	(void)size;
	tc_free(object);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	(void)old_size;
	return tc_realloc(object, size);
}

static inline void *malloc_zeroed(size_t size)
{
	return tc_calloc(1, size);
}

#include "malloc.h"

static const struct peer_info peer = {
	"tcmalloc", TC_VERSION_STRING, "peer", "native", NULL, MALLOC_NOTE,
};

static void peer_begin(void)
{
}

#include "../workloads.h"
