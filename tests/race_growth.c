/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growth of a pool by many threads at once: no more blocks than by one after
 * the other, and of a limit all is used.
 */
#include "race.h"

#include <unistd.h>

enum {
	GROWERS = 8,
	GROWTH_ROUNDS = 30,
	GROWTH_BLOCK = 64 * 1024,  /* bytes: the first block         */
	GROWTH_OBJECT = 2048,      /* bytes: of a grower's request   */
	GROWTH_MICROSECONDS = 500, /* of upstream: others come meanwhile */
	FILL_LIMIT = 1024 * 1024,  /* bytes                          */
	FILL_OBJECT = 64           /* bytes                          */
};

/* Alive until all have allocated: a slot has no heir among them. */
struct growers {
	tarn_pool *pool;
	bool together;
	struct gate resident;
	struct gate done;
	atomic_size_t entered;
	atomic_size_t next; /* whose turn it is */
};

static int grow(void *arg)
{
	struct growers *growers = arg;
	void *first = tarn_palloc(growers->pool, 1);
	size_t number = atomic_fetch_add(&growers->entered, 1);
	void *at;

	gate_wait(&growers->resident);
	while (!growers->together && atomic_load(&growers->next) != number)
		sched_yield();
	at = tarn_palloc(growers->pool, GROWTH_OBJECT);
	atomic_fetch_add(&growers->next, 1);
	gate_wait(&growers->done);
	return first != NULL && at != NULL ? 0 : __LINE__;
}

static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	usleep(GROWTH_MICROSECONDS);
	return counting_alloc(ctx, size, alignment);
}

/* Requests of all growers, together or one after the other, of a pool that has
   room for some of them. Returns how many blocks it has then. */
static size_t blocks_after_growth(bool together)
{
	struct growers growers = {.together = together};
	struct counting counting;
	tarn_stats stats;
	size_t i;

	counting_init(&counting);
	counting.upstream.alloc = slow_alloc;
	growers.pool = counting_pool(&counting, GROWTH_BLOCK);
	/* The creator claims what is left of the first block. */
	for (i = 0; i < GROWTH_BLOCK / GROWTH_OBJECT - 2; i++)
		ck_assert_ptr_nonnull(tarn_palloc(growers.pool, GROWTH_OBJECT));
	gate_init(&growers.resident, GROWERS);
	gate_init(&growers.done, GROWERS);
	ck_assert_int_eq(workers_together(grow, &growers, 0, GROWERS), 0);
	stats = stats_of(growers.pool);
	ck_assert_uint_eq(stats.local_pools, GROWERS + 1);
	tarn_pool_destroy(growers.pool);
	counting_finish(&counting);
	return stats.blocks;
}

START_TEST(growth_eight_miss_together_as_many_blocks_as_in_turn)
{
	size_t in_turn = blocks_after_growth(false);
	size_t round;

	ck_assert_uint_gt(in_turn, 1);
	for (round = 0; round < rounds(GROWTH_ROUNDS); round++)
		ck_assert_uint_eq(blocks_after_growth(true), in_turn);
}
END_TEST

struct filler {
	tarn_pool *pool;
	size_t objects;
};

static int fill(void *arg)
{
	struct filler *filler = arg;

	while (tarn_palloc(filler->pool, FILL_OBJECT) != NULL)
		filler->objects++;
	EXPECT(errno == ENOMEM);
	return 0;
}

START_TEST(growth_to_limit_together_uses_it)
{
	size_t round;

	for (round = 0; round < rounds(GROWTH_ROUNDS); round++) {
		tarn_options options = TARN_OPTIONS_INIT;
		tarn_stats stats;
		struct filler fillers[2];

		options.limit = FILL_LIMIT;
		fillers[0].pool = tarn_pool_create(&options);
		fillers[0].objects = 0;
		fillers[1] = fillers[0];
		ck_assert_ptr_nonnull(fillers[0].pool);
		ck_assert_int_eq(
			workers_together(fill, fillers, sizeof *fillers, 2), 0);
		stats = stats_of(fillers[0].pool);
		ck_assert_uint_le(stats.held, FILL_LIMIT);
		/* Zones between objects take their part. */
		ck_assert_uint_ge(
			(fillers[0].objects + fillers[1].objects) * FILL_OBJECT,
			watched() ? FILL_LIMIT / 4 : FILL_LIMIT / 10 * 9);
		tarn_pool_destroy(fillers[0].pool);
	}
}
END_TEST

void add_growth_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "growth");

	tcase_add_test(tcase,
		       growth_eight_miss_together_as_many_blocks_as_in_turn);
	tcase_add_test(tcase, growth_to_limit_together_uses_it);
}
