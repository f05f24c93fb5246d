/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system by POSIX: see machine.h.
 */
#include "machine.h"

#include <stdlib.h>
#include <unistd.h>

uint64_t machine_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

void machine_setenv(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}
