/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that come and go: slots and what their heirs find, the ends of
 * threads, cancellation, fork and exit. What runs at one time in one pool is
 * in test_race.c.
 */
#include "counting.h"
#include "util.h"

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS _POSIX_THREAD_DESTRUCTOR_ITERATIONS
#endif

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* ThreadSanitizer is gone in a thread's last round of destructors, which the
   library itself must not reach then, and it ends a process that forked with
   threads and then starts one. */
#if defined __SANITIZE_THREAD__ || __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER true
#else
#define UNDER_THREAD_SANITIZER false
#endif
#define EXIT_DESTRUCTIONS                                                      \
	(PTHREAD_DESTRUCTOR_ITERATIONS - UNDER_THREAD_SANITIZER)
#define LATE_FIRST_USE     !UNDER_THREAD_SANITIZER
#define THREADS_AFTER_FORK !UNDER_THREAD_SANITIZER

/* The malloc of a sanitizer is torn in the child where another thread was in
   it: with one, the busy threads stand still while the process forks. */
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#define STILL_AT_FORK true
#else
#define STILL_AT_FORK UNDER_THREAD_SANITIZER
#endif

enum {
	SMALL = 32,              /* bytes                                     */
	LARGE = 5000,            /* bytes: above the default large_above      */
	OBJECTS = 10,            /* of a thread in a pool                     */
	CHURN_THREADS = 2000,    /* one after the other, two alive            */
	CHURN_SLACK = 8192,      /* bytes: first block and a thread's chunks  */
	DETACHED_ROUNDS = 20,    /* of a thread that nobody joins             */
	END_MICROSECONDS = 2000, /* that a thread may take to end             */
	EXIT_ROUNDS = 200,       /* of a thread's end beside a destroy        */
	LATE_THREADS = 1000,     /* that begin in their destructors           */
	LATE_SLOTS = 256,        /* that these may leave taken                */
	ALIVE = 64,              /* threads at a time, and pools              */
	FORK_ROUNDS = 100,       /* of fork beside busy threads               */
	LEAVE_ROUNDS = 10,       /* of exit() with threads running            */
	CANCEL_ROUNDS = 200,     /* of cancellation in a pool                 */
	CANCEL_SPINS = 20000,    /* at most, before the cancellation          */
	HANDED_ROUNDS = 10000,   /* pools that one thread makes for another   */
	DEADLOCK_SECONDS = 120   /* after which something waits for ever      */
};

/* Uses of every kind, on a pool that is to be destroyed. */
static int use_pool(tarn_pool *pool)
{
	char *text = tarn_psprintf(pool, "%d-%s", SMALL, "text");
	unsigned char *small = tarn_palloc(pool, SMALL);
	unsigned char *large = tarn_palloc(pool, LARGE);
	unsigned char *gone = tarn_palloc(pool, LARGE);
	tarn_pool *child = tarn_pool_create_child(pool, NULL);

	EXPECT(text != NULL && strcmp(text, "32-text") == 0);
	EXPECT(small != NULL && large != NULL && gone != NULL);
	memset(small, 1, SMALL);
	memset(large, 2, LARGE);
	memset(gone, 3, LARGE);
	large = tarn_prealloc(pool, large, LARGE, 2 * LARGE);
	EXPECT(large != NULL && large[0] == 2 && large[LARGE - 1] == 2);
	EXPECT(tarn_pfree(pool, gone) == 0);
	EXPECT(small[0] == 1 && small[SMALL - 1] == 1);
	EXPECT(child != NULL && tarn_palloc(child, SMALL) != NULL);
	tarn_pool_destroy(child);
	return 0;
}

/* A pool from its creation to its end. */
static int live_pool(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int status;

	EXPECT(pool != NULL);
	status = use_pool(pool);
	if (status == 0) {
		tarn_pool_reset(pool);
		status = use_pool(pool);
	}
	tarn_pool_destroy(pool);
	return status;
}

static tarn_pool *pool_or_fail(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* ---- slots and their heirs --------------------------------------------- */

static int allocate_objects(void *arg)
{
	size_t i;

	for (i = 0; i < OBJECTS; i++) {
		void *at = tarn_palloc(arg, SMALL);

		EXPECT(at != NULL);
		memset(at, 0x33, SMALL);
	}
	return 0;
}

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

/* ---- the ends of threads ----------------------------------------------- */

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

/* ---- pools that move between threads ----------------------------------- */

struct mailbox {
	_Atomic(tarn_pool *) pool;
	size_t count;
};

static int use_and_destroy(void *arg)
{
	struct mailbox *mailbox = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < mailbox->count; i++) {
		tarn_pool *pool;

		while ((pool = atomic_exchange(&mailbox->pool, NULL)) == NULL)
			sched_yield();
		if (status == 0)
			status = use_pool(pool);
		tarn_pool_destroy(pool);
	}
	return status;
}

/* With _i == 1 the creator uses it too, and is its owner. */
START_TEST(handed_over_used_and_destroyed_elsewhere)
{
	struct mailbox mailbox = {.count = rounds(HANDED_ROUNDS)};
	struct worker worker;
	size_t i;

	worker_start(&worker, use_and_destroy, &mailbox, NULL);
	for (i = 0; i < mailbox.count; i++) {
		tarn_pool *pool = pool_or_fail();

		if (_i == 1)
			ck_assert_ptr_nonnull(tarn_palloc(pool, SMALL));
		while (atomic_load(&mailbox.pool) != NULL)
			sched_yield();
		atomic_store(&mailbox.pool, pool);
	}
	ck_assert_int_eq(worker_join(&worker), 0);
}
END_TEST

/* ---- fork and exit ----------------------------------------------------- */

static pthread_mutex_t still = PTHREAD_MUTEX_INITIALIZER;

static void still_lock(void)
{
	if (STILL_AT_FORK)
		pthread_mutex_lock(&still);
}

static void still_unlock(void)
{
	if (!STILL_AT_FORK)
		return;
	pthread_mutex_unlock(&still);
	sched_yield();
}

/* Does the same again and again until it is told to stop. */
struct busy {
	int (*act)(void);
	atomic_bool *stop;
};

static int be_busy(void *arg)
{
	struct busy *busy = arg;
	int status = 0;

	while (status == 0 && !atomic_load(busy->stop)) {
		still_lock();
		status = busy->act();
		still_unlock();
	}
	return status;
}

static int live_pool_and_trim(void)
{
	int status = live_pool();

	tarn_trim();
	return status;
}

static int live_pool_in_worker(void *arg)
{
	(void)arg;
	return live_pool();
}

/* Threads come and go: each takes a slot and gives it back. */
static int live_thread(void)
{
	return worker_run(live_pool_in_worker, NULL);
}

/* A pool at rest at the time of the fork. */
struct quiet {
	tarn_pool *pool;
	char *text;
	size_t cleanups;
};

static void count_cleanup(void *data)
{
	struct quiet *quiet = data;

	quiet->cleanups++;
}

/* What a child does: everything. */
static int use_in_child(struct quiet *quiet)
{
	int status = use_pool(quiet->pool);

	EXPECT(strcmp(quiet->text, "of the parent") == 0);
	EXPECT(status == 0);
	tarn_trim();
	EXPECT(live_pool() == 0);
	EXPECT(!THREADS_AFTER_FORK || live_thread() == 0);
	EXPECT(!THREADS_AFTER_FORK ||
	       worker_run(allocate_objects, quiet->pool) == 0);
	tarn_pool_reset(quiet->pool);
	EXPECT(quiet->cleanups == 1);
	EXPECT(allocate_objects(quiet->pool) == 0);
	tarn_pool_destroy(quiet->pool);
	return 0;
}

/* Forks; returns the child's status, which is to be 0. */
static int fork_and_wait(int (*in_child)(struct quiet *), struct quiet *quiet)
{
	pid_t child;
	int status;

	fflush(NULL);
	still_lock();
	child = fork();
	still_unlock();
	if (child == 0) {
		alarm(DEADLOCK_SECONDS);
		status = in_child(quiet);
		if (status != 0)
			dprintf(STDERR_FILENO, "child: line %d\n", status);
		_exit(status != 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

static void quiet_init(struct quiet *quiet)
{
	quiet->pool = pool_or_fail();
	quiet->text = tarn_pstrdup(quiet->pool, "of the parent");
	quiet->cleanups = 0;
	ck_assert_ptr_nonnull(quiet->text);
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(quiet->pool, count_cleanup, quiet));
}

START_TEST(fork_beside_busy_threads_child_uses_all)
{
	static int (*const ACTS[])(void) = {live_pool_and_trim, live_pool,
					    live_thread};
	enum {
		BUSY = sizeof ACTS / sizeof *ACTS
	};
	atomic_bool stop = false;
	struct busy busy[BUSY];
	struct worker workers[BUSY];
	struct quiet quiet;
	int status = 0;
	size_t i;

	quiet_init(&quiet);
	for (i = 0; i < BUSY; i++) {
		busy[i] = (struct busy){ACTS[i], &stop};
		worker_start(&workers[i], be_busy, &busy[i], NULL);
	}
	for (i = 0; i < rounds(FORK_ROUNDS) && status == 0; i++)
		status = fork_and_wait(use_in_child, &quiet);
	atomic_store(&stop, true);
	for (i = 0; i < BUSY; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	ck_assert_msg(status == 0, "a child's status: %#x", (unsigned)status);
	/* None of it was seen in the parent. */
	ck_assert_uint_eq(quiet.cleanups, 0);
	ck_assert_str_eq(quiet.text, "of the parent");
	tarn_pool_destroy(quiet.pool);
	ck_assert_uint_eq(quiet.cleanups, 1);
}
END_TEST

static int fork_again(struct quiet *quiet)
{
	EXPECT(fork_and_wait(use_in_child, quiet) == 0);
	return use_in_child(quiet);
}

START_TEST(fork_in_child_both_use_all)
{
	struct quiet quiet;

	quiet_init(&quiet);
	ck_assert_int_eq(fork_and_wait(fork_again, &quiet), 0);
	tarn_pool_destroy(quiet.pool);
}
END_TEST

static tarn_pool *pool_at_exit;

static void use_at_exit(void)
{
	if (use_pool(pool_at_exit) != 0 || live_pool() != 0)
		_exit(EXIT_FAILURE);
}

/* Leaves by exit() while threads run in pools that nobody destroys. */
static int leave_with_threads(struct quiet *quiet)
{
	static atomic_bool never;
	static struct busy busy = {live_pool, &never};
	static struct worker workers[2];
	size_t i;

	pool_at_exit = quiet->pool;
	EXPECT(atexit(use_at_exit) == 0);
	EXPECT(use_pool(quiet->pool) == 0);
	for (i = 0; i < 2; i++)
		worker_start(&workers[i], be_busy, &busy, NULL);
	EXPECT(live_thread() == 0);
	exit(EXIT_SUCCESS);
}

START_TEST(exit_with_pools_and_threads_clean)
{
	struct quiet quiet;
	size_t round;

	quiet_init(&quiet);
	for (round = 0; round < rounds(LEAVE_ROUNDS); round++)
		ck_assert_int_eq(fork_and_wait(leave_with_threads, &quiet), 0);
	tarn_pool_destroy(quiet.pool);
}
END_TEST

/* Before Check forks, and before the library is used: its own key comes
   between these two. */
static void make_keys(void)
{
	if (pthread_key_create(&early_key, at_thread_exit) != 0 ||
	    live_pool() != 0 ||
	    pthread_key_create(&late_key, at_thread_exit) != 0)
		abort();
}

/* What other threads held at a fork or an exit is a leak to it. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tcase = suite_case(suite, "slots");

	make_keys();
	tcase_add_test(tcase, churn_two_alive_held_bounded);
	tcase_add_loop_test(tcase, heir_of_slot_continues_chunk, 0, 2);
	tcase_add_test(tcase,
		       heir_beside_living_thread_gets_the_dead_ones_chunk);
	tcase_add_test(tcase, heir_of_detached_thread_ordered_after_it);
	tcase_add_test(tcase, crowd_in_many_pools_objects_intact);
	tcase = suite_case(suite, "ends");
	tcase_add_test(tcase, exit_of_thread_beside_destroy_harmless);
	tcase_add_loop_test(tcase, exit_destructors_of_every_round_allocate, 0,
			    2);
	if (LATE_FIRST_USE)
		tcase_add_test(tcase,
			       exit_first_use_in_destructors_slots_come_back);
	tcase_add_loop_test(tcase, cancel_in_pool_leaves_it_usable, 0, 2);
	tcase = suite_case(suite, "hand over");
	tcase_add_loop_test(tcase, handed_over_used_and_destroyed_elsewhere, 0,
			    2);
	tcase = suite_case(suite, "fork and exit");
	tcase_add_test(tcase, fork_in_child_both_use_all);
	if (under_valgrind()) {
		printf("fork and exit beside threads: left out\n");
		return suite_run(suite);
	}
	tcase_add_test(tcase, fork_beside_busy_threads_child_uses_all);
	tcase_add_test(tcase, exit_with_pools_and_threads_clean);
	return suite_run(suite);
}
