/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm of lifetimes: pools of all kinds are made by one thread, handed to
 * another, filled, reset, and destroyed by whoever has them then.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bag.h"
#include "meter.h"
#include "soak.h"

enum {
	STORM_THREADS = 8,
	STORM_DESK = 32,
	STORM_BUFFER = 8192
};

/* A pool on its way, with all that is known of it. */
struct parcel {
	tarn_pool *pool;
	struct bag bag;
	atomic_size_t cleaned; /* cleanups that ran        */
	size_t expected;       /* cleanups that are to run */
	_Alignas(16) char buffer[STORM_BUFFER];
};

/* Where parcels change hands. */
struct desk {
	pthread_mutex_t mutex;
	struct parcel *parcels[STORM_DESK]; /* [l] mutex */
};

struct storm {
	struct desk *desk;
	struct meter *meter;
	uint64_t random;
	size_t rounds;
};

/* ---- making ---------------------------------------------------------- */

static size_t any_block(uint64_t *random)
{
	return soak_once_in(random, 2) ? 0 : soak_between(random, 1, 100000);
}

static tarn_options any_options(struct storm *storm, struct parcel *parcel)
{
	tarn_options options = TARN_OPTIONS_INIT;
	uint64_t *random = &storm->random;

	options.first_block = any_block(random);
	options.max_block = any_block(random);
	if (soak_once_in(random, 3))
		options.large_above = soak_between(random, 2, 20000);
	if (soak_once_in(random, 4))
		options.name = "a pool of the storm";
	if (soak_once_in(random, 4)) {
		options.buffer = parcel->buffer;
		options.buffer_size = soak_between(random, 0, STORM_BUFFER);
	}
	switch (soak_between(random, 0, 3)) {
	case 0:
		options.upstream = &storm->meter->upstream;
		break;
	case 1:
		options.upstream = tarn_upstream_mmap();
		break;
	default:
		break;
	}
	return options;
}

static struct parcel *parcel_make(struct storm *storm)
{
	struct parcel *parcel = malloc(sizeof *parcel);
	tarn_options options;

	SOAK_REQUIRE(parcel != NULL);
	options = any_options(storm, parcel);
	parcel->pool = tarn_pool_create(&options);
	SOAK_REQUIRE(parcel->pool != NULL);
	bag_init(&parcel->bag, soak_random(&storm->random));
	if (options.large_above != 0)
		parcel->bag.large_above = options.large_above;
	atomic_init(&parcel->cleaned, 0);
	parcel->expected = 0;
	soak_count(SOAK_POOLS, 1);
	return parcel;
}

/* ---- using ----------------------------------------------------------- */

static void count_one(void *arg)
{
	atomic_fetch_add((atomic_size_t *)arg, 1);
}

/* A cleanup that stays, is cancelled, or runs at once. */
static void parcel_clean(struct storm *storm, struct parcel *parcel)
{
	tarn_cleanup *cleanup =
		tarn_cleanup_add(parcel->pool, count_one, &parcel->cleaned);

	SOAK_REQUIRE(cleanup != NULL);
	switch (soak_between(&storm->random, 0, 3)) {
	case 0:
		SOAK_REQUIRE(tarn_cleanup_cancel(cleanup) == 0);
		return;
	case 1:
		SOAK_REQUIRE(tarn_cleanup_run(cleanup) == 0);
		break;
	default:
		break;
	}
	parcel->expected++;
}

static void parcel_use(struct storm *storm, struct parcel *parcel)
{
	size_t steps = soak_between(&storm->random, 0, 20);

	bag_check(&parcel->bag);
	bag_fill(&parcel->bag, parcel->pool, steps);
	for (size_t i = soak_between(&storm->random, 0, 3); i != 0; i--)
		parcel_clean(storm, parcel);
}

static void parcel_cleaned(struct parcel *parcel)
{
	SOAK_REQUIRE(atomic_load(&parcel->cleaned) == parcel->expected);
	soak_count(SOAK_CLEANUPS, parcel->expected);
	parcel->expected = 0;
	atomic_store(&parcel->cleaned, 0);
}

static void parcel_reset(struct parcel *parcel)
{
	tarn_stats stats = TARN_STATS_INIT;

	bag_empty(&parcel->bag);
	tarn_pool_reset(parcel->pool);
	parcel_cleaned(parcel);
	SOAK_REQUIRE(tarn_pool_stats(parcel->pool, &stats) == 0);
	SOAK_REQUIRE(stats.cleanups == 0 && stats.large_count == 0);
}

static void parcel_end(struct parcel *parcel)
{
	bag_empty(&parcel->bag);
	tarn_pool_destroy(parcel->pool);
	parcel_cleaned(parcel);
	free(parcel);
}

/* ---- the desk -------------------------------------------------------- */

/* Puts a parcel, or none, in a place by chance; returns what was there. */
static struct parcel *desk_change(struct desk *desk, uint64_t *random,
				  struct parcel *parcel)
{
	struct parcel **place =
		&desk->parcels[soak_between(random, 0, STORM_DESK - 1)];
	struct parcel *was;

	pthread_mutex_lock(&desk->mutex);
	was = *place;
	*place = parcel;
	pthread_mutex_unlock(&desk->mutex);
	return was;
}

static void *storm_main(void *arg)
{
	struct storm *storm = arg;
	struct parcel *parcel = NULL;

	for (size_t i = 0; i < storm->rounds; i++) {
		if (parcel == NULL)
			parcel = parcel_make(storm);
		parcel_use(storm, parcel);
		if (soak_once_in(&storm->random, 8))
			parcel_reset(parcel);
		if (soak_once_in(&storm->random, 3)) {
			parcel_end(parcel);
			parcel = NULL;
		}
		parcel = desk_change(storm->desk, &storm->random, parcel);
	}
	if (parcel != NULL)
		parcel_end(parcel);
	return NULL;
}

void scenario_storm(uint64_t seed)
{
	struct storm storms[STORM_THREADS];
	struct desk desk = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct meter meter;

	meter_init(&meter, soak_random(&seed));
	meter.raise = 256;
	for (size_t i = 0; i < STORM_THREADS; i++)
		storms[i] = (struct storm){&desk, &meter, soak_random(&seed),
					   soak_scaled(6000, 20)};
	soak_together(storm_main, storms, sizeof *storms, STORM_THREADS);
	for (size_t i = 0; i < STORM_DESK; i++)
		if (desk.parcels[i] != NULL)
			parcel_end(desk.parcels[i]);
	meter_finish(&meter);
}
