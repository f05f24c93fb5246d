/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory by whole pages, straight from the system. Sizes are multiples of a
 * page, in bytes, and alignments powers of two.
 */
#ifndef TARN_PAGES_H
#define TARN_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "prefix.h"

/* Bytes of a page. */
size_t pages_size(void);

/* Bytes of a large one, which the system may use where it finds room for one;
   SIZE_MAX: it has none. */
size_t pages_large(void);

/* Zeroed; NULL: there are none. */
char *pages_map(size_t size, size_t alignment);

/* All that one pages_map or pages_resize gave. */
void pages_unmap(void *ptr, size_t size);

/* Of another size, in place or moved; NULL: not, and `ptr` is as it was. */
void *pages_resize(void *ptr, size_t old_size, size_t size);

/* Asks for large ones there. */
void pages_ask_large(void *ptr, size_t size);

/* Nobody may touch them any more; false: the system cannot. Some of those that
   one pages_map gave. */
bool pages_close(void *ptr, size_t size);

/* The same, and the system may have their memory back. */
void pages_drop(void *ptr, size_t size);

#endif
