/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's heap: see heap.h. free takes what posix_memalign gave, and
 * realloc would lose its alignment.
 */
#include "heap.h"

#include <stdlib.h>

#include "align.h"
#include "tarn.h"

/* Whether malloc and realloc align as tarn_palloc does: to two words, as all
   do, or as for the strictest type. */
#define HEAP_IS_ALIGNED                                                        \
	(2 * sizeof(void *) >= TARN_ALIGNMENT ||                               \
	 _Alignof(max_align_t) >= TARN_ALIGNMENT)

void *heap_alloc(size_t size, size_t alignment)
{
	void *ptr;

	if (HEAP_IS_ALIGNED && alignment <= TARN_ALIGNMENT)
		return malloc(size);
	alignment = align_max(alignment, TARN_ALIGNMENT);
	return posix_memalign(&ptr, alignment, size) == 0 ? ptr : NULL;
}

void *heap_resize(void *ptr, size_t size)
{
	return HEAP_IS_ALIGNED ? realloc(ptr, size) : NULL;
}

void heap_release(void *ptr)
{
	free(ptr);
}
