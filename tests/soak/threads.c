/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of many threads on a few pools: all alive at once, and one after
 * the other. What they took stays when they are gone, and is looked at then.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "bag.h"
#include "soak.h"

enum {
	SHARED_POOLS = 4
};

static tarn_stats stats_of(const tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	SOAK_REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	return stats;
}

static void make_pools(tarn_pool *pools[SHARED_POOLS])
{
	for (size_t i = 0; i < SHARED_POOLS; i++) {
		pools[i] = tarn_pool_create(NULL);
		SOAK_REQUIRE(pools[i] != NULL);
	}
	soak_count(SOAK_POOLS, SHARED_POOLS);
}

/* What a pool owes those who left their objects in it, and a reset to all. */
static void end_pool(tarn_pool *pool, size_t bytes, size_t most_threads)
{
	tarn_stats stats = stats_of(pool);

	SOAK_REQUIRE(stats.handed_out >= bytes);
	SOAK_REQUIRE(stats.held >= stats.handed_out);
	SOAK_REQUIRE(stats.local_pools <= most_threads);
	tarn_pool_reset(pool);
	stats = stats_of(pool);
	SOAK_REQUIRE(stats.large == 0 && stats.large_count == 0);
	SOAK_REQUIRE(bytes == 0 || stats.handed_out < bytes);
	tarn_pool_destroy(pool);
}

/* ---- all at once ----------------------------------------------------- */

struct crowd {
	tarn_pool *pools[SHARED_POOLS];
	struct soak_gate gate;
};

struct crowd_member {
	struct crowd *crowd;
	tarn_pool *pool;
	struct bag bag;
};

static void *crowd_main(void *arg)
{
	struct crowd_member *self = arg;

	bag_fill(&self->bag, self->pool, 10);
	soak_gate_wait(&self->crowd->gate);
	bag_fill(&self->bag, self->pool, 10);
	bag_check(&self->bag);
	return NULL;
}

static void crowd_end(struct crowd *crowd, struct crowd_member *members,
		      size_t count)
{
	size_t bytes[SHARED_POOLS] = {0};

	for (size_t i = 0; i < count; i++) {
		bytes[i % SHARED_POOLS] += bag_size(&members[i].bag);
		bag_empty(&members[i].bag);
	}
	for (size_t i = 0; i < SHARED_POOLS; i++)
		end_pool(crowd->pools[i], bytes[i], count + 1);
}

/* The gate opens when all are alive and have their part of a pool. */
void scenario_crowd(uint64_t seed)
{
	size_t count = soak_scaled(2500, 50);
	struct crowd_member *members = calloc(count, sizeof *members);
	pthread_t *threads = calloc(count, sizeof *threads);
	struct crowd crowd;

	SOAK_REQUIRE(members != NULL && threads != NULL);
	make_pools(crowd.pools);
	soak_gate_init(&crowd.gate, count);
	for (size_t i = 0; i < count; i++) {
		members[i].crowd = &crowd;
		members[i].pool = crowd.pools[i % SHARED_POOLS];
		bag_init(&members[i].bag, soak_random(&seed));
		threads[i] =
			soak_start(SOAK_SMALL_STACK, crowd_main, &members[i]);
	}
	for (size_t i = 0; i < count; i++)
		soak_join(threads[i]);
	soak_gate_finish(&crowd.gate);
	crowd_end(&crowd, members, count);
	free(threads);
	free(members);
}

/* ---- one after the other --------------------------------------------- */

enum {
	CHURN_ALIVE = 48
};

struct churn {
	tarn_pool *pool;
	struct bag bag;
	pthread_t thread;
	bool detached;    /* then it is still ending when it is not needed */
	atomic_bool done; /* by a detached one: its last word */
};

static void *churn_main(void *arg)
{
	struct churn *self = arg;
	size_t steps = soak_between(&self->bag.random, 1, 12);

	bag_fill(&self->bag, self->pool, steps);
	bag_check(&self->bag);
	if (self->detached)
		atomic_store(&self->done, true);
	return NULL;
}

static void churn_start(struct churn *self, uint64_t *random,
			tarn_pool *pools[SHARED_POOLS])
{
	self->pool = pools[soak_between(random, 0, SHARED_POOLS - 1)];
	bag_init(&self->bag, soak_random(random));
	self->detached = soak_once_in(random, 2);
	atomic_store(&self->done, false);
	self->thread = soak_start(SOAK_SMALL_STACK, churn_main, self);
	if (self->detached)
		pthread_detach(self->thread);
}

static void churn_end(struct churn *self)
{
	if (!self->detached)
		soak_join(self->thread);
	while (self->detached && !atomic_load(&self->done))
		sched_yield();
	bag_empty(&self->bag);
}

/* A ring of threads: the oldest ends, a new one begins. Threads that are
   detached are still on their way out while the pools are destroyed. */
void scenario_churn(uint64_t seed)
{
	size_t count = soak_scaled(20000, 100);
	struct churn *ring = calloc(CHURN_ALIVE, sizeof *ring);
	tarn_pool *pools[SHARED_POOLS];

	SOAK_REQUIRE(ring != NULL);
	make_pools(pools);
	for (size_t i = 0; i < CHURN_ALIVE; i++)
		churn_start(&ring[i], &seed, pools);
	for (size_t i = CHURN_ALIVE; i < count; i++) {
		churn_end(&ring[i % CHURN_ALIVE]);
		churn_start(&ring[i % CHURN_ALIVE], &seed, pools);
	}
	for (size_t i = 0; i < CHURN_ALIVE; i++)
		churn_end(&ring[i]);
	/* Those on their way out have their slots yet, hence the many. */
	for (size_t i = 0; i < SHARED_POOLS; i++)
		end_pool(pools[i], 0, 8 * (size_t)CHURN_ALIVE);
	free(ring);
}
