/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Upstream: see upstream.h. What a caller's functions return is checked once,
 * here, and never again.
 */
#include "upstream.h"

#include <errno.h>

#include "align.h"
#include "aside.h"
#include "heap.h"
#include "pages.h"

/* ---- malloc ---------------------------------------------------------- */

/* What no object may have is not asked for, which a pool never does but a
   caller of this table may: tools that stand in for malloc report it as the
   program's mistake, and some heaps add to it and wrap. */
static void *malloc_alloc(void *ctx, size_t *size, size_t alignment)
{
	(void)ctx;
	return *size <= PTRDIFF_MAX ? heap_alloc(*size, alignment) : NULL;
}

static void *malloc_resize(void *ctx, void *ptr, size_t old_size,
			   size_t *new_size)
{
	(void)ctx;
	(void)old_size;
	return *new_size <= PTRDIFF_MAX ? heap_resize(ptr, *new_size) : NULL;
}

static void malloc_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)size;
	heap_release(ptr);
}

const tarn_upstream *tarn_upstream_malloc(void)
{
	return &source_malloc.upstream;
}

/* ---- mmap ------------------------------------------------------------ */

static void *mmap_alloc(void *ctx, size_t *size, size_t alignment)
{
	size_t large = pages_large(), rounded;
	char *ptr;

	(void)ctx;
	if (!align_up_checked(*size, pages_size(), &rounded))
		return NULL;
	if (rounded >= large)
		alignment = align_max(alignment, large);
	ptr = pages_map(rounded, alignment);
	if (ptr == NULL)
		return NULL;
	if (rounded >= large)
		pages_ask_large(ptr, rounded);
	mark_root(ptr, rounded);
	*size = rounded;
	return ptr;
}

static void mmap_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	mark_root_end(ptr, size);
	pages_unmap(ptr, size);
}

static void *mmap_resize(void *ctx, void *ptr, size_t old_size,
			 size_t *new_size)
{
	size_t rounded;
	void *moved;

	(void)ctx;
	if (!align_up_checked(*new_size, pages_size(), &rounded))
		return NULL;
	moved = pages_resize(ptr, old_size, rounded);
	if (moved == NULL)
		return NULL;
	mark_root_end(ptr, old_size);
	mark_root(moved, rounded);
	*new_size = rounded;
	return moved;
}

const tarn_upstream *tarn_upstream_mmap(void)
{
	static const tarn_upstream upstream = {mmap_alloc, mmap_resize,
					       mmap_release, NULL};

	return &upstream;
}

/* ---- the source ------------------------------------------------------ */

bool upstream_usable(const void *ptr, size_t size, size_t alignment)
{
	uintptr_t start = (uintptr_t)ptr;

	return (start & (alignment - 1)) == 0 && start > UPSTREAM_SMALL_MOST &&
	       start <= UINTPTR_MAX - UPSTREAM_SMALL_MOST &&
	       size <= UINTPTR_MAX - UPSTREAM_SMALL_MOST - start;
}

const struct source source_malloc = {
	{malloc_alloc, malloc_resize, malloc_release, NULL}, NULL, true, 0};

struct source source_of(const tarn_upstream *upstream, struct limit *limit)
{
	return (struct source){*upstream, limit,
			       upstream->alloc == malloc_alloc, 0};
}

bool source_is_malloc(const struct source *source)
{
	return source->upstream.alloc == malloc_alloc;
}

bool source_outlives(const struct source *source)
{
	return source_is_malloc(source) || source->upstream.alloc == mmap_alloc;
}

/* A raise beyond the limit is refused: a limit is a promise. */
static bool source_charge_raise(const struct source *source, size_t charged,
				size_t given)
{
	size_t more = given - charged;

	return given >= charged &&
	       (more == 0 || limit_charge(source->limit, more, more) != 0);
}

/* malloc is no cancellation point. */
static struct aside source_begin(const struct source *source)
{
	return aside_begin(!source->cached);
}

void *source_alloc(const struct source *source, size_t *size, size_t alignment)
{
	const tarn_upstream *up = &source->upstream;
	struct aside aside = source_begin(source);
	size_t charged = *size;
	void *ptr = up->alloc(up->ctx, size, alignment);

	if (ptr != NULL && (!upstream_usable(ptr, *size, alignment) ||
			    !source_charge_raise(source, charged, *size))) {
		up->release(up->ctx, ptr, *size);
		ptr = NULL;
	}
	aside_end(aside);
	if (ptr == NULL) {
		limit_return(source->limit, charged);
		errno = ENOMEM;
	}
	return ptr;
}

void source_release(const struct source *source, void *ptr, size_t size)
{
	/* The source may stand in the memory that goes. */
	struct source own = *source;
	struct aside aside = source_begin(&own);

	if (own.watched != 0)
		mark_wipe(own.watched, ptr, size);
	own.upstream.release(own.upstream.ctx, ptr, size);
	aside_end(aside);
	limit_return(own.limit, size);
}

void *source_resize(const struct source *source, void *ptr, size_t old_size,
		    size_t *new_size)
{
	const tarn_upstream *up = &source->upstream;
	size_t charged = align_max(old_size, *new_size);
	size_t more = charged - old_size;
	struct aside aside;

	/* A raise beyond the limit could not be undone, and malloc's never
	   raises. */
	if (up->resize == NULL || (source->limit != NULL && !source->cached) ||
	    (more != 0 && limit_charge(source->limit, more, more) == 0))
		return NULL;
	aside = source_begin(source);
	ptr = up->resize(up->ctx, ptr, old_size, new_size);
	aside_end(aside);
	if (ptr == NULL)
		limit_return(source->limit, more);
	else
		limit_settle(source->limit, charged, *new_size);
	return ptr;
}
