/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unfriendly upstream: see meter.h.
 */
#include "meter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "soak.h"

/* In front of each block. */
struct tag {
	uint64_t word; /* the block's address, changed */
	size_t size;
	void *memory; /* of malloc */
	struct meter *meter;
};

static const uint64_t tag_word = UINT64_C(0x7461726e736f616b);

/* Bytes: larger requests are refused. */
static const size_t meter_ceiling = (size_t)1 << 27;

/* Bytes: so much of a block is overwritten, lest huge ones cost too much. */
static const size_t meter_paint = 4096;

static void paint(void *memory, size_t size, int value)
{
	memset(memory, value, size < meter_paint ? size : meter_paint);
}

static struct tag *tag_of(void *block)
{
	return (struct tag *)block - 1;
}

static uint64_t meter_random(struct meter *meter)
{
	uint64_t state =
		atomic_fetch_add(&meter->random, UINT64_C(0x9e3779b97f4a7c15));

	return soak_random(&state);
}

static bool meter_fails(struct meter *meter)
{
	return meter->fail_once_in != 0 &&
	       meter_random(meter) % meter->fail_once_in == 0;
}

/* What the library has to stand: here a thread ends, if it may. */
static void meter_disturb(const struct meter *meter)
{
	const struct timespec moment = {0, 1000};

	if (meter->cancels) {
		pthread_testcancel();
		nanosleep(&moment, NULL);
	}
	errno = EINTR;
}

static void *meter_take(struct meter *meter, size_t *size, size_t alignment)
{
	size_t front = sizeof(struct tag) + alignment;
	char *memory, *block;

	SOAK_REQUIRE(alignment != 0 && (alignment & (alignment - 1)) == 0);
	SOAK_REQUIRE(*size != 0);
	if (*size > meter_ceiling || alignment > meter_ceiling ||
	    meter_fails(meter))
		return NULL;
	*size += meter->raise != 0
			 ? meter_random(meter) % meter->raise & ~(size_t)15
			 : 0;
	memory = malloc(front + *size);
	if (memory == NULL)
		return NULL;
	block = memory + front;
	block -= (uintptr_t)block & (alignment - 1);
	*tag_of(block) =
		(struct tag){(uintptr_t)block ^ tag_word, *size, memory, meter};
	atomic_fetch_add(&meter->blocks, 1);
	atomic_fetch_add(&meter->bytes, *size);
	paint(block, *size, 0xa5);
	return block;
}

static void meter_give(struct meter *meter, void *block, size_t size)
{
	struct tag *tag = tag_of(block);

	SOAK_REQUIRE(tag->word == ((uintptr_t)block ^ tag_word));
	SOAK_REQUIRE(tag->size == size && tag->meter == meter);
	tag->word = 0;
	paint(block, size, 0xdd);
	atomic_fetch_sub(&meter->blocks, 1);
	atomic_fetch_sub(&meter->bytes, size);
	free(tag->memory);
}

static void *meter_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *block;

	meter_disturb(ctx);
	block = meter_take(ctx, size, alignment < 16 ? 16 : alignment);
	meter_disturb(ctx);
	return block;
}

static void *meter_resize(void *ctx, void *block, size_t old_size,
			  size_t *new_size)
{
	void *moved = meter_take(ctx, new_size, 16);

	if (moved != NULL) {
		memcpy(moved, block,
		       old_size < *new_size ? old_size : *new_size);
		meter_give(ctx, block, old_size);
	}
	meter_disturb(ctx);
	return moved;
}

static void meter_release(void *ctx, void *block, size_t size)
{
	meter_give(ctx, block, size);
	meter_disturb(ctx);
}

void meter_init(struct meter *meter, uint64_t seed)
{
	*meter = (struct meter){
		.upstream = {meter_alloc, meter_resize, meter_release, meter}};
	atomic_init(&meter->random, seed);
	atomic_init(&meter->blocks, 0);
	atomic_init(&meter->bytes, 0);
}

void meter_finish(struct meter *meter)
{
	SOAK_REQUIRE(atomic_load(&meter->blocks) == 0);
	SOAK_REQUIRE(atomic_load(&meter->bytes) == 0);
}
