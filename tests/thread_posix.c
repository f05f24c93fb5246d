/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What threads of POSIX do that others do not: see thread.h.
 */
#include "thread.h"

#include "alive.h"

static int end_alive(void *alive)
{
	return alive_begin(alive) ? 0 : __LINE__;
}

bool dead_threads_are_told(void)
{
	struct alive alive;

	return worker_run(end_alive, &alive) == 0 && alive_is_dead(&alive);
}

void add_system_tests(Suite *suite)
{
	add_cancel_tests(suite);
	add_fork_tests(suite);
}
