/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Estimates of what is allocated, freed and resized by every kind of request,
 * in a pool of one thread or of several, is as the program knows it was.
 */
#include "test_sample.h"

/* Sites of 16 bytes, 100 bytes, 4 KiB and 1 MiB, in one pool, mixed: 32 MiB of
   each, the last ones of them alive. */
static int known_sites(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 32; i++) {
		EXPECT(tarn_palloc(pool, 1 << 20) != NULL);
		for (size_t j = 0; j < 256; j++) {
			EXPECT(tarn_palloc(pool, 4096) != NULL);
			for (size_t k = 0; k < 256; k++)
				EXPECT(tarn_palloc(pool, 16) != NULL);
			for (size_t k = 0; k < 41; k++)
				EXPECT(tarn_palloc(pool, 100) != NULL);
		}
		if (i % 4 == 3)
			tarn_pool_reset(pool);
	}
	return 0;
}

START_TEST(known_sites_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(known_sites, SEEDS);
	expect_all(&profile, SEEDS, scale * 32, 1 << 20);
	expect_all(&profile, SEEDS, scale * 32 * 256, 4096);
	expect_all(&profile, SEEDS, scale * 32 * 256 * 256, 16);
	expect_all(&profile, SEEDS, scale * 32 * 256 * 41, 100);
	expect_none_live(&profile);
}
END_TEST

/* Objects that leave gaps between one another, inline. */
static int padded_sites(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	for (size_t i = 0; i < scale * 1000000; i++) {
		EXPECT(tarn_local_pmemalign(local, 8, 24) != NULL);
		EXPECT(tarn_local_pnalloc(local, 5) != NULL);
		EXPECT(tarn_local_pmemalign(local, 64, 33) != NULL);
		EXPECT(tarn_local_palloc(local, 17) != NULL);
		EXPECT(tarn_local_pmemalign(local, 16, 32) != NULL);
		if (i % 50000 == 0)
			tarn_pool_reset(pool);
	}
	return 0;
}

START_TEST(padded_sites_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(padded_sites, SEEDS);
	expect_all(&profile, SEEDS, scale * 1000000, 24);
	expect_all(&profile, SEEDS, scale * 1000000, 5);
	expect_all(&profile, SEEDS, scale * 1000000, 33);
	expect_all(&profile, SEEDS, scale * 1000000, 17);
	expect_all(&profile, SEEDS, scale * 1000000, 32);
}
END_TEST

/* Pools that end before a sample point is likely, the first request of each,
   the second, and one that needs a chunk. */
static int short_pools(void)
{
	for (size_t i = 0; i < scale * 100000; i++) {
		tarn_pool *pool = tarn_pool_create(NULL);

		EXPECT(tarn_palloc(pool, 150) != NULL);
		EXPECT(tarn_palloc(pool, 90) != NULL);
		EXPECT(tarn_pmemalign(pool, 128, 600) != NULL);
		EXPECT(tarn_palloc(pool, 1100) != NULL);
		tarn_pool_destroy(pool);
	}
	return 0;
}

START_TEST(short_pools_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(short_pools, SEEDS);
	expect_all(&profile, SEEDS, scale * 100000, 150);
	expect_all(&profile, SEEDS, scale * 100000, 90);
	expect_all(&profile, SEEDS, scale * 100000, 600);
	expect_all(&profile, SEEDS, scale * 100000, 1100);
	expect_none_live(&profile);
}
END_TEST

/* Freed by size, which the next request has again, and not freed. */
static int reused(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 20000; i++) {
		void *a = tarn_palloc(pool, 800), *b = tarn_palloc(pool, 900);
		void *c = tarn_pnalloc(pool, 205);

		EXPECT(a != NULL && b != NULL && c != NULL);
		EXPECT(tarn_palloc(pool, 300) != NULL);
		EXPECT(tarn_pfree_sized(pool, a, 800) == 0);
		EXPECT(tarn_pfree_aligned_sized(pool, c, 1, 205) == 0);
		if (i % 2 == 0)
			EXPECT(tarn_pfree_sized(pool, b, 900) == 0);
		a = tarn_palloc(pool, 7000);
		EXPECT(a != NULL && tarn_pfree(pool, a) == 0);
		/* It is small, and stays. */
		EXPECT(tarn_pfree(pool, b) == -1);
	}
	return 0;
}

START_TEST(reused_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(reused, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 800);
	expect_all(&profile, SEEDS, scale * 20000, 900);
	expect_all(&profile, SEEDS, scale * 20000, 205);
	expect_all(&profile, SEEDS, scale * 20000, 7000);
	expect_live(&profile, SEEDS, scale * 20000, 300);
	expect_live(&profile, SEEDS, scale * 10000, 900);
	ck_assert_uint_eq(figure_of(&profile, 800)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 205)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 7000)->live, 0);
}
END_TEST

static int cached(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = tarn_cache_create(pool, 333, 1);
	void *kept[64] = {NULL};

	for (size_t i = 0; i < scale * 50000; i++) {
		tarn_cache_free(cache, kept[i % 64]);
		kept[i % 64] = tarn_cache_alloc(cache);
		EXPECT(kept[i % 64] != NULL);
	}
	for (size_t i = 0; i < 64; i++)
		tarn_cache_free(cache, kept[i]);
	return 0;
}

START_TEST(cached_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(cached, SEEDS);
	expect_all(&profile, SEEDS, scale * 50000, 333);
	expect_none_live(&profile);
}
END_TEST

/* Large at first, and cut to what was needed: in place. */
static int resized(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 20000; i++) {
		void *a = tarn_palloc(pool, 4000), *b;

		EXPECT(tarn_prealloc(pool, a, 4000, 100) == a);
		a = tarn_palloc(pool, 5001);
		b = tarn_prealloc(pool, a, 5001, 9003);
		EXPECT(b != NULL);
		/* By upstream, or not at all. */
		EXPECT(tarn_prealloc(pool, b, 9003, SIZE_MAX / 2) == NULL);
		b = tarn_prealloc(pool, b, 9003, 1002);
		EXPECT(b != NULL);
		EXPECT(tarn_prealloc(pool, b, 1002, 0) != NULL);
	}
	return 0;
}

START_TEST(resized_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(resized, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 4000);
	expect_live(&profile, SEEDS, scale * 20000, 4000);
	expect_all(&profile, SEEDS, scale * 20000, 5001);
	expect_all(&profile, SEEDS, scale * 20000, 9003);
	expect_all(&profile, SEEDS, scale * 20000, 1002);
	ck_assert_uint_eq(figure_of(&profile, 5001)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 9003)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 1002)->live, 0);
}
END_TEST

/* ---- threads ------------------------------------------------------------ */

static tarn_pool *shared;

static int share(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < scale * 100000; i++) {
		char *object = tarn_palloc(shared, 216);

		EXPECT(object != NULL && tarn_pnalloc(shared, 77) != NULL);
		memset(object, 1, 216);
		if (i % 2 == 0)
			EXPECT(tarn_pfree_sized(shared, object, 216) == 0);
	}
	return 0;
}

static int shared_pool(void)
{
	struct gate gate;
	struct worker workers[THREADS];
	int status = 0;

	shared = tarn_pool_create(NULL);
	gate_init(&gate, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		worker_start(&workers[i], share, NULL, &gate);
	for (size_t i = 0; i < THREADS; i++)
		status |= worker_join(&workers[i]);
	return status;
}

START_TEST(shared_pool_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(shared_pool, SEEDS);
	expect_all(&profile, SEEDS, scale * THREADS * 100000, 216);
	expect_all(&profile, SEEDS, scale * THREADS * 100000, 77);
	expect_live(&profile, SEEDS, scale * THREADS * 50000, 216);
}
END_TEST

/* A pool that ends for all its threads goes on being sampled by all. */
static int reset_shared(void)
{
	shared = tarn_pool_create(NULL);
	EXPECT(tarn_palloc(shared, 3) != NULL);
	for (size_t i = 0; i < 4; i++) {
		struct gate gate;
		struct worker worker;

		gate_init(&gate, 1);
		worker_start(&worker, share, NULL, &gate);
		EXPECT(worker_join(&worker) == 0);
		tarn_pool_reset(shared);
	}
	return 0;
}

START_TEST(reset_shared_pool_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(reset_shared, SEEDS);
	expect_all(&profile, SEEDS, scale * 4 * 100000, 216);
	expect_all(&profile, SEEDS, scale * 4 * 100000, 77);
	expect_none_live(&profile);
}
END_TEST

void add_estimate_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "estimates");

	tcase_add_test(tcase, known_sites_estimate_is_true);
	tcase_add_test(tcase, padded_sites_estimate_is_true);
	tcase_add_test(tcase, short_pools_estimate_is_true);
	tcase_add_test(tcase, reused_estimate_is_true);
	tcase_add_test(tcase, cached_estimate_is_true);
	tcase_add_test(tcase, resized_estimate_is_true);
	tcase_add_test(tcase, shared_pool_estimate_is_true);
	tcase_add_test(tcase, reset_shared_pool_estimate_is_true);
}
