/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system between the library and libc, for tests: what the library asks
 * for is counted, and refused when its turn has come; what it took is known
 * until it gives it back.
 *
 * The linker does it, by --wrap for each of the names below: so only what is
 * linked into the program is seen, the library from the inside and the test,
 * and of these only threads that are watched. It works with the sanitizers of
 * gcc too, which stand behind these; those of clang are linked into the program
 * and would be refused as well: configure leaves the test out there.
 *
 * It is unfriendly where a system may be: each call leaves another errno.
 */
#ifndef TARN_TESTS_SYSTEM_H
#define TARN_TESTS_SYSTEM_H

#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	SYSTEM_ERRNO = EDOM /* what a call that succeeds leaves */
};

enum system_call {
	CALL_MALLOC,
	CALL_CALLOC,
	CALL_REALLOC,
	CALL_POSIX_MEMALIGN,
	CALL_MMAP,
	CALL_MREMAP,
	CALL_MUNMAP,
	CALL_MADVISE,
	CALL_MUTEXATTR_INIT,
	CALL_MUTEXATTR_SETROBUST,
	CALL_MUTEX_INIT,
	CALL_KEY_CREATE,
	CALL_SETSPECIFIC,
	CALL_ATFORK,
	CALL_ONCE,
	CALLS /* none, or any */
};

extern const char *const system_names[CALLS];

extern struct system {
	/* Set before threads begin. */
	size_t fail_at; /* the call to fail, from 1; 0: none, uncounted */
	bool for_ever;  /* and those that follow it                   */
	enum system_call only; /* counted, and failed, are those; CALLS: all */

	atomic_size_t calls;           /* of watched threads                */
	atomic_size_t failures[CALLS]; /* those failed                      */
	atomic_size_t blocks;          /* of malloc, posix_memalign: alive  */
	atomic_size_t lasting;         /* of calloc, and realloc of nothing */
	atomic_size_t mapped;          /* bytes                             */
} system_state;

/* Whether what the calling thread asks for is the library's wish. */
extern _Thread_local bool system_watched;

/* Of calls of every kind. */
size_t system_failures(void);

#endif
