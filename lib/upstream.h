/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Upstream: malloc, mmap, or the caller's functions, and the source that a
 * pool takes all its memory from: an upstream within a limit.
 */
#ifndef TARN_UPSTREAM_H
#define TARN_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "limit.h"
#include "mark.h"
#include "tarn.h"

/*
 * No request served by bumping is larger, in bytes. Memory this close to
 * either end of the address space is refused, so that `last + size` and
 * `end - size` cannot wrap. On some machines programs begin at 64 KiB, and
 * the heap of a static one soon behind.
 */
#if defined __arm__ || defined __riscv
#define UPSTREAM_SMALL_MOST ((size_t)1 << 16)
#else
#define UPSTREAM_SMALL_MOST ((size_t)1 << 20)
#endif

struct source {
	tarn_upstream upstream; /* [c]                                  */
	struct limit *limit;    /* [c] NULL: none                       */
	bool cached;            /* [c] malloc's: blocks may be cached   */
	unsigned watched;       /* [c] what by: see mark.h              */
};

/* malloc without a limit: where pools come from by default. */
extern const struct source source_malloc TARN_HIDDEN;

struct source source_of(const tarn_upstream *upstream, struct limit *limit);

/* Whether a pool that has its memory from there is laid out as watched. */
static inline bool source_is_watched(const struct source *source)
{
	return !TARN_LIKELY((source->watched & ~WATCH_SAMPLE) == 0);
}

/* Whether it is malloc, whatever else is said of it. */
bool source_is_malloc(const struct source *source);

/* Whether memory may go back to it after the pool, and its user, are gone. */
bool source_outlives(const struct source *source);

/* Whether [ptr, ptr + size) is aligned and clear of the address space's ends.*/
bool upstream_usable(const void *ptr, size_t size, size_t alignment);

/*
 * Memory for `*size` bytes already charged, straight from upstream; raises
 * *size, and charges that too, where upstream gave more. NULL with ENOMEM:
 * nothing is charged any more.
 */
void *source_alloc(const struct source *source, size_t *size, size_t alignment);

/* Gives back memory of source_alloc, in which `source` may stand. */
void source_release(const struct source *source, void *ptr, size_t size);

/*
 * Resizes in place or moves; charges the difference. NULL: as it was. May
 * raise *new_size. Keeps errno.
 */
void *source_resize(const struct source *source, void *ptr, size_t old_size,
		    size_t *new_size);

#endif
