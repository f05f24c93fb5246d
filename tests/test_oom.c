/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory everywhere: the same walk over the whole API is done again and
 * again, each time with another call of upstream failing, once or from there
 * on. After each failed step the pools are as they were before it; once
 * upstream gives again the step succeeds; and nothing is left at the end.
 */
#include "oom.h"

enum {
	SMALL_BLOCK = 1024, /* bytes: of which many a step needs one          */
	QUICK_STRIDE = 13   /* a quick run fails only every so manieth call   */
};

/* Makes the world's pool; whether it could be made. */
static bool create(struct world *world)
{
	tarn_options options = counting_options(&world->counting);

	if (world->small_block != 0)
		options.first_block = options.max_block = world->small_block;
	options.name = "a pool of which each call of upstream fails in turn";
	errno = EXDEV;
	world->pool = tarn_pool_create(&options);
	if (world->pool != NULL) {
		ck_assert_int_eq(errno, EXDEV);
		return true;
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(world->counting.live_bytes, 0);
	return false;
}

/* Walks twice with call `n` failing; whether there was such a call. */
static bool walk_with_failure(struct world *world, size_t n, bool for_ever)
{
	bool failed;

	counting_init(&world->counting);
	world->counting.fail_at = n;
	world->counting.fail_for_ever = for_ever;
	if (create(world) || (!for_ever && create(world))) {
		walk(world);
		walk(world);
		failed = world->counting.failures > 0;
		world->counting.fail_at = 0;
		world->counting.fail_for_ever = false;
		walk(world);
		end_users(world);
		tarn_pool_destroy(world->pool);
		ck_assert_uint_eq(world->ran, world->registered);
	} else {
		failed = true;
	}
	counting_finish(&world->counting);
	return failed;
}

START_TEST(oom_at_each_call_leaves_the_pool_as_it_was)
{
	static struct world world;
	size_t n = 1, stride = quick() ? QUICK_STRIDE : 1;

	memset(&world, 0, sizeof world);
	while (walk_with_failure(&world, n, _i == 1)) {
		memset(&world, 0, sizeof world);
		n += stride;
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

/* Walks so, with each call failing in turn. */
static void walk_in_small_blocks(struct world *world, size_t size,
				 bool for_ever, size_t *forgiven,
				 size_t *forgiven_caches)
{
	size_t n = 1;
	bool failed = true;

	for (; failed; n++) {
		memset(world, 0, sizeof *world);
		world->small_block = size;
		failed = walk_with_failure(world, n, for_ever);
		*forgiven += world->forgiven;
		*forgiven_caches += world->forgiven_caches;
	}
	ck_assert_uint_gt(n, 20);
}

/* Of blocks so small that what lasts takes one, and the rest of the call
   another one. */
START_TEST(oom_at_each_call_of_reuse_leaves_all_but_what_lasts)
{
	static struct world world;
	size_t size = SMALL_BLOCK, forgiven = 0, forgiven_caches = 0;

	walk_in_small_blocks(&world, size, _i == 1, &forgiven,
			     &forgiven_caches);
	if (watched())
		return;
	ck_assert_uint_gt(forgiven, 0);
	/* Where a call fails but once a smaller slab is made; else a block has
	   to end between what lasts of a cache and its slab. */
	while (_i == 1 && !sampled() && forgiven_caches == 0) {
		ck_assert_uint_lt(size, 4 * SMALL_BLOCK);
		walk_in_small_blocks(&world, size += 64, true, &forgiven,
				     &forgiven_caches);
	}
}
END_TEST

/* The same by a limit, from one too low for a pool to one that suffices. */
START_TEST(oom_at_each_limit_leaves_the_pool_usable)
{
	size_t limit, refused = 0, ended = 0;

	for (limit = 512; limit < 4000000; limit += limit / 20) {
		struct counting counting;
		tarn_options options;
		tarn_pool *pool;
		size_t size;

		counting_init(&counting);
		options = counting_options(&counting);
		options.limit = limit;
		pool = tarn_pool_create(&options);
		for (size = 1; pool != NULL && size < 1000000;
		     size += size / 3 + 1) {
			tarn_stats before = stats_of(pool), after;

			if (tarn_palloc(pool, size) != NULL)
				continue;
			ck_assert_int_eq(errno, ENOMEM);
			after = stats_of(pool);
			ck_assert_mem_eq(&before, &after, sizeof before);
			refused++;
		}
		ended += pool != NULL;
		ck_assert_uint_le(counting.peak_bytes, limit);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_gt(ended, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oom");
	TCase *tcase = suite_case(suite, "out of memory");

	tcase_add_loop_test(tcase, oom_at_each_call_leaves_the_pool_as_it_was,
			    0, 2);
	tcase_add_loop_test(tcase,
			    oom_at_each_call_of_reuse_leaves_all_but_what_lasts,
			    0, 2);
	tcase_add_test(tcase, oom_at_each_limit_leaves_the_pool_usable);
	return suite_run(suite);
}
