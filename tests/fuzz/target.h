/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a target defines: libFuzzer calls it with the bytes it made up,
 * tests/fuzz/replay.c with those of files.
 */
#ifndef TARN_FUZZ_TARGET_H
#define TARN_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0, or does not return where the library broke its word. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* And the directory of those files. */
extern const char target_name[];

/* Not instrumented: ThreadSanitizer asks before it is ready. */
#if defined __clang__
#define TARGET_PLAIN __attribute__((disable_sanitizer_instrumentation))
#else
#define TARGET_PLAIN __attribute__((no_sanitize_thread))
#endif

/* The sanitizers ask these, where there are any: no size ends the program. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

#define TARGET_OPTIONS                                                         \
	TARGET_PLAIN const char *__asan_default_options(void)                  \
	{                                                                      \
		return "allocator_may_return_null=1";                          \
	}                                                                      \
	TARGET_PLAIN const char *__tsan_default_options(void)                  \
	{                                                                      \
		return "allocator_may_return_null=1:halt_on_error=1:"          \
		       "report_signal_unsafe=0";                               \
	}

#endif
