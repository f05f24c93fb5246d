/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of test_oom.c that give objects and take them back. Objects that
 * grow hold numbered bytes, looked at whether they could be resized or not.
 */
#include "oom.h"

bool step_palloc(struct world *world)
{
	char *object = tarn_palloc(world->pool, 100);

	if (object != NULL)
		memset(object, 1, 100);
	return object != NULL;
}

bool step_palloc_much(struct world *world)
{
	return tarn_palloc(world->pool, 3000) != NULL;
}

bool step_pnalloc(struct world *world)
{
	char *bytes = tarn_pnalloc(world->pool, 301);

	if (bytes != NULL)
		memset(bytes, 2, 301);
	return bytes != NULL;
}

bool step_pcalloc(struct world *world)
{
	return tarn_pcalloc(world->pool, 7, 99) != NULL;
}

bool step_pmemalign(struct world *world)
{
	return tarn_pmemalign(world->pool, 64, 200) != NULL;
}

bool step_pmemalign_page(struct world *world)
{
	return tarn_pmemalign(world->pool, 4096, 100) != NULL;
}

bool step_local(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	return local != NULL && tarn_local_palloc(local, 500) != NULL;
}

bool step_large(struct world *world)
{
	return tarn_palloc(world->pool, 10000) != NULL;
}

bool step_large_aligned(struct world *world)
{
	return tarn_pmemalign(world->pool, 8192, 10000) != NULL;
}

bool step_pfree(struct world *world)
{
	if (world->to_free != NULL)
		return tarn_pfree(world->pool, world->to_free) == 0 &&
		       (world->to_free = NULL, true);
	world->to_free = tarn_palloc(world->pool, 7000);
	return world->to_free != NULL;
}

static void number_bytes(unsigned char *bytes, size_t from, size_t to)
{
	for (; from < to; from++)
		bytes[from] = (unsigned char)from;
}

/* Makes *object larger by `more`; its bytes count up from 0. */
static bool grow(struct world *world, unsigned char **object, size_t *size,
		 size_t more)
{
	unsigned char *grown =
		tarn_prealloc(world->pool, *object, *size, *size + more);
	size_t i;

	for (i = 0; i < *size; i++)
		REQUIRE((grown != NULL ? grown : *object)[i] ==
			(unsigned char)i);
	if (grown == NULL)
		return false;
	*object = grown;
	*size += more;
	number_bytes(grown, i, *size);
	return true;
}

bool step_grow_small(struct world *world)
{
	return grow(world, &world->small, &world->small_size, 250);
}

bool step_grow_large(struct world *world)
{
	return grow(world, &world->large, &world->large_size, 5000);
}

bool step_shrink_large(struct world *world)
{
	size_t size = world->large_size / 2;
	unsigned char *shrunk;

	if (world->large == NULL)
		return true;
	shrunk = tarn_prealloc(world->pool, world->large, world->large_size,
			       size);
	if (shrunk == NULL)
		return false;
	world->large = shrunk;
	world->large_size = size;
	return true;
}

bool step_pmemdup(struct world *world)
{
	return tarn_pmemdup(world->pool, world, 900) != NULL;
}

bool step_pstrdup(struct world *world)
{
	char *copy = tarn_pstrdup(world->pool, "a string to be copied");

	return copy != NULL && strcmp(copy, "a string to be copied") == 0;
}

bool step_pstrndup(struct world *world)
{
	return tarn_pstrndup(world->pool, "a string to be cut", 8) != NULL;
}

bool step_psprintf(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%0333d", 5);

	return text != NULL && strlen(text) == 333;
}

bool step_psprintf_long(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%08000d", 5);

	return text != NULL && strlen(text) == 8000;
}

bool step_pstrcat(struct world *world)
{
	char *text =
		tarn_pstrcat(world->pool, "one", "two", "three", (char *)NULL);

	return text != NULL && strcmp(text, "onetwothree") == 0;
}

/* Another thread's, which the main one resizes. */
bool step_theirs(struct world *world)
{
	unsigned char *theirs = tarn_palloc(world->pool, 9000);

	if (theirs == NULL)
		return false;
	world->theirs = theirs;
	world->theirs_size = 9000;
	number_bytes(theirs, 0, world->theirs_size);
	return true;
}

/* Resizes what another thread allocated. */
bool step_grow_theirs(struct world *world)
{
	return world->theirs == NULL ||
	       grow(world, &world->theirs, &world->theirs_size, 9000);
}

/* A small object and its free, by turns. */
bool step_pfree_sized(struct world *world)
{
	if (world->freed_sized != NULL) {
		void *object = world->freed_sized;

		world->freed_sized = NULL;
		return tarn_pfree_sized(world->pool, object, 400) == 0;
	}
	world->freed_sized = tarn_palloc(world->pool, 400);
	return world->freed_sized != NULL;
}

bool step_pfree_aligned(struct world *world)
{
	if (world->freed_aligned != NULL) {
		void *object = world->freed_aligned;

		world->freed_aligned = NULL;
		return tarn_pfree_aligned_sized(world->pool, object, 8, 333) ==
		       0;
	}
	world->freed_aligned = tarn_pmemalign(world->pool, 8, 333);
	return world->freed_aligned != NULL;
}
