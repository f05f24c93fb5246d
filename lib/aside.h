/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Around what the system or a caller's function does for the library: it may
 * change errno, and be a cancellation point while a mutex is held.
 */
#ifndef TARN_ASIDE_H
#define TARN_ASIDE_H

#include <errno.h>
#include <stdbool.h>

#include "thread.h"

/* To guard against cancellation costs as much as a malloc does. */
struct aside {
	int error;
	bool guarded;
	int cancel;
};

static inline struct aside aside_begin(bool guarded)
{
	struct aside aside = {errno, guarded, 0};

	if (guarded)
		aside.cancel = thread_cancel_not();
	return aside;
}

static inline void aside_end(struct aside aside)
{
	if (aside.guarded)
		thread_cancel_as(aside.cancel);
	errno = aside.error;
}

#endif
