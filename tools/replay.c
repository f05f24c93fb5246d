/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two passes: see replay.h. In the first one the threads hand each other a
 * baton in the recorded order, so that none runs while another does.
 */
#include "replay.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- as it was recorded -------------------------------------------------- */

struct crew {
	struct check *check;
	pthread_mutex_t mutex;
	pthread_cond_t *turns; /* by thread */
	size_t next;           /* the step; past the last: it is over */
	bool failed;
};

struct member {
	struct crew *crew;
	pthread_t thread;
	uint32_t number;
};

static bool crew_is_over(const struct crew *crew)
{
	return crew->failed || crew->next == crew->check->run.plan->count;
}

static uint32_t crew_turn(const struct crew *crew)
{
	return crew->check->run.plan->steps[crew->next].thread;
}

/* Runs the steps up to the next one of another thread, and wakes that. */
static void crew_run_locked(struct crew *crew, uint32_t number)
{
	const struct plan *plan = crew->check->run.plan;

	while (!crew_is_over(crew) && crew_turn(crew) == number)
		if (check_step(crew->check, &plan->steps[crew->next]))
			crew->next++;
		else
			crew->failed = true;
	if (!crew_is_over(crew)) {
		pthread_cond_signal(&crew->turns[crew_turn(crew)]);
		return;
	}
	for (uint32_t i = 0; i < plan->threads; i++)
		pthread_cond_signal(&crew->turns[i]);
}

static void *member_main(void *arg)
{
	struct member *member = arg;
	struct crew *crew = member->crew;

	pthread_mutex_lock(&crew->mutex);
	while (!crew_is_over(crew))
		if (crew_turn(crew) == member->number)
			crew_run_locked(crew, member->number);
		else
			pthread_cond_wait(&crew->turns[member->number],
					  &crew->mutex);
	pthread_mutex_unlock(&crew->mutex);
	return NULL;
}

/* Starts as many as it can; returns how many. */
static uint32_t crew_start_locked(struct crew *crew, struct member *members)
{
	uint32_t count = crew->check->run.plan->threads;

	for (uint32_t i = 0; i < count; i++) {
		members[i].crew = crew;
		members[i].number = i;
		pthread_cond_init(&crew->turns[i], NULL);
	}
	for (uint32_t i = 0; i < count; i++)
		if (pthread_create(&members[i].thread, NULL, member_main,
				   &members[i]) != 0)
			return i;
	return count;
}

/* False: a step failed, or there are not so many threads to be had. */
static bool crew_run(struct crew *crew, struct member *members)
{
	uint32_t count = crew->check->run.plan->threads, started;

	pthread_mutex_lock(&crew->mutex);
	started = crew_start_locked(crew, members);
	if (started < count) {
		snprintf(crew->check->run.why, RECORDS_WHY,
			 "%u threads cannot be had at once", (unsigned)count);
		crew->failed = true;
	}
	pthread_mutex_unlock(&crew->mutex);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(members[i].thread, NULL);
	for (uint32_t i = 0; i < count; i++)
		pthread_cond_destroy(&crew->turns[i]);
	return !crew->failed;
}

static bool check_threads(struct check *check)
{
	uint32_t count = check->run.plan->threads;
	struct member *members = calloc(count, sizeof(*members));
	struct crew crew = {.check = check};
	bool fine = false;

	/* NOLINTNEXTLINE(cert-fio38-c,misc-non-copyable-objects): a size */
	crew.turns = calloc(count, sizeof(*crew.turns));
	pthread_mutex_init(&crew.mutex, NULL);
	if (members != NULL && crew.turns != NULL)
		fine = crew_run(&crew, members);
	else
		snprintf(check->run.why, RECORDS_WHY, "no memory for threads");
	pthread_mutex_destroy(&crew.mutex);
	free(crew.turns);
	free(members);
	return fine;
}

bool replay_check(struct replay *replay, const struct plan *plan,
		  const struct run_options *options, bool contents,
		  char why[RECORDS_WHY])
{
	struct check check;
	bool fine;

	if (!check_init(&check, plan, options, contents, why))
		return false;
	fine = check_threads(&check);
	replay->peak = check.peak;
	replay->ends = check.ends;
	replay->others = check.run.others;
	check_finish(&check);
	return fine;
}

/* ---- for its time -------------------------------------------------------- */

enum {
	ROUNDS_LEAST = 5,
	ROUNDS_MOST = 1001
};

static const double rounds_ns = 2e8; /* all of them, or the least */

static double clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* An object is touched, as its user would. */
static bool time_round(struct run *run, double *ns)
{
	const struct plan *plan = run->plan;
	double start = clock_ns();

	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];

		if (!run_step(run, step))
			return false;
		if (step->op >= STEP_ALLOC && step->op <= STEP_RESIZE &&
		    step->size != 0)
			*(volatile char *)run->objects[step->object].memory = 1;
	}
	*ns = clock_ns() - start;
	return true;
}

bool replay_time(struct replay *replay, const struct plan *plan,
		 const struct run_options *options, char why[RECORDS_WHY])
{
	double rounds[ROUNDS_MOST], all = 0;
	struct run run;
	size_t count = 0;
	bool fine;

	if (!run_init(&run, plan, options, why))
		return false;
	do {
		fine = time_round(&run, &rounds[count]);
		all += fine ? rounds[count] : 0;
		count++;
	} while (fine && count < ROUNDS_MOST &&
		 (count < ROUNDS_LEAST || all < rounds_ns));
	run_finish(&run);
	qsort(rounds, count, sizeof(*rounds), compare_doubles);
	replay->ns = rounds[count / 2] / (double)plan->calls;
	return fine;
}
