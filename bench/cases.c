/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cases that the bench runs: see cases.h.
 */
#include "cases.h"

#include <string.h>

enum {
	COLD = 100000, /* objects: far more than the nearest caches hold */
	WARM = 2000,   /* objects: they stay in the nearest caches       */
	SHARED = 50000,
	CHURN = 10,
	MILLION = 1000000
};

#define KIB ((size_t)1 << 10)

#define SHARED_CASE(id, title, threads, creator)                               \
	{                                                                      \
		id, title, WORKLOAD_SHARED, threads, 1, SHARED, 0,             \
			MIX_UNIFORM, creator, NULL                             \
	}
#define POOLS_CASE(id, title, pools)                                           \
	{                                                                      \
		id, title, WORKLOAD_SHARED, 2, pools, SHARED, 0, MIX_UNIFORM,  \
			false, NULL                                            \
	}
#define LARGE_CASE(id, title, threads, size)                                   \
	{                                                                      \
		id, title, WORKLOAD_LARGE, threads, 1, 1000, size, MIX_FIXED,  \
			false, NULL                                            \
	}

#define UNITS_CASE(id, title, workload, threads, count, mix)                   \
	{                                                                      \
		id, title, workload, threads, 1, count, 32, mix, true, NULL    \
	}

const struct bench_case bench_cases[] = {
	{"W1-code", "one thread, 8..128 bytes, reset every 2,000",
	 WORKLOAD_FILL, 1, 1, WARM, 0, MIX_UNIFORM, true, NULL},
	{"W1-memory", "one thread, 8..128 bytes, reset every 100,000",
	 WORKLOAD_FILL, 1, 1, COLD, 0, MIX_UNIFORM, true, NULL},
	{"W2-1", "request: create, 40 of 8..256 and one of 8 KiB, destroy",
	 WORKLOAD_REQUEST, 1, 1, 40, 8 * KIB, MIX_UNIFORM, true, NULL},
	{"W2-2", "the same on two threads", WORKLOAD_REQUEST, 2, 1, 40, 8 * KIB,
	 MIX_UNIFORM, true, NULL},
	{"W2-handed", "the same, destroyed by another thread", WORKLOAD_HANDED,
	 2, 1, 40, 8 * KIB, MIX_UNIFORM, true, NULL},
	SHARED_CASE("W3-1", "one pool, 1 thread, creator idle", 1, false),
	SHARED_CASE("W3-2", "one pool, 2 threads, creator idle", 2, false),
	SHARED_CASE("W3-4", "one pool, 4 threads, creator idle", 4, false),
	SHARED_CASE("W3-8", "one pool, 8 threads, creator idle", 8, false),
	SHARED_CASE("W3-c1", "one pool, its creator alone", 1, true),
	SHARED_CASE("W3-c2", "one pool, 2 threads, creator among them", 2,
		    true),
	SHARED_CASE("W3-c4", "one pool, 4 threads, creator among them", 4,
		    true),
	SHARED_CASE("W3-c8", "one pool, 8 threads, creator among them", 8,
		    true),
	POOLS_CASE("W4-1", "2 threads, 1 pool in turn", 1),
	POOLS_CASE("W4-4", "2 threads, 4 pools in turn", 4),
	POOLS_CASE("W4-16", "2 threads, 16 pools in turn", 16),
	{"W5", "a thread that comes, takes 10 objects of 32 bytes and goes",
	 WORKLOAD_CHURN, 1, 1, CHURN, 32, MIX_FIXED, false, NULL},
	{"W6-uniform", "1,000,000 objects of 8..128 bytes", WORKLOAD_MEMORY, 1,
	 1, MILLION, 0, MIX_UNIFORM, true, NULL},
	{"W6-lognormal", "1,000,000 objects, median 48 bytes, log-normal",
	 WORKLOAD_MEMORY, 1, 1, MILLION, 0, MIX_LOG_NORMAL, true, NULL},
	{"W6-nodes", "1,000,000 objects of 24 bytes", WORKLOAD_MEMORY, 1, 1,
	 MILLION, 24, MIX_NODES, true, NULL},
	UNITS_CASE("W7-lifo", "32 bytes, taken and freed", WORKLOAD_UNITS, 1, 1,
		   MIX_FIXED),
	UNITS_CASE("W7-fifo", "32 bytes, 1,000 alive, the oldest freed",
		   WORKLOAD_UNITS, 1, 1000, MIX_FIXED),
	UNITS_CASE("W7-mixed", "8..128 bytes, 1,024 alive, any one freed",
		   WORKLOAD_UNITS_MIXED, 1, 1024, MIX_UNIFORM),
	UNITS_CASE("W7-passed",
		   "32 bytes, made by one thread, freed by another",
		   WORKLOAD_PASSED, 2, 0, MIX_FIXED),
	{"W8-1", "1 thread, 32 bytes", WORKLOAD_FIXED, 1, 1, WARM, 32,
	 MIX_FIXED, true, NULL},
	{"W8-2", "2 threads, 32 bytes", WORKLOAD_SHARED_FIXED, 2, 1, SHARED, 32,
	 MIX_FIXED, false, NULL},
	LARGE_CASE("W9-64K-1", "64 KiB taken and freed, 1 thread", 1, 64 * KIB),
	LARGE_CASE("W9-64K-2", "64 KiB taken and freed, 2 threads", 2,
		   64 * KIB),
	LARGE_CASE("W9-1M-1", "1 MiB taken and freed, 1 thread", 1, 1024 * KIB),
	LARGE_CASE("W9-1M-2", "1 MiB taken and freed, 2 threads", 2,
		   1024 * KIB),
	{"W10-nginx", "the pool calls of nginx under load", WORKLOAD_REPLAY, 1,
	 0, 0, 0, MIX_FIXED, true, "nginx_load.ptr.xz"},
	{"W10-cc1", "the malloc calls of a C compiler", WORKLOAD_REPLAY, 1, 1,
	 0, 0, MIX_FIXED, true, "cc1.mtr.xz"},
	{"W10-sqlite", "the malloc calls of sqlite", WORKLOAD_REPLAY, 1, 1, 0,
	 0, MIX_FIXED, true, "sqlite.mtr.xz"},
};

const size_t bench_case_count = sizeof(bench_cases) / sizeof(*bench_cases);

const struct bench_case *bench_case_find(const char *id)
{
	for (size_t i = 0; i < bench_case_count; i++)
		if (strcmp(bench_cases[i].id, id) == 0)
			return &bench_cases[i];
	return NULL;
}
