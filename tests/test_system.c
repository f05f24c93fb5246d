/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A system that refuses: the same walk over the whole API, by several threads,
 * is done again and again, each time with another of the library's calls of
 * the system failing, once or from there on. After each failed step the pools
 * are as they were before it and what they gave is untouched; once the system
 * gives again all of it works; and nothing is left at the end.
 *
 * Each walk is in a process of its own, since slots belong to the process.
 * There a check that fails tells its line and ends the process.
 */
#include "system_walk.h"

#include <sys/wait.h>

enum {
	KINDS = 4,         /* of pools                                      */
	QUICK_STRIDE = 29, /* a quick run fails every so manieth call only  */
	CALLS_LEAST = 80,  /* that a walk makes                             */
	EXIT_UNREACHED = 3 /* of a walk with fewer calls                    */
};

size_t failing_call;

/* A process: walks with the failure, and then without. */
static void walk_and_exit(int kind)
{
	static struct world world;
	size_t failures;

	walk(&world, kind, false);
	failures = system_failures();
	system_state.fail_at = 0;
	system_state.for_ever = false;
	walk(&world, kind, true);
	check_nothing_left(&world);
	exit(failures != 0 ? EXIT_SUCCESS : EXIT_UNREACHED);
}

/* Whether there was such a call. */
static bool walk_with_failure(int kind, size_t n, bool for_ever,
			      enum system_call only)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		failing_call = n;
		system_state.fail_at = n;
		system_state.for_ever = for_ever;
		system_state.only = only;
		walk_and_exit(kind);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
		WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_SUCCESS ||
				      WEXITSTATUS(status) == EXIT_UNREACHED),
		"a pool of kind %d, call %zu of %s failing %s: status %#x",
		kind, n, only == CALLS ? "all" : system_names[only],
		for_ever ? "for ever" : "once", (unsigned)status);
	return WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* ---- tests --------------------------------------------------------------- */

START_TEST(system_at_each_call_refusing_leaves_the_pool_as_it_was)
{
	size_t n = 1, stride = quick() ? QUICK_STRIDE : 1;

	while (walk_with_failure(_i / 2, n, _i % 2 != 0, CALLS))
		n += stride;
	ck_assert_uint_gt(n, CALLS_LEAST);
}
END_TEST

/* Whether the library, as it was configured, ever asks for this. */
static bool is_asked(enum system_call call)
{
	switch (call) {
	case CALL_MALLOC:
		return HEAP_RESIZES;
	case CALL_MREMAP:
	case CALL_MADVISE:
		return HAVE_LINUX_PAGES;
	case CALL_MUTEXATTR_INIT:
	case CALL_MUTEXATTR_SETROBUST:
	case CALL_MUTEX_INIT:
		return HAVE_DECL_PTHREAD_MUTEX_ROBUST;
	default:
		return true;
	}
}

/* And each of them is made: else its name above would say nothing. */
START_TEST(system_refusing_one_kind_of_call_leaves_the_pool_as_it_was)
{
	enum system_call only = (enum system_call)_i;
	int made = 0;

	for (int kind = 0; kind < KINDS; kind++) {
		made += walk_with_failure(kind, 1, false, only);
		made += walk_with_failure(kind, 1, true, only);
	}
	ck_assert_int_eq(made > 0, is_asked(only));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("system");
	TCase *tcase = suite_case(suite, "a system that refuses");

	tcase_add_loop_test(
		tcase, system_at_each_call_refusing_leaves_the_pool_as_it_was,
		0, 2 * KINDS);
	tcase_add_loop_test(
		tcase,
		system_refusing_one_kind_of_call_leaves_the_pool_as_it_was, 0,
		CALLS);
	return suite_run(suite);
}
