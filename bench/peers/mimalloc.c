/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mimalloc, by its own names.
 */
#include <mimalloc.h>

#define MALLOC_NAMED
#define MALLOC_RESIZES

static inline void *malloc_take(size_t size)
{
	return mi_malloc(size);
}

static inline void malloc_give(void *object, size_t size)
{
	(void)size;
	mi_free(object);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	(void)old_size;
	return mi_realloc(object, size);
}

static inline void *malloc_zeroed(size_t size)
{
	return mi_zalloc(size);
}

#include "malloc.h"

static const struct peer_info peer = {
	"mimalloc", WORKER_TEXT(MI_MALLOC_VERSION),           "peer",
	"native",   "allow_decommit off: keeps freed memory", MALLOC_NOTE,
};

static void peer_begin(void)
{
	if (worker_tuned)
		mi_option_disable(mi_option_allow_decommit);
}

#include "../workloads.h"
