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

/* ---- lasting memory, reset ---------------------------------------------- */

START_TEST(reset_closes_all_but_lasting_memory)
{
	enum {
		COUNT = 300,
		THREADS = 20
	};
	static char *objects[COUNT];
	tarn_pool *pool;
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
	for (struct local *local = pool->locals; local != NULL;
	     local = local->next)
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
	tcase_add_test(tcase, reset_closes_all_but_lasting_memory);
	tcase_add_loop_test(tcase, memory_goes_back_open_to_each_upstream, 0,
			    WORDS);
	tcase_add_test(tcase, destroy_again_of_a_pool_in_a_buffer_is_refused);
	return suite_run(suite);
}
