/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system's heap: memory of any alignment, all of which is given back by
 * one function.
 */
#ifndef TARN_HEAP_H
#define TARN_HEAP_H

#include <stddef.h>

#include "prefix.h"

/* Of `size` bytes, here and below PTRDIFF_MAX at most; or NULL. */
void *heap_alloc(size_t size, size_t alignment);

/* `ptr` made that large, in place or moved, and aligned as tarn_palloc does;
   NULL: it cannot, and `ptr` is as it was. */
void *heap_resize(void *ptr, size_t size);

void heap_release(void *ptr);

#endif
