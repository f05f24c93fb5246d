/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bags of objects: see bag.h.
 */
#include "bag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

/* Left in errno before each call: one that succeeds must not change it. */
static const int bag_errno = ENOTTY;

/* ---- patterns -------------------------------------------------------- */

static uint64_t pattern_word(uint64_t pattern, size_t at)
{
	return pattern + at;
}

static void pattern_write(unsigned char *to, size_t size, uint64_t pattern)
{
	uint64_t word;
	size_t at;

	for (at = 0; at + sizeof word <= size; at += sizeof word) {
		word = pattern_word(pattern, at);
		memcpy(to + at, &word, sizeof word);
	}
	word = pattern_word(pattern, at);
	memcpy(to + at, &word, size - at);
}

static bool pattern_holds(const unsigned char *in, size_t size,
			  uint64_t pattern)
{
	uint64_t word;
	size_t at;

	for (at = 0; at + sizeof word <= size; at += sizeof word) {
		word = pattern_word(pattern, at);
		if (memcmp(in + at, &word, sizeof word) != 0)
			return false;
	}
	word = pattern_word(pattern, at);
	return memcmp(in + at, &word, size - at) == 0;
}

static bool all_zero(const unsigned char *in, size_t size)
{
	for (size_t at = 0; at < size; at++)
		if (in[at] != 0)
			return false;
	return true;
}

static void object_check(const struct bag_object *object)
{
	SOAK_REQUIRE(pattern_holds(object->at, object->size, object->pattern));
}

/* ---- the objects ----------------------------------------------------- */

void bag_init(struct bag *bag, uint64_t seed)
{
	bag->random = seed;
	bag->large_above = 4096;
	bag->most = (size_t)40 << 10;
	bag->count = 0;
	bag->objects = bag->bytes = bag->failures = 0;
}

void bag_check(const struct bag *bag)
{
	for (size_t i = 0; i < bag->count; i++)
		object_check(&bag->held[i]);
}

size_t bag_size(const struct bag *bag)
{
	size_t size = 0;

	for (size_t i = 0; i < bag->count; i++)
		size += bag->held[i].size;
	return size;
}

static void bag_tell(struct bag *bag)
{
	soak_count(SOAK_OBJECTS, bag->objects);
	soak_count(SOAK_BYTES, bag->bytes);
	soak_count(SOAK_FAILURES, bag->failures);
	bag->objects = bag->bytes = bag->failures = 0;
}

void bag_empty(struct bag *bag)
{
	bag_check(bag);
	bag->count = 0;
	bag_tell(bag);
}

/* A place for one more object: a full bag forgets one, after a last look. */
static struct bag_object *bag_place(struct bag *bag)
{
	struct bag_object *place;

	if (bag->count < BAG_OBJECTS)
		return &bag->held[bag->count++];
	place = &bag->held[soak_between(&bag->random, 0, BAG_OBJECTS - 1)];
	object_check(place);
	return place;
}

static void object_fill(struct bag *bag, struct bag_object *object)
{
	object->pattern = soak_random(&bag->random);
	pattern_write(object->at, object->size, object->pattern);
	bag->objects++;
	bag->bytes += object->size;
}

static struct bag_object *bag_add(struct bag *bag, void *memory, size_t size,
				  size_t alignment)
{
	struct bag_object *object = bag_place(bag);

	SOAK_REQUIRE(((uintptr_t)memory & (alignment - 1)) == 0);
	object->at = memory;
	object->size = size;
	object->resizable = false;
	object_fill(bag, object);
	return object;
}

void bag_put(struct bag *bag, void *memory, size_t size, size_t alignment)
{
	SOAK_REQUIRE(memory != NULL);
	bag_add(bag, memory, size, alignment);
}

/* What errno has to say of a call that returned `memory`. */
static bool bag_got(struct bag *bag, const void *memory)
{
	if (memory != NULL) {
		SOAK_REQUIRE(errno == bag_errno);
		return true;
	}
	SOAK_REQUIRE(errno == ENOMEM);
	bag->failures++;
	return false;
}

/* ---- steps ----------------------------------------------------------- */

/* Most requests are small, few are large, and many are of a limit's size. */
static size_t step_size(struct bag *bag)
{
	uint64_t *random = &bag->random;
	size_t chance = soak_between(random, 0, 99);

	if (chance < 70)
		return soak_between(random, 0, 128);
	if (chance < 88)
		return soak_between(random, 0, 1024);
	if (chance < 92)
		return bag->large_above - 2 + soak_between(random, 0, 4);
	if (chance < 98)
		return soak_between(random, 0, 8192);
	return soak_between(random, 0, bag->most);
}

static bool step_palloc(struct bag *bag, tarn_pool *pool, tarn_local *local)
{
	size_t size = step_size(bag);
	void *memory = local != NULL ? tarn_local_palloc(local, size)
				     : tarn_palloc(pool, size);

	if (!bag_got(bag, memory))
		return false;
	bag_add(bag, memory, size, TARN_ALIGNMENT)->resizable = true;
	return true;
}

static bool step_pnalloc(struct bag *bag, tarn_pool *pool, tarn_local *local)
{
	size_t size = step_size(bag);
	void *memory = local != NULL ? tarn_local_pnalloc(local, size)
				     : tarn_pnalloc(pool, size);

	if (!bag_got(bag, memory))
		return false;
	bag_add(bag, memory, size, 1);
	return true;
}

static bool step_pmemalign(struct bag *bag, tarn_pool *pool, tarn_local *local)
{
	size_t size = step_size(bag);
	size_t alignment = (size_t)1 << soak_between(&bag->random, 0, 8);
	void *memory = local != NULL
			       ? tarn_local_pmemalign(local, alignment, size)
			       : tarn_pmemalign(pool, alignment, size);

	if (!bag_got(bag, memory))
		return false;
	bag_add(bag, memory, size, alignment);
	return true;
}

static bool step_pcalloc(struct bag *bag, tarn_pool *pool)
{
	size_t size = step_size(bag);
	void *memory = tarn_pcalloc(pool, size, 1);

	if (!bag_got(bag, memory))
		return false;
	SOAK_REQUIRE(all_zero(memory, size));
	bag_add(bag, memory, size, TARN_ALIGNMENT)->resizable = true;
	return true;
}

static bool step_print(struct bag *bag, tarn_pool *pool)
{
	unsigned long number = (unsigned long)soak_random(&bag->random);
	int width = (int)soak_between(&bag->random, 1, 300);
	char *text = tarn_psprintf(pool, "%0*lx", width, number), *twice;
	size_t length;

	if (!bag_got(bag, text))
		return false;
	SOAK_REQUIRE(strtoul(text, NULL, 16) == number);
	SOAK_REQUIRE(strlen(text) >= (size_t)width);
	twice = tarn_pstrcat(pool, text, ":", text, (char *)NULL);
	length = strlen(text);
	if (bag_got(bag, twice)) {
		SOAK_REQUIRE(strncmp(twice, text, length) == 0 &&
			     strcmp(twice + length + 1, text) == 0);
		bag_add(bag, twice, 2 * length + 2, 1);
	}
	bag_add(bag, text, length + 1, 1);
	return twice != NULL;
}

static bool step_resize(struct bag *bag, tarn_pool *pool,
			struct bag_object *object)
{
	size_t size = step_size(bag);
	size_t both = size < object->size ? size : object->size;
	void *memory = tarn_prealloc(pool, object->at, object->size, size);

	if (!bag_got(bag, memory)) {
		object_check(object);
		return false;
	}
	SOAK_REQUIRE(pattern_holds(memory, both, object->pattern));
	object->at = memory;
	object->size = size;
	object_fill(bag, object);
	return true;
}

static bool step_free(struct bag *bag, tarn_pool *pool,
		      struct bag_object *object)
{
	object_check(object);
	SOAK_REQUIRE(tarn_pfree(pool, object->at) == 0);
	*object = bag->held[--bag->count];
	return true;
}

/* With an object that is there: frees a large one, resizes one that can be. */
static bool step_again(struct bag *bag, tarn_pool *pool, tarn_local *local)
{
	struct bag_object *object;

	if (bag->count == 0)
		return step_palloc(bag, pool, local);
	object = &bag->held[soak_between(&bag->random, 0, bag->count - 1)];
	if (object->size > bag->large_above && soak_once_in(&bag->random, 2))
		return step_free(bag, pool, object);
	if (object->resizable)
		return step_resize(bag, pool, object);
	object_check(object);
	return step_palloc(bag, pool, local);
}

bool bag_step(struct bag *bag, tarn_pool *pool, tarn_local *local)
{
	errno = bag_errno;
	switch (soak_between(&bag->random, 0, 9)) {
	case 0:
		return step_pcalloc(bag, pool);
	case 1:
		return step_pmemalign(bag, pool, local);
	case 2:
	case 3:
		return step_pnalloc(bag, pool, local);
	case 4:
		return step_print(bag, pool);
	case 5:
	case 6:
		return step_again(bag, pool, local);
	default:
		return step_palloc(bag, pool, local);
	}
}

void bag_fill(struct bag *bag, tarn_pool *pool, size_t steps)
{
	while (steps-- != 0)
		SOAK_REQUIRE(bag_step(bag, pool, NULL));
}
