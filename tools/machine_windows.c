/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system by Windows: see machine.h.
 */
#include "machine.h"

#include <stdlib.h>
#include <windows.h>

uint64_t machine_memory(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof(status)};

	return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

void machine_setenv(const char *name, const char *value)
{
	_putenv_s(name, value != NULL ? value : "");
}
