/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of test_system.c that give objects and take them back. An object is
 * filled with bytes that tell their place, and looked at before it is freed or
 * moved and whenever a step failed.
 */
#include "system_walk.h"

enum {
	SAMPLE = 257, /* about every so manieth byte is checked        */
	SIZED = 333   /* bytes of one that is freed with its size      */
};

/* The next byte of an object to look at: the further on, the fewer. */
static size_t sample_after(size_t i)
{
	return i + SAMPLE + i / 8;
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + 7);
}

void fill(const struct object *object)
{
	for (size_t i = 0; i < object->size; i = sample_after(i))
		object->bytes[i] = byte_at(i);
}

bool is_filled(const struct object *object, size_t size)
{
	for (size_t i = 0; object->bytes != NULL && i < size;
	     i = sample_after(i))
		if (object->bytes[i] != byte_at(i))
			return false;
	return true;
}

bool keep(struct world *world, tarn_pool *pool, void *ptr, size_t size)
{
	struct object *object = &world->objects[world->count];

	if (ptr == NULL)
		return false;
	HOLDS(world->count < OBJECTS);
	*object = (struct object){pool, ptr, size};
	fill(object);
	world->count++;
	return true;
}

void forget(struct world *world, const tarn_pool *pool)
{
	for (size_t i = 0; i < world->count; i++)
		if (world->objects[i].pool == pool)
			world->objects[i].bytes = NULL;
}

static bool resize(struct world *world, int place, size_t size)
{
	struct object *object = &world->objects[place];
	unsigned char *moved =
		tarn_prealloc(world->pool, object->bytes, object->size, size);

	if (moved == NULL)
		return false;
	if (object->bytes == NULL)
		object->size = 0;
	object->bytes = moved;
	HOLDS(is_filled(object, object->size < size ? object->size : size));
	*object = (struct object){world->pool, moved, size};
	fill(object);
	return true;
}

/* ---- steps --------------------------------------------------------------- */

bool step_palloc(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 100), 100);
}

bool step_palloc_much(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 3000), 3000);
}

bool step_pnalloc(struct world *world)
{
	return keep(world, world->pool, tarn_pnalloc(world->pool, 301), 301);
}

bool step_pcalloc(struct world *world)
{
	return keep(world, world->pool, tarn_pcalloc(world->pool, 7, 99),
		    7 * 99);
}

bool step_pmemalign(struct world *world)
{
	void *ptr = tarn_pmemalign(world->pool, 64, 200);

	HOLDS(is_aligned(ptr, 64));
	return keep(world, world->pool, ptr, 200);
}

bool step_pmemalign_wide(struct world *world)
{
	void *ptr = tarn_pmemalign(world->pool, 65536, 10000);

	HOLDS(is_aligned(ptr, 65536));
	return keep(world, world->pool, ptr, 10000);
}

bool step_large(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 10000), 10000);
}

bool step_local(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	if (local == NULL)
		return false;
	HOLDS(tarn_local_pool(local) == world->pool);
	return keep(world, world->pool, tarn_local_palloc(local, 500), 500);
}

bool step_grow_small(struct world *world)
{
	return resize(world, GROWS_SMALL,
		      world->objects[GROWS_SMALL].size + 250);
}

bool step_grow_large(struct world *world)
{
	return resize(world, GROWS_LARGE,
		      world->objects[GROWS_LARGE].size + 9000);
}

bool step_shrink_large(struct world *world)
{
	return resize(world, GROWS_LARGE,
		      world->objects[GROWS_LARGE].size / 3 + 1);
}

bool step_grow_theirs(struct world *world)
{
	return resize(world, GROWS_THEIRS,
		      world->objects[GROWS_THEIRS].size + 20000);
}

/* Beyond 2 MiB, of which mmap has an opinion; and freed at once. */
bool step_huge(struct world *world)
{
	struct object *object = &world->objects[TO_FREE];

	if (object->bytes == NULL && !resize(world, TO_FREE, 3000000))
		return false;
	HOLDS(tarn_pfree(world->pool, object->bytes) == 0);
	object->bytes = NULL;
	return true;
}

bool step_pfree_foreign(struct world *world)
{
	int error = errno;

	HOLDS(tarn_pfree(world->pool, world) == -1 && errno == ENOENT);
	errno = error;
	return true;
}

bool step_pmemdup(struct world *world)
{
	void *copy = tarn_pmemdup(world->pool, world, 900);

	HOLDS(copy == NULL || memcmp(copy, world, 900) == 0);
	return keep(world, world->pool, copy, 900);
}

bool step_pstrdup(struct world *world)
{
	char *copy = tarn_pstrdup(world->pool, "a string to be copied");

	HOLDS(copy == NULL || strcmp(copy, "a string to be copied") == 0);
	return copy != NULL;
}

bool step_pstrndup(struct world *world)
{
	char *copy = tarn_pstrndup(world->pool, "a string to be cut", 8);

	HOLDS(copy == NULL || strcmp(copy, "a string") == 0);
	return copy != NULL;
}

bool step_psprintf(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%0777d", 5);

	HOLDS(text == NULL || strlen(text) == 777);
	return text != NULL;
}

bool step_pstrcat(struct world *world)
{
	char *text =
		tarn_pstrcat(world->pool, "one", "two", "three", (char *)NULL);

	HOLDS(text == NULL || strcmp(text, "onetwothree") == 0);
	return text != NULL;
}

bool step_pfree_sized(struct world *world)
{
	struct object *object = &world->objects[FREED_SIZED];

	if (object->bytes == NULL && !resize(world, FREED_SIZED, SIZED))
		return false;
	HOLDS(is_filled(object, SIZED));
	HOLDS(tarn_pfree_sized(world->pool, object->bytes, SIZED) == 0);
	object->bytes = NULL;
	return true;
}

bool step_leave_aligned(struct world *world)
{
	struct object *object = &world->objects[FREED_THEIRS];

	if (object->bytes != NULL)
		return true;
	*object = (struct object){world->pool,
				  tarn_pmemalign(world->pool, 8, SIZED), SIZED};
	if (object->bytes == NULL)
		return false;
	fill(object);
	return true;
}

bool step_pfree_aligned(struct world *world)
{
	struct object *object = &world->objects[FREED_THEIRS];

	HOLDS(is_filled(object, SIZED));
	HOLDS(tarn_pfree_aligned_sized(world->pool, object->bytes, 8, SIZED) ==
	      0);
	object->bytes = NULL;
	return true;
}
