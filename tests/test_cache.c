/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: objects of one size, by one thread and by several, within limits,
 * without memory, and what goes back when many are free.
 *
 * The tests are cache_*.c; here are the objects that they share.
 */
#include "test_cache.h"

void *objects[MANY];

tarn_cache *cache_of(tarn_pool *pool, size_t size, size_t alignment)
{
	tarn_cache *cache = tarn_cache_create(pool, size, alignment);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

void *take(tarn_cache *cache)
{
	void *object = tarn_cache_alloc(cache);

	REQUIRE(object != NULL);
	return object;
}

void take_all(tarn_cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++)
		objects[i] = take(cache);
}

void free_all(tarn_cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tarn_cache_free(cache, objects[i]);
}

int by_address(const void *left, const void *right)
{
	uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

	return (a > b) - (a < b);
}

/* Takes `count` objects: none overlaps another, and each is aligned. */
void take_apart(tarn_cache *cache, size_t count, size_t size, size_t alignment)
{
	take_all(cache, count);
	qsort(objects, count, sizeof(*objects), by_address);
	for (size_t i = 0; i < count; i++) {
		REQUIRE(is_aligned(objects[i], alignment));
		memset(objects[i], 0xff, size);
		REQUIRE(i == 0 ||
			(uintptr_t)objects[i] - (uintptr_t)objects[i - 1] >=
				size);
	}
}

int main(void)
{
	Suite *suite = suite_create("cache");

	add_object_tests(suite);
	add_lifetime_tests(suite);
	add_memory_tests(suite);
	add_thread_tests(suite);
	add_fork_tests(suite);
	return suite_run(suite);
}
