/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fences by POSIX: see host.h.
 */
#include "host.h"

#include <sys/mman.h>
#include <unistd.h>

size_t fence_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

char *fence_map(size_t size)
{
	char *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return ptr != MAP_FAILED ? ptr : NULL;
}

void fence_close(char *ptr, size_t size, bool closed)
{
	if (mprotect(ptr, size, closed ? PROT_NONE : PROT_READ | PROT_WRITE) !=
	    0)
		abort();
}

void fence_unmap(char *ptr, size_t size)
{
	munmap(ptr, size);
}
