/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lives: a cache ends with its pool, or at its reset, and not before the
 * cleanups have run.
 */
#include "test_cache.h"

/* ---- the pool ends, or begins anew -------------------------------------- */

START_TEST(reset_caches_gone)
{
	struct counting counting;
	tarn_pool *pool, *child;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (int round = 0; round < 4; round++) {
		tarn_cache *first = cache_of(pool, SIZE, 16);
		tarn_cache *second = cache_of(pool, 3 * SIZE, 64);
		tarn_cache *third = cache_of(pool, SIZE, 16);

		take_all(second, SOME);
		free_all(second, SOME / 2);
		take_all(third, SOME);
		take_all(first, SOME);
		child = tarn_pool_create_child(pool, NULL);
		take_all(cache_of(child, SIZE, 16), SOME);
		tarn_trim();
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).handed_out, 0);
		ck_assert_uint_eq(stats_of(pool).large, 0);
		tarn_trim();
	}
	tarn_pool_destroy(pool);
	tarn_trim();
	counting_finish(&counting);
}
END_TEST

static void use_in_cleanup(void *data)
{
	tarn_cache *cache = data;

	tarn_cache_free(cache, take(cache));
	tarn_trim();
}

START_TEST(cleanup_cache_there)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (int round = 0; round < 2; round++) {
		ck_assert_ptr_nonnull(tarn_cleanup_add(
			pool, use_in_cleanup, cache_of(pool, SIZE, 16)));
		tarn_pool_reset(pool);
	}
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, use_in_cleanup,
					       cache_of(pool, SIZE, 16)));
	tarn_pool_destroy(pool);
}
END_TEST

struct refused {
	tarn_pool *pool;
	tarn_cache *cache;
	void *object;
};

/* In a thread of its own, while another one resets the pool. */
static int be_refused(void *arg)
{
	struct refused *refused = arg;

	errno = 0;
	EXPECT(tarn_cache_create(refused->pool, SIZE, 16) == NULL);
	EXPECT(errno == EBUSY);
	errno = 0;
	EXPECT(tarn_cache_alloc(refused->cache) == NULL && errno == EBUSY);
	errno = 0;
	tarn_cache_free(refused->cache, refused->object);
	EXPECT(errno == EBUSY);
	return 0;
}

static int refused_status;

static void ask_another_thread(void *data)
{
	refused_status = worker_run(be_refused, data);
}

START_TEST(reset_other_thread_refused)
{
	struct refused refused;

	/* That may end the program. */
	if (watched())
		return;
	refused.pool = tarn_pool_create(NULL);
	refused.cache = cache_of(refused.pool, SIZE, 16);
	refused.object = take(refused.cache);
	refused_status = -1;
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(refused.pool, ask_another_thread, &refused));
	tarn_pool_reset(refused.pool);
	ck_assert_int_eq(refused_status, 0);
	tarn_pool_destroy(refused.pool);
}
END_TEST

void add_lifetime_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "lifetimes");

	tcase_add_test(tcase, reset_caches_gone);
	tcase_add_test(tcase, cleanup_cache_there);
	tcase_add_test(tcase, reset_other_thread_refused);
}
