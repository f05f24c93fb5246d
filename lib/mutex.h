/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutexes of this library, and what clang's thread safety analysis is to
 * know of them: clang -Wthread-safety sees that who must hold a mutex does, and
 * that who took one gives it back. All of it is words: not one instruction is
 * added.
 *
 * A pool has three mutexes, and a pool per request must not pay for six calls:
 * where a mutex is plain memory it is begun by assignment and ends with it.
 */
#ifndef TARN_MUTEX_H
#define TARN_MUTEX_H

#include <stdbool.h>

#ifdef _WIN32
#include "mutex_windows.h"
#else
#include "mutex_posix.h"
#endif

#if defined __clang__
#define MUTEX_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define MUTEX_ATTRIBUTE(...)
#endif

/* Behind a function's parameters: its caller holds the mutex; it returns with
   it; it lets go of it; it returns with it where it returns `result`. */
#define MUTEX_HELD(mutex)    MUTEX_ATTRIBUTE(requires_capability(mutex))
#define MUTEX_TAKEN(mutex)   MUTEX_ATTRIBUTE(acquire_capability(mutex))
#define MUTEX_DROPPED(mutex) MUTEX_ATTRIBUTE(release_capability(mutex))
#define MUTEX_TRIED(result, mutex)                                             \
	MUTEX_ATTRIBUTE(try_acquire_capability(result, mutex))

/* And: the analysis cannot follow what it does; a comment says why. */
#define MUTEX_UNCHECKED MUTEX_ATTRIBUTE(no_thread_safety_analysis)

/* Behind a variable, or a field of one: this mutex guards it. In C a mutex that
   is a field of the same struct cannot be named there: what such a one guards
   says [l], and is seen through the functions that have MUTEX_HELD. */
#define MUTEX_GUARDED(mutex) MUTEX_ATTRIBUTE(guarded_by(mutex))

struct MUTEX_ATTRIBUTE(capability("mutex")) mutex {
	mutex_system system;
};

#define MUTEX_INITIALIZER                                                      \
	{                                                                      \
		.system = MUTEX_SYSTEM_INITIALIZER                             \
	}

/* Says that no other thread can be there, so that the caller may touch what
   the mutex guards as if it held it. */
static inline void mutex_exclusive(const struct mutex *mutex)
	MUTEX_ATTRIBUTE(assert_capability(mutex))
{
	(void)mutex;
}

/* What it guards is begun at the same time, by the same thread. */
static inline void mutex_init(struct mutex *mutex)
	MUTEX_ATTRIBUTE(assert_capability(mutex))
{
	*mutex = (struct mutex)MUTEX_INITIALIZER;
}

static inline void mutex_finish(struct mutex *mutex)
{
	mutex_system_finish(&mutex->system);
}

/* Unchecked, here and below: where a mutex turns into a system's one. */
static inline void mutex_lock(struct mutex *mutex)
	MUTEX_TAKEN(mutex) MUTEX_UNCHECKED
{
	mutex_system_lock(&mutex->system);
}

static inline bool mutex_trylock(struct mutex *mutex)
	MUTEX_TRIED(true, mutex) MUTEX_UNCHECKED
{
	return mutex_system_trylock(&mutex->system) == 0;
}

static inline void mutex_unlock(struct mutex *mutex)
	MUTEX_DROPPED(mutex) MUTEX_UNCHECKED
{
	mutex_system_unlock(&mutex->system);
}

#endif
