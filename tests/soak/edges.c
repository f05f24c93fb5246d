/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sizes, alignments and options near every limit there is. What cannot be is
 * refused with the error that is promised; what can be is whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bag.h"
#include "meter.h"
#include "soak.h"

/* Bytes: more than this may not be there. */
static const size_t edge_most = (size_t)64 << 20;

/* Bytes: of what is larger than two of these, only its ends are written to. */
static const size_t edge_written = (size_t)32 << 10;

/* ---- numbers at the edge --------------------------------------------- */

/* Where something begins or ends; a neighbour of it is an edge too. */
static const size_t edges[] = {
	0,
	16,
	64,
	128,
	320,
	1024,
	4096,
	8192,
	65536,
	(size_t)256 << 10,
	(size_t)1 << 20,
	(size_t)2 << 20,
	(size_t)64 << 20,
	(size_t)1 << 31,
	(size_t)1 << 32,
	(size_t)1 << 36,
	PTRDIFF_MAX,
	SIZE_MAX - 65536,
	SIZE_MAX,
};

enum {
	EDGES = sizeof edges / sizeof *edges
};

static size_t edge(uint64_t *random)
{
	size_t number = edges[soak_between(random, 0, EDGES - 1)];

	switch (soak_between(random, 0, 3)) {
	case 0:
		return number;
	case 1:
		return number + soak_between(random, 0, 2) - 1;
	case 2:
		return number - soak_between(random, 0, 70);
	default:
		return number + soak_between(random, 0, 70);
	}
}

/* One that may be served: nothing that the machine would notice. */
static size_t low_edge(uint64_t *random)
{
	size_t number = edge(random);

	return number <= (size_t)2 << 20 ? number : number % 5000;
}

/* ---- requests -------------------------------------------------------- */

/* `memory`, or an error that can be: never for what is small. */
static void put_or_refused(struct bag *bag, void *memory, size_t size,
			   size_t alignment)
{
	if (memory == NULL) {
		SOAK_REQUIRE(errno == ENOMEM);
		SOAK_REQUIRE(size > edge_most / 4 || alignment > edge_most / 4);
		soak_count(SOAK_FAILURES, 1);
		return;
	}
	SOAK_REQUIRE(size <= PTRDIFF_MAX);
	if (size <= 2 * edge_written) {
		bag_put(bag, memory, size, alignment);
		return;
	}
	bag_put(bag, memory, edge_written, alignment);
	bag_put(bag, (char *)memory + size - edge_written, edge_written, 1);
}

static void request(struct bag *bag, tarn_pool *pool, uint64_t *random)
{
	size_t size = edge(random);
	size_t alignment = (size_t)1 << soak_between(random, 0, 63);

	switch (soak_between(random, 0, 3)) {
	case 0:
		put_or_refused(bag, tarn_palloc(pool, size), size,
			       TARN_ALIGNMENT);
		break;
	case 1:
		put_or_refused(bag, tarn_pnalloc(pool, size), size, 1);
		break;
	case 2:
		put_or_refused(bag, tarn_pmemalign(pool, alignment, size), size,
			       alignment);
		break;
	default:
		size = low_edge(random);
		put_or_refused(bag, tarn_pmemalign(pool, alignment, size), size,
			       alignment);
		break;
	}
}

static void request_array(tarn_pool *pool, struct bag *bag, uint64_t *random)
{
	size_t count = edge(random), size = edge(random), bytes;
	bool fits = !__builtin_mul_overflow(count, size, &bytes);
	unsigned char *memory = tarn_pcalloc(pool, count, size);

	if (!fits || bytes > PTRDIFF_MAX) {
		SOAK_REQUIRE(memory == NULL && errno == ENOMEM);
		soak_count(SOAK_FAILURES, 1);
		return;
	}
	put_or_refused(bag, memory, bytes, TARN_ALIGNMENT);
}

static void request_wrong(tarn_pool *pool, uint64_t *random)
{
	size_t alignment = edge(random);

	if (alignment != 0 && (alignment & (alignment - 1)) == 0)
		alignment = 0;
	errno = 0;
	SOAK_REQUIRE(tarn_pmemalign(pool, alignment, low_edge(random)) == NULL);
	SOAK_REQUIRE(errno == EINVAL);
}

/* ---- resizing, from edge to edge ------------------------------------- */

static void resize(tarn_pool *pool, uint64_t *random)
{
	size_t size = low_edge(random), larger = edge(random);
	unsigned char *memory = tarn_palloc(pool, size), *moved;

	SOAK_REQUIRE(memory != NULL);
	memset(memory, 0x69, size);
	moved = tarn_prealloc(pool, memory, size, larger);
	if (moved == NULL) {
		SOAK_REQUIRE(errno == ENOMEM && larger > edge_most / 4);
		soak_count(SOAK_FAILURES, 1);
		moved = memory;
		larger = size;
	}
	size = size < larger ? size : larger;
	for (size_t i = 0; i < size; i++)
		SOAK_REQUIRE(moved[i] == 0x69);
}

/* ---- pools ----------------------------------------------------------- */

static tarn_pool *edge_pool(struct meter *meter, uint64_t *random,
			    size_t *large_above)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block = low_edge(random);
	options.max_block = edge(random);
	options.large_above = edge(random);
	/* What is clamped is clamped to this, at most. */
	*large_above = options.large_above == 0 ? 4096 : options.large_above;
	if (*large_above > (size_t)1 << 20)
		*large_above = (size_t)1 << 20;
	options.upstream = &meter->upstream;
	pool = tarn_pool_create(&options);
	SOAK_REQUIRE(pool != NULL);
	soak_count(SOAK_POOLS, 1);
	return pool;
}

static void all_requests(struct meter *meter, uint64_t *random)
{
	struct bag bag;
	tarn_pool *pool;

	bag_init(&bag, soak_random(random));
	pool = edge_pool(meter, random, &bag.large_above);
	for (size_t i = 0; i < 60; i++) {
		request(&bag, pool, random);
		if (i % 4 == 0)
			request_array(pool, &bag, random);
		if (i % 8 == 0)
			request_wrong(pool, random);
		if (i % 4 == 0)
			resize(pool, random);
	}
	bag_empty(&bag);
	tarn_pool_destroy(pool);
}

/* Within any limit: never more is held, and what was got is whole. */
static void limited(uint64_t *random)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_stats stats = TARN_STATS_INIT;
	struct bag bag;
	tarn_pool *pool;

	options.limit = edge(random);
	options.first_block = low_edge(random);
	options.max_block = edge(random);
	pool = tarn_pool_create(&options);
	if (pool == NULL) {
		SOAK_REQUIRE(errno == ENOMEM && options.limit < 4096);
		soak_count(SOAK_FAILURES, 1);
		return;
	}
	soak_count(SOAK_POOLS, 1);
	bag_init(&bag, soak_random(random));
	for (size_t i = 0; i < 100; i++) {
		if (!bag_step(&bag, pool, NULL))
			SOAK_REQUIRE(options.limit != 0);
		SOAK_REQUIRE(tarn_pool_stats(pool, &stats) == 0);
		SOAK_REQUIRE(options.limit == 0 || stats.held <= options.limit);
	}
	bag_empty(&bag);
	tarn_pool_destroy(pool);
}

void scenario_edges(uint64_t seed)
{
	for (size_t i = soak_scaled(200, 5); i != 0; i--) {
		struct meter meter;

		meter_init(&meter, soak_random(&seed));
		all_requests(&meter, &seed);
		meter_finish(&meter);
		limited(&seed);
	}
}
