/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run times of the sanitizers, as far as the library calls them, for a
 * program that has none: what the library tells of memory is kept in a shadow,
 * a byte a byte, and what it tells of threads in a record. malloc and the
 * system's functions are wrapped by the linker: they see to it that memory is
 * open when it goes back, and fail when told to.
 *
 * A program includes this once, and is linked with WRAPS of Makefile.am.
 */
#ifndef TARN_TESTS_SHADOW_H
#define TARN_TESTS_SHADOW_H

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	SHADOW_PAGE = 4096,
	SHADOW_PAGES = 8192,
	SHADOW_EVENTS = 4096,
	SHADOW_ROOTS = 4096
};

enum shadow_kind {
	SHADOW_ACQUIRE = 1,
	SHADOW_RELEASE,
	SHADOW_READ,
	SHADOW_WRITE
};

struct shadow_event {
	enum shadow_kind kind;
	uintptr_t start;
	size_t size;
};

static struct {
	pthread_mutex_t mutex;
	struct {
		uintptr_t number; /* of the page; 0: an empty place */
		char closed[SHADOW_PAGE];
	} pages[SHADOW_PAGES];
	struct shadow_event events[SHADOW_EVENTS], roots[SHADOW_ROOTS];
	size_t event_count, root_count;
	size_t roots_made;
	size_t closed_back; /* times that memory went back closed, or a root */
	size_t wrong;       /* calls that cannot be right                    */
	size_t live;        /* of malloc and calloc                          */
	size_t fail_at;     /* which of their calls from now on; 0: none     */
} shadow = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Calls that the thread is in. */
static _Thread_local int shadow_depth;

/* ---- memory ------------------------------------------------------------- */

/* The byte's place; NULL: nothing was said of its page, nor is to be. */
static char *shadow_of(uintptr_t at, bool made)
{
	uintptr_t number = at / SHADOW_PAGE;
	size_t i = (size_t)(number * 2654435761U);

	for (size_t tries = 0; tries < SHADOW_PAGES; tries++, i++) {
		size_t place = i % SHADOW_PAGES;

		if (shadow.pages[place].number == 0 && !made)
			return NULL;
		if (shadow.pages[place].number == 0)
			shadow.pages[place].number = number;
		if (shadow.pages[place].number == number)
			return &shadow.pages[place].closed[at % SHADOW_PAGE];
	}
	abort();
}

/* How many bytes from `at` on, of `size`, are on one page. */
static size_t shadow_part(uintptr_t at, size_t size)
{
	size_t most = SHADOW_PAGE - at % SHADOW_PAGE;

	return size < most ? size : most;
}

static void shadow_set(const volatile void *start, size_t size, bool closed)
{
	uintptr_t at = (uintptr_t)start;

	pthread_mutex_lock(&shadow.mutex);
	while (size > 0) {
		size_t part = shadow_part(at, size);

		memset(shadow_of(at, true), closed, part);
		at += part;
		size -= part;
	}
	pthread_mutex_unlock(&shadow.mutex);
}

/* Bytes of [start, start + size) that are closed. */
static size_t shadow_closed(const void *start, size_t size)
{
	uintptr_t at = (uintptr_t)start;
	size_t closed = 0;

	pthread_mutex_lock(&shadow.mutex);
	while (size > 0) {
		size_t part = shadow_part(at, size);
		const char *page = shadow_of(at, false);

		for (size_t i = 0; page != NULL && i < part; i++)
			closed += page[i] != 0;
		at += part;
		size -= part;
	}
	pthread_mutex_unlock(&shadow.mutex);
	return closed;
}

void __asan_poison_memory_region(const volatile void *start, size_t size);
void __asan_poison_memory_region(const volatile void *start, size_t size)
{
	shadow_set(start, size, true);
}

void __asan_unpoison_memory_region(const volatile void *start, size_t size);
void __asan_unpoison_memory_region(const volatile void *start, size_t size)
{
	shadow_set(start, size, false);
}

/* ---- roots -------------------------------------------------------------- */

void __lsan_register_root_region(const void *start, size_t size);
void __lsan_register_root_region(const void *start, size_t size)
{
	pthread_mutex_lock(&shadow.mutex);
	if (shadow.root_count == SHADOW_ROOTS)
		abort();
	shadow.roots[shadow.root_count++] =
		(struct shadow_event){0, (uintptr_t)start, size};
	shadow.roots_made++;
	pthread_mutex_unlock(&shadow.mutex);
}

void __lsan_unregister_root_region(const void *start, size_t size);
void __lsan_unregister_root_region(const void *start, size_t size)
{
	size_t i = 0;

	pthread_mutex_lock(&shadow.mutex);
	while (i < shadow.root_count &&
	       (shadow.roots[i].start != (uintptr_t)start ||
		shadow.roots[i].size != size))
		i++;
	if (i < shadow.root_count)
		shadow.roots[i] = shadow.roots[--shadow.root_count];
	else
		shadow.wrong++;
	pthread_mutex_unlock(&shadow.mutex);
}

/* ---- threads ------------------------------------------------------------ */

static void shadow_note(enum shadow_kind kind, const void *start, size_t size)
{
	pthread_mutex_lock(&shadow.mutex);
	shadow.events[shadow.event_count++ % SHADOW_EVENTS] =
		(struct shadow_event){kind, (uintptr_t)start, size};
	pthread_mutex_unlock(&shadow.mutex);
}

/* Which event, from 1, of the last ones: the first of this kind that covers
   all these bytes; 0: none. */
static inline size_t shadow_saw(enum shadow_kind kind, const void *start,
				size_t size)
{
	uintptr_t at = (uintptr_t)start;

	if (shadow.event_count > SHADOW_EVENTS)
		abort();
	for (size_t i = 0; i < shadow.event_count; i++) {
		const struct shadow_event *event = &shadow.events[i];

		if (event->kind == kind && event->start <= at &&
		    at + size <= event->start + event->size)
			return i + 1;
	}
	return 0;
}

void __tsan_acquire(void *at);
void __tsan_acquire(void *at)
{
	shadow_note(SHADOW_ACQUIRE, at, 1);
}

void __tsan_release(void *at);
void __tsan_release(void *at)
{
	shadow_note(SHADOW_RELEASE, at, 1);
}

void __tsan_read_range(void *start, long size);
void __tsan_read_range(void *start, long size)
{
	shadow_note(SHADOW_READ, start, (size_t)size);
}

void __tsan_write_range(void *start, long size);
void __tsan_write_range(void *start, long size)
{
	shadow_note(SHADOW_WRITE, start, (size_t)size);
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	shadow.wrong += caller == NULL;
	shadow_depth++;
}

void __tsan_func_exit(void *unused);
void __tsan_func_exit(void *unused)
{
	(void)unused;
	shadow.wrong += --shadow_depth < 0;
}

/* ---- memory that goes back ---------------------------------------------- */

static void shadow_back(const void *start, size_t size)
{
	uintptr_t at = (uintptr_t)start;

	shadow.closed_back += shadow_closed(start, size) != 0;
	for (size_t i = 0; i < shadow.root_count; i++)
		shadow.closed_back +=
			shadow.roots[i].start < at + size &&
			at < shadow.roots[i].start + shadow.roots[i].size;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
int __real_posix_memalign(void **ptr, size_t alignment, size_t size);
void __real_free(void *ptr);
int __real_munmap(void *start, size_t size);

static void *shadow_count(void *ptr)
{
	__atomic_fetch_add(&shadow.live, ptr != NULL, __ATOMIC_RELAXED);
	return ptr;
}

static bool shadow_fails(void)
{
	return shadow.fail_at != 0 && --shadow.fail_at == 0;
}

/* Where libc is linked into the program, its own malloc for that comes here. */
static _Thread_local bool shadow_in_calloc;

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	if (shadow_in_calloc)
		return __real_malloc(size);
	return shadow_fails() ? NULL : shadow_count(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	void *ptr;

	if (shadow_fails())
		return NULL;
	shadow_in_calloc = true;
	ptr = __real_calloc(count, size);
	shadow_in_calloc = false;
	return shadow_count(ptr);
}

int __wrap_posix_memalign(void **ptr, size_t alignment, size_t size);
int __wrap_posix_memalign(void **ptr, size_t alignment, size_t size)
{
	int error = shadow_fails()
			    ? ENOMEM
			    : __real_posix_memalign(ptr, alignment, size);

	shadow_count(error == 0 ? *ptr : NULL);
	return error;
}

void __wrap_free(void *ptr);
void __wrap_free(void *ptr)
{
	if (ptr != NULL) {
		shadow_back(ptr, malloc_usable_size(ptr));
		__atomic_fetch_sub(&shadow.live, 1, __ATOMIC_RELAXED);
	}
	__real_free(ptr);
}

int __wrap_munmap(void *start, size_t size);
int __wrap_munmap(void *start, size_t size)
{
	shadow_back(start, size);
	return __real_munmap(start, size);
}

#endif
