/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Births: by the thread of which slot, and within how many of its marks,
 * something was allocated that a rewind has to find.
 */
#ifndef TARN_BIRTH_H
#define TARN_BIRTH_H

#include <stdbool.h>
#include <stdint.h>

struct birth {
	uint32_t slot;  /* its name                    */
	uint32_t depth; /* marks open; 0: it was none */
};

#define BIRTH_NONE ((struct birth){0, 0})

/* Whether it was within more than `depth` marks of that thread. */
static inline bool birth_is_since(struct birth birth, uint32_t slot,
				  uint32_t depth)
{
	return birth.slot == slot && birth.depth > depth;
}

#endif
