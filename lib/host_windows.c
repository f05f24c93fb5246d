/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment and files of Windows: see host.h. No program has privileges
 * there that its caller has not; who may read a file its directory says.
 */
#include "host.h"

#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *host_getenv(const char *name)
{
	return getenv(name);
}

int host_create(const char *name)
{
	return _open(name,
		     _O_WRONLY | _O_CREAT | _O_TRUNC | _O_BINARY | _O_NOINHERIT,
		     _S_IREAD | _S_IWRITE);
}
