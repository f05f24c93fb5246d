/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages by VirtualAlloc: see pages.h. Address space is reserved, and its pages
 * are then committed; it goes back as a whole, by the address that the system
 * knows it by. Large pages would need a privilege.
 */
#include "pages.h"

#include <stdint.h>
#include <windows.h>

#include "align.h"

static SYSTEM_INFO pages_system(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	return info;
}

size_t pages_size(void)
{
	return pages_system().dwPageSize;
}

size_t pages_large(void)
{
	return SIZE_MAX;
}

static char *pages_map_any(size_t size)
{
	return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT,
			    PAGE_READWRITE);
}

/* Reserves more than asked, and commits what is aligned. */
static char *pages_map_aligned(size_t size, size_t alignment)
{
	char *reserved, *ptr;
	size_t whole;

	if (!align_sum(size, alignment, &whole))
		return NULL;
	reserved = VirtualAlloc(NULL, whole, MEM_RESERVE, PAGE_NOACCESS);
	if (reserved == NULL)
		return NULL;
	ptr = reserved + (-(uintptr_t)reserved & (alignment - 1));
	if (VirtualAlloc(ptr, size, MEM_COMMIT, PAGE_READWRITE) == NULL) {
		VirtualFree(reserved, 0, MEM_RELEASE);
		return NULL;
	}
	return ptr;
}

char *pages_map(size_t size, size_t alignment)
{
	return alignment <= pages_system().dwAllocationGranularity
		       ? pages_map_any(size)
		       : pages_map_aligned(size, alignment);
}

void pages_unmap(void *ptr, size_t size)
{
	MEMORY_BASIC_INFORMATION info;

	(void)size;
	if (VirtualQuery(ptr, &info, sizeof(info)) != 0)
		VirtualFree(info.AllocationBase, 0, MEM_RELEASE);
}

bool pages_close(void *ptr, size_t size)
{
	DWORD before;

	return VirtualProtect(ptr, size, PAGE_NOACCESS, &before) != 0;
}

void pages_drop(void *ptr, size_t size)
{
	VirtualFree(ptr, size, MEM_DECOMMIT);
}
