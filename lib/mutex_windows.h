/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutexes of Windows: see mutex.h. A slim lock is one word, plain memory,
 * and needs no call to begin or to end.
 */
#ifndef TARN_MUTEX_WINDOWS_H
#define TARN_MUTEX_WINDOWS_H

#include "prefix.h"

/* As the system's own, whose header would bring a thousand names. */
typedef struct {
	void *word;
} mutex_system;

#define MUTEX_SYSTEM_INITIALIZER                                               \
	{                                                                      \
		0                                                              \
	}

void mutex_system_lock(mutex_system *mutex);
int mutex_system_trylock(mutex_system *mutex); /* 0: it is the caller's */
void mutex_system_unlock(mutex_system *mutex);

#define mutex_system_finish(mutex) ((void)(mutex))

#endif
