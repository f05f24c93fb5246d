/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checked rounding and sums of sizes. Every size that a caller gave passes
 * through here before it meets a pointer.
 */
#ifndef TARN_ALIGN_H
#define TARN_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prefix.h"

static inline bool align_is_power(size_t alignment)
{
	return alignment != 0 && (alignment & (alignment - 1)) == 0;
}

static inline size_t align_down(size_t size, size_t alignment)
{
	return size & ~(alignment - 1);
}

/* Wraps: only for sizes known to be far below SIZE_MAX. */
static inline size_t align_up(size_t size, size_t alignment)
{
	return align_down(size + alignment - 1, alignment);
}

/* False, and *sum untouched, where a + b is beyond size_t. */
static inline bool align_sum(size_t a, size_t b, size_t *sum)
{
	if (a > SIZE_MAX - b)
		return false;
	*sum = a + b;
	return true;
}

/* False, and *rounded untouched, where the result is beyond size_t. */
static inline bool align_up_checked(size_t size, size_t alignment,
				    size_t *rounded)
{
	if (size > align_down(SIZE_MAX, alignment))
		return false;
	*rounded = align_up(size, alignment);
	return true;
}

static inline size_t align_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t align_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* `size`, or `preset` where it is 0, within [least, most]. */
static inline size_t align_clamp(size_t size, size_t preset, size_t least,
				 size_t most)
{
	return align_min(align_max(size != 0 ? size : preset, least), most);
}

#endif
