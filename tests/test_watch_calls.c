/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library tells the tools of threads, calls and roots; its list of
 * objects; and that it takes no harm where there is no memory for all that.
 */
#include "watched.h"

#include <limits.h>
#include <setjmp.h>

/* ---- threads ------------------------------------------------------------ */

static int claiming_worker(void *pool)
{
	for (size_t i = 0; i < 100; i++) {
		EXPECT(tarn_palloc(pool, 100) != NULL);
		EXPECT(tarn_palloc(pool, LARGE) != NULL);
	}
	return 0;
}

/* All but the first block, which the pool's creator hands on itself. */
START_TEST(handover_is_released_before_it_is_acquired)
{
	tarn_pool *pool;
	const struct block *block;
	size_t blocks = 0, release;
	const void *shards;

	begin();
	pool = new_pool();
	ck_assert_ptr_nonnull(tarn_palloc(pool, 10));
	ck_assert_int_eq(worker_run(claiming_worker, pool), 0);
	ck_assert_int_eq(worker_run(claiming_worker, pool), 0);
	block = atomic_load(&pool->cursor.first->next);
	for (; block != NULL; block = atomic_load(&block->next)) {
		release = shadow_saw(SHADOW_RELEASE, block, 1);
		ck_assert_uint_ne(release, 0);
		ck_assert_uint_gt(shadow_saw(SHADOW_ACQUIRE, block, 1),
				  release);
		blocks++;
	}
	ck_assert_uint_gt(blocks, 1);
	shards = atomic_load(&pool->large.shards);
	ck_assert_ptr_nonnull(shards);
	release = shadow_saw(SHADOW_RELEASE, shards, 1);
	ck_assert_uint_ne(release, 0);
	ck_assert_uint_gt(shadow_saw(SHADOW_ACQUIRE, shards, 1), release);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(access_is_announced_at_requests_reset_and_destroy)
{
	size_t size = sizeof(((tarn_pool *)NULL)->source.watched);
	tarn_pool *pool;
	void *word;
	char *small, *large;

	begin();
	pool = new_pool();
	word = &pool->source.watched;
	ck_assert_uint_eq(shadow_saw(SHADOW_READ, word, size), 0);
	small = tarn_palloc(pool, 100);
	ck_assert_uint_ne(shadow_saw(SHADOW_READ, word, size), 0);
	/* Whose change by the first request would be a race then. */
	ck_assert_uint_eq(shadow_saw(SHADOW_READ, &pool->owner, 1), 0);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, small, 100), 0);
	ck_assert_uint_eq(shadow_saw(SHADOW_WRITE, small, 101), 0);
	large = tarn_palloc(pool, LARGE);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, large, LARGE), 0);
	ck_assert_uint_eq(shadow_saw(SHADOW_WRITE, word, size), 0);
	shadow.event_count = 0;
	tarn_pool_reset(pool);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, word, size), 0);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, small, 100), 0);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, large, LARGE), 0);
	small = tarn_palloc(pool, 100);
	shadow.event_count = 0;
	tarn_pool_destroy(pool);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, word, size), 0);
	ck_assert_uint_ne(shadow_saw(SHADOW_WRITE, small, 100), 0);
	end();
}
END_TEST

/* ---- calls -------------------------------------------------------------- */

static jmp_buf jump;
static size_t handled;

static void handle(tarn_pool *pool, size_t size, void *data)
{
	(void)pool;
	(void)size;
	handled++;
	if (data != NULL)
		longjmp(jump, 1);
}

static tarn_pool *limited_pool(bool jumps)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.limit = LIMIT;
	options.on_oom = handle;
	options.on_oom_data = jumps ? &jump : NULL;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	handled = 0;
	return pool;
}

static void *by_child(tarn_pool *pool, size_t size)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.first_block = size;
	return tarn_pool_create_child(pool, &options);
}

static void *by_cleanup(tarn_pool *pool, size_t size)
{
	static size_t count;

	(void)size;
	return tarn_cleanup_add(pool, count_up, &count);
}

static void *by_data(tarn_pool *pool, size_t size)
{
	static char keys[LIMIT], *key = keys;

	(void)size;
	return tarn_pool_set_data(pool, key++, keys) == 0 ? keys : NULL;
}

static call_fn *const more_calls[] = {by_child, by_cleanup, by_data};

enum {
	MORE_CALLS = CALLS + sizeof(more_calls) / sizeof(*more_calls)
};

static call_fn *call_number(int i)
{
	return i < CALLS ? calls[i] : more_calls[i - CALLS];
}

START_TEST(call_that_fails_is_left_as_it_was_entered)
{
	tarn_pool *pool;

	begin();
	pool = limited_pool(false);
	while (call_number(_i)(pool, 3000) != NULL)
		ck_assert_int_eq(shadow_depth, 0);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_int_eq(shadow_depth, 0);
	ck_assert_uint_eq(handled, 1);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* A jump takes the tool's stack of calls back by itself. What the handler left
   is a call of its own all the same, and what comes next is as before. */
START_TEST(call_that_is_left_by_a_jump_is_over)
{
	tarn_pool *pool;

	begin();
	pool = limited_pool(true);
	if (setjmp(jump) == 0)
		for (;;)
			ck_assert_ptr_nonnull(call_number(_i)(pool, 3000));
	/* At most the call that was made, its inner ones being over. */
	ck_assert_int_le(shadow_depth, 2);
	shadow_depth = 0;
	ck_assert_uint_eq(handled, 1);
	ck_assert_uint_eq(watch_callback(), WATCH_AS_IT_IS);
	tarn_pool_reset(pool);
	ck_assert_int_eq(shadow_depth, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 10));
	ck_assert_int_eq(shadow_depth, 0);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(size_beyond_all_memory_is_enomem)
{
	tarn_pool *pool;

	begin();
	pool = new_pool();
	for (size_t less = 0; less < 200; less++) {
		size_t size = SIZE_MAX - less;

		errno = 0;
		ck_assert_ptr_null(tarn_palloc(pool, size));
		ck_assert_int_eq(errno, ENOMEM);
		ck_assert_ptr_null(tarn_pnalloc(pool, size));
		ck_assert_ptr_null(tarn_pmemalign(pool, 64, size));
	}
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* ---- roots -------------------------------------------------------------- */

START_TEST(root_of_mapped_memory_follows_a_resize)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	size_t size = LARGE;
	char *object;

	begin();
	debug_watched = 0;
	options.upstream = tarn_upstream_mmap();
	pool = tarn_pool_create(&options);
	ck_assert_uint_eq(shadow.root_count, 1);
	object = tarn_palloc(pool, size);
	ck_assert_uint_eq(shadow.root_count, 2);
	for (; size < (size_t)64 << 20; size *= 4) {
		object = tarn_prealloc(pool, object, size, 4 * size);
		ck_assert_ptr_nonnull(object);
		ck_assert_uint_eq(shadow.root_count, 2);
		ck_assert_uint_eq(shadow.roots[1].start, (uintptr_t)object);
		ck_assert_uint_ge(shadow.roots[1].size, 4 * size);
	}
	ck_assert_ptr_null(
		tarn_prealloc(pool, object, size,
			      WORD_IS_SHORT ? SIZE_MAX - 65536 : PTRDIFF_MAX));
	ck_assert_uint_eq(shadow.root_count, 2);
	tarn_pool_reset(pool);
	ck_assert_uint_eq(shadow.root_count, 1);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* ---- the list of objects ------------------------------------------------ */

/* A pool with more objects than the first list holds, some of them freed
   early, from all over the list. */
START_TEST(list_of_objects_gives_each_back_once)
{
	enum {
		COUNT = 1000
	};
	static char *objects[COUNT];
	tarn_pool *pool;
	char *moved;

	begin();
	debug_watched = WATCH_ASAN | WATCH_MEMCHECK | (unsigned)_i;
	pool = new_pool();
	for (size_t i = 0; i < COUNT; i++) {
		objects[i] = tarn_palloc(pool, 20);
		memset(objects[i], (int)i, 20);
	}
	for (size_t i = 0; i < COUNT; i += 3) {
		moved = tarn_prealloc(pool, objects[i], 20, 30);
		ck_assert_ptr_ne(moved, objects[i]);
		ck_assert_int_eq(moved[19], (char)i);
		ck_assert_ptr_eq(tarn_prealloc(pool, moved, 30, 10), moved);
		ck_assert_uint_eq(shadow_closed(moved, 10), 0);
		ck_assert_uint_eq(shadow_closed(moved + 10, 10), 10);
	}
	/* What moved counts where it is, and as what is left of it. */
	if (_i == 0)
		ck_assert_uint_eq(stats_of(pool).handed_out,
				  COUNT * 32 - (COUNT + 2) / 3 * 16);
	tarn_pool_reset(pool);
	ck_assert_uint_le(stats_of(pool).held, 65536);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 20));
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* Of what the library never handed out: nothing to free. */
START_TEST(prealloc_of_foreign_memory_copies_it)
{
	tarn_pool *pool;
	char *copy;

	begin();
	debug_watched = WATCH_ASAN | WATCH_MEMCHECK;
	pool = new_pool();
	copy = tarn_prealloc(pool, text, 50, 60);
	ck_assert_mem_eq(copy, text, 50);
	copy = tarn_prealloc(pool, text, LARGE, LARGE + 1);
	ck_assert_mem_eq(copy, text, LARGE);
	ck_assert_uint_eq(shadow_closed(text, sizeof(text)), 0);
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* Once the library's own destructor ran for the last time, a thread has no
   slot, and so no local pool: all that it asks for is large. */
struct late {
	tarn_pool *pool;
	int rounds, status;
};

static pthread_key_t late_key;

static int late_use(tarn_pool *pool)
{
	char *object = tarn_palloc(pool, 100), *cut = tarn_palloc(pool, 100);

	EXPECT(tarn_prealloc(pool, cut, 100, 50) == cut);
	EXPECT(tarn_pfree_sized(pool, cut, 50) == 0);
	EXPECT(object != NULL);
	EXPECT(shadow_closed(object, 100) == 0);
	EXPECT(tarn_prealloc(pool, object, 100, 50) == object);
	EXPECT(shadow_closed(object, 50) == 0);
	EXPECT(shadow_closed(object + 50, 50) == 50);
	EXPECT(tarn_prealloc(pool, object, 50, 60) != object);
	EXPECT(tarn_pmemalign(pool, 3, 60) == NULL && errno == EINVAL);
	return 0;
}

static void late_destructor(void *arg)
{
	struct late *late = arg;
	int status = late_use(late->pool);

	late->status = status != 0 ? status : late->status;
	if (++late->rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(late_key, late);
}

static int late_worker(void *arg)
{
	struct late *late = arg;

	EXPECT(late_use(late->pool) == 0);
	EXPECT(pthread_setspecific(late_key, late) == 0);
	return 0;
}

START_TEST(thread_past_its_end_is_watched_too)
{
	struct late late = {NULL, 0, 0};

	begin();
	debug_watched |= WATCH_MEMCHECK;
	late.pool = new_pool();
	/* Of the first pool only; so the thread is not its owner. */
	ck_assert_ptr_nonnull(tarn_palloc(late.pool, 1));
	ck_assert_int_eq(pthread_key_create(&late_key, late_destructor), 0);
	ck_assert_int_eq(worker_run(late_worker, &late), 0);
	ck_assert_int_eq(late.status, 0);
	ck_assert_int_eq(late.rounds, PTHREAD_DESTRUCTOR_ITERATIONS);
	ck_assert_uint_gt(stats_of(late.pool).large_count, 0);
	pthread_key_delete(late_key);
	tarn_pool_destroy(late.pool);
	end();
}
END_TEST

/* ---- no memory ---------------------------------------------------------- */

/* Returns how many requests failed; each left the pool as it was. */
static size_t walk(tarn_pool *pool)
{
	size_t failed = 0;

	for (int i = 0; i < 2 * MORE_CALLS; i++) {
		errno = 0;
		if (call_number(i / 2)(pool, i % 2 == 0 ? 50 : LARGE) != NULL)
			continue;
		REQUIRE(errno == ENOMEM);
		failed++;
	}
	return failed;
}

START_TEST(malloc_fails_once_each_in_turn_and_nothing_leaks)
{
	size_t failed = 0, at = 0, left, live;
	tarn_pool *pool;

	begin();
	debug_watched = WATCH_ASAN | words[_i];
	do {
		live = shadow.live;
		shadow.fail_at = ++at;
		pool = tarn_pool_create(NULL);
		if (pool != NULL) {
			failed += walk(pool);
			walk(pool);
			tarn_pool_reset(pool);
			walk(pool);
			tarn_pool_destroy(pool);
		} else {
			REQUIRE(errno == ENOMEM);
			failed++;
		}
		left = shadow.fail_at;
		shadow.fail_at = 0;
		/* What it had before it was to be watched may be cached. */
		tarn_trim();
		ck_assert_uint_eq(shadow.live, live);
		ck_assert_uint_eq(shadow.closed_back, 0);
	} while (left == 0);
	ck_assert_uint_gt(failed, 2);
	end();
}
END_TEST

/* Which of its allocations fails: each use that begins has a mark. */
START_TEST(scratch_without_memory_is_none)
{
	size_t failed = 0, at = 0, left;

	begin();
	debug_watched |= words[_i];
	do {
		tarn_mark mark;
		tarn_pool *pool;

		shadow.fail_at = ++at;
		errno = 0;
		pool = tarn_scratch_begin(NULL, &mark);
		left = shadow.fail_at;
		shadow.fail_at = 0;
		if (pool == NULL) {
			ck_assert_int_eq(errno, ENOMEM);
			failed++;
			pool = tarn_scratch_begin(NULL, &mark);
		}
		ck_assert_ptr_nonnull(mark.reserved[0]);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
		tarn_scratch_end(pool, mark);
		slot_self()->end(slot_self());
	} while (left == 0);
	ck_assert_uint_gt(failed, 1);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch_calls");
	TCase *tcase = suite_case(suite, "threads, calls, lists");

	memset(text, 't', sizeof(text) - 1);
	tcase_add_test(tcase, handover_is_released_before_it_is_acquired);
	tcase_add_test(tcase,
		       access_is_announced_at_requests_reset_and_destroy);
	tcase_add_loop_test(tcase, call_that_fails_is_left_as_it_was_entered, 0,
			    MORE_CALLS);
	tcase_add_loop_test(tcase, call_that_is_left_by_a_jump_is_over, 0,
			    MORE_CALLS);
	tcase_add_test(tcase, size_beyond_all_memory_is_enomem);
	tcase_add_test(tcase, root_of_mapped_memory_follows_a_resize);
	tcase_add_loop_test(tcase, list_of_objects_gives_each_back_once, 0, 1);
	tcase_add_loop_test(tcase, list_of_objects_gives_each_back_once,
			    WATCH_GUARD, WATCH_GUARD + 1);
	tcase_add_test(tcase, prealloc_of_foreign_memory_copies_it);
	tcase_add_test(tcase, thread_past_its_end_is_watched_too);
	tcase_add_loop_test(tcase,
			    malloc_fails_once_each_in_turn_and_nothing_leaks, 0,
			    WORDS);
	tcase_add_loop_test(tcase, scratch_without_memory_is_none, 0, WORDS);
	return suite_run(suite);
}
