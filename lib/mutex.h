/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How this library begins and ends its mutexes. A pool has three, and a pool
 * per request must not pay for six calls: where a mutex is plain memory it is
 * begun by assignment and ends with its memory.
 */
#ifndef TARN_MUTEX_H
#define TARN_MUTEX_H

#include <pthread.h>

static inline void mutex_init(pthread_mutex_t *mutex)
{
	*mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

#if defined __linux__
static inline void mutex_finish(pthread_mutex_t *mutex)
{
	(void)mutex;
}
#else
static inline void mutex_finish(pthread_mutex_t *mutex)
{
	pthread_mutex_destroy(mutex);
}
#endif

#endif
