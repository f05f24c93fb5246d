/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table with open addressing, at most half full: see map.h.
 */
#include "map.h"

#include <stdlib.h>

struct map_entry {
	uint32_t key; /* 0: free */
	uint32_t value;
};

/* The entry of `key`, or the free one where it would be put. */
static struct map_entry *map_at(const struct map *map, uint32_t key)
{
	/* Numbers that follow one another stay apart, whatever their step. */
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	while (map->entries[at & (map->room - 1)].key != key &&
	       map->entries[at & (map->room - 1)].key != 0)
		at++;
	return &map->entries[at & (map->room - 1)];
}

uint32_t map_find(const struct map *map, uint32_t key)
{
	const struct map_entry *entry;

	if (map->room == 0)
		return MAP_NONE;
	entry = map_at(map, key);
	return entry->key == key ? entry->value : MAP_NONE;
}

static bool map_grow(struct map *map)
{
	struct map old = *map;

	map->room = old.room != 0 ? old.room * 2 : 64;
	map->entries = calloc(map->room, sizeof(*map->entries));
	if (map->entries == NULL) {
		*map = old;
		return false;
	}
	for (size_t i = 0; i < old.room; i++)
		if (old.entries[i].key != 0)
			*map_at(map, old.entries[i].key) = old.entries[i];
	free(old.entries);
	return true;
}

bool map_put(struct map *map, uint32_t key, uint32_t value)
{
	struct map_entry *entry;

	if (map->count * 2 >= map->room && !map_grow(map))
		return false;
	entry = map_at(map, key);
	map->count += entry->key == 0;
	*entry = (struct map_entry){key, value};
	return true;
}

void map_clear(struct map *map)
{
	free(map->entries);
	*map = (struct map){NULL, 0, 0};
}
