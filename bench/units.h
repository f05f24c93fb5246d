/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W7: objects that are freed one by one, while others stay. Needs of the peer
 *	PEER_GIVES     void *peer_take(peer_local *, size_t size)
 *	               void peer_give(peer_local *, void *, size_t size), of
 *	               any object that peer_take gave to any thread
 *	PEER_GIVES_OWN with it: a thread frees what others made too slowly to
 *	               wait for, so no W7-passed
 */
#ifndef TARN_BENCH_UNITS_H
#define TARN_BENCH_UNITS_H

enum {
	UNITS_MOST = 1024, /* alive, in a queue                    */
	UNITS_RING = 4096, /* under way from one thread to another */
	UNITS_PART = 64    /* of them go over at once              */
};

/* ---- one thread ---------------------------------------------------------- */

struct units {
	const struct bench_case *bench_case;
	const uint16_t *sizes;
	peer_local *local;
	void *queue[UNITS_MOST];
	uint16_t queue_sizes[UNITS_MOST];
	uint32_t state;
};

/* The oldest of `count` is freed, and another one made in its place. */
static inline void units_fixed(struct units *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		peer_give(units->local, units->queue[i], WORKER_FIXED_SIZE);
		units->queue[i] = peer_take(units->local, WORKER_FIXED_SIZE);
		touch(units->queue[i]);
	}
}

/* Any one of them, and another size. */
static inline void units_mixed(struct units *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t size = units->sizes[i % WORKER_SIZES];
		size_t place;

		units->state = units->state * 1664525 + 1013904223;
		place = (units->state >> 16) % UNITS_MOST;
		peer_give(units->local, units->queue[place],
			  units->queue_sizes[place]);
		units->queue[place] = peer_take(units->local, size);
		units->queue_sizes[place] = size;
		touch(units->queue[place]);
	}
}

static struct sample units_round(void *arg)
{
	struct units *units = (struct units *)arg;
	size_t count = units->bench_case->count, done = 0;
	struct sample sample = {0, 0, 0, 0};
	double start = clock_ns();

	for (; done < ROUND_OBJECTS; done += count)
		if (units->bench_case->mix == MIX_FIXED)
			units_fixed(units, count);
		else
			units_mixed(units, count);
	sample.ns = clock_ns() - start;
	sample.operations = (double)done;
	return sample;
}

static void run_units(const struct bench_case *bench_case)
{
	static struct units units;

	units.bench_case = bench_case;
	units.sizes = worker_sizes(bench_case);
	units.local = peer_use(peer_create(), 0);
	for (size_t i = 0; i < UNITS_MOST; i++) {
		units.queue_sizes[i] = units.sizes[i];
		units.queue[i] = peer_take(units.local, units.sizes[i]);
		touch(units.queue[i]);
	}
	worker_measure(units_round, &units);
}

#ifndef PEER_GIVES_OWN

/* ---- made by one thread, freed by another -------------------------------- */

struct passing {
	struct crew *crew;
	struct shared_pool shared;
	char apart[128];
	size_t made; /* parts */
	char apart_from_made[128];
	size_t freed;
	char apart_from_freed[128];
	void *ring[UNITS_RING];
};

static void passing_create(void *arg, int thread)
{
	struct passing *passing = (struct passing *)arg;

	passing->shared.pool = peer_create();
	pthread_mutex_init(&passing->shared.mutex, NULL);
	passing->shared.locals[thread] = peer_use(passing->shared.pool, thread);
}

static void passing_use(void *arg, int thread)
{
	struct passing *passing = (struct passing *)arg;

	passing->shared.locals[thread] = peer_use(passing->shared.pool, thread);
}

static inline void passing_step(struct passing *passing, int thread,
				void **object)
{
	peer_local *local = passing->shared.locals[thread];

	if (PEER_SHARED == SHARED_MUTEX)
		pthread_mutex_lock(&passing->shared.mutex);
	if (thread == 0)
		*object = peer_take(local, WORKER_FIXED_SIZE);
	else
		peer_give(local, *object, WORKER_FIXED_SIZE);
	if (PEER_SHARED == SHARED_MUTEX)
		pthread_mutex_unlock(&passing->shared.mutex);
	if (thread == 0)
		touch(*object);
}

/* Waits until there is room for part `i`, or part `i` is there. */
static void passing_wait(struct passing *passing, int thread, size_t i)
{
	const size_t parts = UNITS_RING / UNITS_PART;

	if (thread == 0)
		while (i - __atomic_load_n(&passing->freed, __ATOMIC_ACQUIRE) ==
		       parts)
			worker_yield();
	else
		while (__atomic_load_n(&passing->made, __ATOMIC_ACQUIRE) == i)
			worker_yield();
}

static void passing_thread(void *arg, int thread)
{
	struct passing *passing = (struct passing *)arg;
	size_t *done = thread == 0 ? &passing->made : &passing->freed;
	size_t end = *done + ROUND_OBJECTS / UNITS_PART;

	for (size_t i = *done; i < end; i++) {
		void **part = passing->ring + i * UNITS_PART % UNITS_RING;

		passing_wait(passing, thread, i);
		for (size_t k = 0; k < UNITS_PART; k++)
			passing_step(passing, thread, &part[k]);
		__atomic_store_n(done, i + 1, __ATOMIC_RELEASE);
	}
}

/* ns: from the first made to the last freed, for an object. */
static struct sample passing_round(void *arg)
{
	struct passing *passing = (struct passing *)arg;
	struct sample sample = {0, 0, 0, 0};

	sample.ns = crew_run(passing->crew, passing_thread, passing);
	sample.operations =
		(double)(ROUND_OBJECTS / UNITS_PART * (size_t)UNITS_PART);
	return sample;
}

static void run_passing(const struct bench_case *bench_case)
{
	static struct passing passing;

	passing.crew = crew_start(bench_case->threads, true);
	crew_run_one(passing.crew, bench_case->threads, passing_create,
		     &passing);
	crew_run(passing.crew, passing_use, &passing);
	worker_measure(passing_round, &passing);
	crew_end(passing.crew);
	print_held(passing.shared.pool, UNITS_RING * WORKER_FIXED_SIZE);
}

#endif

#endif
