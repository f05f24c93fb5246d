/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment and files of POSIX: see host.h.
 */
/* Traces of more than 2 GiB, where words have 32 bits. */
#define _FILE_OFFSET_BITS 64

#include "config.h"

#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_SECURE_GETENV
const char *host_getenv(const char *name)
{
	return secure_getenv(name);
}
#else
const char *host_getenv(const char *name)
{
	return getuid() == geteuid() && getgid() == getegid() ? getenv(name)
							      : NULL;
}
#endif

int host_create(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    S_IRUSR | S_IWUSR);
}
