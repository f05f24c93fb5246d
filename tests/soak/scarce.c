/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children of their own for what a process would not get over: an address
 * space that is full, and a million pools.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bag.h"
#include "soak.h"

/* ---- an address space that is full ----------------------------------- */

enum {
	SCARCE_THREADS = 4,
	SCARCE_ROUNDS = 3,
	SCARCE_FAILURES = 300
};

/* Bytes beyond what the process has when the limit comes. */
static const size_t scarce_room = (size_t)48 << 20;

struct scarce {
	struct soak_gate *gate;
	uint64_t random;
};

static void limit_address_space(void)
{
	struct rlimit limit;
	size_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	SOAK_REQUIRE(file != NULL && fscanf(file, "%zu", &pages) == 1);
	fclose(file);
	limit.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + scarce_room;
	limit.rlim_max = limit.rlim_cur;
	SOAK_REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

static tarn_pool *scarce_pool(uint64_t *random)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	if (soak_once_in(random, 2))
		options.upstream = tarn_upstream_mmap();
	pool = tarn_pool_create(&options);
	if (pool == NULL) {
		SOAK_REQUIRE(errno == ENOMEM);
		soak_count(SOAK_FAILURES, 1);
	} else {
		soak_count(SOAK_POOLS, 1);
	}
	return pool;
}

/* Takes until there is none, and goes on asking; what it has stays whole. */
static void scarce_fill(struct scarce *self, tarn_pool *pool)
{
	struct bag bag;
	size_t failures = 0;

	bag_init(&bag, soak_random(&self->random));
	bag.most = (size_t)1 << 20;
	while (failures < SCARCE_FAILURES) {
		if (!bag_step(&bag, pool, NULL))
			failures++;
		if (soak_once_in(&self->random, 100))
			tarn_pool_create_child(pool, NULL);
	}
	bag_empty(&bag);
}

static void *scarce_main(void *arg)
{
	struct scarce *self = arg;

	for (size_t i = 0; i < SCARCE_ROUNDS; i++) {
		tarn_pool *pool = NULL;
		struct bag bag;

		while (pool == NULL)
			pool = scarce_pool(&self->random);
		scarce_fill(self, pool);
		tarn_pool_destroy(pool);
		soak_gate_wait(self->gate);
		/* There is memory again: for all, and at once. */
		pool = scarce_pool(&self->random);
		SOAK_REQUIRE(pool != NULL);
		bag_init(&bag, soak_random(&self->random));
		bag_fill(&bag, pool, 100);
		bag_empty(&bag);
		tarn_pool_destroy(pool);
		soak_gate_wait(self->gate);
	}
	return NULL;
}

static void scarce_child(uint64_t seed)
{
	struct scarce scarce[SCARCE_THREADS];
	pthread_t threads[SCARCE_THREADS];
	struct soak_gate gate;

	soak_gate_init(&gate, SCARCE_THREADS);
	for (size_t i = 0; i < SCARCE_THREADS; i++) {
		scarce[i] = (struct scarce){&gate, soak_random(&seed)};
		threads[i] = soak_start(0, scarce_main, &scarce[i]);
	}
	limit_address_space();
	for (size_t i = 0; i < SCARCE_THREADS; i++)
		soak_join(threads[i]);
}

/* Under a sanitizer the address space is its own. */
void scenario_scarce(uint64_t seed)
{
	if (SOAK_SANITIZED)
		return;
	for (size_t i = soak_scaled(2, 1); i != 0; i--)
		soak_in_child(scarce_child, soak_random(&seed));
}

/* ---- a million pools ------------------------------------------------- */

/* Bytes: what a pool with a first block of the least size and one object may
   take, the system's pages included. */
static const size_t million_each = 2048;

struct small {
	tarn_pool *pool;
	uint64_t *word; /* the pool's only object */
};

static size_t million_count(void)
{
	size_t count = soak_scaled(1000000, 1000);
	size_t pages = (size_t)sysconf(_SC_AVPHYS_PAGES);
	size_t fit = pages * (size_t)sysconf(_SC_PAGESIZE) / 2 / million_each;

	if (fit < count)
		printf("million: memory suffices for %zu pools alone\n", fit);
	return fit < count ? fit : count;
}

static void small_make(struct small *small, tarn_pool *parent, size_t i)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.first_block = 1;
	small->pool = parent != NULL ? tarn_pool_create_child(parent, &options)
				     : tarn_pool_create(&options);
	SOAK_REQUIRE(small->pool != NULL);
	small->word = tarn_new(small->pool, uint64_t);
	SOAK_REQUIRE(small->word != NULL);
	*small->word = i;
}

static void swap(struct small *a, struct small *b)
{
	struct small was = *a;

	*a = *b;
	*b = was;
}

/* Every second is a child of one root, which ends them; the others end one by
   one, in any order. */
static void million_child(uint64_t seed)
{
	size_t count = million_count();
	struct small *smalls = calloc(count, sizeof *smalls);
	tarn_pool *root = tarn_pool_create(NULL);
	tarn_stats stats = TARN_STATS_INIT;

	SOAK_REQUIRE(smalls != NULL && root != NULL);
	for (size_t i = 0; i < count; i++)
		small_make(&smalls[i], i % 2 == 0 ? root : NULL, i);
	for (size_t i = 0; i < count; i++)
		SOAK_REQUIRE(*smalls[i].word == i);
	SOAK_REQUIRE(tarn_pool_stats(root, &stats) == 0);
	SOAK_REQUIRE(stats.children == (count + 1) / 2);
	for (size_t i = 1; i < count; i += 2) {
		size_t left = (count - i - 1) / 2;

		swap(&smalls[i], &smalls[i + 2 * soak_between(&seed, 0, left)]);
		SOAK_REQUIRE(*smalls[i].word % 2 == 1);
		tarn_pool_destroy(smalls[i].pool);
	}
	for (size_t i = 0; i < count; i += 2)
		SOAK_REQUIRE(*smalls[i].word == i);
	tarn_pool_destroy(root);
	soak_count(SOAK_POOLS, count + 1);
	soak_count(SOAK_OBJECTS, count);
	soak_count(SOAK_BYTES, count * sizeof(uint64_t));
	free(smalls);
}

void scenario_million(uint64_t seed)
{
	soak_in_child(million_child, seed);
}
