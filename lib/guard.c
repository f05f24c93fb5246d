/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards: see guard.h. After Perens' Electric Fence. An object of `size` bytes
 * ends at the end of its last page, or as near to it as its alignment lets it;
 * the page behind is never accessible.
 */
#include "guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include "align.h"
#include "debug.h"

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

static size_t guard_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct guard_pages guard_pages_of(char *ptr, size_t size)
{
	size_t page = guard_page();
	char *start = ptr - ((uintptr_t)ptr & (page - 1));

	return (struct guard_pages){
		start, align_up((size_t)(ptr - start) + size, page) + page};
}

/* Gives back what of [start, start + whole) is not in `pages`. */
static void guard_trim(char *start, size_t whole, struct guard_pages pages)
{
	size_t before = (size_t)(pages.start - start);
	size_t behind = whole - before - pages.size;

	if (before != 0)
		munmap(start, before);
	if (behind != 0)
		munmap(pages.start + pages.size, behind);
}

/* Maps enough for any place within the alignment, and keeps what it takes. */
static void *guard_alloc(void *ctx, size_t *size, size_t alignment)
{
	size_t page = guard_page(), whole;
	struct guard_pages pages;
	char *start, *object;

	(void)ctx;
	if (!align_sum(*size, page + align_max(alignment, page), &whole))
		return NULL;
	whole = align_down(whole, page);
	start = mmap(NULL, whole, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	object = start + whole - page - *size;
	object -= (uintptr_t)object & (alignment - 1);
	pages = guard_pages_of(object, *size);
	guard_trim(start, whole, pages);
	/* One mapping more, which the system may refuse. */
	if (mprotect(pages.start + pages.size - page, page, PROT_NONE) != 0) {
		munmap(pages.start, pages.size);
		return NULL;
	}
	mark_root(pages.start, pages.size - page);
	return object;
}

static void guard_bar(void *ptr, size_t size)
{
	struct guard_pages pages = guard_pages_of(ptr, size);

	mprotect(pages.start, pages.size, PROT_NONE);
	madvise(pages.start, pages.size, MADV_DONTNEED);
}

static void guard_release(void *ctx, void *ptr, size_t size)
{
	struct guard_pages pages = guard_pages_of(ptr, size), old, *slot;

	(void)ctx;
	mark_root_end(pages.start, pages.size - guard_page());
	guard_bar(ptr, size);
	mutex_lock(&debug_mutex);
	slot = &guard.waiting[guard.next++ % GUARD_WAIT];
	old = *slot;
	*slot = pages;
	mutex_unlock(&debug_mutex);
	if (old.start != NULL)
		munmap(old.start, old.size);
}

const tarn_upstream guard_upstream = {guard_alloc, NULL, guard_release, NULL};
