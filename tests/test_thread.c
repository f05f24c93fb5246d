/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that come and go: slots and what their heirs find, the ends of
 * threads, cancellation, fork and exit. What runs at one time in one pool is
 * in test_race.c.
 */
#include "thread.h"

enum {
	HANDED_ROUNDS = 10000 /* pools that one thread makes for another */
};

/* ---- pools that move between threads ----------------------------------- */

struct mailbox {
	_Atomic(tarn_pool *) pool;
	size_t count;
};

static int use_and_destroy(void *arg)
{
	struct mailbox *mailbox = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < mailbox->count; i++) {
		tarn_pool *pool;

		while ((pool = atomic_exchange(&mailbox->pool, NULL)) == NULL)
			sched_yield();
		if (status == 0)
			status = use_pool(pool);
		tarn_pool_destroy(pool);
	}
	return status;
}

/* With _i == 1 the creator uses it too, and is its owner. */
START_TEST(handed_over_used_and_destroyed_elsewhere)
{
	struct mailbox mailbox = {.count = rounds(HANDED_ROUNDS)};
	struct worker worker;
	size_t i;

	worker_start(&worker, use_and_destroy, &mailbox, NULL);
	for (i = 0; i < mailbox.count; i++) {
		tarn_pool *pool = pool_or_fail();

		if (_i == 1)
			ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
		while (atomic_load(&mailbox.pool) != NULL)
			sched_yield();
		atomic_store(&mailbox.pool, pool);
	}
	ck_assert_int_eq(worker_join(&worker), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tcase;

	make_keys();
	add_slots_tests(suite);
	add_ends_tests(suite);
	tcase = suite_case(suite, "hand over");
	tcase_add_loop_test(tcase, handed_over_used_and_destroyed_elsewhere, 0,
			    2);
	add_system_tests(suite);
	return suite_run(suite);
}
