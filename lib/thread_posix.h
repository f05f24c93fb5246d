/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of POSIX: see thread.h.
 */
#ifndef TARN_THREAD_POSIX_H
#define TARN_THREAD_POSIX_H

#include <pthread.h>
#include <sched.h>

#include "alive.h"

struct thread {
	struct alive alive;
	unsigned rounds; /* [o] of destructors seen */
};

/* A call that may be a cancellation point is to be none: from here on, until
   thread_cancel_as is told what this returned. */
static inline int thread_cancel_not(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void thread_cancel_as(int before)
{
	pthread_setcancelstate(before, NULL);
}

static inline void thread_yield(void)
{
	sched_yield();
}

#endif
