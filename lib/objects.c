/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects: see objects.h. Invariant: each is found from the hash of its address
 * without passing an empty entry.
 */
#include "objects.h"

#include <stdlib.h>

/* Entries of the first table. */
enum {
	OBJECTS_LEAST = 256
};

static size_t objects_start(const struct objects *objects, const void *object)
{
	return (size_t)(((uint64_t)(uintptr_t)object *
			 UINT64_C(0x9e3779b97f4a7c15)) >>
			32) &
	       (objects->capacity - 1);
}

/* As it stands in an entry, or back from there; not of NULL. */
static void *objects_hide(const struct objects *objects, const void *object)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it is to hide it */
	return (void *)((uintptr_t)object ^ objects->mask);
}

static size_t objects_next(const struct objects *objects, size_t i)
{
	return (i + 1) & (objects->capacity - 1);
}

static void objects_place(struct objects *objects, struct watch_object object)
{
	size_t i = objects_start(objects, object.object);

	while (objects->entries[i].object != NULL)
		i = objects_next(objects, i);
	objects->entries[i] = object;
}

static bool objects_grow(struct objects *objects)
{
	struct objects old = *objects;
	size_t capacity = align_max(2 * old.capacity, OBJECTS_LEAST);
	struct watch_object *entries = malloc(capacity * sizeof(*entries));

	if (entries == NULL)
		return false;
	for (size_t i = 0; i < capacity; i++)
		entries[i].object = NULL;
	objects->entries = entries;
	objects->capacity = capacity;
	for (size_t i = 0; i < old.capacity; i++)
		if (old.entries[i].object != NULL)
			objects_place(objects, old.entries[i]);
	free(old.entries);
	return true;
}

bool objects_add(struct objects *objects, struct watch_object object)
{
	if (2 * (objects->count + 1) > objects->capacity &&
	    !objects_grow(objects))
		return false;
	object.object = objects_hide(objects, object.object);
	objects_place(objects, object);
	objects->count++;
	return true;
}

struct watch_object *objects_find(const struct objects *objects,
				  const void *object)
{
	size_t i;

	if (objects->capacity == 0)
		return NULL;
	object = objects_hide(objects, object);
	i = objects_start(objects, object);
	while (objects->entries[i].object != NULL) {
		if (objects->entries[i].object == object)
			return &objects->entries[i];
		i = objects_next(objects, i);
	}
	return NULL;
}

void objects_remove(struct objects *objects, const struct watch_object *object)
{
	size_t mask = objects->capacity - 1;
	size_t hole = (size_t)(object - objects->entries);

	for (size_t i = objects_next(objects, hole);
	     objects->entries[i].object != NULL; i = objects_next(objects, i)) {
		size_t start =
			objects_start(objects, objects->entries[i].object);

		if (((i - start) & mask) >= ((i - hole) & mask)) {
			objects->entries[hole] = objects->entries[i];
			hole = i;
		}
	}
	objects->entries[hole].object = NULL;
	objects->count--;
}

struct watch_object objects_show(const struct objects *objects, size_t i)
{
	struct watch_object object = objects->entries[i];

	object.object = objects_hide(objects, object.object);
	return object;
}

void objects_clear(struct objects *objects)
{
	free(objects->entries);
	*objects = (struct objects){objects->mask, NULL, 0, 0};
}
