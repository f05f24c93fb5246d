/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals all the time: from a timer to the process, and from a thread to each
 * of the threads that allocate, which handle them on stacks of their own. The
 * handler does not use the library. Upstream calls are interrupted.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bag.h"
#include "meter.h"
#include "soak.h"

enum {
	SIGNAL_WORKERS = 4,
	SIGNAL_STACK = 64 << 10,    /* bytes of a handler's stack */
	SIGNAL_SCRIBBLE = 2 << 10,  /* bytes that the handler overwrites */
	SIGNAL_PERIOD = 500 * 1000, /* ns between two of the timer */
	SIGNAL_PAUSE = 100 * 1000   /* ns between two rounds of pthread_kill */
};

static atomic_size_t handled;

struct worker {
	tarn_pool *shared;
	struct meter *meter;
	struct soak_gate *gate;
	uint64_t random;
	size_t rounds;
};

/* Changes errno and gives it back, as a handler has to. */
static void on_signal(int number)
{
	volatile char scribble[SIGNAL_SCRIBBLE];
	int error = errno;

	(void)number;
	for (size_t i = 0; i < sizeof scribble; i++)
		scribble[i] = (char)0x5a;
	errno = ERANGE;
	atomic_fetch_add(&handled, 1);
	errno = error;
}

static void worker_private(struct worker *self)
{
	tarn_options options = TARN_OPTIONS_INIT;
	struct bag bag;
	tarn_pool *pool;

	options.upstream = &self->meter->upstream;
	pool = tarn_pool_create(&options);
	SOAK_REQUIRE(pool != NULL);
	soak_count(SOAK_POOLS, 1);
	bag_init(&bag, soak_random(&self->random));
	bag_fill(&bag, pool, 30);
	bag_check(&bag);
	bag_empty(&bag);
	tarn_pool_destroy(pool);
}

static void *worker_main(void *arg)
{
	struct worker *self = arg;
	stack_t stack = {.ss_sp = malloc(SIGNAL_STACK),
			 .ss_size = SIGNAL_STACK};
	stack_t none = {.ss_flags = SS_DISABLE};
	struct bag bag;

	SOAK_REQUIRE(stack.ss_sp != NULL);
	SOAK_REQUIRE(sigaltstack(&stack, NULL) == 0);
	bag_init(&bag, soak_random(&self->random));
	for (size_t i = 0; i < self->rounds; i++) {
		bag_fill(&bag, self->shared, 20);
		worker_private(self);
	}
	bag_empty(&bag);
	/* Signals come until all are ready to end. */
	soak_gate_wait(self->gate);
	SOAK_REQUIRE(sigaltstack(&none, NULL) == 0);
	free(stack.ss_sp);
	return NULL;
}

/* ---- where they come from -------------------------------------------- */

static timer_t timer_begin(int number)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = number};
	const struct itimerspec period = {{0, SIGNAL_PERIOD},
					  {0, SIGNAL_PERIOD}};
	timer_t timer;

	SOAK_REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	SOAK_REQUIRE(timer_settime(timer, 0, &period, NULL) == 0);
	return timer;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler,
				   .sa_flags = SA_ONSTACK};

	SOAK_REQUIRE(sigaction(number, &action, NULL) == 0);
}

/* Until the workers wait at the gate for this thread alone. */
static void shoot(pthread_t threads[SIGNAL_WORKERS], struct soak_gate *gate)
{
	const struct timespec pause = {0, SIGNAL_PAUSE};
	bool over = false;

	while (!over) {
		for (size_t i = 0; i < SIGNAL_WORKERS; i++)
			SOAK_REQUIRE(pthread_kill(threads[i], SIGUSR1) == 0);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&gate->mutex);
		over = gate->missing == 1;
		pthread_mutex_unlock(&gate->mutex);
	}
	soak_gate_wait(gate);
}

void scenario_signals(uint64_t seed)
{
	struct worker workers[SIGNAL_WORKERS];
	pthread_t threads[SIGNAL_WORKERS];
	struct soak_gate gate;
	struct meter meter;
	tarn_pool *shared = tarn_pool_create(NULL);
	size_t before = atomic_load(&handled);
	timer_t timer;

	SOAK_REQUIRE(shared != NULL);
	meter_init(&meter, soak_random(&seed));
	soak_gate_init(&gate, SIGNAL_WORKERS + 1);
	handle(SIGUSR1, on_signal);
	handle(SIGRTMIN, on_signal);
	timer = timer_begin(SIGRTMIN);
	for (size_t i = 0; i < SIGNAL_WORKERS; i++) {
		workers[i] = (struct worker){shared, &meter, &gate,
					     soak_random(&seed),
					     soak_scaled(3000, 10)};
		threads[i] = soak_start(0, worker_main, &workers[i]);
	}
	shoot(threads, &gate);
	timer_delete(timer);
	for (size_t i = 0; i < SIGNAL_WORKERS; i++)
		soak_join(threads[i]);
	handle(SIGUSR1, SIG_IGN);
	handle(SIGRTMIN, SIG_IGN);
	soak_gate_finish(&gate);
	tarn_pool_destroy(shared);
	meter_finish(&meter);
	soak_count(SOAK_SIGNALS, atomic_load(&handled) - before);
	SOAK_REQUIRE(atomic_load(&handled) > before);
}
