/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's heap: see heap.h. malloc aligns as tarn_palloc does, and free
 * takes what posix_memalign gave.
 */
#include "heap.h"

#include <stdlib.h>

#include "tarn.h"

void *heap_alloc(size_t size, size_t alignment)
{
	void *ptr;

	if (alignment <= TARN_ALIGNMENT)
		return malloc(size);
	return posix_memalign(&ptr, alignment, size) == 0 ? ptr : NULL;
}

void *heap_resize(void *ptr, size_t size)
{
	return realloc(ptr, size);
}

void heap_release(void *ptr)
{
	free(ptr);
}
