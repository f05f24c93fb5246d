/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workloads, compiled into each peer so that what its users would have
 * inlined is. A peer's file includes worker.h, defines what follows, and
 * includes this at its end.
 *
 * Always:
 *	static const struct peer_info peer;
 *	peer_pool, peer_local         types: a lifetime, and what one thread
 *	                              allocates through
 *	void peer_begin(void)         once, before all else
 *	peer_pool *peer_create(void)
 *	void peer_reset(peer_pool *)  all memory free again
 *	void peer_destroy(peer_pool *)
 *	peer_local *peer_use(peer_pool *, int thread)   by that thread itself
 *	void *peer_alloc(peer_local *, size_t)
 *	PEER_SHARED                   SHARED_NATIVE, SHARED_MUTEX, SHARED_NONE
 * Where the peer has it, as macros; what is not named is left out:
 *	PEER_LIVES     peer_destroy ends what peer_create made: W2
 *	PEER_HANDED    another thread may destroy: W2-handed
 *	PEER_HELD      size_t peer_held(peer_pool *): bytes taken from below
 *	PEER_FREES     void peer_free(peer_local *, void *, size_t): W9; of the
 *	               newest object of the thread
 *	PEER_LISTS     size_t peer_lists(const peer_pool *): bytes that are the
 *	               bench's own and not the peer's
 *	PEER_GIVES     peer_take and peer_give, see units.h: W7
 *	PEER_FLOOR     only W1, W3, W4, W5 and W8
 *	PEER_FIXED     objects of WORKER_FIXED_SIZE: only W8, and W7 of one size
 * and for traces, what replay.h names.
 *
 * C11 and C++17.
 */
#ifndef TARN_BENCH_WORKLOADS_H
#define TARN_BENCH_WORKLOADS_H

#include <stdlib.h>

enum {
	SHARED_NONE,
	SHARED_MUTEX,
	SHARED_NATIVE
};

/* A round is as long as the clock needs to tell it from others. */
enum {
	ROUND_OBJECTS = 100000
};

enum {
	MAX_POOLS = 16,
	MAX_THREADS = 64
};

/* Written to, as memory is asked for to be used; and to the compiler anything
   may have happened since, so that no peer's state stays in a register. */
static inline void touch(void *object)
{
	*(volatile uint64_t *)object = 1;
	keep(object);
}

/* ---- what a peer lacks --------------------------------------------------- */

#ifndef PEER_LISTS
static inline size_t peer_lists(const peer_pool *pool)
{
	(void)pool;
	return 0;
}
#endif

/* What the pool has taken from below, for each byte of `asked`; or nothing. */
#ifdef PEER_HELD
static inline void print_held(peer_pool *pool, double asked)
{
	worker_print("held", (double)peer_held(pool) / asked);
}
#else
static inline void print_held(peer_pool *pool, double asked)
{
	(void)pool;
	(void)asked;
}
#endif

/* ---- W1, W8: one thread -------------------------------------------------- */

struct fill {
	const struct bench_case *bench_case;
	const uint16_t *sizes;
	peer_pool *pool;
	peer_local *local;
};

static inline void fill_mixed(peer_local *local, const uint16_t *sizes,
			      size_t count)
{
	for (size_t i = 0; i < count; i++)
		touch(peer_alloc(local, sizes[i % WORKER_SIZES]));
}

/* A constant, that the compiler sees. */
static inline void fill_fixed(peer_local *local, size_t count)
{
	for (size_t i = 0; i < count; i++)
		touch(peer_alloc(local, WORKER_FIXED_SIZE));
}

static struct sample fill_round(void *arg)
{
	struct fill *fill = (struct fill *)arg;
	size_t count = fill->bench_case->count, done = 0;
	double start = clock_ns();
	struct sample sample = {0, 0, 0, 0};

	for (; done < ROUND_OBJECTS; done += count) {
		if (fill->bench_case->mix == MIX_FIXED)
			fill_fixed(fill->local, count);
		else
			fill_mixed(fill->local, fill->sizes, count);
		peer_reset(fill->pool);
	}
	sample.ns = clock_ns() - start;
	sample.operations = (double)done;
	return sample;
}

static void run_fill(const struct bench_case *bench_case)
{
	struct fill fill = {bench_case, worker_sizes(bench_case), NULL, NULL};

	fill.pool = peer_create();
	fill.local = peer_use(fill.pool, 0);
	worker_measure(fill_round, &fill);
}

/* ---- W3, W4, W8: threads ------------------------------------------------- */

/* A pool, and the mutex that its users would put around it. */
struct shared_pool {
	peer_pool *pool;
	pthread_mutex_t mutex;
	peer_local *locals[MAX_THREADS];
};

static inline void *shared_alloc(struct shared_pool *shared, peer_local *local,
				 size_t size)
{
	void *object;

	if (PEER_SHARED == SHARED_NATIVE)
		return peer_alloc(local, size);
	pthread_mutex_lock(&shared->mutex);
	object = peer_alloc(local, size);
	pthread_mutex_unlock(&shared->mutex);
	return object;
}

struct share {
	const struct bench_case *bench_case;
	const uint16_t *sizes;
	struct crew *crew;
	struct shared_pool pools[MAX_POOLS];
};

static void share_create(void *arg, int thread)
{
	struct share *share = (struct share *)arg;

	for (int i = 0; i < share->bench_case->pools; i++) {
		struct shared_pool *shared = &share->pools[i];

		shared->pool = peer_create();
		pthread_mutex_init(&shared->mutex, NULL);
		shared->locals[thread] = peer_use(shared->pool, thread);
		touch(shared_alloc(shared, shared->locals[thread], 8));
	}
}

static void share_use(void *arg, int thread)
{
	struct share *share = (struct share *)arg;

	for (int i = 0; i < share->bench_case->pools; i++) {
		struct shared_pool *shared = &share->pools[i];

		shared->locals[thread] = peer_use(shared->pool, thread);
	}
}

static void share_fill_one(struct share *share, int thread)
{
	struct shared_pool *shared = &share->pools[0];
	peer_local *local = shared->locals[thread];
	const uint16_t *sizes = share->sizes;
	size_t count = share->bench_case->count;

	if (share->bench_case->mix == MIX_FIXED)
		for (size_t i = 0; i < count; i++)
			touch(shared_alloc(shared, local, WORKER_FIXED_SIZE));
	else
		for (size_t i = 0; i < count; i++)
			touch(shared_alloc(shared, local,
					   sizes[i % WORKER_SIZES]));
}

static void share_fill_many(struct share *share, int thread)
{
	struct shared_pool *end = share->pools + share->bench_case->pools;
	struct shared_pool *shared = share->pools;
	size_t count = share->bench_case->count;
	const uint16_t *sizes = share->sizes;

	for (size_t i = 0; i < count; i++) {
		touch(shared_alloc(shared, shared->locals[thread],
				   sizes[i % WORKER_SIZES]));
		if (++shared == end)
			shared = share->pools;
	}
}

static void share_fill(void *arg, int thread)
{
	struct share *share = (struct share *)arg;

	if (share->bench_case->pools == 1)
		share_fill_one(share, thread);
	else
		share_fill_many(share, thread);
}

static void share_reset(void *arg, int thread)
{
	struct share *share = (struct share *)arg;

	(void)thread;
	for (int i = 0; i < share->bench_case->pools; i++)
		peer_reset(share->pools[i].pool);
}

/* ns: of one processor, for an object. */
static struct sample share_round(void *arg)
{
	struct share *share = (struct share *)arg;
	const struct bench_case *bench_case = share->bench_case;
	struct sample sample;
	double start;

	sample.ns = crew_run(share->crew, share_fill, share) *
		    worker_processors(bench_case->threads);
	sample.operations =
		(double)bench_case->count * (double)bench_case->threads;
	start = clock_ns();
	share_reset(share, 0);
	sample.reset_ns = clock_ns() - start;
	sample.resets = sample.operations;
	return sample;
}

static void run_shared(const struct bench_case *bench_case)
{
	static struct share share;
	int creator = bench_case->creator ? 0 : bench_case->threads;

	share.bench_case = bench_case;
	share.sizes = worker_sizes(bench_case);
	share.crew = crew_start(bench_case->threads, !bench_case->creator);
	crew_run_one(share.crew, creator, share_create, &share);
	crew_run(share.crew, share_use, &share);
	worker_measure(share_round, &share);
	crew_end(share.crew);
}

#ifdef PEER_GIVES
#include "units.h"
#endif

#ifndef PEER_FIXED

/* ---- W5: threads that come and go ---------------------------------------- */

static struct shared_pool churn_pool;
static double churn_asked; /* bytes */

static void *churn_thread(void *arg)
{
	const struct bench_case *bench_case = (const struct bench_case *)arg;
	peer_local *local = peer_use(churn_pool.pool, 1);

	for (size_t i = 0; i < bench_case->count; i++)
		touch(shared_alloc(&churn_pool, local, bench_case->size));
	return NULL;
}

static struct sample churn_round(void *arg)
{
	const struct bench_case *bench_case = (const struct bench_case *)arg;
	struct sample sample = {0, 100, 0, 0};
	double start = clock_ns();

	for (int i = 0; i < (int)sample.operations; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, churn_thread, arg) != 0 ||
		    pthread_join(thread, NULL) != 0)
			worker_die("pthread_create");
	}
	sample.ns = clock_ns() - start;
	churn_asked += sample.operations * (double)bench_case->count *
		       (double)bench_case->size;
	return sample;
}

static void run_churn(const struct bench_case *bench_case)
{
	size_t rss = worker_rss();

	churn_pool.pool = peer_create();
	pthread_mutex_init(&churn_pool.mutex, NULL);
	worker_measure(churn_round, (void *)bench_case);
	rss = worker_rss() - rss - peer_lists(churn_pool.pool);
	worker_print("rss", (double)rss / churn_asked);
	print_held(churn_pool.pool, churn_asked);
}

#ifndef PEER_FLOOR

#ifdef PEER_LIVES
#include "replay.h"
#include "requests.h"
#endif

/* ---- W6: memory ---------------------------------------------------------- */

static void run_memory(const struct bench_case *bench_case)
{
	const uint16_t *sizes = worker_sizes(bench_case);
	size_t rss = worker_rss(), asked = 0;
	peer_pool *pool = peer_create();
	peer_local *local = peer_use(pool, 0);

	for (size_t i = 0; i < bench_case->count; i++) {
		touch(peer_alloc(local, sizes[i % WORKER_SIZES]));
		asked += sizes[i % WORKER_SIZES];
	}
	rss = worker_rss() - rss - peer_lists(pool);
	worker_print("rss", (double)rss / (double)asked);
	print_held(pool, (double)asked);
}

/* ---- W9: large objects --------------------------------------------------- */

#ifdef PEER_FREES
static void large_pairs(void *arg, int thread)
{
	struct share *share = (struct share *)arg;
	struct shared_pool *shared = &share->pools[0];
	peer_local *local = shared->locals[thread];
	size_t size = share->bench_case->size;

	for (size_t i = 0; i < share->bench_case->count; i++) {
		void *object = shared_alloc(shared, local, size);

		touch(object);
		if (PEER_SHARED == SHARED_MUTEX)
			pthread_mutex_lock(&shared->mutex);
		peer_free(local, object, size);
		if (PEER_SHARED == SHARED_MUTEX)
			pthread_mutex_unlock(&shared->mutex);
	}
}

/* ns: of each thread, for a pair. */
static struct sample large_round(void *arg)
{
	struct share *share = (struct share *)arg;
	struct sample sample = {0, (double)share->bench_case->count, 0, 0};

	sample.ns = crew_run(share->crew, large_pairs, share);
	return sample;
}

static void run_large(const struct bench_case *bench_case)
{
	static struct share share;

	share.bench_case = bench_case;
	share.crew = crew_start(bench_case->threads, true);
	crew_run_one(share.crew, bench_case->threads, share_create, &share);
	crew_run(share.crew, share_use, &share);
	worker_measure(large_round, &share);
	crew_end(share.crew);
}
#endif

#endif

#endif

/* ---- what this peer does ------------------------------------------------- */

static const struct workload_entry workload_entries[] = {
	{WORKLOAD_FIXED, run_fill},        {WORKLOAD_SHARED_FIXED, run_shared},
#ifdef PEER_GIVES
	{WORKLOAD_UNITS, run_units},
#ifndef PEER_GIVES_OWN
	{WORKLOAD_PASSED, run_passing},
#endif
#endif
#ifndef PEER_FIXED
	{WORKLOAD_FILL, run_fill},         {WORKLOAD_SHARED, run_shared},
	{WORKLOAD_CHURN, run_churn},
#ifndef PEER_FLOOR
	{WORKLOAD_MEMORY, run_memory},
#ifdef PEER_GIVES
	{WORKLOAD_UNITS_MIXED, run_units},
#endif
#ifdef PEER_LIVES
	{WORKLOAD_REQUEST, run_request},   {WORKLOAD_REPLAY, run_replay},
#endif
#ifdef PEER_HANDED
	{WORKLOAD_HANDED, run_handed},
#endif
#ifdef PEER_FREES
	{WORKLOAD_LARGE, run_large},
#endif
#endif
#endif
};

int main(int argc, char **argv)
{
	return worker_main(argc, argv, &peer, workload_entries,
			   sizeof(workload_entries) / sizeof(*workload_entries),
			   peer_begin);
}

#endif
