/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Systems that cannot resize pages, nor be asked for large ones: see pages.h.
 */
#include "pages.h"

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
