/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows 16 to 18: what a pool holds while its objects are freed one by one, and
 * what a mark costs. An object knows its size, by its first word.
 */
#include "bars.h"

#include <stdio.h>
#include <stdlib.h>

/* NULL: the pool is at its limit. */
static void *sized_alloc(tarn_pool *pool, size_t size)
{
	size_t *object = tarn_palloc(pool, size);

	if (object != NULL)
		*object = size;
	return object;
}

static void sized_free(tarn_pool *pool, void *object)
{
	if (tarn_pfree_sized(pool, object, *(size_t *)object) != 0)
		die("tarn_pfree_sized");
}

/* What an object takes; 0 for NULL. */
static size_t sized_bytes(const size_t *object)
{
	return object != NULL ? round_up(*object, TARN_ALIGNMENT) : 0;
}

static size_t size_within(uint64_t *state, size_t least, size_t most)
{
	return least + (size_t)(random_next(state) % (most - least + 1));
}

/* ---- row 16: objects freed by others ------------------------------------- */

enum {
	OTHERS_THREADS = 8,
	OTHERS_OBJECTS = 1 << 16, /* alive, in a table that all threads share */
	OTHERS_LEAST = 8,         /* bytes */
	OTHERS_MOST = 1024
};

struct others {
	tarn_pool *pool;
	size_t pairs; /* of each thread */
	uint64_t seed;
	_Atomic(void *) table[OTHERS_OBJECTS];
};

struct others_thread {
	struct others *others;
	uint64_t state;
};

/* Puts an object in a random place of the table and frees which was there:
   seven times of eight that of another thread. */
static void *others_thread(void *arg)
{
	struct others_thread *self = arg;
	struct others *others = self->others;
	uint64_t state = self->state;

	for (size_t i = 0; i < others->pairs; i++) {
		size_t place = random_next(&state) % OTHERS_OBJECTS;
		void *object = sized_alloc(
			others->pool,
			size_within(&state, OTHERS_LEAST, OTHERS_MOST));

		if (object == NULL)
			die("tarn_palloc");
		object = atomic_exchange_explicit(&others->table[place], object,
						  memory_order_acq_rel);
		if (object != NULL)
			sized_free(others->pool, object);
	}
	return NULL;
}

static void others_run(struct others *others, size_t pairs)
{
	struct others_thread threads[OTHERS_THREADS];
	pthread_t handles[OTHERS_THREADS];

	others->pairs = pairs / OTHERS_THREADS;
	for (size_t i = 0; i < OTHERS_THREADS; i++) {
		threads[i] = (struct others_thread){
			others, RANDOM_START * ++others->seed};
		thread_start(&handles[i], others_thread, &threads[i]);
	}
	for (size_t i = 0; i < OTHERS_THREADS; i++)
		thread_join(handles[i]);
}

static size_t others_alive(const struct others *others)
{
	size_t bytes = 0;

	for (size_t i = 0; i < OTHERS_OBJECTS; i++)
		bytes += sized_bytes(others->table[i]);
	return bytes;
}

/* A pool gives nothing back before its reset, so what it holds at the end is
   the most that it held; and as much is alive then as at any time before. */
void row_others(void)
{
	static struct others others;
	size_t pairs = operations(8000000) / 2, before;
	char what[64];

	others.pool = make_pool(NULL);
	others_run(&others, pairs / 4);
	before = pool_held(others.pool);
	others_run(&others, pairs - pairs / 4);
	snprintf(what, sizeof(what), "held after %zu, and after a quarter",
		 2 * pairs);
	report_bytes(what, pool_held(others.pool), before, 1.05);
	report_bytes("held, and alive", pool_held(others.pool),
		     others_alive(&others), 1.25);
	tarn_pool_destroy(others.pool);
}

/* ---- row 17: other sizes than before ------------------------------------- */

enum {
	SIZES_ALIVE = 8 << 20, /* bytes */
	SIZES_LIMIT = 512 << 10,
	SIZES_PLACES = 1 << 20,
	SIZES_AGE = 64, /* of the oldest so many, one is freed */
	SIZES_STEPS = 300000,
	SIZES_STEPS_LIMITED = 100000
};

/* Objects by age, in a ring. */
struct ages {
	tarn_pool *pool;
	uint64_t state;
	size_t first, count;
	size_t alive; /* bytes */
	void *ring[SIZES_PLACES];
};

static void **ages_at(struct ages *ages, size_t i)
{
	return &ages->ring[(ages->first + i) % SIZES_PLACES];
}

/* Memory of objects of about the same age is freed at about the same time. */
static void ages_free(struct ages *ages)
{
	size_t among = ages->count < SIZES_AGE ? ages->count : SIZES_AGE;
	void **chosen = ages_at(ages, random_next(&ages->state) % among);
	void *object = *chosen;

	*chosen = *ages_at(ages, 0);
	ages->first = (ages->first + 1) % SIZES_PLACES;
	ages->count--;
	ages->alive -= sized_bytes(object);
	sized_free(ages->pool, object);
}

/* False: it was refused, however much was freed. */
static bool ages_add(struct ages *ages, size_t size)
{
	void *object = sized_alloc(ages->pool, size);

	while (object == NULL && ages->count != 0) {
		ages_free(ages);
		object = sized_alloc(ages->pool, size);
	}
	if (object == NULL)
		return false;
	*ages_at(ages, ages->count++) = object;
	ages->alive += sized_bytes(object);
	return true;
}

/* Many small ones first, then few larger ones. */
static size_t ages_size(struct ages *ages, unsigned phase)
{
	return phase == 0 ? size_within(&ages->state, 8, 64)
			  : size_within(&ages->state, 256, 1024);
}

static void sizes_alive(struct ages *ages)
{
	for (unsigned i = 0; i < 2 * SIZES_STEPS; i++) {
		size_t size = ages_size(ages, i / SIZES_STEPS);

		while (ages->alive + round_up(size, TARN_ALIGNMENT) >
		       SIZES_ALIVE)
			ages_free(ages);
		if (!ages_add(ages, size))
			die("tarn_palloc");
	}
	report_bytes("held, and alive all the time", pool_held(ages->pool),
		     SIZES_ALIVE, 1.5);
}

/* As much is alive as the limit allows: each refusal has something freed, until
   the request is granted. */
static void sizes_limited(struct ages *ages)
{
	size_t least = SIZES_LIMIT, stuck = 0;
	char detail[64];

	for (unsigned i = 0; i < 2 * SIZES_STEPS_LIMITED; i++) {
		unsigned phase = i / SIZES_STEPS_LIMITED;

		stuck += !ages_add(ages, ages_size(ages, phase));
		if (phase == 1 && ages->alive < least)
			least = ages->alive;
	}
	snprintf(detail, sizeof(detail), "of %d", 2 * SIZES_STEPS_LIMITED);
	report("under a limit: refused with all freed", detail, (double)stuck,
	       0);
	report_bytes("the limit, and alive at least", SIZES_LIMIT, least + 1,
		     NO_BAR);
}

void row_sizes(void)
{
	static const size_t limits[] = {0, SIZES_LIMIT};

	for (size_t i = 0; i < 2; i++) {
		struct ages *ages = calloc(1, sizeof(*ages));
		tarn_options options = TARN_OPTIONS_INIT;

		if (ages == NULL)
			die("calloc");
		options.limit = limits[i];
		ages->pool = make_pool(&options);
		ages->state = RANDOM_START;
		if (limits[i] == 0)
			sizes_alive(ages);
		else
			sizes_limited(ages);
		tarn_pool_destroy(ages->pool);
		free(ages);
	}
}

/* ---- row 18: mark and rewind --------------------------------------------- */

enum {
	MARK_OBJECTS = 10,
	MARK_BYTES = 32,
	MARK_ROUNDS = 100 /* their objects fit the first block, all together */
};

static tarn_pool *mark_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.first_block = (size_t)64 << 10;
	return make_pool(&options);
}

/* Both sides, with the calls by the pool or the inline ones. Without a mark a
   reset makes the memory new, which is not timed. */
#define MARK_SIDE(name, marks, alloc, from)                                    \
	static bool name(const void *arg, double *ns)                          \
	{                                                                      \
		tarn_pool *pool = *(tarn_pool *const *)arg;                    \
		tarn_local *local = tarn_pool_local(pool);                     \
		struct watch start = watch_start();                            \
		bool calm;                                                     \
                                                                               \
		for (int i = 0; i < MARK_ROUNDS; i++) {                        \
			tarn_mark mark;                                        \
                                                                               \
			if (marks)                                             \
				mark = tarn_local_mark(local);                 \
			for (int k = 0; k < MARK_OBJECTS; k++)                 \
				touch(alloc(from, MARK_BYTES));                \
			if (marks)                                             \
				tarn_local_rewind(local, mark);                \
		}                                                              \
		*ns = watch_ns(&start) / MARK_ROUNDS;                          \
		calm = watch_calm(&start);                                     \
		tarn_pool_reset(pool);                                         \
		return calm;                                                   \
	}

MARK_SIDE(mark_none, false, tarn_palloc, pool)
MARK_SIDE(mark_each, true, tarn_palloc, pool)
MARK_SIDE(mark_none_inline, false, tarn_local_palloc, local)
MARK_SIDE(mark_each_inline, true, tarn_local_palloc, local)

void row_mark(void)
{
	tarn_pool *pool = mark_pool();

	report_times("against the allocations alone",
		     (struct side[]){{mark_none, &pool}, {mark_each, &pool}},
		     true, 1.25);
	report_times("the same, inline",
		     (struct side[]){{mark_none_inline, &pool},
				     {mark_each_inline, &pool}},
		     true, NO_BAR);
	tarn_pool_destroy(pool);
}
