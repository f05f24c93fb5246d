/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutexes of POSIX: see mutex.h.
 */
#ifndef TARN_MUTEX_POSIX_H
#define TARN_MUTEX_POSIX_H

#include "config.h"

#include <pthread.h>

#include "prefix.h"

typedef pthread_mutex_t mutex_system;

#define MUTEX_SYSTEM_INITIALIZER PTHREAD_MUTEX_INITIALIZER

static inline void mutex_system_lock(mutex_system *mutex)
{
	pthread_mutex_lock(mutex);
}

/* 0: it is the caller's. */
static inline int mutex_system_trylock(mutex_system *mutex)
{
	return pthread_mutex_trylock(mutex);
}

static inline void mutex_system_unlock(mutex_system *mutex)
{
	pthread_mutex_unlock(mutex);
}

/* Plain memory ends by itself. */
#ifdef HAVE_PLAIN_MUTEX
#define mutex_system_finish(mutex) ((void)(mutex))
#else
#define mutex_system_finish pthread_mutex_destroy
#endif

#endif
