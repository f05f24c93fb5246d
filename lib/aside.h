/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Around what the system or a caller's function does for the library: it may
 * change errno, and be a cancellation point while a mutex is held.
 */
#ifndef TARN_ASIDE_H
#define TARN_ASIDE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

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
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &aside.cancel);
	return aside;
}

static inline void aside_end(struct aside aside)
{
	if (aside.guarded)
		pthread_setcancelstate(aside.cancel, NULL);
	errno = aside.error;
}

#endif
