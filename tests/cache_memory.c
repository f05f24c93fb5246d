/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory: what many free objects stood in goes back, what is in use is
 * untouched, and without memory, for once or for ever, a cache serves what it
 * can.
 */
#include "test_cache.h"

/* ---- giving back -------------------------------------------------------- */

START_TEST(shrink_memory_goes_back)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t most, sizeof_cache;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, SIZE, 16);
	sizeof_cache = stats_of(pool).large;
	take_all(cache, MANY);
	most = stats_of(pool).held;
	ck_assert_uint_ge(most, (size_t)MANY * SIZE);
	if (!watched())
		ck_assert_uint_le(most, (size_t)MANY * SIZE * 4 / 3 + 16384);
	free_all(cache, MANY);
	ck_assert_uint_le(stats_of(pool).held, most / 2);
	tarn_trim();
	/* Small slabs and tables of them stay in the pool. */
	if (!watched())
		ck_assert_uint_le(stats_of(pool).held, 65536);
	ck_assert_uint_eq(stats_of(pool).large, watched() ? sizeof_cache : 0);
	take_apart(cache, MANY, SIZE, 16);
	if (!watched())
		ck_assert_uint_le(stats_of(pool).held, most + most / 8);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* What is in use stays as it is, and all else is used again. */
START_TEST(trim_some_in_use_untouched)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	take_all(cache, MANY);
	for (size_t i = 0; i < MANY; i++)
		*(size_t *)objects[i] = i;
	for (size_t i = 0; i < MANY; i++)
		if (i % 97 != 0)
			tarn_cache_free(cache, objects[i]);
	tarn_trim();
	for (size_t i = 0; i < MANY; i++)
		if (i % 97 != 0) {
			objects[i] = take(cache);
			*(size_t *)objects[i] = i;
		}
	for (size_t i = 0; i < MANY; i++)
		REQUIRE(*(size_t *)objects[i] == i);
	qsort(objects, MANY, sizeof(*objects), by_address);
	for (size_t i = 1; i < MANY; i++)
		REQUIRE(objects[i] != objects[i - 1]);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(trim_unused_cache_nothing)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	tarn_trim();
	take_all(cache, 10);
	free_all(cache, 10);
	tarn_trim();
	tarn_trim();
	take_apart(cache, 10, SIZE, 16);
	tarn_pool_destroy(pool);
}
END_TEST

/* A program of rounds soon has its memory left alone. */
START_TEST(rounds_sweeps_rare)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t calls, rounds_run = watched() ? 2 : 200;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, SIZE, 16);
	for (size_t i = 0; i < rounds_run / 5; i++) {
		take_all(cache, MANY);
		free_all(cache, MANY);
	}
	calls = counting.calls;
	for (size_t i = 0; i < rounds_run; i++) {
		take_all(cache, MANY);
		free_all(cache, MANY);
	}
	if (!watched())
		ck_assert_uint_le(counting.calls - calls, 3 * rounds_run);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Where no slab ever is free, looking for one costs little. */
START_TEST(scattered_slabs_stay)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	take_all(cache, MANY);
	/* So many that sweeps become as rare as they can; under guard there are
	   no slabs. */
	for (int round = 0; round < (guarded() ? 2 : 100); round++) {
		for (size_t i = 0; i < MANY; i++)
			if (i % 8 != 0)
				tarn_cache_free(cache, objects[i]);
		for (size_t i = 0; i < MANY; i++)
			if (i % 8 != 0)
				objects[i] = take(cache);
	}
	qsort(objects, MANY, sizeof(*objects), by_address);
	for (size_t i = 1; i < MANY; i++)
		REQUIRE(objects[i] != objects[i - 1]);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- without memory ----------------------------------------------------- */

static size_t oom_calls;

static void count_oom(tarn_pool *pool, size_t size, void *data)
{
	(void)pool, (void)size, (void)data;
	oom_calls++;
}

/* Takes and frees `count`; what fails does so with ENOMEM and once. */
static size_t use_poorly(tarn_cache *cache, size_t count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++) {
		size_t calls = oom_calls;

		errno = 0;
		objects[taken] = tarn_cache_alloc(cache);
		if (objects[taken] != NULL) {
			memset(objects[taken++], 1, SIZE);
			continue;
		}
		REQUIRE(errno == ENOMEM);
		REQUIRE(oom_calls == calls + 1);
	}
	free_all(cache, taken);
	return taken;
}

static size_t fail_at(size_t number, bool for_ever)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t failures;

	counting_init(&counting);
	options = counting_options(&counting);
	options.on_oom = count_oom;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	counting.fail_at = counting.calls + number;
	counting.fail_for_ever = for_ever;
	cache = tarn_cache_create(pool, SIZE, 16);
	if (cache != NULL)
		use_poorly(cache, MANY / 4);
	failures = counting.failures;
	counting.fail_at = 0;
	cache = cache_of(pool, SIZE, 16);
	ck_assert_uint_eq(use_poorly(cache, SOME), SOME);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
	return failures;
}

START_TEST(upstream_fails_once_or_for_ever_usable)
{
	/* In a watched pool each object is a call, and one like the other. */
	size_t step = watched() ? 19 : 1, number = 1;

	while (number < WALK && fail_at(number, false) != 0)
		number += step;
	for (size_t i = 1; i < number; i += step)
		ck_assert_uint_ne(fail_at(i, true), 0);
}
END_TEST

START_TEST(create_without_memory_refused)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	/* Objects before a guard are not of that upstream. */
	if (!guarded()) {
		while (tarn_palloc(pool, 16) != NULL)
			;
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(pool, SIZE, 16));
		ck_assert_int_eq(errno, ENOMEM);
	}
	counting.fail_at = 0;
	ck_assert_ptr_nonnull(tarn_cache_create(pool, SIZE, 16));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_free_and_retry_goes_on)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t count = 0;

	/* Objects are listed, in tables that may have to grow for another. */
	if (watched())
		return;
	options.limit = 65536;
	pool = tarn_pool_create(&options);
	cache = cache_of(pool, SIZE, 16);
	while ((objects[count] = tarn_cache_alloc(cache)) != NULL)
		count++;
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_ge(count * SIZE, options.limit / 4 * 3);
	for (size_t i = 0; i < 10 * count; i++) {
		tarn_cache_free(cache, objects[i % count]);
		objects[i % count] = take(cache);
		REQUIRE(tarn_cache_alloc(cache) == NULL);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* What a trim gives back, other requests can have. */
START_TEST(limit_trimmed_others_served)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	size_t count = 0;

	options.limit = (size_t)1 << 20;
	pool = tarn_pool_create(&options);
	for (int round = 0; round < 3; round++) {
		tarn_cache *cache = cache_of(pool, SIZE << round, 16);

		for (count = 0;
		     (objects[count] = tarn_cache_alloc(cache)) != NULL;)
			count++;
		ck_assert_ptr_null(tarn_palloc(pool, 100000));
		free_all(cache, count);
		tarn_trim();
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100000));
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_memory_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "giving back");

	tcase_add_test(tcase, shrink_memory_goes_back);
	tcase_add_test(tcase, trim_some_in_use_untouched);
	tcase_add_test(tcase, trim_unused_cache_nothing);
	tcase_add_test(tcase, rounds_sweeps_rare);
	tcase_add_test(tcase, scattered_slabs_stay);
	tcase = suite_case(suite, "without memory");
	tcase_add_test(tcase, upstream_fails_once_or_for_ever_usable);
	tcase_add_test(tcase, create_without_memory_refused);
	tcase_add_test(tcase, limit_free_and_retry_goes_on);
	tcase_add_test(tcase, limit_trimmed_others_served);
}
