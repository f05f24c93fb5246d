/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map from the numbers of a trace, which begin at 1 and may be any, to those
 * of the replay, which are dense.
 */
#ifndef TARN_TOOLS_MAP_H
#define TARN_TOOLS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX

struct map {
	struct map_entry *entries;
	size_t count, room; /* a power of two, or 0 */
};

/* Returns what was put under `key`, which is not 0, or MAP_NONE. */
uint32_t map_find(const struct map *map, uint32_t key);

/* Puts `value` under `key`, in place of any other. False: no memory. */
bool map_put(struct map *map, uint32_t key, uint32_t value);

/* Takes all out again, and frees the memory. */
void map_clear(struct map *map);

#endif
