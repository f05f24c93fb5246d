/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library tells the tools of memory: which bytes are open, to the
 * byte, and that they are open again when they go back. This program has run
 * times of its own (shadow.h), and so is left out of the builds with the real
 * ones.
 */
#include "watched.h"

/* ---- objects ------------------------------------------------------------ */

static const size_t sizes[] = {2,    7,    16,   17,   100,
			       1000, 4095, 4096, 4097, LARGE};

/* Of the first ones also that nobody may touch what is in front. */
START_TEST(object_of_each_call_is_open_to_the_byte)
{
	tarn_pool *pool;

	begin();
	pool = new_pool();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i];
		char *object = calls[_i](pool, size);

		ck_assert_ptr_nonnull(object);
		ck_assert_uint_eq(shadow_closed(object, size), 0);
		ck_assert_uint_eq(shadow_closed(object + size, ZONE), ZONE);
		if (size <= 1000)
			ck_assert_uint_eq(shadow_closed(object - ZONE, ZONE),
					  ZONE);
		/* Those below it stay as they are. */
		memset(object, 'x', size);
	}
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(object_of_no_bytes_is_closed)
{
	tarn_pool *pool;
	char *object;

	begin();
	pool = new_pool();
	object = tarn_palloc(pool, 0);
	ck_assert_uint_eq(shadow_closed(object - ZONE, 2 * ZONE), 2 * ZONE);
	object = tarn_pnalloc(pool, 0);
	ck_assert_uint_eq(shadow_closed(object - ZONE, 2 * ZONE), 2 * ZONE);
	object = tarn_pmemalign(pool, 4096 * 4, 0);
	ck_assert(is_aligned(object, 4096 * 4));
	ck_assert_uint_eq(shadow_closed(object, ZONE), ZONE);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(prealloc_that_grows_moves_and_closes_the_old)
{
	static const size_t from[] = {10, 100, LARGE};
	tarn_pool *pool;

	begin();
	pool = new_pool();
	for (size_t i = 0; i < 3; i++) {
		char *old = tarn_palloc(pool, from[i]), *moved;

		memset(old, 'a' + (int)i, from[i]);
		moved = tarn_prealloc(pool, old, from[i], 2 * from[i]);
		ck_assert_ptr_ne(moved, old);
		ck_assert_int_eq(moved[from[i] - 1], 'a' + (int)i);
		ck_assert_uint_eq(shadow_closed(moved, 2 * from[i]), 0);
		/* A large one has gone back to malloc, open. */
		if (from[i] < 4096)
			ck_assert_uint_eq(shadow_closed(old, from[i]), from[i]);
	}
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(pfree_gives_back_open_memory)
{
	tarn_pool *pool;
	char *small, *large;

	begin();
	pool = new_pool();
	small = tarn_palloc(pool, 100);
	large = tarn_palloc(pool, LARGE);
	ck_assert_int_eq(tarn_pfree(pool, small), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_eq(shadow_closed(small, 100), 0);
	ck_assert_int_eq(tarn_pfree(pool, large), 0);
	ck_assert_int_eq(tarn_pfree(pool, large), -1);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* ---- mark and rewind ----------------------------------------------------- */

/* Bytes that are closed, where a guard leaves none to look at. */
static size_t closed(const tarn_pool *pool, const char *object, size_t size)
{
	return (pool->source.watched & WATCH_GUARD) != 0
		       ? size
		       : shadow_closed(object, size);
}

START_TEST(rewind_closes_what_was_allocated_since)
{
	enum {
		COUNT = 1000
	};
	static char *objects[COUNT];
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark outer, inner;
	size_t before, cleaned = 0;
	char *kept, *kept_large;

	begin();
	debug_watched |= words[_i];
	pool = new_pool();
	local = tarn_pool_local(pool);
	kept = tarn_palloc(pool, 100);
	kept_large = tarn_palloc(pool, LARGE);
	before = stats_of(pool).handed_out;
	outer = tarn_local_mark(local);
	objects[0] = tarn_palloc(pool, 100);
	inner = tarn_local_mark(local);
	for (size_t i = 1; i < COUNT; i++) {
		objects[i] = tarn_pnalloc(pool, i);
		memset(objects[i], 'x', i);
	}
	ck_assert_int_eq(worker_run(local_worker, pool), 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, count_up, &cleaned));
	ck_assert_int_eq(tarn_pool_set_data(pool, &cleaned, &cleaned), 0);
	tarn_local_rewind(local, inner);
	ck_assert_uint_eq(cleaned, 1);
	for (size_t i = 1; i < COUNT; i++)
		ck_assert_uint_eq(closed(pool, objects[i], i), i);
	ck_assert_uint_eq(shadow_closed(objects[0], 100), 0);
	tarn_local_rewind(local, outer);
	ck_assert_uint_eq(closed(pool, objects[0], 100), 100);
	ck_assert_uint_eq(shadow_closed(kept, 100), 0);
	ck_assert_uint_eq(shadow_closed(kept_large, LARGE), 0);
	ck_assert_ptr_eq(tarn_pool_data(pool, &cleaned), &cleaned);
	ck_assert_uint_ge(stats_of(pool).handed_out, before);
	ck_assert_uint_lt(stats_of(pool).handed_out, before + 2 * LARGE);
	/* Ended: ignored. */
	tarn_local_rewind(local, inner);
	tarn_local_rewind(local, outer);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	tarn_pool_destroy(pool);
	end();
}
END_TEST

struct again {
	tarn_local *local;
	tarn_mark mark;
	size_t ran;
};

static void rewind_again(void *data)
{
	struct again *again = data;

	again->ran++;
	tarn_local_rewind(again->local, again->mark);
}

START_TEST(rewind_by_a_cleanup_of_the_mark_ends_it)
{
	struct again again = {NULL, {{NULL}}, 0};
	tarn_pool *pool;
	char *object;
	size_t before;

	begin();
	debug_watched |= words[_i];
	pool = new_pool();
	again.local = tarn_pool_local(pool);
	before = stats_of(pool).handed_out;
	for (size_t i = 0; i < 100; i++) {
		again.mark = tarn_local_mark(again.local);
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(pool, rewind_again, &again));
		object = tarn_palloc(pool, 100);
		tarn_local_rewind(again.local, again.mark);
		ck_assert_uint_eq(again.ran, i + 1);
		ck_assert_uint_eq(closed(pool, object, 100), 100);
	}
	ck_assert_uint_eq(((struct local *)again.local)->side->marks.depth, 0);
	ck_assert_uint_ge(stats_of(pool).handed_out, before);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* Whose objects are not known: what they count is. */
START_TEST(rewind_without_a_list_takes_off_what_it_counted)
{
	tarn_pool *pool;
	tarn_local *local;
	tarn_mark mark;
	size_t before;

	begin();
	debug_watched = WATCH_TSAN;
	pool = new_pool();
	local = tarn_pool_local(pool);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	before = stats_of(pool).handed_out;
	for (int i = 0; i < 100; i++) {
		void *freed;

		mark = tarn_local_mark(local);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
		ck_assert_ptr_nonnull(tarn_palloc(pool, LARGE));
		/* What is freed by its size, too: once. */
		freed = tarn_palloc(pool, 200);
		ck_assert_int_eq(tarn_pfree_sized(pool, freed, 200), 0);
		tarn_local_rewind(local, mark);
		ck_assert_uint_eq(stats_of(pool).handed_out, before);
	}
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(pfree_sized_closes_and_is_no_longer_counted)
{
	tarn_pool *pool;
	char *object, *bytes;
	size_t before;

	begin();
	debug_watched |= words[_i];
	pool = new_pool();
	before = stats_of(pool).handed_out;
	object = tarn_palloc(pool, 100);
	bytes = tarn_pnalloc(pool, 7);
	ck_assert_ptr_eq(tarn_prealloc(pool, object, 100, 50), object);
	ck_assert_int_eq(tarn_pfree_sized(pool, object, 50), 0);
	ck_assert_int_eq(tarn_pfree_aligned_sized(pool, bytes, 1, 7), 0);
	ck_assert_uint_eq(closed(pool, object, 50), 50);
	ck_assert_uint_eq(closed(pool, bytes, 7), 7);
	ck_assert_uint_eq(stats_of(pool).handed_out, before);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

struct freed {
	tarn_pool *pool;
	void *objects[100];
};

static int free_sized(void *arg)
{
	struct freed *freed = arg;

	for (size_t i = 0; i < 100; i++)
		EXPECT(tarn_pfree_sized(freed->pool, freed->objects[i], 50) ==
		       0);
	return 0;
}

/* Also of one that never allocated. */
START_TEST(pfree_sized_by_another_thread_closes)
{
	struct freed freed;
	size_t before;

	begin();
	debug_watched |= words[_i];
	freed.pool = new_pool();
	before = stats_of(freed.pool).handed_out;
	for (size_t i = 0; i < 100; i++)
		freed.objects[i] = tarn_palloc(freed.pool, 50);
	ck_assert_int_eq(worker_run(free_sized, &freed), 0);
	for (size_t i = 0; i < 100; i++)
		ck_assert_uint_eq(closed(freed.pool, freed.objects[i], 50), 50);
	ck_assert_uint_eq(stats_of(freed.pool).handed_out, before);
	tarn_pool_destroy(freed.pool);
	end();
}
END_TEST

/* Whose objects are not known: they are taken at their word. */
START_TEST(pfree_sized_without_a_list_closes)
{
	struct freed freed;
	size_t before;

	begin();
	debug_watched = WATCH_TSAN;
	freed.pool = new_pool();
	before = stats_of(freed.pool).handed_out;
	for (size_t i = 0; i < 100; i++) {
		char *object = tarn_palloc(freed.pool, 20);

		memset(object, 'x', 20);
		freed.objects[i] = tarn_prealloc(freed.pool, object, 20, 50);
		ck_assert_ptr_nonnull(freed.objects[i]);
		ck_assert_mem_eq(freed.objects[i], "xxxxxxxxxxxxxxxxxxxx", 20);
	}
	ck_assert_int_eq(free_sized(&freed), 0);
	ck_assert_uint_eq(stats_of(freed.pool).handed_out, before);
	tarn_pool_destroy(freed.pool);
	end();
}
END_TEST

START_TEST(pfree_sized_in_an_empty_pool_is_refused)
{
	static char foreign[64];
	tarn_pool *pool;

	begin();
	debug_watched |= words[_i];
	pool = new_pool();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(tarn_pfree_sized(pool, foreign, 50), 0);
	ck_assert_uint_eq(shadow_closed(foreign, sizeof(foreign)), 0);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(scratch_is_watched_and_no_leak)
{
	tarn_mark mark;
	tarn_pool *pool;
	char *object;

	begin();
	debug_watched |= words[_i];
	pool = tarn_scratch_begin(NULL, &mark);
	ck_assert_ptr_nonnull(pool);
	object = tarn_palloc(pool, 100);
	ck_assert_uint_eq(shadow_closed(object, 100), 0);
	ck_assert(pool->watch->untold);
	tarn_scratch_end(pool, mark);
	ck_assert_uint_eq(closed(pool, object, 100), 100);
	/* Many uses: it is made anew now and then. */
	for (int i = 0; i < 1000; i++) {
		pool = tarn_scratch_begin(NULL, &mark);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1000));
		tarn_scratch_end(pool, mark);
	}
	for (int i = 0; i < SLOT_SCRATCH; i++) {
		tarn_pool_destroy(slot_self()->scratch[i].pool);
		slot_self()->scratch[i].pool = NULL;
	}
	end();
}
END_TEST

/* What was put there is memory of its own, so there is no second block. */
START_TEST(scratch_that_kept_something_ends_with_its_use)
{
	begin();
	debug_watched |= words[_i];
	for (int i = 0; i < 100; i++) {
		tarn_mark mark;
		tarn_pool *pool = tarn_scratch_begin(NULL, &mark);

		ck_assert_ptr_nonnull(pool);
		if (i % 2 == 0)
			ck_assert_int_eq(tarn_pool_set_data(pool, pool, pool),
					 0);
		else
			ck_assert_ptr_nonnull(tarn_cache_create(pool, 100, 16));
		tarn_scratch_end(pool, mark);
		ck_assert_ptr_null(slot_self()->scratch[0].pool);
	}
	end();
}
END_TEST

/* ---- lasting memory, reset ---------------------------------------------- */

/* Each is memory of its own, which goes back when it is free. */
START_TEST(object_of_a_cache_is_open_to_the_byte)
{
	static const char foreign[16];
	tarn_pool *pool;
	tarn_cache *cache;
	char *object;
	size_t held;

	begin();
	debug_watched |= words[_i];
	pool = new_pool();
	cache = tarn_cache_create(pool, 48, 16);
	ck_assert_ptr_nonnull(cache);
	held = stats_of(pool).large_count;
	for (int i = 0; i < 300; i++) {
		object = tarn_cache_alloc(cache);
		ck_assert_ptr_nonnull(object);
		ck_assert_uint_eq(shadow_closed(object, 48), 0);
		memset(object, 'x', 48);
		ck_assert_uint_eq(stats_of(pool).large_count, held + 1);
		tarn_cache_free(cache, object);
		tarn_cache_free(cache, (void *)foreign);
		ck_assert_uint_eq(stats_of(pool).large_count, held);
	}
	tarn_trim();
	ck_assert_ptr_nonnull(tarn_cache_alloc(cache));
	tarn_pool_reset(pool);
	cache = tarn_cache_create(pool, 48, 16);
	ck_assert_ptr_nonnull(tarn_cache_alloc(cache));
	tarn_pool_destroy(pool);
	end();
}
END_TEST

START_TEST(reset_closes_all_but_lasting_memory)
{
	enum {
		COUNT = 300,
		THREADS = 20
	};
	static char *objects[COUNT];
	tarn_pool *pool;
	struct local *local;
	struct slot_table *table;

	begin();
	pool = new_pool();
	objects[0] = tarn_palloc(pool, 1);
	/* At once, or the second would have the first one's slot. */
	ck_assert_int_eq(workers_together(local_worker, pool, 0, THREADS), 0);
	for (size_t i = 1; i < COUNT; i++)
		objects[i] = tarn_palloc(pool, i);
	tarn_pool_reset(pool);
	/* The blocks but the first have gone, open. */
	ck_assert_uint_eq(shadow_closed(objects[0], 1), 1);
	table = atomic_load(&pool->table);
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(
		shadow_closed(table,
			      slot_table_size(slot_table_capacity(table))),
		0);
	for (uint32_t at = 0, slot;
	     (local = pool_next_local(pool, &at, &slot)) != NULL;)
		ck_assert_uint_eq(shadow_closed(local, sizeof(*local)), 0);
	ck_assert_ptr_ne(tarn_palloc(pool, 1), objects[0]);
	tarn_pool_destroy(pool);
	end();
}
END_TEST

/* ---- upstreams ---------------------------------------------------------- */

START_TEST(memory_goes_back_open_to_each_upstream)
{
	static _Alignas(64) char buffer[8192];
	size_t blocks = 0, roots = shadow.roots_made;
	tarn_upstream checked = {checked_alloc, NULL, checked_release, &blocks};
	const tarn_upstream *upstreams[] = {NULL, tarn_upstream_mmap(),
					    &checked};

	begin();
	debug_watched |= words[_i];
	for (size_t i = 0; i < 6; i++) {
		tarn_options options = TARN_OPTIONS_INIT;
		tarn_pool *pool;

		options.upstream = upstreams[i % 3];
		options.limit = i % 2 == 0 ? 0 : 1 << 24;
		options.buffer = i < 3 ? NULL : buffer;
		options.buffer_size = sizeof(buffer);
		pool = tarn_pool_create(&options);
		ck_assert_ptr_nonnull(pool);
		use(pool);
		tarn_pool_destroy(pool);
		ck_assert_uint_eq(blocks, 0);
		ck_assert_uint_eq(shadow_closed(buffer, sizeof(buffer)), 0);
	}
	ck_assert_uint_gt(shadow.roots_made, roots);
	end();
}
END_TEST

/* Against the rules, but its memory is there: refused, as ever. */
START_TEST(destroy_again_of_a_pool_in_a_buffer_is_refused)
{
	static _Alignas(64) char buffer[8192];
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	begin();
	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	tarn_pool_destroy(pool);
	errno = 0;
	tarn_pool_destroy(pool);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_uint_eq(shadow_closed(buffer, sizeof(buffer)), 0);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tcase = suite_case(suite, "memory");

	memset(text, 't', sizeof(text) - 1);
	tcase_add_loop_test(tcase, object_of_each_call_is_open_to_the_byte, 0,
			    CALLS);
	tcase_add_test(tcase, object_of_no_bytes_is_closed);
	tcase_add_test(tcase, prealloc_that_grows_moves_and_closes_the_old);
	tcase_add_test(tcase, pfree_gives_back_open_memory);
	tcase_add_loop_test(tcase, object_of_a_cache_is_open_to_the_byte, 0,
			    WORDS);
	tcase_add_loop_test(tcase, rewind_closes_what_was_allocated_since, 0,
			    WORDS);
	tcase_add_loop_test(tcase, rewind_by_a_cleanup_of_the_mark_ends_it, 0,
			    WORDS);
	tcase_add_test(tcase, rewind_without_a_list_takes_off_what_it_counted);
	tcase_add_loop_test(tcase, pfree_sized_by_another_thread_closes, 0,
			    WORDS);
	tcase_add_test(tcase, pfree_sized_without_a_list_closes);
	tcase_add_loop_test(tcase, pfree_sized_in_an_empty_pool_is_refused, 0,
			    WORDS);
	tcase_add_loop_test(tcase, pfree_sized_closes_and_is_no_longer_counted,
			    0, WORDS);
	tcase_add_loop_test(tcase, scratch_is_watched_and_no_leak, 0, WORDS);
	tcase_add_loop_test(
		tcase, scratch_that_kept_something_ends_with_its_use, 0, WORDS);
	tcase_add_test(tcase, reset_closes_all_but_lasting_memory);
	tcase_add_loop_test(tcase, memory_goes_back_open_to_each_upstream, 0,
			    WORDS);
	tcase_add_test(tcase, destroy_again_of_a_pool_in_a_buffer_is_refused);
	return suite_run(suite);
}
