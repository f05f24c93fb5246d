/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plan replayed as a whole: once as it was recorded, each step on the thread
 * that has the place of the recorded one, and often on one thread for its time.
 */
#ifndef TARN_TOOLS_REPLAY_H
#define TARN_TOOLS_REPLAY_H

#include "check.h"

struct replay {
	struct check_sums peak, ends; /* as in check.h */
	size_t others; /* frees that ended otherwise than recorded */
	double ns;     /* a call, median                           */
};

/*
 * Sets all but the time; looks at every object where `contents`. False:
 * something was wrong, and `why` says what.
 */
bool replay_check(struct replay *replay, const struct plan *plan,
		  const struct run_options *options, bool contents,
		  char why[RECORDS_WHY]);

/* Sets the time. */
bool replay_time(struct replay *replay, const struct plan *plan,
		 const struct run_options *options, char why[RECORDS_WHY]);

#endif
