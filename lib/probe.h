/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Static probes, for bpftrace, perf and gdb: one instruction that does nothing
 * where each of these happens, and a note in the library that says where; none
 * of them on a hit. doc/PROBES has what each one tells. Nothing at all without
 * <sys/sdt.h>.
 */
#ifndef TARN_PROBE_H
#define TARN_PROBE_H

#include "config.h"

#include <stddef.h>

#ifdef HAVE_PROBES
#include <sys/sdt.h>
#else
#define DTRACE_PROBE2(provider, name, first, second)                           \
	((void)(first), (void)(second))
#endif

/* The macros of <sys/sdt.h> are no standard C. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

#define PROBE(name, type)                                                      \
	static inline __attribute__((always_inline)) void probe_##name(        \
		const void *pool, type value)                                  \
	{                                                                      \
		DTRACE_PROBE2(tarn, name, pool, value);                        \
	}

PROBE(create, const char *)
PROBE(destroy, size_t)
PROBE(reset, size_t)
PROBE(claim, size_t)
PROBE(block, size_t)
PROBE(large, size_t)
PROBE(oom, size_t)

#undef PROBE

#ifdef __clang__
#pragma clang diagnostic pop
#endif

#endif
