/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream that fails by chance, under threads that share trees of pools
 * with limits. After a failure all is as it was: what is held is what upstream
 * gave, within the limits; at the end all goes back.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bag.h"
#include "meter.h"
#include "soak.h"

enum {
	FAILING_THREADS = 6,
	FAILING_STEPS = 150
};

struct failing {
	tarn_pool *shared;
	struct bag bag;
	uint64_t random;
	atomic_size_t *handled; /* calls of the out-of-memory handler */
	atomic_size_t *cleaned;
	size_t expected; /* cleanups that were registered */
};

static void on_oom(tarn_pool *pool, size_t size, void *data)
{
	tarn_stats stats = TARN_STATS_INIT;

	(void)size;
	/* No mutex is held: this would wait for ever. */
	SOAK_REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	atomic_fetch_add((atomic_size_t *)data, 1);
}

static void count_one(void *arg)
{
	atomic_fetch_add((atomic_size_t *)arg, 1);
}

static void failing_child(struct failing *self)
{
	tarn_pool *child = tarn_pool_create_child(self->shared, NULL);
	struct bag bag;

	if (child == NULL) {
		SOAK_REQUIRE(errno == ENOMEM);
		soak_count(SOAK_FAILURES, 1);
		return;
	}
	soak_count(SOAK_POOLS, 1);
	bag_init(&bag, soak_random(&self->random));
	for (size_t i = 0; i < 30; i++)
		bag_step(&bag, child, NULL);
	bag_empty(&bag);
	if (soak_once_in(&self->random, 2))
		tarn_pool_destroy(child);
}

static void *failing_main(void *arg)
{
	struct failing *self = arg;
	tarn_local *local = tarn_pool_local(self->shared);

	for (size_t i = 0; i < FAILING_STEPS; i++) {
		/* Through the inline calls where it has its own part. */
		bag_step(&self->bag, self->shared, i % 2 == 0 ? local : NULL);
		if (soak_once_in(&self->random, 30))
			failing_child(self);
		if (soak_once_in(&self->random, 10) &&
		    tarn_cleanup_add(self->shared, count_one, self->cleaned))
			self->expected++;
	}
	bag_check(&self->bag);
	return NULL;
}

/* ---- a round --------------------------------------------------------- */

static tarn_pool *failing_pool(struct meter *meter, uint64_t *random,
			       atomic_size_t *handled)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.upstream = &meter->upstream;
	options.on_oom = on_oom;
	options.on_oom_data = handled;
	if (soak_once_in(random, 2))
		options.limit = soak_between(random, 20000, 2000000);
	do
		pool = tarn_pool_create(&options);
	while (pool == NULL);
	soak_count(SOAK_POOLS, 1);
	return pool;
}

static void failing_account(tarn_pool *pool, struct meter *meter)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_reset(pool);
	SOAK_REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	SOAK_REQUIRE(stats.children == 0 && stats.cleanups == 0);
	SOAK_REQUIRE(stats.limit == 0 || stats.held <= stats.limit);
	SOAK_REQUIRE(stats.held == atomic_load(&meter->bytes));
}

static void failing_round(struct failing *all, uint64_t *random)
{
	atomic_size_t handled = 0, cleaned = 0;
	size_t expected = 0;
	struct meter meter;
	tarn_pool *shared;

	meter_init(&meter, soak_random(random));
	meter.fail_once_in = (size_t)2 << soak_between(random, 0, 7);
	meter.raise = soak_once_in(random, 2) ? 1024 : 0;
	shared = failing_pool(&meter, random, &handled);
	for (size_t i = 0; i < FAILING_THREADS; i++) {
		bag_init(&all[i].bag, soak_random(random));
		all[i].shared = shared;
		all[i].random = soak_random(random);
		all[i].handled = &handled;
		all[i].cleaned = &cleaned;
		all[i].expected = 0;
	}
	soak_together(failing_main, all, sizeof *all, FAILING_THREADS);
	for (size_t i = 0; i < FAILING_THREADS; i++) {
		expected += all[i].expected;
		bag_empty(&all[i].bag);
	}
	failing_account(shared, &meter);
	SOAK_REQUIRE(atomic_load(&cleaned) == expected);
	soak_count(SOAK_CLEANUPS, expected);
	tarn_pool_destroy(shared);
	meter_finish(&meter);
}

void scenario_failing(uint64_t seed)
{
	struct failing *all = calloc(FAILING_THREADS, sizeof *all);

	SOAK_REQUIRE(all != NULL);
	for (size_t i = soak_scaled(500, 10); i != 0; i--)
		failing_round(all, &seed);
	free(all);
}
