/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prealloc of small objects: in place where nothing is in the way, else a copy;
 * contents are kept, and neighbours are not touched.
 */
#include "local_tests.h"

START_TEST(prealloc_of_the_last_object_is_in_place)
{
	tarn_pool *pool = roomy_pool();
	tarn_local *local = tarn_pool_local(pool);
	size_t size, before;
	char *object;

	while (local->end - local->last < 5000)
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100));
	before = stats_of(pool).handed_out;
	object = tarn_palloc(pool, 10);
	memcpy(object, "123456789", 10);
	for (size = 10; size < 4000; size += 10)
		ck_assert_ptr_eq(tarn_prealloc(pool, object, size, size + 10),
				 object);
	ck_assert_str_eq(object, "123456789");
	ck_assert_uint_eq(stats_of(pool).handed_out - before, 4000);
	ck_assert_ptr_eq(tarn_palloc(pool, 16), object + 4000);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_to_a_smaller_size_is_in_place)
{
	tarn_pool *pool = roomy_pool();
	char *object = tarn_palloc(pool, 1000);
	size_t size;

	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	memset(object, 7, 1000);
	for (size = 1000; size >= 100; size -= 100) {
		ck_assert_ptr_eq(
			tarn_prealloc(pool, object, size, size - 100 + 1),
			object);
		ck_assert_ptr_eq(
			tarn_prealloc(pool, object, size - 100 + 1, size - 100),
			object);
		if (size > 100)
			ck_assert_int_eq(object[size - 101], 7);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_of_another_object_moves_it)
{
	tarn_pool *pool = roomy_pool();
	char *object = tarn_palloc(pool, 10);
	char *next = tarn_palloc(pool, 10);
	char *moved;

	memcpy(object, "123456789", 10);
	memcpy(next, "abcdefghi", 10);
	moved = tarn_prealloc(pool, object, 10, 100);
	ck_assert_ptr_nonnull(moved);
	ck_assert_ptr_ne(moved, object);
	ck_assert(is_aligned(moved, TARN_ALIGNMENT));
	memset(moved + 10, 1, 90);
	ck_assert_str_eq(moved, "123456789");
	ck_assert_str_eq(next, "abcdefghi");
	tarn_pool_destroy(pool);
}
END_TEST

/* Of what is not on the large list there is nothing to free. */
START_TEST(prealloc_of_large_foreign_memory_copies_it)
{
	static char foreign[20000];
	tarn_pool *pool = roomy_pool();

	memset(foreign, 'x', sizeof(foreign));
	for (size_t size = 10; size <= 3 * sizeof(foreign); size += 600) {
		size_t both = size < sizeof(foreign) ? size : sizeof(foreign);
		char *copy =
			tarn_prealloc(pool, foreign, sizeof(foreign), size);

		ck_assert(copy != NULL && copy != foreign);
		ck_assert_mem_eq(copy, foreign, both);
		memset(copy, 'y', size);
	}
	for (size_t i = 0; i < sizeof(foreign); i++)
		REQUIRE(foreign[i] == 'x');
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(prealloc_beside_packed_bytes_does_not_touch_them)
{
	struct counting counting;
	tarn_pool *pool;
	char *object, *bytes;
	size_t size = 16, i;

	counting_init(&counting);
	pool = counting_pool(&counting, 4096);
	object = tarn_palloc(pool, size);
	bytes = tarn_pnalloc(pool, 500);
	memset(bytes, 9, 500);
	memset(object, 5, size);
	for (; size < 20000; size += 48) {
		object = tarn_prealloc(pool, object, size, size + 48);
		REQUIRE(counting_contains(&counting, object, size + 48));
		memset(object + size, 5, 48);
	}
	for (i = 0; i < 500; i++)
		REQUIRE(bytes[i] == 9);
	for (i = 0; i < size; i++)
		if (object[i] != 5)
			ck_abort_msg("byte %zu was lost", i);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Grows the last object by `more`, behind packed bytes that end the room. */
static void grow_beside_packed(size_t packed, size_t more)
{
	struct counting counting;
	tarn_local *local;
	tarn_pool *pool;
	char *bytes, *object;
	size_t room, i;

	counting_init(&counting);
	pool = counting_pool(&counting, 4096);
	local = tarn_pool_local(pool);
	object = tarn_palloc(pool, 16);
	bytes = tarn_pnalloc(pool, packed);
	memset(bytes, 7, packed);
	room = (size_t)(local->end - local->last);
	REQUIRE(room > 30);
	object = tarn_prealloc(pool, object, 16, 16 + room - 20 + more);
	REQUIRE(local->last <= local->end);
	REQUIRE(counting_contains(&counting, object, 16 + room - 20 + more));
	memset(object, 8, 16 + room - 20 + more);
	for (i = 0; i < packed; i++)
		REQUIRE(bytes[i] == 7);
	for (i = 0; i < 20; i++)
		REQUIRE(counting_contains(&counting, tarn_palloc(pool, 1000),
					  1000));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}

START_TEST(prealloc_to_the_last_byte_of_room_stays_inside)
{
	size_t more;

	for (more = 0; more < 40; more++)
		grow_beside_packed((size_t)_i, more);
}
END_TEST

START_TEST(prealloc_among_other_objects_keeps_contents)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = NULL;
	size_t size = 0, i;

	for (i = 1; i < 300; i++) {
		char *other = tarn_palloc(pool, i % 60 + 1);

		memset(other, 0xee, i % 60 + 1);
		object = tarn_prealloc(pool, object, size, size + 5);
		ck_assert_ptr_nonnull(object);
		memset(object + size, (int)(i % 100), 5);
		size += 5;
	}
	for (i = 1; i < 300; i++)
		ck_assert_int_eq(object[i * 5 - 1], (char)(i % 100));
	tarn_pool_destroy(pool);
}
END_TEST

void add_prealloc_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "prealloc");

	tcase_add_test(tcase, prealloc_of_the_last_object_is_in_place);
	tcase_add_test(tcase, prealloc_to_a_smaller_size_is_in_place);
	tcase_add_test(tcase, prealloc_of_another_object_moves_it);
	tcase_add_test(tcase, prealloc_of_large_foreign_memory_copies_it);
	tcase_add_test(tcase, prealloc_beside_packed_bytes_does_not_touch_them);
	tcase_add_loop_test(
		tcase, prealloc_to_the_last_byte_of_room_stays_inside, 1, 18);
	tcase_add_test(tcase, prealloc_among_other_objects_keeps_contents);
}
