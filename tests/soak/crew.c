/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads, gates and children of the scenarios: see soak.h.
 */
#include "soak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds: a child that takes longer hangs. */
enum {
	CHILD_SECONDS = 300
};

pthread_t soak_start(size_t stack, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	if (stack != 0)
		SOAK_REQUIRE(pthread_attr_setstacksize(&attributes, stack) ==
			     0);
	SOAK_REQUIRE(pthread_create(&thread, &attributes, fn, arg) == 0);
	pthread_attr_destroy(&attributes);
	soak_count(SOAK_THREADS, 1);
	return thread;
}

void *soak_join(pthread_t thread)
{
	void *result;

	SOAK_REQUIRE(pthread_join(thread, &result) == 0);
	return result;
}

void soak_together(void *(*fn)(void *), void *args, size_t arg_size,
		   size_t count)
{
	pthread_t *threads = calloc(count, sizeof *threads);

	SOAK_REQUIRE(threads != NULL);
	for (size_t i = 0; i < count; i++)
		threads[i] = soak_start(SOAK_SMALL_STACK, fn,
					(char *)args + i * arg_size);
	for (size_t i = 0; i < count; i++)
		soak_join(threads[i]);
	free(threads);
}

/* ---- gates ----------------------------------------------------------- */

void soak_gate_init(struct soak_gate *gate, size_t count)
{
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->count = gate->missing = count;
	gate->opened = 0;
}

void soak_gate_wait(struct soak_gate *gate)
{
	size_t opened;
	int state;

	/* One cancelled in the wait would end with the mutex locked. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&gate->mutex);
	opened = gate->opened;
	if (--gate->missing == 0) {
		gate->missing = gate->count;
		gate->opened++;
		pthread_cond_broadcast(&gate->changed);
	}
	while (gate->opened == opened)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
	pthread_setcancelstate(state, NULL);
}

void soak_gate_finish(struct soak_gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

/* ---- children -------------------------------------------------------- */

pid_t soak_fork(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	SOAK_REQUIRE(child >= 0);
	if (child == 0)
		alarm(CHILD_SECONDS);
	else
		soak_count(SOAK_CHILDREN, 1);
	return child;
}

void soak_wait(pid_t child)
{
	pid_t ended;
	int status;

	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	SOAK_REQUIRE(ended == child);
	SOAK_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void soak_in_child(void (*fn)(uint64_t), uint64_t seed)
{
	pid_t child = soak_fork();

	if (child == 0) {
		fn(seed);
		_exit(EXIT_SUCCESS);
	}
	soak_wait(child);
}
