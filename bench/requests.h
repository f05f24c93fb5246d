/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W2: a pool for each request, ended by the thread that made it or by another.
 * Part of workloads.h.
 */
#ifndef TARN_BENCH_REQUESTS_H
#define TARN_BENCH_REQUESTS_H

enum {
	ROUND_REQUESTS = 1000,
	REQUEST_OBJECTS = 40
};

static inline void request_fill(peer_pool *pool, int thread,
				const uint16_t *sizes, size_t large)
{
	peer_local *local = peer_use(pool, thread);

	for (size_t i = 0; i < REQUEST_OBJECTS / 2; i++)
		touch(peer_alloc(local, sizes[i]));
	touch(peer_alloc(local, large));
	for (size_t i = REQUEST_OBJECTS / 2; i < REQUEST_OBJECTS; i++)
		touch(peer_alloc(local, sizes[i]));
}

struct requests {
	const struct bench_case *bench_case;
	const uint16_t *sizes;
	struct crew *crew;
};

static void requests_serve(void *arg, int thread)
{
	const struct requests *requests = (const struct requests *)arg;

	for (size_t i = 0; i < ROUND_REQUESTS; i++) {
		size_t at =
			i * REQUEST_OBJECTS % (WORKER_SIZES - REQUEST_OBJECTS);
		peer_pool *pool = peer_create();

		request_fill(pool, thread, requests->sizes + at,
			     requests->bench_case->size);
		peer_destroy(pool);
	}
}

static struct sample requests_round(void *arg)
{
	struct requests *requests = (struct requests *)arg;
	int threads = requests->bench_case->threads;
	struct sample sample = {0, 0, 0, 0};

	sample.ns = crew_run(requests->crew, requests_serve, requests) *
		    worker_processors(threads);
	sample.operations = (double)ROUND_REQUESTS * threads;
	return sample;
}

static void run_request(const struct bench_case *bench_case)
{
	struct requests requests = {bench_case, worker_request_sizes(), NULL};

	requests.crew = crew_start(bench_case->threads, false);
	worker_measure(requests_round, &requests);
	crew_end(requests.crew);
}

#ifdef PEER_HANDED
enum {
	RING = 64
};

/* From the thread that makes pools to the one that ends them. */
static struct ring {
	peer_pool *pools[RING];
	size_t made __attribute__((aligned(128)));
	size_t ended __attribute__((aligned(128)));
} ring;

static inline size_t ring_wait(const size_t *count, size_t less)
{
	size_t seen;

	while ((seen = __atomic_load_n(count, __ATOMIC_ACQUIRE)) == less)
		;
	return seen;
}

static void handed_make(const struct requests *requests)
{
	for (size_t i = 0; i < ROUND_REQUESTS; i++) {
		size_t made = ring.made;
		peer_pool *pool = peer_create();

		request_fill(pool, 0, requests->sizes + i,
			     requests->bench_case->size);
		ring_wait(&ring.ended, made - RING);
		ring.pools[made % RING] = pool;
		__atomic_store_n(&ring.made, made + 1, __ATOMIC_RELEASE);
	}
}

static void handed_end(void)
{
	for (size_t i = 0; i < ROUND_REQUESTS; i++) {
		size_t ended = ring.ended;

		ring_wait(&ring.made, ended);
		peer_destroy(ring.pools[ended % RING]);
		__atomic_store_n(&ring.ended, ended + 1, __ATOMIC_RELEASE);
	}
}

static void handed_step(void *arg, int thread)
{
	if (thread == 0)
		handed_make((const struct requests *)arg);
	else
		handed_end();
}

/* ns: from one pool to the next, both threads at work. */
static struct sample handed_round(void *arg)
{
	struct requests *requests = (struct requests *)arg;
	struct sample sample = {0, ROUND_REQUESTS, 0, 0};

	sample.ns = crew_run(requests->crew, handed_step, requests);
	return sample;
}

static void run_handed(const struct bench_case *bench_case)
{
	struct requests requests = {bench_case, worker_request_sizes(), NULL};

	requests.crew = crew_start(bench_case->threads, false);
	worker_measure(handed_round, &requests);
	crew_end(requests.crew);
}
#endif

#endif
