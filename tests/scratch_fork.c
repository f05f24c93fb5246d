/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork within a use of scratch: the child goes on with it.
 */
#include "counting.h"
#include "util.h"

#include <sys/wait.h>
#include <unistd.h>

START_TEST(child_of_a_fork_goes_on)
{
	tarn_mark mark, inner;
	tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
	char *object = tarn_pstrdup(pool, "before");
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		bool right = tarn_scratch_begin(NULL, &inner) == pool &&
			     tarn_palloc(pool, 100) != NULL;

		tarn_scratch_end(pool, inner);
		right = right && strcmp(object, "before") == 0;
		tarn_scratch_end(pool, mark);
		_exit(right ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	tarn_scratch_end(pool, mark);
}
END_TEST

void add_fork_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "fork"), child_of_a_fork_goes_on);
}
