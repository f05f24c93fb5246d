/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of the block cache: blocks of one thread that ended go through the
 * depot to others, while a third one trims. A block that two have is a data
 * race.
 */
#include "block.h"

#include "models.h"

/* Of the least bin: there are no others in a model. */
#define BYTES BLOCK_BIN_LEAST

static struct block_cache caches[MODEL_THREADS + 1];

static void *take(void)
{
	size_t size = BYTES;
	void *memory = block_take(&caches[model_self()], &source_malloc, BYTES,
				  &size, TARN_ALIGNMENT);

	MODEL_ASSERT(memory != NULL && size == BYTES);
	model_write(memory, size);
	return memory;
}

static void give(void *memory)
{
	block_give(&caches[model_self()], &source_malloc, memory, BYTES);
}

/* Two blocks in the depot, of a thread that is gone. */
static void setup(void)
{
	void *first, *second;

	block_cache_configure();
	first = take();
	second = take();
	give(first);
	block_cache_leave(&caches[MODEL_THREADS]);
	give(second);
	block_cache_leave(&caches[MODEL_THREADS]);
}

static void take_and_keep(void)
{
	take();
}

static void take_and_leave(void)
{
	give(take());
	block_cache_leave(&caches[model_self()]);
}

static void take_and_trim(void)
{
	give(take());
	block_cache_trim(&caches[model_self()]);
}

const struct model depot_models[] = {
	{"depot",
	 setup,
	 {take_and_keep, take_and_leave, take_and_trim},
	 NULL,
	 0,
	 NULL},
	{.name = NULL},
};
