/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that start at once and are pinned: see worker.h.
 */
#define _GNU_SOURCE 1
#include "worker.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

struct crew {
	int threads; /* that work; the idle one comes on top */
	int started;
	pthread_barrier_t begin, end;
	crew_fn *fn; /* NULL: the end */
	void *arg;
	int only; /* this thread alone, or -1: all that work */
	struct member {
		struct crew *crew;
		pthread_t thread;
		int number;
		double start, end;
	} members[];
};

static int processors(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int worker_processors(int threads)
{
	return threads < processors() ? threads : processors();
}

void worker_pin(int thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)(thread % processors()), &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

void worker_yield(void)
{
	static __thread unsigned spins;

	if (++spins % 4096 == 0)
		sched_yield();
}

static void *member_main(void *arg)
{
	struct member *member = arg;
	struct crew *crew = member->crew;

	worker_pin(member->number);
	for (;;) {
		bool works;

		pthread_barrier_wait(&crew->begin);
		if (crew->fn == NULL)
			return NULL;
		works = crew->only >= 0 ? crew->only == member->number
					: member->number < crew->threads;
		member->start = clock_ns();
		if (works)
			crew->fn(crew->arg, member->number);
		member->end = clock_ns();
		pthread_barrier_wait(&crew->end);
	}
}

struct crew *crew_start(int threads, bool idle)
{
	int started = threads + idle;
	struct crew *crew = calloc(
		1, sizeof(*crew) + (size_t)started * sizeof(*crew->members));

	if (crew == NULL)
		worker_die("calloc");
	crew->threads = threads;
	crew->started = started;
	pthread_barrier_init(&crew->begin, NULL, (unsigned)started + 1);
	pthread_barrier_init(&crew->end, NULL, (unsigned)started + 1);
	for (int i = 0; i < started; i++) {
		struct member *member = &crew->members[i];

		member->crew = crew;
		member->number = i;
		if (pthread_create(&member->thread, NULL, member_main,
				   member) != 0)
			worker_die("pthread_create");
	}
	return crew;
}

static void crew_step(struct crew *crew, int only, crew_fn *fn, void *arg)
{
	crew->fn = fn;
	crew->arg = arg;
	crew->only = only;
	pthread_barrier_wait(&crew->begin);
	if (fn != NULL)
		pthread_barrier_wait(&crew->end);
}

double crew_run(struct crew *crew, crew_fn *fn, void *arg)
{
	double start, end;

	crew_step(crew, -1, fn, arg);
	start = crew->members[0].start;
	end = crew->members[0].end;
	for (int i = 1; i < crew->threads; i++) {
		start = fmin(start, crew->members[i].start);
		end = fmax(end, crew->members[i].end);
	}
	return end - start;
}

void crew_run_one(struct crew *crew, int thread, crew_fn *fn, void *arg)
{
	crew_step(crew, thread, fn, arg);
}

void crew_end(struct crew *crew)
{
	crew_step(crew, -1, NULL, NULL);
	for (int i = 0; i < crew->started; i++)
		pthread_join(crew->members[i].thread, NULL);
	pthread_barrier_destroy(&crew->begin);
	pthread_barrier_destroy(&crew->end);
	free(crew);
}
