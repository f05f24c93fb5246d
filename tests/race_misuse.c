/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Misuse that is detected: a call that excludes all others meets one, from
 * another thread or from a cleanup of its own. It is refused, and the pool is
 * usable afterwards.
 */
#include "race.h"

/* How a pool is ended. */
static void (*const ENDS[])(tarn_pool *) = {tarn_pool_reset, tarn_pool_destroy};

enum {
	END_COUNT = sizeof ENDS / sizeof *ENDS
};

/* A reset or destroy that is held in the midst of it, by a cleanup. */
struct held {
	tarn_pool *pool;
	void (*end)(tarn_pool *);
	struct gate inside;
	struct gate leave;
	size_t runs;
	int error;
};

static void hold(void *data)
{
	struct held *held = data;

	held->runs++;
	gate_wait(&held->inside);
	gate_wait(&held->leave);
}

static int end_pool(void *arg)
{
	struct held *held = arg;

	errno = 0;
	held->end(held->pool);
	held->error = errno;
	return 0;
}

/* What is a miss for every thread is refused. */
static int others_refused(tarn_pool *pool)
{
	errno = 0;
	EXPECT(tarn_palloc(pool, LARGE_MIN) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pmemalign(pool, 4096, LARGE_MIN) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_create_child(pool, NULL) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pfree_sized(pool, pool, 16) == -1 && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pfree_aligned_sized(pool, pool, 8, LARGE_MIN) == -1 &&
	       errno == EBUSY);
	errno = 0;
	tarn_pool_reset(pool);
	EXPECT(errno == EBUSY);
	errno = 0;
	tarn_pool_destroy(pool);
	EXPECT(errno == EBUSY);
	return 0;
}

/* And so is all that a thread new to the pool asks for. */
static int newcomer_refused(void *arg)
{
	tarn_pool *pool = arg;

	errno = 0;
	EXPECT(tarn_palloc(pool, 16) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pnalloc(pool, 16) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_local(pool) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_cleanup_add(pool, count_run, pool) == NULL &&
	       errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_set_data(pool, pool, pool) == -1 && errno == EBUSY);
	return others_refused(pool);
}

/* And what a thread asks for once the room that it has is used up. */
static int resident_refused(tarn_pool *pool)
{
	size_t i;

	errno = 0;
	for (i = 0; i < SAMPLED_OBJECTS; i++)
		if (tarn_palloc(pool, 16) == NULL)
			break;
	EXPECT(i < SAMPLED_OBJECTS && errno == EBUSY);
	return others_refused(pool);
}

static int palloc_in(void *arg)
{
	return tarn_palloc(arg, 16) != NULL ? 0 : __LINE__;
}

START_TEST(exclusive_meets_use_of_other_thread_refused)
{
	struct held held = {.end = ENDS[_i]};
	struct worker worker;

	held.pool = tarn_pool_create(NULL);
	ck_assert_ptr_nonnull(held.pool);
	ck_assert_ptr_nonnull(tarn_palloc(held.pool, 16));
	gate_init(&held.inside, 2);
	gate_init(&held.leave, 2);
	ck_assert_ptr_nonnull(tarn_cleanup_add(held.pool, hold, &held));
	worker_start(&worker, end_pool, &held, NULL);
	gate_wait(&held.inside);
	ck_assert_int_eq(worker_run(newcomer_refused, held.pool), 0);
	ck_assert_int_eq(resident_refused(held.pool), 0);
	gate_wait(&held.leave);
	ck_assert_int_eq(worker_join(&worker), 0);
	ck_assert_uint_eq(held.runs, 1);
	ck_assert_int_eq(held.error, 0);
	if (held.end == tarn_pool_reset) {
		ck_assert_int_eq(worker_run(palloc_in, held.pool), 0);
		ck_assert_ptr_nonnull(tarn_palloc(held.pool, LARGE_MIN));
		tarn_pool_destroy(held.pool);
	}
}
END_TEST

/* A cleanup that does what it may and, in vain, what it may not. */
struct inside {
	tarn_pool *pool;
	size_t runs;
	size_t late_runs;
	int status;
};

static void count_late(void *data)
{
	struct inside *inside = data;

	inside->late_runs++;
}

static int use_inside(struct inside *inside)
{
	tarn_pool *child = tarn_pool_create_child(inside->pool, NULL);

	EXPECT(child != NULL);
	EXPECT(tarn_cleanup_add(child, count_late, inside) != NULL);
	EXPECT(tarn_cleanup_add(inside->pool, count_late, inside) != NULL);
	EXPECT(tarn_palloc(inside->pool, 1) != NULL);
	EXPECT(tarn_palloc(inside->pool, LARGE_MIN) != NULL);
	errno = 0;
	tarn_pool_reset(inside->pool);
	EXPECT(errno == EBUSY);
	errno = 0;
	tarn_pool_destroy(inside->pool);
	EXPECT(errno == EBUSY);
	return 0;
}

static void run_inside(void *data)
{
	struct inside *inside = data;

	inside->runs++;
	inside->status = use_inside(inside);
}

START_TEST(exclusive_from_own_cleanup_refused)
{
	struct inside inside = {.status = -1};

	inside.pool = tarn_pool_create(NULL);
	ck_assert_ptr_nonnull(inside.pool);
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(inside.pool, run_inside, &inside));
	errno = 0;
	ENDS[_i](inside.pool);
	ck_assert_int_eq(inside.status, 0);
	ck_assert_uint_eq(inside.runs, 1);
	ck_assert_uint_eq(inside.late_runs, 2);
	if (ENDS[_i] == tarn_pool_reset)
		tarn_pool_destroy(inside.pool);
	ck_assert_uint_eq(inside.runs, 1);
	ck_assert_uint_eq(inside.late_runs, 2);
}
END_TEST

void add_misuse_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "misuse");

	tcase_add_loop_test(tcase, exclusive_meets_use_of_other_thread_refused,
			    0, END_COUNT);
	tcase_add_loop_test(tcase, exclusive_from_own_cleanup_refused, 0,
			    END_COUNT);
}
