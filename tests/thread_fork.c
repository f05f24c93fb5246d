/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork and exit beside threads: a child uses all that its parent had, whatever
 * other threads did at that moment, and a process may leave with threads
 * running in its pools.
 */
#include "thread.h"

#include <sys/wait.h>
#include <unistd.h>

#define THREADS_AFTER_FORK !UNDER_THREAD_SANITIZER

/* The malloc of a sanitizer is torn in the child where another thread was in
   it: with one, the busy threads stand still while the process forks. */
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#define STILL_AT_FORK true
#else
#define STILL_AT_FORK UNDER_THREAD_SANITIZER
#endif

enum {
	FORK_ROUNDS = 100, /* of fork beside busy threads         */
	LEAVE_ROUNDS = 10  /* of exit() with threads running      */
};

static pthread_mutex_t still = PTHREAD_MUTEX_INITIALIZER;

static void still_lock(void)
{
	if (STILL_AT_FORK)
		pthread_mutex_lock(&still);
}

static void still_unlock(void)
{
	if (!STILL_AT_FORK)
		return;
	pthread_mutex_unlock(&still);
	sched_yield();
}

/* Does the same again and again until it is told to stop. */
struct busy {
	int (*act)(void);
	atomic_bool *stop;
};

static int be_busy(void *arg)
{
	struct busy *busy = arg;
	int status = 0;

	while (status == 0 && !atomic_load(busy->stop)) {
		still_lock();
		status = busy->act();
		still_unlock();
	}
	return status;
}

static int live_pool_and_trim(void)
{
	int status = live_pool();

	tarn_trim();
	return status;
}

static int live_pool_in_worker(void *arg)
{
	(void)arg;
	return live_pool();
}

/* Threads come and go: each takes a slot and gives it back. */
static int live_thread(void)
{
	return worker_run(live_pool_in_worker, NULL);
}

/* A pool at rest at the time of the fork. */
struct quiet {
	tarn_pool *pool;
	char *text;
	size_t cleanups;
};

static void count_cleanup(void *data)
{
	struct quiet *quiet = data;

	quiet->cleanups++;
}

/* What a child does: everything. */
static int use_in_child(struct quiet *quiet)
{
	int status = use_pool(quiet->pool);

	EXPECT(strcmp(quiet->text, "of the parent") == 0);
	EXPECT(status == 0);
	tarn_trim();
	EXPECT(live_pool() == 0);
	EXPECT(!THREADS_AFTER_FORK || live_thread() == 0);
	EXPECT(!THREADS_AFTER_FORK ||
	       worker_run(allocate_objects, quiet->pool) == 0);
	tarn_pool_reset(quiet->pool);
	EXPECT(quiet->cleanups == 1);
	EXPECT(allocate_objects(quiet->pool) == 0);
	tarn_pool_destroy(quiet->pool);
	return 0;
}

/* Forks; returns the child's status, which is to be 0. */
static int fork_and_wait(int (*in_child)(struct quiet *), struct quiet *quiet)
{
	pid_t child;
	int status;

	fflush(NULL);
	still_lock();
	child = fork();
	still_unlock();
	if (child == 0) {
		alarm(DEADLOCK_SECONDS);
		status = in_child(quiet);
		if (status != 0)
			dprintf(STDERR_FILENO, "child: line %d\n", status);
		_exit(status != 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

static void quiet_init(struct quiet *quiet)
{
	quiet->pool = pool_or_fail();
	quiet->text = tarn_pstrdup(quiet->pool, "of the parent");
	quiet->cleanups = 0;
	ck_assert_ptr_nonnull(quiet->text);
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(quiet->pool, count_cleanup, quiet));
}

START_TEST(fork_beside_busy_threads_child_uses_all)
{
	static int (*const ACTS[])(void) = {live_pool_and_trim, live_pool,
					    live_thread};
	enum {
		BUSY = sizeof ACTS / sizeof *ACTS
	};
	atomic_bool stop = false;
	struct busy busy[BUSY];
	struct worker workers[BUSY];
	struct quiet quiet;
	int status = 0;
	size_t i;

	quiet_init(&quiet);
	for (i = 0; i < BUSY; i++) {
		busy[i] = (struct busy){ACTS[i], &stop};
		worker_start(&workers[i], be_busy, &busy[i], NULL);
	}
	for (i = 0; i < rounds(FORK_ROUNDS) && status == 0; i++)
		status = fork_and_wait(use_in_child, &quiet);
	atomic_store(&stop, true);
	for (i = 0; i < BUSY; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	ck_assert_msg(status == 0, "a child's status: %#x", (unsigned)status);
	/* None of it was seen in the parent. */
	ck_assert_uint_eq(quiet.cleanups, 0);
	ck_assert_str_eq(quiet.text, "of the parent");
	tarn_pool_destroy(quiet.pool);
	ck_assert_uint_eq(quiet.cleanups, 1);
}
END_TEST

static int fork_again(struct quiet *quiet)
{
	EXPECT(fork_and_wait(use_in_child, quiet) == 0);
	return use_in_child(quiet);
}

START_TEST(fork_in_child_both_use_all)
{
	struct quiet quiet;

	quiet_init(&quiet);
	ck_assert_int_eq(fork_and_wait(fork_again, &quiet), 0);
	tarn_pool_destroy(quiet.pool);
}
END_TEST

static tarn_pool *pool_at_exit;

static void use_at_exit(void)
{
	if (use_pool(pool_at_exit) != 0 || live_pool() != 0)
		_exit(EXIT_FAILURE);
}

/* Leaves by exit() while threads run in pools that nobody destroys. */
static int leave_with_threads(struct quiet *quiet)
{
	static atomic_bool never;
	static struct busy busy = {live_pool, &never};
	static struct worker workers[2];
	size_t i;

	pool_at_exit = quiet->pool;
	EXPECT(atexit(use_at_exit) == 0);
	EXPECT(use_pool(quiet->pool) == 0);
	for (i = 0; i < 2; i++)
		worker_start(&workers[i], be_busy, &busy, NULL);
	EXPECT(live_thread() == 0);
	exit(EXIT_SUCCESS);
}

START_TEST(exit_with_pools_and_threads_clean)
{
	struct quiet quiet;
	size_t round;

	quiet_init(&quiet);
	for (round = 0; round < rounds(LEAVE_ROUNDS); round++)
		ck_assert_int_eq(fork_and_wait(leave_with_threads, &quiet), 0);
	tarn_pool_destroy(quiet.pool);
}
END_TEST

/* What other threads held at a fork or an exit is a leak to valgrind; and an
   emulator's own locks stay theirs in the child. */
static bool is_run_by_another(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return (preload != NULL && strstr(preload, "vgpreload") != NULL) ||
	       emulated();
}

void add_fork_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "fork and exit");

	tcase_add_test(tcase, fork_in_child_both_use_all);
	if (is_run_by_another()) {
		printf("fork and exit beside threads: left out\n");
		return;
	}
	tcase_add_test(tcase, fork_beside_busy_threads_child_uses_all);
	tcase_add_test(tcase, exit_with_pools_and_threads_clean);
}
