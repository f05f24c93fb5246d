/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's heap: see heap.h. free takes what posix_memalign gave, and
 * realloc would lose its alignment.
 */
#include "heap.h"

#include <stdlib.h>

#include "tarn.h"

/* What malloc and realloc align to: two words, as all do, or as for the
   strictest type, which may be less than TARN_ALIGNMENT. */
#define HEAP_ALIGNMENT (sizeof(void *) > 4 ? (size_t)16 : _Alignof(max_align_t))

void *heap_alloc(size_t size, size_t alignment)
{
	void *ptr;

	if (alignment <= HEAP_ALIGNMENT)
		return malloc(size);
	return posix_memalign(&ptr, alignment, size) == 0 ? ptr : NULL;
}

void *heap_resize(void *ptr, size_t size)
{
	return HEAP_ALIGNMENT < TARN_ALIGNMENT ? NULL : realloc(ptr, size);
}

void heap_release(void *ptr)
{
	free(ptr);
}
