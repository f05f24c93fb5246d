/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays that grow, in memory of malloc's. One for which there was none has
 * failed, and stays so: whoever fills it asks once, at the end.
 */
#ifndef TARN_ARRAY_H
#define TARN_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "align.h"

/* Bytes: what it begins with. */
#define ARRAY_LEAST ((size_t)4096)

struct array {
	char *at;
	size_t used, size; /* bytes */
	bool failed;
};

/* Puts so many bytes at the end. */
static inline void array_add(struct array *array, const void *bytes,
			     size_t count)
{
	size_t size = align_max(array->size, ARRAY_LEAST);
	char *at = array->at;

	while (size - array->used < count)
		size *= 2;
	if (size != array->size) {
		at = array->failed ? NULL : realloc(at, size);
		array->failed = at == NULL;
		if (at == NULL)
			return;
		array->at = at;
		array->size = size;
	}
	memcpy(at + array->used, bytes, count);
	array->used += count;
}

#endif
