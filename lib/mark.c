/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks: see mark.h. A name of a run time that the program does not have is
 * NULL; a tool that was found has all of its names.
 */
#include "mark.h"

#include <string.h>

#include "memcheck.h"
#include "sanitizers.h"

/* What jemalloc fills with, so that a debugger's user knows it. */
static const int mark_fresh = 0xa5;
static const int mark_gone = 0x5a;

unsigned mark_tools(void)
{
	unsigned tools = 0;

	if (sanitizers_has_asan())
		tools |= WATCH_ASAN;
	if (sanitizers_has_tsan())
		tools |= WATCH_TSAN;
	if (memcheck_runs())
		tools |= WATCH_MEMCHECK;
	return tools;
}

/* ---- pools and objects ----------------------------------------------- */

void mark_pool(unsigned watched, const void *anchor, size_t zone)
{
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_CREATE_MEMPOOL(anchor, zone, 0);
}

void mark_pool_end(unsigned watched, const void *anchor)
{
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_DESTROY_MEMPOOL(anchor);
}

void mark_own(unsigned watched, const void *anchor, const void *start,
	      size_t size)
{
	if ((watched & WATCH_MEMCHECK) != 0) {
		VALGRIND_MEMPOOL_ALLOC(anchor, start, size);
		VALGRIND_MAKE_MEM_DEFINED(start, size);
	}
}

/* Its user reads it to the end. */
void mark_own_end(unsigned watched, const void *anchor, const void *start,
		  size_t size)
{
	if ((watched & WATCH_MEMCHECK) != 0) {
		VALGRIND_MEMPOOL_FREE(anchor, start);
		VALGRIND_MAKE_MEM_DEFINED(start, size);
	}
}

void mark_shrunk(unsigned watched, const void *start, size_t size, size_t own)
{
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_RESIZEINPLACE_BLOCK(start, size, own, 0);
}

void mark_shrunk_end(unsigned watched, const void *start, size_t size,
		     size_t own)
{
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_RESIZEINPLACE_BLOCK(start, own, size, 0);
}

void mark_give(unsigned watched, const void *anchor, void *object, size_t size)
{
	mark_open(watched, object, size);
	mark_write(watched, object, size);
	if ((watched & WATCH_JUNK) != 0)
		memset(object, mark_fresh, size);
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_MEMPOOL_ALLOC(anchor, object, size);
}

void mark_take(unsigned watched, const void *anchor, void *object, size_t size)
{
	mark_wipe(watched, object, size);
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_MEMPOOL_FREE(anchor, object);
	mark_close(watched, object, size);
}

void mark_cut(unsigned watched, const void *anchor, void *object, size_t from,
	      size_t to)
{
	mark_close(watched, (char *)object + to, from - to);
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_MEMPOOL_CHANGE(anchor, object, object, to);
}

/* ---- memory ---------------------------------------------------------- */

void mark_close(unsigned watched, const void *start, size_t size)
{
	if ((watched & WATCH_ASAN) != 0)
		__asan_poison_memory_region(start, size);
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_MAKE_MEM_NOACCESS(start, size);
}

void mark_open(unsigned watched, const void *start, size_t size)
{
	if ((watched & WATCH_ASAN) != 0)
		__asan_unpoison_memory_region(start, size);
	if ((watched & WATCH_MEMCHECK) != 0)
		VALGRIND_MAKE_MEM_UNDEFINED(start, size);
}

/* A compiler that sees the memory freed next must not leave the wiping out. */
static void mark_fill(void *start, int value, size_t size)
{
	memset(start, value, size);
	__asm__ volatile("" : : "r"(start) : "memory");
}

void mark_wipe(unsigned watched, void *start, size_t size)
{
	mark_write(watched, start, size);
	mark_open(watched, start, size);
	if ((watched & WATCH_ZERO) != 0)
		mark_fill(start, 0, size);
	else if ((watched & WATCH_JUNK) != 0)
		mark_fill(start, mark_gone, size);
}

/* ---- threads --------------------------------------------------------- */

void mark_read(unsigned watched, const void *start, size_t size)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_read_range((void *)start, (long)size);
}

void mark_write(unsigned watched, const void *start, size_t size)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_write_range((void *)start, (long)size);
}

void mark_release(unsigned watched, const void *at)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_release((void *)at);
}

void mark_acquire(unsigned watched, const void *at)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_acquire((void *)at);
}

void mark_call(unsigned watched, const void *caller)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_func_entry((void *)caller);
}

void mark_call_end(unsigned watched)
{
	if ((watched & WATCH_TSAN) != 0)
		__tsan_func_exit(NULL);
}

/* ---- roots ----------------------------------------------------------- */

void mark_root(const void *start, size_t size)
{
	if (sanitizers_has_lsan())
		__lsan_register_root_region(start, size);
}

void mark_root_end(const void *start, size_t size)
{
	if (sanitizers_has_lsan())
		__lsan_unregister_root_region(start, size);
}
