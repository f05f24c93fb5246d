/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream that trusts nobody: see upstream.h.
 */
#include "upstream.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../host.h"
#include "input.h"

enum {
	UPSTREAM_NEW = 0xa5,  /* what new memory holds       */
	UPSTREAM_GONE = 0xdd, /* what released memory holds  */
	UPSTREAM_ERRNO = EDOM /* what every call leaves      */
};

/* Bytes: no larger size or alignment is served, ... */
static const size_t upstream_most = (size_t)4 << 20;

/* ... and no more of a block is overwritten: large ones stay cheap. */
static const size_t upstream_paint_most = 4096;

struct upstream_block {
	struct upstream_block *next;
	char *base; /* of malloc     */
	char *ptr;  /* as it was given */
	size_t size;
};

static void upstream_paint(char *ptr, int value, size_t size)
{
	memset(ptr, value,
	       size < upstream_paint_most ? size : upstream_paint_most);
}

/* Whether this request is one of those to refuse. */
static bool upstream_fails(struct upstream *upstream, size_t size,
			   size_t alignment)
{
	bool fails = size > upstream_most || alignment > upstream_most;

	if (upstream->fail_in != 0)
		upstream->fail_in--;
	else if (upstream->fail != 0) {
		upstream->fail--;
		fails = true;
	}
	return fails;
}

static struct upstream_block **upstream_find(struct upstream *upstream,
					     const void *ptr)
{
	struct upstream_block **link = &upstream->blocks;

	while (*link != NULL && (*link)->ptr != ptr)
		link = &(*link)->next;
	REQUIRE(*link != NULL);
	return link;
}

static char *upstream_take(struct upstream *upstream, size_t *size,
			   size_t alignment)
{
	struct upstream_block *block = malloc(sizeof *block);

	*size += upstream->raise;
	if (alignment < TARN_ALIGNMENT)
		alignment = TARN_ALIGNMENT;
	REQUIRE(block != NULL);
	block->base = host_alloc(*size + 1, alignment);
	REQUIRE(block->base != NULL);
	block->ptr = block->base + upstream->crooked;
	block->size = *size;
	block->next = upstream->blocks;
	upstream->blocks = block;
	upstream->live_bytes += *size;
	upstream->failures += upstream->crooked;
	upstream->crooked = false;
	upstream_paint(block->ptr, UPSTREAM_NEW, *size);
	return block->ptr;
}

static void upstream_drop(struct upstream *upstream,
			  struct upstream_block **link)
{
	struct upstream_block *block = *link;

	*link = block->next;
	upstream->live_bytes -= block->size;
	upstream_paint(block->ptr, UPSTREAM_GONE, block->size);
	host_free(block->base);
	free(block);
}

static void *upstream_alloc(void *ctx, size_t *size, size_t alignment)
{
	struct upstream *upstream = ctx;
	char *ptr = NULL;

	REQUIRE(*size != 0);
	REQUIRE(alignment != 0 && (alignment & (alignment - 1)) == 0);
	pthread_mutex_lock(&upstream->lock);
	if (upstream_fails(upstream, *size, alignment))
		upstream->failures++;
	else
		ptr = upstream_take(upstream, size, alignment);
	pthread_mutex_unlock(&upstream->lock);
	errno = UPSTREAM_ERRNO;
	return ptr;
}

static void *upstream_resize(void *ctx, void *ptr, size_t old_size,
			     size_t *new_size)
{
	struct upstream *upstream = ctx;
	char *moved = NULL;

	REQUIRE(*new_size != 0);
	pthread_mutex_lock(&upstream->lock);
	REQUIRE((*upstream_find(upstream, ptr))->size == old_size);
	upstream->crooked = false;
	if (!upstream_fails(upstream, *new_size, 1)) {
		moved = upstream_take(upstream, new_size, TARN_ALIGNMENT);
		memcpy(moved, ptr, old_size < *new_size ? old_size : *new_size);
		upstream_drop(upstream, upstream_find(upstream, ptr));
	}
	pthread_mutex_unlock(&upstream->lock);
	errno = UPSTREAM_ERRNO;
	return moved;
}

static void upstream_release(void *ctx, void *ptr, size_t size)
{
	struct upstream *upstream = ctx;
	struct upstream_block **link;

	pthread_mutex_lock(&upstream->lock);
	link = upstream_find(upstream, ptr);
	REQUIRE((*link)->size == size);
	upstream_drop(upstream, link);
	pthread_mutex_unlock(&upstream->lock);
	errno = UPSTREAM_ERRNO;
}

void upstream_init(struct upstream *upstream, bool resizes)
{
	memset(upstream, 0, sizeof *upstream);
	pthread_mutex_init(&upstream->lock, NULL);
	upstream->functions.alloc = upstream_alloc;
	upstream->functions.resize = resizes ? upstream_resize : NULL;
	upstream->functions.release = upstream_release;
	upstream->functions.ctx = upstream;
}

void upstream_finish(struct upstream *upstream)
{
	REQUIRE(upstream->blocks == NULL);
	REQUIRE(upstream->live_bytes == 0);
	pthread_mutex_destroy(&upstream->lock);
}

bool upstream_contains(struct upstream *upstream, const void *ptr, size_t size)
{
	uintptr_t start = (uintptr_t)ptr;
	const struct upstream_block *block;

	pthread_mutex_lock(&upstream->lock);
	block = upstream->blocks;
	while (block != NULL &&
	       !(start >= (uintptr_t)block->ptr && size <= block->size &&
		 start - (uintptr_t)block->ptr <= block->size - size))
		block = block->next;
	pthread_mutex_unlock(&upstream->lock);
	return block != NULL;
}
