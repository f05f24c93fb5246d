/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GLib's slices.
 */
#include <glib.h>

#define MALLOC_NAMED
#define MALLOC_SIZED

/* One of no bytes would be NULL. */
static inline void *malloc_take(size_t size)
{
	return g_slice_alloc(size + (size == 0));
}

static inline void malloc_give(void *object, size_t size)
{
	g_slice_free1(size + (size == 0), object);
}

#include "malloc.h"

static const struct peer_info peer = {
	"GLib slices",
	WORKER_TEXT(GLIB_MAJOR_VERSION) "." WORKER_TEXT(GLIB_MINOR_VERSION),
	"optional",
	"native",
	NULL,
	MALLOC_NOTE,
};

static void peer_begin(void)
{
}

#include "../workloads.h"
