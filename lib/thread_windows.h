/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of Windows: see thread.h.
 */
#ifndef TARN_THREAD_WINDOWS_H
#define TARN_THREAD_WINDOWS_H

#include "prefix.h"

struct thread {
	void *handle; /* [l] of one that began after its end; or NULL */
};

/* See thread.h; at any time. */
struct thread *thread_self(void);

/* Not with this any more, if it did. */
void thread_forget(struct thread *thread);

/* No call is a cancellation point there. */
static inline int thread_cancel_not(void)
{
	return 0;
}

static inline void thread_cancel_as(int before)
{
	(void)before;
}

void thread_yield(void);

#endif
