/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages by mmap: see pages.h.
 */
#include "pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "align.h"

size_t pages_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Those of most processors. Some systems use them wherever the alignment lets
   them, and need not be asked; elsewhere it is a wish that fails. */
size_t pages_large(void)
{
	return (size_t)2 << 20;
}

static char *pages_map_any(size_t size)
{
	void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANON, -1, 0);

	return ptr == MAP_FAILED ? NULL : ptr;
}

/* Maps more than asked, and unmaps what sticks out on both sides. */
static char *pages_map_aligned(size_t size, size_t alignment)
{
	size_t whole, before;
	char *ptr;

	if (!align_sum(size, alignment, &whole))
		return NULL;
	ptr = pages_map_any(whole);
	if (ptr == NULL)
		return NULL;
	before = -(uintptr_t)ptr & (alignment - 1);
	if (before != 0)
		munmap(ptr, before);
	munmap(ptr + before + size, alignment - before);
	return ptr + before;
}

char *pages_map(size_t size, size_t alignment)
{
	return alignment <= pages_size() ? pages_map_any(size)
					 : pages_map_aligned(size, alignment);
}

void pages_unmap(void *ptr, size_t size)
{
	munmap(ptr, size);
}

bool pages_close(void *ptr, size_t size)
{
	return mprotect(ptr, size, PROT_NONE) == 0;
}

void pages_drop(void *ptr, size_t size)
{
	mprotect(ptr, size, PROT_NONE);
	madvise(ptr, size, MADV_DONTNEED);
}
