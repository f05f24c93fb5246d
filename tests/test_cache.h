/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_cache share: objects of one cache, which are taken
 * and freed as many at a time. One test has them at a time, and reads none
 * before it took it.
 */
#ifndef TARN_TESTS_TEST_CACHE_H
#define TARN_TESTS_TEST_CACHE_H

#include "counting.h"
#include "util.h"

enum {
	SIZE = 64,    /* bytes of most objects                   */
	MANY = 20000, /* objects: many slabs                     */
	SOME = 3000,  /* objects: several lists of a magazine    */
	THREADS = 8,  /* at a time                               */
	WALK = 400,   /* calls of upstream to fail, at most      */
	POOR = 400,   /* objects: few enough to be kept         */
	TABLE = 40    /* threads: more than the first table has  */
};

extern void *objects[MANY];

tarn_cache *cache_of(tarn_pool *pool, size_t size, size_t alignment);
void *take(tarn_cache *cache);
void take_all(tarn_cache *cache, size_t count);
void free_all(tarn_cache *cache, size_t count);
int by_address(const void *left, const void *right);
void take_apart(tarn_cache *cache, size_t count, size_t size, size_t alignment);

/* One of each part; suites run them in this order. */
void add_object_tests(Suite *suite);
void add_lifetime_tests(Suite *suite);
void add_memory_tests(Suite *suite);
void add_thread_tests(Suite *suite);

#endif
