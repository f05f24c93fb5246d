/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Linux has beside mmap: see pages.h.
 */
#include "config.h"

#include "pages.h"

#include <sys/mman.h>

void *pages_resize(void *ptr, size_t old_size, size_t size)
{
	void *moved = mremap(ptr, old_size, size, MREMAP_MAYMOVE);

	return moved == MAP_FAILED ? NULL : moved;
}

void pages_ask_large(void *ptr, size_t size)
{
	madvise(ptr, size, MADV_HUGEPAGE);
}
