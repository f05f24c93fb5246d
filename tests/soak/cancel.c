/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that are cancelled (deferred) while they allocate: from pools whose
 * upstream is full of cancellation points, and within cleanups. Whatever they
 * left must be whole, no mutex taken, and every pool usable.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bag.h"
#include "meter.h"
#include "soak.h"

enum {
	CANCEL_THREADS = 8,
	CANCEL_POOLS = 3
};

struct victim {
	tarn_pool **pools;
	struct bag bags[CANCEL_POOLS];
	struct soak_gate *gate;
	uint64_t random;
	size_t begun, ended; /* cleanups */
	bool unwound;
};

/* A cleanup within which its thread may be cancelled. */
static void cleanup_in_peril(void *arg)
{
	struct victim *self = arg;

	self->begun++;
	pthread_testcancel();
	self->ended++;
}

/* What pthread_cleanup_push has run: it allocates and gives back too. */
static void unwind(void *arg)
{
	struct victim *self = arg;

	for (size_t i = 0; i < CANCEL_POOLS; i++) {
		bag_fill(&self->bags[i], self->pools[i], 2);
		bag_check(&self->bags[i]);
	}
	self->unwound = true;
}

static void victim_run_cleanup(struct victim *self, tarn_pool *pool)
{
	tarn_cleanup *cleanup = tarn_cleanup_add(pool, cleanup_in_peril, self);

	SOAK_REQUIRE(cleanup != NULL);
	soak_count(SOAK_CLEANUPS, 1);
	SOAK_REQUIRE(tarn_cleanup_run(cleanup) == 0);
}

static void *victim_main(void *arg)
{
	struct victim *self = arg;

	pthread_cleanup_push(unwind, self);
	soak_gate_wait(self->gate);
	for (;;) {
		size_t i = soak_between(&self->random, 0, CANCEL_POOLS - 1);

		bag_fill(&self->bags[i], self->pools[i], 1);
		if (soak_once_in(&self->random, 16))
			victim_run_cleanup(self, self->pools[i]);
		if (soak_once_in(&self->random, 4))
			pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return NULL;
}

/* ---- a round --------------------------------------------------------- */

static void doze(uint64_t *random)
{
	const struct timespec moment = {0,
					(long)soak_between(random, 0, 300000)};

	nanosleep(&moment, NULL);
}

static void victims_cancel(struct victim *victims, pthread_t *threads,
			   uint64_t *random)
{
	for (size_t i = 0; i < CANCEL_THREADS; i++) {
		doze(random);
		SOAK_REQUIRE(pthread_cancel(threads[i]) == 0);
	}
	for (size_t i = 0; i < CANCEL_THREADS; i++) {
		struct victim *victim = &victims[i];

		SOAK_REQUIRE(soak_join(threads[i]) == PTHREAD_CANCELED);
		SOAK_REQUIRE(victim->unwound);
		SOAK_REQUIRE(victim->begun - victim->ended <= 1);
		for (size_t j = 0; j < CANCEL_POOLS; j++)
			bag_empty(&victim->bags[j]);
	}
	soak_count(SOAK_CANCELS, CANCEL_THREADS);
}

static void victims_run(tarn_pool *pools[CANCEL_POOLS], struct victim *victims,
			uint64_t *random)
{
	pthread_t threads[CANCEL_THREADS];
	struct soak_gate gate;

	soak_gate_init(&gate, CANCEL_THREADS + 1);
	for (size_t i = 0; i < CANCEL_THREADS; i++) {
		struct victim *victim = &victims[i];

		victim->pools = pools;
		victim->gate = &gate;
		victim->random = soak_random(random);
		victim->begun = victim->ended = 0;
		victim->unwound = false;
		for (size_t j = 0; j < CANCEL_POOLS; j++)
			bag_init(&victim->bags[j], soak_random(random));
		threads[i] = soak_start(SOAK_SMALL_STACK, victim_main, victim);
	}
	soak_gate_wait(&gate);
	victims_cancel(victims, threads, random);
	soak_gate_finish(&gate);
}

/* No mutex is left taken, and no reset under way. */
static void pool_is_usable(tarn_pool *pool, uint64_t *random)
{
	tarn_stats stats = TARN_STATS_INIT;
	struct bag bag;

	SOAK_REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	SOAK_REQUIRE(stats.cleanups == 0);
	bag_init(&bag, soak_random(random));
	bag_fill(&bag, pool, 20);
	bag_empty(&bag);
	if (soak_once_in(random, 4))
		tarn_pool_reset(pool);
}

static void make_pools(tarn_pool *pools[CANCEL_POOLS], struct meter *meter)
{
	tarn_options options = TARN_OPTIONS_INIT;

	pools[0] = tarn_pool_create(NULL);
	options.upstream = &meter->upstream;
	pools[1] = tarn_pool_create(&options);
	/* Each block is asked for with the pool's tree under its limit. */
	options.max_block = 1;
	options.limit = (size_t)1 << 30;
	pools[2] = tarn_pool_create(&options);
	for (size_t i = 0; i < CANCEL_POOLS; i++)
		SOAK_REQUIRE(pools[i] != NULL);
	soak_count(SOAK_POOLS, CANCEL_POOLS);
}

void scenario_cancel(uint64_t seed)
{
	struct victim *victims = calloc(CANCEL_THREADS, sizeof *victims);
	tarn_pool *pools[CANCEL_POOLS];
	struct meter meter;

	SOAK_REQUIRE(victims != NULL);
	meter_init(&meter, soak_random(&seed));
	meter.cancels = true;
	make_pools(pools, &meter);
	for (size_t i = soak_scaled(250, 3); i != 0; i--) {
		victims_run(pools, victims, &seed);
		for (size_t j = 0; j < CANCEL_POOLS; j++)
			pool_is_usable(pools[j], &seed);
	}
	for (size_t i = 0; i < CANCEL_POOLS; i++)
		tarn_pool_destroy(pools[i]);
	meter_finish(&meter);
	free(victims);
}
