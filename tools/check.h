/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run that is looked at: what every object holds, which cleanups ran, and
 * how much memory all pools have.
 */
#ifndef TARN_TOOLS_CHECK_H
#define TARN_TOOLS_CHECK_H

#include "run.h"

/* Of all pools together, in bytes, and a number of blocks. */
struct check_sums {
	size_t held, handed_out, blocks;
};

struct check_pool {
	struct check_sums last;
	uint32_t newest; /* object that may still be there, or PLAN_NONE */
	size_t pending;  /* cleanups */
};

struct check {
	struct run run;
	bool contents; /* are filled and looked at */
	struct check_pool *pools;
	struct check_sums now;
	struct check_sums peak; /* blocks: when most was held */
	struct check_sums ends; /* each pool's at its end or reset, summed */
	size_t due;             /* cleanups that have to have run */
};

/* False: no memory. */
bool check_init(struct check *check, const struct plan *plan,
		const struct run_options *options, bool contents, char *why);

void check_finish(struct check *check);

/* Runs a step. False: something was wrong, and `why` says what. */
bool check_step(struct check *check, const struct step *step);

#endif
