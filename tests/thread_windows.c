/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that Windows has beside those of POSIX: its own, and fibers. Their
 * slots come back when they end, and so do those of threads whose destructors
 * run after the library's.
 */
#include "thread.h"

#include <windows.h>

enum {
	SYSTEM_THREADS = 200, /* one after the other                    */
	FIBERS = 100,         /* one after the other                    */
	LATE_THREADS = 1000,  /* whose last use is in a late destructor */
	LATE_SLOTS = 256      /* that these may leave taken             */
};

/* Waits for a thread of Windows's own; its status. */
static int system_run(DWORD(WINAPI *fn)(void *), void *arg)
{
	HANDLE thread = CreateThread(NULL, 0, fn, arg, 0, NULL);
	DWORD status;

	ck_assert_ptr_nonnull(thread);
	ck_assert_uint_eq(WaitForSingleObject(thread, INFINITE), WAIT_OBJECT_0);
	ck_assert(GetExitCodeThread(thread, &status));
	CloseHandle(thread);
	return (int)status;
}

static DWORD WINAPI system_allocate(void *pool)
{
	return (DWORD)allocate_objects(pool);
}

START_TEST(threads_of_windows_give_their_slot_back)
{
	tarn_pool *pool = pool_or_fail();

	ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
	for (int i = 0; i < SYSTEM_THREADS; i++)
		ck_assert_int_eq(system_run(system_allocate, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 2);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- fibers ------------------------------------------------------------- */

struct fiber {
	tarn_pool *pool;
	void *home; /* the fiber that the thread became */
	int status;
};

static void CALLBACK fiber_allocate(void *arg)
{
	struct fiber *fiber = arg;

	fiber->status = allocate_objects(fiber->pool);
	SwitchToFiber(fiber->home);
}

/* They end while their thread goes on, within its own fiber. */
static int run_fibers(void *arg)
{
	struct fiber fiber = {arg, ConvertThreadToFiber(NULL), -1};

	EXPECT(fiber.home != NULL);
	EXPECT(allocate_objects(fiber.pool) == 0);
	for (int i = 0; i < FIBERS; i++) {
		void *other = CreateFiber(0, fiber_allocate, &fiber);

		EXPECT(other != NULL);
		SwitchToFiber(other);
		DeleteFiber(other);
		EXPECT(fiber.status == 0);
		EXPECT(allocate_objects(fiber.pool) == 0);
	}
	EXPECT(ConvertFiberToThread());
	return allocate_objects(fiber.pool);
}

START_TEST(fibers_that_are_deleted_give_their_slot_back)
{
	tarn_pool *pool = pool_or_fail();

	ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
	ck_assert_int_eq(worker_run(run_fibers, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 3);
	/* It all went on: the next thread has one of these. */
	ck_assert_int_eq(worker_run(allocate_objects, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 3);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- destructors that come late ------------------------------------------ */

static pthread_key_t last_key;
static atomic_size_t last_runs;
static atomic_int last_status;

/* Of a thread that is not one of POSIX this runs after the library's own. */
static void last_use(void *pool)
{
	int status = use_pool(pool);

	atomic_fetch_add(&last_runs, 1);
	if (status != 0)
		atomic_store(&last_status, status);
}

static DWORD WINAPI use_last(void *pool)
{
	if (pthread_setspecific(last_key, pool) != 0)
		return __LINE__;
	return (DWORD)allocate_objects(pool);
}

START_TEST(destructors_after_the_end_allocate_and_slots_come_back)
{
	tarn_pool *pool = pool_or_fail();

	ck_assert_int_eq(pthread_key_create(&last_key, last_use), 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
	for (int i = 0; i < LATE_THREADS; i++)
		ck_assert_int_eq(system_run(use_last, pool), 0);
	ck_assert_uint_eq(atomic_load(&last_runs), LATE_THREADS);
	ck_assert_int_eq(atomic_load(&last_status), 0);
	ck_assert_uint_lt(stats_of(pool).local_pools, LATE_SLOTS);
	pthread_key_delete(last_key);
	tarn_pool_destroy(pool);
}
END_TEST

/* By their handles. */
bool dead_threads_are_told(void)
{
	return true;
}

void add_system_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "windows");

	tcase_add_test(tcase, threads_of_windows_give_their_slot_back);
	tcase_add_test(tcase, fibers_that_are_deleted_give_their_slot_back);
	tcase_add_test(tcase,
		       destructors_after_the_end_allocate_and_slots_come_back);
}
