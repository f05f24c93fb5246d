/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a thread lives: a mutex that it holds for life, which the system
 * marks when a thread dies with it. Where there is no such mutex no thread is
 * ever seen to be dead.
 */
#ifndef TARN_ALIVE_H
#define TARN_ALIVE_H

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#if HAVE_DECL_PTHREAD_MUTEX_ROBUST

/* The system's own kind of mutex: it guards nothing that clang could check. */
struct alive {
	pthread_mutex_t mutex;
};

/* By the thread. False: the system has no such mutex to give. */
static inline bool alive_begin(struct alive *alive)
{
	pthread_mutexattr_t attributes;
	bool made;

	if (pthread_mutexattr_init(&attributes) != 0)
		return false;
	/* Begun anew each time: in a forked child it may be its parent's. */
	made = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) ==
		       0 &&
	       pthread_mutex_init(&alive->mutex, &attributes) == 0;
	pthread_mutexattr_destroy(&attributes);
	/* A try, which succeeds: it is held for life, and must not count as
	   held within other mutexes by those who watch the order of locks. */
	if (made)
		(void)pthread_mutex_trylock(&alive->mutex);
	return made;
}

static inline void alive_end(struct alive *alive)
{
	pthread_mutex_unlock(&alive->mutex);
}

static inline bool alive_is_dead(struct alive *alive)
{
	if (pthread_mutex_trylock(&alive->mutex) != EOWNERDEAD)
		return false;
	pthread_mutex_consistent(&alive->mutex);
	pthread_mutex_unlock(&alive->mutex);
	return true;
}

#else

struct alive {
	char unknown;
};

static inline bool alive_begin(struct alive *alive)
{
	(void)alive;
	return true;
}

static inline void alive_end(struct alive *alive)
{
	(void)alive;
}

static inline bool alive_is_dead(struct alive *alive)
{
	(void)alive;
	return false;
}

#endif

#endif
