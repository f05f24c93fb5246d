/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of bytes: what pools hold against what was asked of them, each request
 * rounded to its alignment.
 */
#include "bars.h"

#include <sched.h>
#include <stdio.h>

/* ---- row 5: threads that come and go ------------------------------------- */

enum {
	FEW = 10,
	FEW_BYTES = 32,
	CHURN_THREADS = 20000
};

static void *churn_thread(void *pool)
{
	for (int i = 0; i < FEW; i++)
		keep(tarn_palloc(pool, FEW_BYTES));
	return NULL;
}

void row_churn(void)
{
	tarn_pool *pool = make_pool(NULL);

	for (int i = 0; i < CHURN_THREADS; i += 2) {
		pthread_t threads[2];

		thread_start(&threads[0], churn_thread, pool);
		thread_start(&threads[1], churn_thread, pool);
		thread_join(threads[0]);
		thread_join(threads[1]);
	}
	report_bytes("10 x 32 bytes each", pool_held(pool),
		     (size_t)CHURN_THREADS * FEW * FEW_BYTES, 1.05);
	tarn_pool_destroy(pool);
}

/* ---- row 6: a million objects -------------------------------------------- */

enum {
	MILLION = 1000000
};

typedef size_t size_fn(uint64_t *state);
typedef void *alloc_fn(tarn_pool *pool, size_t size);

/* Within (0, 1). */
static double random_unit(uint64_t *state)
{
	return ((double)(random_next(state) >> 12) + 0.5) / 0x1p52;
}

/* Median 48; with this deviation one in 10,000 is beyond 4000, and clipped. */
static size_t size_log_normal(uint64_t *state)
{
	double normal = sqrt(-2 * log(random_unit(state))) *
			cos(2 * acos(-1) * random_unit(state));
	double size = 48 * exp(1.2 * normal);

	return size < 1 ? 1 : size > 4000 ? 4000 : (size_t)size;
}

struct node {
	struct node *next, *previous;
	uint64_t value;
};

static size_t size_node(uint64_t *state)
{
	(void)state;
	return sizeof(struct node);
}

static void *alloc_packed(tarn_pool *pool, size_t size)
{
	return tarn_pmemalign(pool, 8, size);
}

static void *alloc_node(tarn_pool *pool, size_t size)
{
	(void)size;
	return tarn_new(pool, struct node);
}

static const struct million {
	const char *what;
	size_fn *size;
	alloc_fn *alloc;
	size_t alignment;
} millions[] = {
	{"8..128, tarn_palloc", size_uniform, tarn_palloc, 16},
	{"8..128, tarn_pmemalign 8", size_uniform, alloc_packed, 8},
	{"log-normal, tarn_palloc", size_log_normal, tarn_palloc, 16},
	{"log-normal, tarn_pmemalign 8", size_log_normal, alloc_packed, 8},
	{"24, tarn_palloc", size_node, tarn_palloc, 16},
	{"24, tarn_pmemalign 8", size_node, alloc_packed, 8},
	{"24, tarn_new", size_node, alloc_node, 8},
};

void row_million(void)
{
	for (size_t i = 0; i < sizeof(millions) / sizeof(*millions); i++) {
		const struct million *m = &millions[i];
		tarn_pool *pool = make_pool(NULL);
		uint64_t state = RANDOM_START;
		size_t asked = 0;

		for (int k = 0; k < MILLION; k++) {
			size_t size = m->size(&state);

			keep(m->alloc(pool, size));
			asked += round_up(size, m->alignment);
		}
		report_bytes(m->what, pool_held(pool), asked, 1.03);
		tarn_pool_destroy(pool);
	}
}

/* ---- row 7: many pools, many threads ------------------------------------- */

enum {
	CROWD_POOLS = 64,
	CROWD_THREADS = 8,
	CROWD_ROUNDS = 5
};

struct crowd {
	tarn_pool *pools[CROWD_POOLS];
	struct gate start, end;
	atomic_size_t turn; /* of the thread with this number */
	bool together;      /* else one thread after the other */
	bool mixed;         /* 8..128 bytes, else 32 */
	atomic_size_t asked;
};

struct crowd_thread {
	struct crowd *crowd;
	size_t number;
};

static void crowd_alloc(struct crowd *crowd, size_t number)
{
	uint64_t state = RANDOM_START * (number + 1);
	size_t asked = 0;

	for (size_t i = 0; i < CROWD_POOLS; i++)
		for (size_t k = 0; k < FEW; k++) {
			size_t size =
				crowd->mixed ? size_uniform(&state) : FEW_BYTES;

			keep(tarn_palloc(crowd->pools[i], size));
			asked += round_up(size, TARN_ALIGNMENT);
		}
	atomic_fetch_add(&crowd->asked, asked);
}

/* No thread ends before all are done: its slot would have an heir. */
static void *crowd_thread(void *arg)
{
	struct crowd_thread *self = arg;
	struct crowd *crowd = self->crowd;

	gate_wait(&crowd->start);
	while (!crowd->together && atomic_load(&crowd->turn) != self->number)
		sched_yield();
	crowd_alloc(crowd, self->number);
	atomic_fetch_add(&crowd->turn, 1);
	gate_wait(&crowd->end);
	return NULL;
}

/* `creator`: the thread that makes the pools is one of the eight. */
static size_t crowd_run(struct crowd *crowd, bool creator)
{
	struct crowd_thread threads[CROWD_THREADS];
	pthread_t handles[CROWD_THREADS];
	size_t held = 0, first = creator;

	crowd->start = crowd->end = (struct gate){0, CROWD_THREADS};
	crowd->turn = crowd->asked = 0;
	for (size_t i = 0; i < CROWD_POOLS; i++)
		crowd->pools[i] = make_pool(NULL);
	for (size_t i = 0; i < CROWD_THREADS; i++) {
		threads[i] = (struct crowd_thread){crowd, i};
		if (i >= first)
			thread_start(&handles[i], crowd_thread, &threads[i]);
	}
	if (creator)
		crowd_thread(&threads[0]);
	for (size_t i = first; i < CROWD_THREADS; i++)
		thread_join(handles[i]);
	for (size_t i = 0; i < CROWD_POOLS; i++) {
		held += pool_held(crowd->pools[i]);
		tarn_pool_destroy(crowd->pools[i]);
	}
	return held;
}

void row_crowd(void)
{
	for (unsigned kind = 0; kind < 8; kind++) {
		struct crowd crowd = {.together = (kind & 1) == 0,
				      .mixed = (kind & 4) != 0};
		bool creator = (kind & 2) != 0;
		size_t most = 0, asked = 0;
		char what[64];

		for (int i = 0; i < CROWD_ROUNDS; i++) {
			size_t held = crowd_run(&crowd, creator);

			if (held > most) {
				most = held;
				asked = crowd.asked;
			}
		}
		snprintf(what, sizeof(what), "%s bytes, %s%s",
			 crowd.mixed ? "8..128" : "32",
			 crowd.together ? "together" : "one after the other",
			 creator ? ", creator too" : "");
		report_bytes(what, most, asked, crowd.mixed ? 2.2 : 2.0);
	}
}

/* ---- row 10: what callgrind counts --------------------------------------- */

enum {
	CLAIMS_THREADS = 8,
	CLAIMS_OBJECTS = 60000
};

/* Counted from its beginning to its end. */
static __attribute__((noinline)) void *claims_thread(void *pool)
{
	uint64_t state = RANDOM_START;

	for (int i = 0; i < CLAIMS_OBJECTS; i++)
		keep(tarn_palloc(pool, size_uniform(&state)));
	return NULL;
}

int claims_main(void)
{
	tarn_pool *pool = make_pool(NULL);
	tarn_stats stats = TARN_STATS_INIT;
	pthread_t threads[CLAIMS_THREADS];

	for (int i = 0; i < CLAIMS_THREADS; i++)
		thread_start(&threads[i], claims_thread, pool);
	for (int i = 0; i < CLAIMS_THREADS; i++)
		thread_join(threads[i]);
	tarn_pool_stats(pool, &stats);
	printf("handed out: %zu\n", stats.handed_out);
	tarn_pool_destroy(pool);
	return 0;
}
