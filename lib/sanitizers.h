/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of the sanitizers' run times, by their own names: NULL in a program
 * that has none, or nothing where the linker knows no such names.
 */
#ifndef TARN_SANITIZERS_H
#define TARN_SANITIZERS_H

#include "config.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef HAVE_WEAK

#define WEAK __attribute__((weak))

extern void __asan_poison_memory_region(const volatile void *, size_t) WEAK;
extern void __asan_unpoison_memory_region(const volatile void *, size_t) WEAK;
extern void __lsan_register_root_region(const void *, size_t) WEAK;
extern void __lsan_unregister_root_region(const void *, size_t) WEAK;
extern void __tsan_init(void) WEAK;
extern void __tsan_acquire(void *) WEAK;
extern void __tsan_release(void *) WEAK;
extern void __tsan_read_range(void *, long) WEAK;
extern void __tsan_write_range(void *, long) WEAK;
extern void __tsan_func_entry(void *) WEAK;
extern void __tsan_func_exit(void *) WEAK;

static inline bool sanitizers_has_asan(void)
{
	return __asan_poison_memory_region != NULL;
}

static inline bool sanitizers_has_lsan(void)
{
	return __lsan_register_root_region != NULL;
}

static inline bool sanitizers_has_tsan(void)
{
	return __tsan_acquire != NULL && __tsan_write_range != NULL;
}

/* Whether there is one that ends each thread, before the last destructors. */
static inline bool sanitizers_end_threads(void)
{
	return __tsan_init != NULL;
}

#else

/* What they are given is used, and nothing done with it. */
#define SANITIZERS_NOT(a, b) ((void)(a), (void)(b))

#define __asan_poison_memory_region(start, size)   SANITIZERS_NOT(start, size)
#define __asan_unpoison_memory_region(start, size) SANITIZERS_NOT(start, size)
#define __lsan_register_root_region(start, size)   SANITIZERS_NOT(start, size)
#define __lsan_unregister_root_region(start, size) SANITIZERS_NOT(start, size)
#define __tsan_acquire(at)                         ((void)(at))
#define __tsan_release(at)                         ((void)(at))
#define __tsan_read_range(start, size)             SANITIZERS_NOT(start, size)
#define __tsan_write_range(start, size)            SANITIZERS_NOT(start, size)
#define __tsan_func_entry(caller)                  ((void)(caller))
#define __tsan_func_exit(nothing)                  ((void)(nothing))

static inline bool sanitizers_has_asan(void)
{
	return false;
}

static inline bool sanitizers_has_lsan(void)
{
	return false;
}

static inline bool sanitizers_has_tsan(void)
{
	return false;
}

static inline bool sanitizers_end_threads(void)
{
	return false;
}

#endif

#endif
