/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jemalloc, in malloc's place.
 */
#include <jemalloc/jemalloc.h>
#include <stdio.h>

#include "malloc.h"

static const struct peer_info peer = {
	"jemalloc",
	JEMALLOC_VERSION,
	"peer",
	"native",
	"dirty_decay_ms and muzzy_decay_ms -1: keeps freed memory",
	MALLOC_NOTE,
};

static void set_decay(const char *all, const char *each)
{
	ssize_t never = -1;
	char name[64];

	if (mallctl(all, NULL, NULL, &never, sizeof(never)) != 0)
		worker_die(all);
	snprintf(name, sizeof(name), each, 0U);
	if (mallctl(name, NULL, NULL, &never, sizeof(never)) != 0)
		worker_die(name);
}

static void peer_begin(void)
{
	if (!worker_tuned)
		return;
	set_decay("arenas.dirty_decay_ms", "arena.%u.dirty_decay_ms");
	set_decay("arenas.muzzy_decay_ms", "arena.%u.muzzy_decay_ms");
}

#include "../workloads.h"
