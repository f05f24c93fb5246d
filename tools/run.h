/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of a plan, done with the library. Not for two threads at once: who
 * runs a step has seen all before it.
 */
#ifndef TARN_TOOLS_RUN_H
#define TARN_TOOLS_RUN_H

#include <tarn.h>

#include "plan.h"

/* How pools are made. 0 or NULL: as recorded, or the library's own. */
struct run_options {
	size_t first_block, max_block, large_above;
	const tarn_upstream *upstream;
};

struct run_object {
	void *memory; /* the object or cleanup; NULL: none, or freed */
	uint32_t size;
	uint32_t older; /* of the same pool, for checks: or PLAN_NONE */
	uint32_t pool;
};

struct run {
	const struct plan *plan;
	const struct run_options *options;
	tarn_pool **pools;          /* by place    */
	struct run_object *objects; /* by place    */
	size_t cleanups;            /* that ran    */
	size_t others; /* frees that ended otherwise than recorded */
	char *why;     /* RECORDS_WHY: room to say what failed     */
};

/* False: no memory. */
bool run_init(struct run *run, const struct plan *plan,
	      const struct run_options *options, char *why);

void run_finish(struct run *run);

/* Says what failed, at which record. Returns false. */
bool run_fail(const struct run *run, const struct step *step,
	      const char *format, ...) TARN_FORMAT(3, 4);

/* False: it failed, and run->why says how. */
bool run_step(struct run *run, const struct step *step);

#endif
