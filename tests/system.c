/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands between the library and libc: see system.h.
 */
#include "system.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

const char *const system_names[CALLS] = {
	[CALL_MALLOC] = "malloc",
	[CALL_CALLOC] = "calloc",
	[CALL_REALLOC] = "realloc",
	[CALL_POSIX_MEMALIGN] = "posix_memalign",
	[CALL_MMAP] = "mmap",
	[CALL_MREMAP] = "mremap",
	[CALL_MUNMAP] = "munmap",
	[CALL_MADVISE] = "madvise",
	[CALL_MUTEXATTR_INIT] = "pthread_mutexattr_init",
	[CALL_MUTEXATTR_SETROBUST] = "pthread_mutexattr_setrobust",
	[CALL_MUTEX_INIT] = "pthread_mutex_init",
	[CALL_KEY_CREATE] = "pthread_key_create",
	[CALL_SETSPECIFIC] = "pthread_setspecific",
	[CALL_ATFORK] = "pthread_atfork",
	[CALL_ONCE] = "pthread_once",
};

struct system system_state = {.only = CALLS};

_Thread_local bool system_watched;

size_t system_failures(void)
{
	size_t all = 0;

	for (int call = 0; call < CALLS; call++)
		all += system_state.failures[call];
	return all;
}

static bool system_is_due(enum system_call call)
{
	size_t number;

	if (system_state.fail_at == 0 ||
	    (system_state.only != CALLS && system_state.only != call))
		return false;
	number = ++system_state.calls;
	return system_state.for_ever ? number >= system_state.fail_at
				     : number == system_state.fail_at;
}

/* Counts a call; whether it has to fail: errno tells why. */
static bool system_fails(enum system_call call)
{
	errno = SYSTEM_ERRNO;
	if (!system_watched || !system_is_due(call))
		return false;
	system_state.failures[call]++;
	errno = ENOMEM;
	return true;
}

static void system_count(atomic_size_t *what, size_t more)
{
	if (system_watched)
		*what += more;
}

/* What stands in front of libc's, and libc's. */
#define SYSTEM_WRAP(type, name, ...)                                           \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

/* Where libc is linked into the program, its own calls come here, too. */
static bool system_look_away(void)
{
	bool watched = system_watched;

	system_watched = false;
	return watched;
}

/* ---- memory ------------------------------------------------------------- */

SYSTEM_WRAP(void *, malloc, size_t size)
{
	bool fails = system_fails(CALL_MALLOC), watched = system_look_away();
	void *ptr = fails ? NULL : __real_malloc(size);

	system_watched = watched;
	system_count(&system_state.blocks, ptr != NULL);
	return ptr;
}

SYSTEM_WRAP(void *, calloc, size_t count, size_t size)
{
	bool fails = system_fails(CALL_CALLOC), watched = system_look_away();
	void *ptr = fails ? NULL : __real_calloc(count, size);

	system_watched = watched;
	system_count(&system_state.lasting, ptr != NULL);
	return ptr;
}

SYSTEM_WRAP(void *, realloc, void *old, size_t size)
{
	bool fails = system_fails(CALL_REALLOC), watched = system_look_away();
	void *ptr = fails ? NULL : __real_realloc(old, size);

	system_watched = watched;
	system_count(&system_state.lasting, old == NULL && ptr != NULL);
	return ptr;
}

SYSTEM_WRAP(int, posix_memalign, void **ptr, size_t alignment, size_t size)
{
	bool fails = system_fails(CALL_POSIX_MEMALIGN);
	bool watched = system_look_away();
	int error =
		fails ? ENOMEM : __real_posix_memalign(ptr, alignment, size);

	system_watched = watched;
	system_count(&system_state.blocks, error == 0);
	return error;
}

SYSTEM_WRAP(void, free, void *ptr)
{
	bool watched;

	system_count(&system_state.blocks, ptr != NULL ? (size_t)-1 : 0);
	watched = system_look_away();
	__real_free(ptr);
	system_watched = watched;
	if (watched)
		errno = SYSTEM_ERRNO;
}

SYSTEM_WRAP(void *, mmap, void *hint, size_t size, int access, int flags,
	    int fd, off_t offset)
{
	void *ptr = system_fails(CALL_MMAP) ? MAP_FAILED
					    : __real_mmap(hint, size, access,
							  flags, fd, offset);

	system_count(&system_state.mapped, ptr != MAP_FAILED ? size : 0);
	return ptr;
}

SYSTEM_WRAP(void *, mremap, void *old, size_t old_size, size_t size, int flags)
{
	void *ptr = system_fails(CALL_MREMAP)
			    ? MAP_FAILED
			    : __real_mremap(old, old_size, size, flags);

	system_count(&system_state.mapped,
		     ptr != MAP_FAILED ? size - old_size : 0);
	return ptr;
}

/* Goes even where it says that it cannot: nobody can do more than to ask. */
SYSTEM_WRAP(int, munmap, void *ptr, size_t size)
{
	bool fails = system_fails(CALL_MUNMAP);
	int error = errno, status = __real_munmap(ptr, size);

	system_count(&system_state.mapped, status == 0 ? -size : 0);
	errno = error;
	return fails ? -1 : status;
}

SYSTEM_WRAP(int, madvise, void *ptr, size_t size, int advice)
{
	return system_fails(CALL_MADVISE) ? -1
					  : __real_madvise(ptr, size, advice);
}

/* ---- threads ------------------------------------------------------------ */

/* What it could not make must not be used. */
static const pthread_mutexattr_t *system_unmade;

SYSTEM_WRAP(int, pthread_mutexattr_init, pthread_mutexattr_t *attributes)
{
	bool fails = system_fails(CALL_MUTEXATTR_INIT);

	system_unmade = fails ? attributes : NULL;
	return fails ? ENOMEM : __real_pthread_mutexattr_init(attributes);
}

SYSTEM_WRAP(int, pthread_mutexattr_setrobust, pthread_mutexattr_t *attributes,
	    int robust)
{
	return system_fails(CALL_MUTEXATTR_SETROBUST)
		       ? EINVAL
		       : __real_pthread_mutexattr_setrobust(attributes, robust);
}

SYSTEM_WRAP(int, pthread_mutex_init, pthread_mutex_t *mutex,
	    const pthread_mutexattr_t *attributes)
{
	if (attributes != NULL && attributes == system_unmade)
		abort();
	return system_fails(CALL_MUTEX_INIT)
		       ? ENOMEM
		       : __real_pthread_mutex_init(mutex, attributes);
}

SYSTEM_WRAP(int, pthread_key_create, pthread_key_t *key, void (*end)(void *))
{
	return system_fails(CALL_KEY_CREATE)
		       ? EAGAIN
		       : __real_pthread_key_create(key, end);
}

SYSTEM_WRAP(int, pthread_setspecific, pthread_key_t key, const void *value)
{
	return system_fails(CALL_SETSPECIFIC)
		       ? ENOMEM
		       : __real_pthread_setspecific(key, value);
}

SYSTEM_WRAP(int, pthread_atfork, void (*prepare)(void), void (*parent)(void),
	    void (*child)(void))
{
	bool fails = system_fails(CALL_ATFORK), watched = system_look_away();
	int error =
		fails ? ENOMEM : __real_pthread_atfork(prepare, parent, child);

	system_watched = watched;
	return error;
}

/* Fails without a call of `fn`. */
SYSTEM_WRAP(int, pthread_once, pthread_once_t *once, void (*fn)(void))
{
	return system_fails(CALL_ONCE) ? EINVAL : __real_pthread_once(once, fn);
}
