/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cancellation of a thread that uses a pool, which stays as usable as before.
 */
#include "thread.h"

#include <unistd.h>

enum {
	CANCEL_ROUNDS = 200, /* of cancellation in a pool        */
	CANCEL_SPINS = 20000 /* at most, before the cancellation */
};

struct cancelled {
	tarn_pool *pool;
	struct gate gate;
};

static void *allocate_until_cancelled(void *arg)
{
	struct cancelled *cancelled = arg;

	gate_wait(&cancelled->gate);
	for (;;) {
		if (use_pool(cancelled->pool) != 0)
			return NULL;
		tarn_trim();
		pthread_testcancel();
	}
}

/* Cancels a thread in the midst of using the pool, which stays usable. */
static void cancel_in_pool(tarn_pool *pool, size_t spins)
{
	struct cancelled cancelled = {.pool = pool};
	volatile size_t spun;
	pthread_t thread;
	void *result;

	gate_init(&cancelled.gate, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, allocate_until_cancelled,
					&cancelled),
			 0);
	gate_wait(&cancelled.gate);
	for (spun = 0; spun < spins; spun++)
		;
	ck_assert_int_eq(pthread_cancel(thread), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert(result == PTHREAD_CANCELED);
	ck_assert_int_eq(use_pool(pool), 0);
}

/* An upstream's functions may well be cancellation points. */
static void *cancellable_alloc(void *ctx, size_t *size, size_t alignment)
{
	pthread_testcancel();
	return counting_alloc(ctx, size, alignment);
}

static void *cancellable_resize(void *ctx, void *ptr, size_t old_size,
				size_t *new_size)
{
	pthread_testcancel();
	return counting_resize(ctx, ptr, old_size, new_size);
}

static void cancellable_release(void *ctx, void *ptr, size_t size)
{
	pthread_testcancel();
	counting_release(ctx, ptr, size);
}

/* With _i == 1, upstream has cancellation points. */
START_TEST(cancel_in_pool_leaves_it_usable)
{
	uint64_t random = seed("cancel");
	size_t round;

	alarm(DEADLOCK_SECONDS);
	for (round = 0; round < rounds(CANCEL_ROUNDS); round++) {
		struct counting counting;
		tarn_pool *pool;

		counting_init(&counting);
		if (_i == 1) {
			counting.upstream.alloc = cancellable_alloc;
			counting.upstream.resize = cancellable_resize;
			counting.upstream.release = cancellable_release;
		}
		pool = counting_pool(&counting, 0);
		cancel_in_pool(pool, random_between(&random, 0, CANCEL_SPINS));
		ck_assert_int_eq(worker_run(allocate_objects, pool), 0);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
	alarm(0);
}
END_TEST

void add_cancel_tests(Suite *suite)
{
	tcase_add_loop_test(suite_case(suite, "cancellation"),
			    cancel_in_pool_leaves_it_usable, 0, 2);
}
