/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one thread: of any size and alignment they are apart, those that
 * cannot be are refused, and what was freed comes again.
 */
#include "test_cache.h"

START_TEST(alloc_each_size_and_alignment_apart)
{
	static const size_t sizes[] = {0,    1,     8,     15,    16,   17,
				       24,   64,    100,   1000,  4096, 5000,
				       8192, 20000, 70000, 300000};
	size_t count = sizeof(sizes) / sizeof(*sizes);

	for (size_t alignment = 1; alignment <= 8192; alignment *= 4)
		for (size_t i = 0; i < count; i++) {
			size_t number = sizes[i] >= 5000 ? 20
					: guarded()      ? 100
							 : 1000;
			struct counting counting;
			tarn_pool *pool;
			tarn_cache *cache;

			counting_init(&counting);
			pool = counting_pool(&counting, 0);
			cache = cache_of(pool, sizes[i], alignment);
			take_apart(cache, number, sizes[i], alignment);
			free_all(cache, number);
			take_apart(cache, number, sizes[i], alignment);
			tarn_pool_destroy(pool);
			counting_finish(&counting);
		}
}
END_TEST

START_TEST(create_impossible_refused)
{
	struct counting counting;
	tarn_pool *pool;
	size_t held;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	held = stats_of(pool).handed_out;
	for (size_t alignment = 0; alignment < 8; alignment++) {
		if (alignment == 1 || alignment == 2 || alignment == 4)
			continue;
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(pool, SIZE, alignment));
		ck_assert_int_eq(errno, EINVAL);
	}
	for (size_t shift = 0; shift < 3; shift++) {
		errno = 0;
		ck_assert_ptr_null(
			tarn_cache_create(pool, opaque(SIZE_MAX) >> shift, 16));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(
			pool, 16, (SIZE_MAX / 2 + 1) >> shift));
		ck_assert_int_eq(errno, ENOMEM);
	}
	errno = 0;
	ck_assert_ptr_null(tarn_cache_create(pool, opaque(SIZE_MAX / 4 - 1),
					     SIZE_MAX / 8 + 1));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(stats_of(pool).handed_out, held);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* From mmap: sanitizers end a program that asks malloc for so much. */
START_TEST(alloc_larger_than_there_is_refused)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t count = 0;

	options.upstream = tarn_upstream_mmap();
	pool = tarn_pool_create(&options);
	cache = cache_of(pool, SIZE_MAX / 16, 16);
	errno = 0;
	while (tarn_cache_alloc(cache) != NULL)
		REQUIRE(++count < 16);
	ck_assert_int_eq(errno, ENOMEM);
	/* Some there is, where that is 256 MiB. */
	ck_assert(count == 0 || WORD_IS_SHORT);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 10));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_null_ignored)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	errno = 0;
	tarn_cache_free(cache, NULL);
	ck_assert_int_eq(errno, 0);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(alloc_after_free_same_object)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);
	void *object = take(cache);

	for (int i = 0; i < 1000 && !watched(); i++) {
		tarn_cache_free(cache, object);
		ck_assert_ptr_eq(take(cache), object);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Whatever the order, what was taken once suffices. */
START_TEST(free_any_order_no_growth)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t calls;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, 32, 16);
	take_all(cache, SOME);
	calls = counting.calls;
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < SOME; i++)
			tarn_cache_free(
				cache,
				objects[round % 2 == 0 ? i : SOME - 1 - i]);
		take_all(cache, SOME);
	}
	for (size_t i = 0; i < 10 * SOME; i++) {
		tarn_cache_free(cache, objects[i % SOME]);
		objects[i % SOME] = take(cache);
	}
	if (!watched())
		ck_assert_uint_eq(counting.calls, calls);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(alloc_success_errno_untouched)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	errno = ERANGE;
	cache = cache_of(pool, SIZE, 16);
	take_all(cache, MANY);
	free_all(cache, MANY);
	take_all(cache, MANY);
	free_all(cache, MANY);
	tarn_trim();
	ck_assert_int_eq(errno, ERANGE);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

void add_object_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "objects");

	tcase_add_test(tcase, alloc_each_size_and_alignment_apart);
	tcase_add_test(tcase, create_impossible_refused);
	tcase_add_test(tcase, alloc_larger_than_there_is_refused);
	tcase_add_test(tcase, free_null_ignored);
	tcase_add_test(tcase, alloc_after_free_same_object);
	tcase_add_test(tcase, free_any_order_no_growth);
	tcase_add_test(tcase, alloc_success_errno_untouched);
}
