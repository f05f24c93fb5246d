/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork: in the child a cache is there as it was.
 */
#include "test_cache.h"

#include <sys/wait.h>
#include <unistd.h>

/* By a pointer: a build that counts has a call of fork forget what was run
   within it. */
static pid_t (*volatile child_fork)(void) = fork;

/* What was made before may be torn by another thread: it is let alone. */
static int use_in_child(tarn_pool *pool, tarn_cache *cache)
{
	tarn_cache *own;
	size_t held;

	free_all(cache, MANY);
	held = stats_of(pool).held;
	for (int i = 0; i < 100; i++)
		tarn_trim();
	EXPECT(stats_of(pool).held == held);
	own = tarn_cache_create(pool, SIZE, 16);
	EXPECT(own != NULL);
	take_all(own, SOME);
	free_all(own, SOME);
	tarn_trim();
	tarn_pool_destroy(pool);
	tarn_trim();
	return 0;
}

START_TEST(fork_child_uses_and_destroys)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);
	int status;
	pid_t pid;

	take_all(cache, MANY);
	fflush(NULL);
	pid = child_fork();
	/* Not _exit: a build that counts what is run does so at the end. */
	if (pid == 0)
		exit(use_in_child(pool, cache) != 0);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	free_all(cache, MANY);
	tarn_pool_destroy(pool);
}
END_TEST

void add_fork_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "fork"), fork_child_uses_and_destroys);
}
