/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends of threads: beside a destroy, and with destructors of their own that
 * use pools before and after the library's. The pools stay as usable as before.
 */
#include "thread.h"

#define EXIT_DESTRUCTIONS (HOST_ROUNDS - UNDER_THREAD_SANITIZER)
#define LATE_FIRST_USE    !UNDER_THREAD_SANITIZER

enum {
	EXIT_ROUNDS = 200,   /* of a thread's end beside a destroy   */
	LATE_THREADS = 1000, /* that begin in their destructors      */
	LATE_SLOTS = 256     /* that these may leave taken           */
};

struct leaver {
	tarn_pool *destroyed;
	tarn_pool *kept;
	struct gate gate;
};

static int use_both_and_leave(void *arg)
{
	struct leaver *leaver = arg;
	int status = allocate_objects(leaver->destroyed);

	if (status == 0)
		status = allocate_objects(leaver->kept);
	gate_wait(&leaver->gate);
	return status;
}

START_TEST(exit_of_thread_beside_destroy_harmless)
{
	size_t round;

	for (round = 0; round < rounds(EXIT_ROUNDS); round++) {
		struct leaver leaver = {pool_or_fail(), pool_or_fail(), {0}};
		struct worker worker;

		/* The creator is in one of the two, in turn. */
		ck_assert_ptr_nonnull(tarn_palloc(
			round % 2 ? leaver.kept : leaver.destroyed, 1));
		gate_init(&leaver.gate, 2);
		worker_start(&worker, use_both_and_leave, &leaver, NULL);
		gate_wait(&leaver.gate);
		tarn_pool_destroy(leaver.destroyed);
		ck_assert_int_eq(allocate_objects(leaver.kept), 0);
		ck_assert_int_eq(worker_join(&worker), 0);
		ck_assert_uint_eq(stats_of(leaver.kept).local_pools, 2);
		tarn_pool_destroy(leaver.kept);
	}
}
END_TEST

/* Made before the library's first use, and after it: the destructors of the
   one run before the library's own, those of the other after it. */
static pthread_key_t early_key;
static pthread_key_t late_key;

struct last_words {
	tarn_pool *pool;
	pthread_key_t key;
	tarn_local *local;
	unsigned rounds;
	int status;
	unsigned char *kept[EXIT_DESTRUCTIONS];
};

static int say_last_words(struct last_words *words)
{
	tarn_local *local = tarn_pool_local(words->pool);
	unsigned char *at = tarn_palloc(words->pool, SMALL);
	int status = use_pool(words->pool);

	EXPECT(status == 0);
	EXPECT(at != NULL);
	memset(at, (int)words->rounds, SMALL);
	words->kept[words->rounds - 1] = at;
	/* Once the library's own destructor ran in the last round, a thread
	   has no local any more; until then it keeps the one it had. */
	EXPECT(local != NULL || words->rounds == EXIT_DESTRUCTIONS);
	EXPECT(local == NULL || tarn_local_palloc(local, SMALL) != NULL);
	EXPECT(local == NULL || words->rounds == 1 || local == words->local);
	words->local = local;
	return live_pool();
}

static void at_thread_exit(void *value)
{
	struct last_words *words = value;

	words->rounds++;
	if (words->status == 0)
		words->status = say_last_words(words);
	if (words->rounds < EXIT_DESTRUCTIONS &&
	    pthread_setspecific(words->key, words) != 0)
		words->status = __LINE__;
}

/* A thread that leaves words behind; with `before`, it used the pool too. */
struct speaker {
	struct last_words early;
	struct last_words late;
	bool before;
};

static int speak(void *arg)
{
	struct speaker *speaker = arg;

	EXPECT(pthread_setspecific(early_key, &speaker->early) == 0);
	EXPECT(pthread_setspecific(late_key, &speaker->late) == 0);
	return speaker->before ? allocate_objects(speaker->early.pool) : 0;
}

static void verify_words(const struct last_words *words)
{
	unsigned char expected[SMALL];
	size_t i;

	ck_assert_int_eq(words->status, 0);
	ck_assert_uint_eq(words->rounds, EXIT_DESTRUCTIONS);
	for (i = 0; i < EXIT_DESTRUCTIONS; i++) {
		memset(expected, (int)i + 1, SMALL);
		ck_assert_mem_eq(words->kept[i], expected, SMALL);
	}
}

static void speaker_init(struct speaker *speaker, tarn_pool *pool, bool before)
{
	memset(speaker, 0, sizeof *speaker);
	speaker->early.pool = speaker->late.pool = pool;
	speaker->early.key = early_key;
	speaker->late.key = late_key;
	speaker->before = before;
}

enum {
	SPEAKERS = 8
};

/* With _i == 1 the threads do not use the library before their destructors. */
START_TEST(exit_destructors_of_every_round_allocate)
{
	static struct speaker speakers[SPEAKERS];
	struct counting counting;
	tarn_pool *pool;
	size_t i;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
	for (i = 0; i < SPEAKERS; i++)
		speaker_init(&speakers[i], pool, _i == 0);
	/* Half of them together, half one after the other. */
	ck_assert_int_eq(workers_together(speak, speakers, sizeof *speakers,
					  SPEAKERS / 2),
			 0);
	for (i = SPEAKERS / 2; i < SPEAKERS; i++)
		ck_assert_int_eq(worker_run(speak, &speakers[i]), 0);
	for (i = 0; i < SPEAKERS; i++) {
		verify_words(&speakers[i].early);
		verify_words(&speakers[i].late);
	}
	if (_i == 0)
		ck_assert_uint_le(stats_of(pool).local_pools, SPEAKERS / 2 + 1);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Uses the library in no place but its last destructors. */
static int speak_late(void *arg)
{
	struct speaker *speaker = arg;

	EXPECT(pthread_setspecific(late_key, &speaker->late) == 0);
	return 0;
}

/* The library's destructor cannot know which round of such a thread is its
   last; its slot comes back all the same. */
START_TEST(exit_first_use_in_destructors_slots_come_back)
{
	tarn_pool *pool = pool_or_fail();
	size_t i;

	ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
	for (i = 0; i < LATE_THREADS; i++) {
		struct speaker speaker;

		speaker_init(&speaker, pool, false);
		ck_assert_int_eq(worker_run(speak_late, &speaker), 0);
		verify_words(&speaker.late);
	}
	ck_assert_uint_lt(stats_of(pool).local_pools, LATE_SLOTS);
	tarn_pool_destroy(pool);
}
END_TEST

void make_keys(void)
{
	if (pthread_key_create(&early_key, at_thread_exit) != 0 ||
	    live_pool() != 0 ||
	    pthread_key_create(&late_key, at_thread_exit) != 0)
		abort();
}

void add_ends_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "ends");

	tcase_add_test(tcase, exit_of_thread_beside_destroy_harmless);
	tcase_add_loop_test(tcase, exit_destructors_of_every_round_allocate, 0,
			    2);
	if (LATE_FIRST_USE && dead_threads_are_told())
		tcase_add_test(tcase,
			       exit_first_use_in_destructors_slots_come_back);
}
