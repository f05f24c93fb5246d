/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instead of the tests that fork, where there is no fork.
 */
#include "util.h"

void add_fork_tests(Suite *suite)
{
	(void)suite;
}
