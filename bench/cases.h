/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cases that the bench runs: what the driver lists and a worker does.
 */
#ifndef TARN_BENCH_CASES_H
#define TARN_BENCH_CASES_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One way of using a pool; a workload has a case for each set of figures. */
enum workload {
	WORKLOAD_FILL,    /* W1: one thread fills, resets                   */
	WORKLOAD_REQUEST, /* W2: create, 41 allocations, destroy            */
	WORKLOAD_HANDED,  /* W2: the same, destroyed by another thread      */
	WORKLOAD_SHARED,  /* W3, W4: threads fill `pools` pools, reset      */
	WORKLOAD_CHURN,   /* W5: threads that come, allocate and go         */
	WORKLOAD_MEMORY,  /* W6: what a million objects take                */
	WORKLOAD_UNITS,   /* W7: objects of one size, freed one by one      */
	WORKLOAD_UNITS_MIXED, /* W7: the same of several sizes              */
	WORKLOAD_PASSED, /* W7: made by one thread, freed by another       */
	WORKLOAD_LARGE,  /* W9: a large object taken and freed             */
	WORKLOAD_REPLAY, /* W10: a trace of a real program                 */
	WORKLOAD_FIXED,  /* W8: as FILL, objects of one size               */
	WORKLOAD_SHARED_FIXED /* W8: as SHARED                              */
};

enum mix {
	MIX_UNIFORM,
	MIX_LOG_NORMAL,
	MIX_NODES,
	MIX_FIXED
};

struct bench_case {
	const char *id;    /* as on the command line: W3-8             */
	const char *title; /* one line for the reader                  */
	enum workload workload;
	int threads;
	int pools;
	size_t count; /* objects a thread between two resets       */
	size_t size;  /* bytes of each, for MIX_FIXED and large    */
	enum mix mix;
	bool creator;      /* one of the threads created the pool       */
	const char *trace; /* file, within the directory of traces     */
};

extern const struct bench_case bench_cases[];
extern const size_t bench_case_count;

/* NULL: there is none. */
const struct bench_case *bench_case_find(const char *id);

#ifdef __cplusplus
}
#endif

#endif
