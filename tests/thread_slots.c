/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots of threads and what their heirs find: a thread's part of a pool goes to
 * the thread that has its slot next, and to nobody while it lives.
 */
#include "thread.h"

#include <unistd.h>

enum {
	CHURN_THREADS = 2000,    /* one after the other, two alive           */
	CHURN_SLACK = 8192,      /* bytes: first block and a thread's chunks */
	DETACHED_ROUNDS = 20,    /* of a thread that nobody joins            */
	END_MICROSECONDS = 2000, /* that a thread may take to end            */
	ALIVE = 64               /* threads at a time, and pools             */
};

START_TEST(churn_two_alive_held_bounded)
{
	size_t threads = rounds(CHURN_THREADS);
	size_t asked = threads * OBJECTS * SMALL;
	tarn_pool *pool = pool_or_fail();
	struct worker workers[2];
	tarn_stats stats;
	size_t i;

	for (i = 0; i < threads + 2; i++) {
		if (i >= 2)
			ck_assert_int_eq(worker_join(&workers[i % 2]), 0);
		if (i < threads)
			worker_start(&workers[i % 2], allocate_objects, pool,
				     NULL);
	}
	stats = stats_of(pool);
	ck_assert_uint_le(stats.local_pools, 2);
	ck_assert_uint_ge(stats.handed_out, asked);
	/* Less is lost the more threads there were; these are few: each of two
	   may just have claimed a quarter of what it has, until that is more
	   than a block. */
	ck_assert_uint_le(stats.held,
			  asked + asked / (quick() ? 4 : 8) + CHURN_SLACK);
	tarn_pool_destroy(pool);
}
END_TEST

struct noted {
	tarn_pool *pool;
	char *at;
};

static int note_object(void *arg)
{
	struct noted *noted = arg;

	noted->at = tarn_palloc(noted->pool, SMALL);
	EXPECT(noted->at != NULL);
	memset(noted->at, 0x44, SMALL);
	return 0;
}

/* With _i == 1 the creator owns the pool's own local, and the others are in
   the table. */
START_TEST(heir_of_slot_continues_chunk)
{
	struct noted noted = {.pool = pool_or_fail()};
	tarn_stats before;
	tarn_stats after;
	char *first;
	size_t i;

	if (_i == 1)
		ck_assert_ptr_nonnull(tarn_palloc(noted.pool, SMALL));
	ck_assert_int_eq(worker_run(note_object, &noted), 0);
	first = noted.at;
	before = stats_of(noted.pool);
	ck_assert_uint_eq(before.local_pools, (size_t)_i + 1);
	for (i = 1; i < 4; i++) {
		ck_assert_int_eq(worker_run(note_object, &noted), 0);
		ck_assert_ptr_eq(noted.at, first + i * SMALL);
	}
	after = stats_of(noted.pool);
	ck_assert_uint_eq(after.held, before.held);
	ck_assert_uint_eq(after.local_pools, before.local_pools);
	ck_assert_uint_eq(after.handed_out, before.handed_out + 3 * SMALL);
	tarn_pool_destroy(noted.pool);
}
END_TEST

/* A thread in a pool that stays alive until it is let go. */
struct lodger {
	struct noted noted;
	struct gate inside;
	struct gate leave;
};

static int lodge(void *arg)
{
	struct lodger *lodger = arg;
	int status = note_object(&lodger->noted);

	gate_wait(&lodger->inside);
	gate_wait(&lodger->leave);
	return status != 0 ? status : note_object(&lodger->noted);
}

START_TEST(heir_beside_living_thread_gets_the_dead_ones_chunk)
{
	struct noted noted = {.pool = pool_or_fail()};
	struct lodger lodger = {.noted = noted};
	struct worker worker;
	char *of_lodger;
	char *of_dead;

	gate_init(&lodger.inside, 2);
	gate_init(&lodger.leave, 2);
	worker_start(&worker, lodge, &lodger, NULL);
	gate_wait(&lodger.inside);
	of_lodger = lodger.noted.at;
	ck_assert_int_eq(worker_run(note_object, &noted), 0);
	of_dead = noted.at;
	ck_assert_int_eq(worker_run(note_object, &noted), 0);
	ck_assert_ptr_eq(noted.at, of_dead + SMALL);
	gate_wait(&lodger.leave);
	ck_assert_int_eq(worker_join(&worker), 0);
	ck_assert_ptr_eq(lodger.noted.at, of_lodger + SMALL);
	ck_assert_uint_eq(stats_of(noted.pool).local_pools, 2);
	tarn_pool_destroy(noted.pool);
}
END_TEST

/* A thread that nobody joins, and one that inherits from it. */
struct detached {
	tarn_pool *pool;
	atomic_bool ending;
};

static void *allocate_and_end(void *arg)
{
	struct detached *detached = arg;

	allocate_objects(detached->pool);
	atomic_store_explicit(&detached->ending, true, memory_order_relaxed);
	return NULL;
}

static int allocate_after_it(void *arg)
{
	struct detached *detached = arg;

	/* Relaxed: nothing but the library orders the one after the other. */
	while (!atomic_load_explicit(&detached->ending, memory_order_relaxed))
		sched_yield();
	usleep(END_MICROSECONDS);
	return allocate_objects(detached->pool);
}

/* Whether the second thread got the first one's slot, this time. */
static bool inherits_from_detached(void)
{
	struct detached detached = {.pool = pool_or_fail()};
	struct worker worker;
	pthread_t thread;
	tarn_stats stats;

	worker_start(&worker, allocate_after_it, &detached, NULL);
	ck_assert_int_eq(
		pthread_create(&thread, NULL, allocate_and_end, &detached), 0);
	ck_assert_int_eq(pthread_detach(thread), 0);
	ck_assert_int_eq(worker_join(&worker), 0);
	stats = stats_of(detached.pool);
	ck_assert_uint_eq(stats.handed_out, 2 * OBJECTS * SMALL);
	tarn_pool_destroy(detached.pool);
	return stats.local_pools == 1;
}

START_TEST(heir_of_detached_thread_ordered_after_it)
{
	size_t inherited = 0;
	size_t round;

	for (round = 0; round < DETACHED_ROUNDS; round++)
		inherited += inherits_from_detached();
	ck_assert_uint_gt(inherited, 0);
}
END_TEST

/* All threads in all pools, and alive together. */
struct crowd {
	tarn_pool *pools[ALIVE];
	struct gate done;
	atomic_size_t number;
};

static int allocate_everywhere(struct crowd *crowd, size_t number,
			       unsigned char *objects[ALIVE][OBJECTS])
{
	size_t i, j;

	for (i = 0; i < ALIVE; i++) {
		size_t at = (i + number) % ALIVE;

		for (j = 0; j < OBJECTS; j++) {
			objects[at][j] = tarn_palloc(crowd->pools[at], SMALL);
			EXPECT(objects[at][j] != NULL);
			memset(objects[at][j], (int)(number + j), SMALL);
		}
	}
	return 0;
}

static int live_in_crowd(void *arg)
{
	struct crowd *crowd = arg;
	size_t number = atomic_fetch_add(&crowd->number, 1);
	unsigned char *objects[ALIVE][OBJECTS];
	int status = allocate_everywhere(crowd, number, objects);
	size_t i, j, k;

	gate_wait(&crowd->done);
	for (i = 0; i < ALIVE && status == 0; i++)
		for (j = 0; j < OBJECTS; j++)
			for (k = 0; k < SMALL; k++)
				EXPECT(objects[i][j][k] ==
				       (unsigned char)(number + j));
	return status;
}

START_TEST(crowd_in_many_pools_objects_intact)
{
	static struct crowd crowd;
	size_t wave, i;

	for (i = 0; i < ALIVE; i++)
		crowd.pools[i] = pool_or_fail();
	/* The second wave inherits from the first: as many locals. */
	for (wave = 0; wave < 2; wave++) {
		atomic_init(&crowd.number, 0);
		gate_init(&crowd.done, ALIVE);
		ck_assert_int_eq(
			workers_together(live_in_crowd, &crowd, 0, ALIVE), 0);
		for (i = 0; i < ALIVE; i++)
			ck_assert_uint_eq(stats_of(crowd.pools[i]).local_pools,
					  ALIVE);
	}
	for (i = 0; i < ALIVE; i++)
		tarn_pool_destroy(crowd.pools[i]);
}
END_TEST

void add_slots_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "slots");

	tcase_add_test(tcase, churn_two_alive_held_bounded);
	tcase_add_loop_test(tcase, heir_of_slot_continues_chunk, 0, 2);
	tcase_add_test(tcase,
		       heir_beside_living_thread_gets_the_dead_ones_chunk);
	tcase_add_test(tcase, heir_of_detached_thread_ordered_after_it);
	tcase_add_test(tcase, crowd_in_many_pools_objects_intact);
}
