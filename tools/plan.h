/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace of pools (doc/TRACE) made ready for replay: each record checked
 * against all before it, numbers made dense, pools that the trace leaves over
 * ended. What is in a plan can be run against the library, whatever file it
 * came from: no step uses a pool or an object that has ended.
 */
#ifndef TARN_TOOLS_PLAN_H
#define TARN_TOOLS_PLAN_H

#include "map.h"
#include "records.h"

#define PLAN_NONE MAP_NONE

enum {
	PLAN_THREADS = 4096 /* slots from this one less 1 on share a thread */
};

enum step_op {
	STEP_CREATE, /* size: as asked, 0: default; object: the parent */
	STEP_GONE,   /* the pool goes with a parent, in a step that follows */
	STEP_RESET,
	STEP_DESTROY,
	STEP_ALLOC,
	STEP_PACKED,
	STEP_ZEROED,
	STEP_ALIGNED,
	STEP_RESIZE,
	STEP_FREE,
	STEP_FREE_SIZED,   /* by tarn_pfree_sized         */
	STEP_FREE_ALIGNED, /* by tarn_pfree_aligned_sized */
	STEP_REFUSED,      /* a free of an object, by whatever pool */
	STEP_CLEANUP,
	STEP_CANCEL,
	STEP_RUN,
	STEP_SPENT, /* a cancel of a cleanup that ran or was cancelled */
	STEP_TRIM
};

struct step {
	uint8_t op; /* of enum step_op */
	uint8_t log_alignment;
	uint16_t thread; /* below threads */
	uint32_t pool;   /* below pools */
	uint32_t size;
	uint32_t object; /* below objects, or a pool, or PLAN_NONE */
	uint32_t record; /* that it came from, from 1 */
};

struct plan {
	struct step *steps;
	size_t count;
	uint32_t pools, objects, threads;
	/* Of the trace. */
	size_t records, processes;
	size_t calls;   /* records that are replayed                  */
	size_t failed;  /* calls that had failed, not replayed        */
	size_t skipped; /* those of objects that the trace never made */
};

/*
 * Reads the trace in file `path`, which may keep `memory` bytes alive at once
 * and no more. Returns false, with the reason in `why`, where it is none.
 */
bool plan_read(struct plan *plan, const char *path, uint64_t memory,
	       char why[RECORDS_WHY]);

void plan_free(struct plan *plan);

#endif
