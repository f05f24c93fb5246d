/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Static probes, for bpftrace, perf and SystemTap: one instruction that does
 * nothing where each of these happens, and a note in the library that says
 * where; none of them on a hit. doc/PROBES has what each one tells. Nothing at
 * all without <sys/sdt.h>.
 */
#ifndef TARN_PROBE_H
#define TARN_PROBE_H

#include "config.h"

#ifdef HAVE_PROBES

#include <sys/sdt.h>

#define PROBE(name, pool, size) DTRACE_PROBE2(tarn, name, pool, size)

#else

#define PROBE(name, pool, size) ((void)(pool), (void)(size))

#endif

#endif
