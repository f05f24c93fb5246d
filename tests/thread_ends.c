/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends of threads: beside a destroy, with destructors of their own that use
 * pools before and after the library's, and by cancellation. The pools stay as
 * usable as before.
 */
#include "thread.h"

#include <limits.h>
#include <unistd.h>

#ifndef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS _POSIX_THREAD_DESTRUCTOR_ITERATIONS
#endif

#define EXIT_DESTRUCTIONS                                                      \
	(PTHREAD_DESTRUCTOR_ITERATIONS - UNDER_THREAD_SANITIZER)
#define LATE_FIRST_USE !UNDER_THREAD_SANITIZER

enum {
	EXIT_ROUNDS = 200,   /* of a thread's end beside a destroy   */
	LATE_THREADS = 1000, /* that begin in their destructors      */
	LATE_SLOTS = 256,    /* that these may leave taken           */
	CANCEL_ROUNDS = 200, /* of cancellation in a pool            */
	CANCEL_SPINS = 20000 /* at most, before the cancellation     */
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

/* ---- cancellation ------------------------------------------------------ */

struct cancelled {
	tarn_pool *pool;
	struct gate gate;
};

static void *allocate_until_cancelled(void *arg)
{
	struct cancelled *cancelled = arg;

	gate_wait(&cancelled->gate);
	for (;;) {
		if (use_pool(cancelled->pool) != 0)
			return NULL;
		tarn_trim();
		pthread_testcancel();
	}
}

/* Cancels a thread in the midst of using the pool, which stays usable. */
static void cancel_in_pool(tarn_pool *pool, size_t spins)
{
	struct cancelled cancelled = {.pool = pool};
	volatile size_t spun;
	pthread_t thread;
	void *result;

	gate_init(&cancelled.gate, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, allocate_until_cancelled,
					&cancelled),
			 0);
	gate_wait(&cancelled.gate);
	for (spun = 0; spun < spins; spun++)
		;
	ck_assert_int_eq(pthread_cancel(thread), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert(result == PTHREAD_CANCELED);
	ck_assert_int_eq(use_pool(pool), 0);
}

/* An upstream's functions may well be cancellation points. */
static void *cancellable_alloc(void *ctx, size_t *size, size_t alignment)
{
	pthread_testcancel();
	return counting_alloc(ctx, size, alignment);
}

static void *cancellable_resize(void *ctx, void *ptr, size_t old_size,
				size_t *new_size)
{
	pthread_testcancel();
	return counting_resize(ctx, ptr, old_size, new_size);
}

static void cancellable_release(void *ctx, void *ptr, size_t size)
{
	pthread_testcancel();
	counting_release(ctx, ptr, size);
}

/* With _i == 1, upstream has cancellation points. */
START_TEST(cancel_in_pool_leaves_it_usable)
{
	uint64_t random = seed("cancel");
	size_t round;

	alarm(DEADLOCK_SECONDS);
	for (round = 0; round < rounds(CANCEL_ROUNDS); round++) {
		struct counting counting;
		tarn_pool *pool;

		counting_init(&counting);
		if (_i == 1) {
			counting.upstream.alloc = cancellable_alloc;
			counting.upstream.resize = cancellable_resize;
			counting.upstream.release = cancellable_release;
		}
		pool = counting_pool(&counting, 0);
		cancel_in_pool(pool, random_between(&random, 0, CANCEL_SPINS));
		ck_assert_int_eq(worker_run(allocate_objects, pool), 0);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
	alarm(0);
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
	if (LATE_FIRST_USE)
		tcase_add_test(tcase,
			       exit_first_use_in_destructors_slots_come_back);
	tcase_add_loop_test(tcase, cancel_in_pool_leaves_it_usable, 0, 2);
}
