/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks: what the tools that watch a program are told about memory. The tools
 * are found when the program runs, by weak symbols and by Valgrind's requests,
 * so that the library as installed serves all of them; without one of them a
 * pool is not watched, and nothing here is called.
 *
 * `watched` is what a pool is watched by: the words below, or 0.
 */
#ifndef TARN_MARK_H
#define TARN_MARK_H

#include <stddef.h>

#include "prefix.h"

/* Tools. */
#define WATCH_ASAN     1U /* AddressSanitizer  */
#define WATCH_MEMCHECK 2U /* Valgrind's        */
#define WATCH_TSAN     4U /* ThreadSanitizer   */
#define WATCH_TOOLS    (WATCH_ASAN | WATCH_MEMCHECK | WATCH_TSAN)

/* Words of TARN_DEBUG. */
#define WATCH_GUARD 8U   /* an inaccessible page behind each object */
#define WATCH_JUNK  16U  /* memory filled when it changes hands     */
#define WATCH_ZERO  32U  /* memory wiped when it is free again      */
#define WATCH_OWNER 64U  /* misuse ends the program                 */
#define WATCH_LEAKS 128U /* pools alive at exit are told            */
#define WATCH_TRACE 256U /* calls are recorded                      */
/* Not one that has a pool watched: those alive at exit are reported. */
#define WATCH_REPORT 512U
/* Nor this one, though each of its misses is looked at: see sample.h. */
#define WATCH_SAMPLE 1024U

/* Bytes in front of an object and behind it that nobody may touch. */
#define MARK_ZONE ((size_t)16)

static inline size_t mark_zone(unsigned watched)
{
	return (watched & (WATCH_ASAN | WATCH_MEMCHECK)) != 0 ? MARK_ZONE : 0;
}

/* The tools that this program runs under. */
unsigned mark_tools(void);

/* `anchor`, any address, stands for objects of a pool from here on until the
   end; they have zones of so many bytes. */
void mark_pool(unsigned watched, const void *anchor, size_t zone);
void mark_pool_end(unsigned watched, const void *anchor);

/* The library's own memory within a block: it leads to the pool's objects. */
void mark_own(unsigned watched, const void *anchor, const void *start,
	      size_t size);
void mark_own_end(unsigned watched, const void *anchor, const void *start,
		  size_t size);

/* malloc's memory of `size` bytes shrinks, for leaks and in reports, to those
   in front that are the library's own; and is itself again. */
void mark_shrunk(unsigned watched, const void *start, size_t size, size_t own);
void mark_shrunk_end(unsigned watched, const void *start, size_t size,
		     size_t own);

/* An object of a pool, handed out. */
void mark_give(unsigned watched, const void *anchor, void *object, size_t size);

/* It has fewer bytes from here on. */
void mark_cut(unsigned watched, const void *anchor, void *object, size_t from,
	      size_t to);

/* The object is free: filled, and not to be touched any more. */
void mark_take(unsigned watched, const void *anchor, void *object, size_t size);

/* Memory that nobody may touch, or anybody again. */
void mark_close(unsigned watched, const void *start, size_t size);
void mark_open(unsigned watched, const void *start, size_t size);

/* Memory whose contents end: opened, filled as asked for. */
void mark_wipe(unsigned watched, void *start, size_t size);

/* Accesses, for ThreadSanitizer, which does not see the library's own. */
void mark_read(unsigned watched, const void *start, size_t size);
void mark_write(unsigned watched, const void *start, size_t size);

/* A hand-over by an atomic, for the same: what the thread did before the
   one happens before what another thread does after the other. */
void mark_release(unsigned watched, const void *at);
void mark_acquire(unsigned watched, const void *at);

/* The call that `caller`, a return address, made, in reports of the same. */
void mark_call(unsigned watched, const void *caller);
void mark_call_end(unsigned watched);

/* Memory in which LeakSanitizer has to look for pointers to malloc's. */
void mark_root(const void *start, size_t size);
void mark_root_end(const void *start, size_t size);

#endif
