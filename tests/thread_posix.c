/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What threads of POSIX do that others do not: see thread.h.
 */
#include "thread.h"

void add_system_tests(Suite *suite)
{
	add_cancel_tests(suite);
	add_fork_tests(suite);
}
