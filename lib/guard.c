/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards: see guard.h. After Perens' Electric Fence. An object of `size` bytes
 * ends at the end of its last page, or as near to it as its alignment lets it;
 * the page behind is never accessible.
 */
#include "guard.h"

#include "align.h"
#include "debug.h"
#include "pages.h"

/* Releases that a mapping waits for, so that its address is not used again at
   once. */
enum {
	GUARD_WAIT = 1024
};

struct guard_pages {
	char *start;
	size_t size; /* bytes, of the page behind too */
};

static struct {
	struct guard_pages waiting[GUARD_WAIT]; /* [l] debug mutex */
	size_t next;                            /* [l] debug mutex */
} guard;

static struct guard_pages guard_pages_of(char *ptr, size_t size)
{
	size_t page = pages_size();
	char *start = ptr - ((uintptr_t)ptr & (page - 1));

	return (struct guard_pages){
		start, align_up((size_t)(ptr - start) + size, page) + page};
}

static void *guard_alloc(void *ctx, size_t *size, size_t alignment)
{
	size_t page = pages_size(), whole, own;
	char *start;

	(void)ctx;
	if (!align_sum(*size, 2 * page - 1, &whole))
		return NULL;
	whole = align_down(whole, page);
	own = whole - page;
	start = pages_map(whole, align_max(alignment, page));
	if (start == NULL)
		return NULL;
	/* One mapping more, which the system may refuse. */
	if (!pages_close(start + own, page)) {
		pages_unmap(start, whole);
		return NULL;
	}
	mark_root(start, own);
	return start + align_down(own - *size, alignment);
}

static void guard_release(void *ctx, void *ptr, size_t size)
{
	struct guard_pages pages = guard_pages_of(ptr, size), old, *slot;

	(void)ctx;
	mark_root_end(pages.start, pages.size - pages_size());
	pages_drop(pages.start, pages.size);
	mutex_lock(&debug_mutex);
	slot = &guard.waiting[guard.next++ % GUARD_WAIT];
	old = *slot;
	*slot = pages;
	mutex_unlock(&debug_mutex);
	if (old.start != NULL)
		pages_unmap(old.start, old.size);
}

const tarn_upstream guard_upstream = {guard_alloc, NULL, guard_release, NULL};
