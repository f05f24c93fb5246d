/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small requests, by the pool and by a thread's own handle: the handle is here;
 * packing, alignment, sizes that are none, odd or wrap around, and arrays are
 * in local_*.c.
 */
#include "local_tests.h"

#include "local.h"

#include <sched.h>

/* ---- handles ------------------------------------------------------------- */

START_TEST(local_asked_again_is_the_same)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_pool *other = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	ck_assert_ptr_nonnull(local);
	ck_assert_ptr_eq(tarn_pool_local(pool), local);
	ck_assert_ptr_ne(tarn_pool_local(other), local);
	ck_assert_ptr_eq(tarn_local_pool(local), pool);
	ck_assert_ptr_eq(tarn_local_pool(tarn_pool_local(other)), other);
	tarn_pool_destroy(pool);
	tarn_pool_destroy(other);
}
END_TEST

START_TEST(local_and_pool_calls_share_the_room)
{
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	char *first = tarn_palloc(pool, 20);
	char *second = tarn_local_palloc(local, 20);
	char *third = tarn_palloc(pool, 20);
	char *packed = tarn_pnalloc(pool, 3);

	ck_assert_ptr_eq(second, first + 32);
	ck_assert_ptr_eq(third, second + 32);
	ck_assert_ptr_eq(tarn_local_pnalloc(local, 5), packed - 5);
	ck_assert_ptr_eq(tarn_pnalloc(pool, 1), packed - 6);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(local_across_resets_stays_valid)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	int round, i;

	for (round = 0; round < 10; round++) {
		ck_assert_ptr_eq(tarn_pool_local(pool), local);
		for (i = 1; i < 500; i++) {
			char *object = tarn_local_palloc(local, (size_t)i);
			char *bytes = tarn_local_pnalloc(local, (size_t)i);

			memset(object, 1, (size_t)i);
			memset(bytes, 2, (size_t)i);
			ck_assert_int_eq(object[i - 1], 1);
		}
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* As it is seen where another thread frees between two looks. */
START_TEST(stats_while_freed_is_seen_before_allocated_are_none)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct local *local = (struct local *)tarn_pool_local(pool);

	local_add_given(local, -(size_t)16);
	ck_assert_uint_eq(stats_of(pool).handed_out, 0);
	local_add_given(local, 32);
	ck_assert_uint_eq(stats_of(pool).handed_out, 16);
	tarn_pool_destroy(pool);
}
END_TEST

/* A thread that hits, downwards and upwards, and begins anew. */
struct mover {
	struct local local;
	struct chunk chunk;
	atomic_bool ends;
};

static int mover_run(void *arg)
{
	struct mover *mover = arg;
	tarn_local *hot = &mover->local.hot;

	while (!atomic_load(&mover->ends)) {
		for (int i = 0; i < 100; i++) {
			EXPECT(tarn_local_pnalloc(hot, 1) != NULL);
			EXPECT(tarn_local_palloc(hot, 16) != NULL);
		}
		local_reset(&mover->local, mover->chunk);
	}
	return 0;
}

START_TEST(local_handed_out_while_the_owner_moves_fits_together)
{
	static _Alignas(16) char memory[4096];
	static struct mover mover;
	size_t samples = rounds(1000000), seen = 0;
	struct worker worker;
	struct gate gate;

	mover.chunk = (struct chunk){memory, memory + sizeof memory};
	local_init(&mover.local, NULL, 4096, mover.chunk);
	gate_init(&gate, 2);
	worker_start(&worker, mover_run, &mover, &gate);
	gate_wait(&gate);
	/* Where there is one processor, most are of a thread that stands. */
	for (size_t i = 0, last = 0; i < samples || seen < 10; i++) {
		size_t bytes = local_handed_out(&mover.local);

		REQUIRE(bytes <= 100 + 100 * 16);
		seen += bytes != last;
		last = bytes;
	}
	atomic_store(&mover.ends, true);
	ck_assert_int_eq(worker_join(&worker), 0);
	ck_assert_uint_eq(local_handed_out(&mover.local), 0);
}
END_TEST

/* What stands in the middle of a change until its reader gives way. */
static struct local *halfway;

void local_yields(void)
{
	if (halfway == NULL)
		return;
	atomic_fetch_add(&halfway->changes, 1);
	halfway = NULL;
}

START_TEST(local_handed_out_in_the_middle_of_a_change_waits)
{
	static _Alignas(16) char memory[64];
	static struct local local;

	local_init(&local, NULL, 4096,
		   (struct chunk){memory, memory + sizeof memory});
	ck_assert_ptr_nonnull(tarn_local_palloc(&local.hot, 16));
	atomic_store(&local.changes, 1);
	halfway = &local;
	ck_assert_uint_eq(local_handed_out(&local), 16);
	ck_assert_ptr_null(halfway);
}
END_TEST

static int local_of_another_thread(void *arg)
{
	tarn_pool *pool = arg;
	tarn_local *local = tarn_pool_local(pool);

	EXPECT(local != NULL);
	EXPECT(tarn_local_pool(local) == pool);
	EXPECT(tarn_pool_local(pool) == local);
	EXPECT(tarn_local_palloc(local, 100) != NULL);
	return 0;
}

static int local_is_refused(void *arg)
{
	errno = 0;
	EXPECT(tarn_pool_local(arg) == NULL);
	EXPECT(errno == ENOMEM);
	return 0;
}

START_TEST(local_without_memory_is_null)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	while (tarn_pnalloc(pool, 1) != NULL)
		;
	ck_assert_int_eq(worker_run(local_is_refused, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 1);
	counting.fail_at = 0;
	ck_assert_int_eq(worker_run(local_of_another_thread, pool), 0);
	ck_assert_uint_eq(stats_of(pool).local_pools, 2);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_handle_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "handles");

	tcase_add_test(tcase, local_asked_again_is_the_same);
	tcase_add_test(tcase, local_and_pool_calls_share_the_room);
	tcase_add_test(tcase, local_across_resets_stays_valid);
	tcase_add_test(tcase,
		       local_handed_out_while_the_owner_moves_fits_together);
	tcase_add_test(tcase, local_handed_out_in_the_middle_of_a_change_waits);
	tcase_add_test(tcase,
		       stats_while_freed_is_seen_before_allocated_are_none);
	tcase_add_test(tcase, local_without_memory_is_null);
}

int main(void)
{
	Suite *suite = suite_create("local");

	add_handle_tests(suite);
	add_packing_tests(suite);
	add_alignment_tests(suite);
	add_size_tests(suite);
	add_array_tests(suite);
	add_prealloc_tests(suite);
	return suite_run(suite);
}
