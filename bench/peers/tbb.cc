/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scalable allocator of oneTBB.
 */
#include <oneapi/tbb/scalable_allocator.h>
#include <oneapi/tbb/version.h>

#define MALLOC_NAMED
#define MALLOC_RESIZES

static inline void *malloc_take(size_t size)
{
	return scalable_malloc(size);
}

static inline void malloc_give(void *object, size_t size)
{
	(void)size;
	scalable_free(object);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	(void)old_size;
	return scalable_realloc(object, size);
}

static inline void *malloc_zeroed(size_t size)
{
	return scalable_calloc(1, size);
}

#include "malloc.h"

static const struct peer_info peer = {
	"oneTBB scalable_malloc",
	TBB_VERSION_STRING,
	"optional",
	"native",
	NULL,
	MALLOC_NOTE,
};

static void peer_begin(void)
{
}

#include "../workloads.h"
