/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits: see limit.h. Invariant, under the outermost mutex: used <= most in
 * every limit, and a limit's use is part of its outer one's.
 */
#include "limit.h"

#include "align.h"

/* What is left is granted in whole lines, so that blocks stay aligned. */
static const size_t limit_grain = 64;

void limit_init(struct limit *limit, size_t most, struct limit *outer)
{
	limit->most = most;
	limit->used = 0;
	limit->outer = outer;
	limit->outermost = outer != NULL ? outer->outermost : limit;
	mutex_init(&limit->mutex);
}

void limit_finish(struct limit *limit)
{
	mutex_finish(&limit->mutex);
}

static size_t limit_left_locked(const struct limit *limit)
	MUTEX_HELD(limit->outermost->mutex)
{
	size_t left = SIZE_MAX;

	for (; limit != NULL; limit = limit->outer)
		left = align_min(left, limit->most - limit->used);
	return left;
}

static void limit_add_locked(struct limit *limit, size_t size)
	MUTEX_HELD(limit->outermost->mutex)
{
	for (; limit != NULL; limit = limit->outer)
		limit->used += size;
}

size_t limit_charge_slow(struct limit *limit, size_t least, size_t want)
{
	size_t left;

	mutex_lock(&limit->outermost->mutex);
	left = limit_left_locked(limit);
	if (want > left)
		want = align_max(least, align_down(left, limit_grain));
	if (want > left)
		want = 0;
	limit_add_locked(limit, want);
	mutex_unlock(&limit->outermost->mutex);
	return want;
}

void limit_settle_slow(struct limit *limit, size_t charged, size_t held)
{
	mutex_lock(&limit->outermost->mutex);
	/* Unsigned: what wraps is a subtraction. */
	limit_add_locked(limit, held - charged);
	mutex_unlock(&limit->outermost->mutex);
}
