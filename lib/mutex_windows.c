/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutexes of Windows: see mutex_windows.h.
 */
#include "mutex.h"

#include <windows.h>

_Static_assert(sizeof(mutex_system) == sizeof(SRWLOCK),
	       "a slim lock is one word");

void mutex_system_lock(mutex_system *mutex)
{
	AcquireSRWLockExclusive((SRWLOCK *)mutex);
}

int mutex_system_trylock(mutex_system *mutex)
{
	return TryAcquireSRWLockExclusive((SRWLOCK *)mutex) ? 0 : -1;
}

void mutex_system_unlock(mutex_system *mutex)
{
	ReleaseSRWLockExclusive((SRWLOCK *)mutex);
}
