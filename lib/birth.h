/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Births: by which thread, and within how many of its marks, something was
 * allocated that a rewind has to find.
 */
#ifndef TARN_BIRTH_H
#define TARN_BIRTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct birth {
	const struct local *local; /* NULL: within no mark */
	uint32_t depth;
};

#define BIRTH_NONE ((struct birth){NULL, 0})

/* Whether it was within more than `depth` marks of `local`. */
static inline bool birth_is_since(struct birth birth, const struct local *local,
				  uint32_t depth)
{
	return birth.local == local && birth.depth > depth;
}

#endif
