/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shared library stays once it is loaded, where the linker has no flag for
 * that: a thread that used it may end after dlclose, and runs its destructor.
 */
#include "config.h"

#include <dlfcn.h>
#include <stddef.h>

/* Loads it again, and never lets go. In a static library there is nothing to
   load, and nothing happens. */
static __attribute__((constructor)) void stay(void)
{
	static const char here;
	Dl_info info;

	if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
		(void)dlopen(info.dli_fname,
			     RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
