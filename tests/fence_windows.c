/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fences by Windows: see host.h.
 */
#include "host.h"

#include <windows.h>

size_t fence_page(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	return info.dwPageSize;
}

char *fence_map(size_t size)
{
	return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT,
			    PAGE_READWRITE);
}

void fence_close(char *ptr, size_t size, bool closed)
{
	DWORD before;

	if (!VirtualProtect(ptr, size, closed ? PAGE_NOACCESS : PAGE_READWRITE,
			    &before))
		abort();
}

void fence_unmap(char *ptr, size_t size)
{
	(void)size;
	VirtualFree(ptr, 0, MEM_RELEASE);
}
