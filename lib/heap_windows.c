/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's heap: see heap.h. What _aligned_malloc gives, free must not
 * take; so all of it is by this one family, which tells no object from another
 * by its alignment. malloc itself aligns to 8 bytes in a 32-bit program. What
 * they add to a size, the alignment and a pointer, may wrap: Wine's do not
 * look.
 */
#include "heap.h"

#include <malloc.h>
#include <stdint.h>

#include "align.h"
#include "tarn.h"

void *heap_alloc(size_t size, size_t alignment)
{
	alignment = align_max(alignment, TARN_ALIGNMENT);
	if (alignment > PTRDIFF_MAX / 2)
		return NULL;
	return _aligned_malloc(size, alignment);
}

void *heap_resize(void *ptr, size_t size)
{
	return _aligned_realloc(ptr, size, TARN_ALIGNMENT);
}

void heap_release(void *ptr)
{
	_aligned_free(ptr);
}
