/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of POSIX: see thread.h. A key's destructor runs at a thread's end.
 */
#include "thread.h"

#include <limits.h>

#include "sanitizers.h"

#ifndef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS _POSIX_THREAD_DESTRUCTOR_ITERATIONS
#endif

static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static bool thread_key_made;   /* [c] after thread_once                      */
static unsigned thread_rounds; /* [c] after thread_once: destructors to exit */

/* Arms itself again but in the last round: other destructors may allocate. */
static void thread_exit(void *value)
{
	struct thread *thread = value;

	thread->rounds++;
	if (thread->rounds >= thread_rounds ||
	    pthread_setspecific(thread_key, thread) != 0)
		thread_calls.end(thread);
}

static void thread_setup_once(void)
{
	thread_calls.begin();
	/* ThreadSanitizer ends with its own destructor in the last round, after
	   which a mutex would crash. */
	thread_rounds =
		PTHREAD_DESTRUCTOR_ITERATIONS - sanitizers_end_threads();
	/* The key last, for it would be in vain without the handlers. */
	thread_key_made = pthread_atfork(thread_calls.before_fork,
					 thread_calls.after_fork,
					 thread_calls.after_fork_child) == 0 &&
			  pthread_key_create(&thread_key, thread_exit) == 0;
}

bool thread_setup(void)
{
	pthread_once(&thread_once, thread_setup_once);
	return thread_key_made;
}

struct thread *thread_self(void)
{
	return pthread_getspecific(thread_key);
}

bool thread_begin(struct thread *thread)
{
	if (!alive_begin(&thread->alive))
		return false;
	if (pthread_setspecific(thread_key, thread) != 0) {
		alive_end(&thread->alive);
		return false;
	}
	thread->rounds = 0;
	return true;
}

void thread_end(struct thread *thread)
{
	alive_end(&thread->alive);
}

bool thread_is_lost(struct thread *thread)
{
	return alive_is_dead(&thread->alive);
}
