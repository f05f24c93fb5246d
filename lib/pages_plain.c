/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Systems with mmap and nothing beside it: see pages.h. Some of them use large
 * pages wherever the alignment lets them, and need not be asked.
 */
#include "pages.h"

size_t pages_large(void)
{
	return (size_t)2 << 20;
}

void *pages_resize(void *ptr, size_t old_size, size_t size)
{
	(void)ptr;
	(void)old_size;
	(void)size;
	return NULL;
}

void pages_ask_large(void *ptr, size_t size)
{
	(void)ptr;
	(void)size;
}
