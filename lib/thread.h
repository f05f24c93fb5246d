/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the system does for the library's threads: one word of each thread's
 * own, and a call when it ends. Whoever uses this says what is to be called.
 */
#ifndef TARN_THREAD_H
#define TARN_THREAD_H

#include <stdbool.h>

#include "prefix.h"

#ifdef _WIN32
#include "thread_windows.h"
#else
#include "thread_posix.h"
#endif

/* Defined once, in slot.c. */
struct thread_calls {
	void (*begin)(void); /* once, before any thread's */
	void (*end)(struct thread *thread);
	void (*before_fork)(void);
	void (*after_fork)(void);
	void (*after_fork_child)(void);
};

extern const struct thread_calls thread_calls TARN_HIDDEN;

/* Before a thread's first thread_begin. False: the system has no word for the
   threads, and will have none. */
bool thread_setup(void);

/* The calling thread lives; `end` is called at its end. False: the system has
   not what it takes. */
bool thread_begin(struct thread *thread);

/* What the calling thread began with, by the system's own word; NULL: nothing,
   or not any more. After thread_setup. */
struct thread *thread_self(void);

/* It does not any more, or not with this. By itself. */
void thread_end(struct thread *thread);

/* Whether it is over, and `end` was not called: it began too late for that. */
bool thread_is_lost(struct thread *thread);

#endif
