/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies and strings: contents, packing, sources that are NULL, not ended, or
 * of the same pool, results of every length around the room that is left, and
 * formats that fail.
 */
#include "counting.h"
#include "util.h"

#include <wchar.h>

#define KIB ((size_t)1024)

/* A number no character of another encoding than Unicode has either. */
#define NO_CHARACTER ((wint_t)0x7ffffff0)

static tarn_pool *roomy_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block = 256 * KIB;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* Returns `length` letters and a zero, to be freed. */
static char *letters(size_t length)
{
	char *text = malloc(length + 1);
	size_t i;

	ck_assert_ptr_nonnull(text);
	for (i = 0; i < length; i++)
		text[i] = (char)('a' + i % 26);
	text[length] = '\0';
	return text;
}

/* ---- copies -------------------------------------------------------------- */

START_TEST(pmemdup_copies_and_aligns)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *source = letters(20000);
	size_t size;

	ck_assert_ptr_nonnull(tarn_pnalloc(pool, 1));
	for (size = 0; size <= 20000; size = size * 3 / 2 + 1) {
		char *copy = tarn_pmemdup(pool, source, size);

		ck_assert_ptr_nonnull(copy);
		ck_assert(is_aligned(copy, TARN_ALIGNMENT));
		ck_assert_mem_eq(copy, source, size);
		memset(copy, 0, size);
		ck_assert_int_eq(source[0], 'a');
	}
	free(source);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrdup_copies_packed)
{
	tarn_pool *pool = roomy_pool();
	char source[] = "tarn";
	char *first = tarn_pstrdup(pool, source);
	char *second = tarn_pstrdup(pool, source);
	char *empty = tarn_pstrdup(pool, "");

	memset(source, 'x', 4);
	ck_assert_str_eq(first, "tarn");
	ck_assert_str_eq(second, "tarn");
	ck_assert_str_eq(empty, "");
	ck_assert_ptr_eq(second + 5, first);
	ck_assert_ptr_eq(empty + 1, second);
	ck_assert_uint_eq(stats_of(pool).handed_out, 11);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrdup_of_every_length_is_equal)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t length;

	for (length = 0; length < 9000; length += length / 10 + 1) {
		char *source = letters(length);
		char *copy = tarn_pstrdup(pool, source);

		ck_assert_ptr_nonnull(copy);
		ck_assert_str_eq(copy, source);
		free(source);
		ck_assert_uint_eq(strlen(copy), length);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrndup_stops_at_size_or_end)
{
	tarn_pool *pool = roomy_pool();

	ck_assert_str_eq(tarn_pstrndup(pool, "string", 3), "str");
	ck_assert_str_eq(tarn_pstrndup(pool, "string", 6), "string");
	ck_assert_str_eq(tarn_pstrndup(pool, "string", 7), "string");
	ck_assert_str_eq(tarn_pstrndup(pool, "string", 0), "");
	ck_assert_str_eq(tarn_pstrndup(pool, "", 5), "");
	ck_assert_uint_eq(stats_of(pool).handed_out, 4 + 7 + 7 + 1 + 1);
	ck_assert_str_eq(tarn_pstrndup(pool, "string", opaque(SIZE_MAX)),
			 "string");
	ck_assert_str_eq(tarn_pstrndup(pool, "string", opaque(SIZE_MAX - 1)),
			 "string");
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrndup_of_unended_source_reads_no_further)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t size;

	for (size = 0; size < 100; size++) {
		char *source = malloc(size + (size == 0));
		char *copy;

		ck_assert_ptr_nonnull(source);
		memset(source, 's', size);
		copy = tarn_pstrndup(pool, source, size);
		free(source);
		ck_assert_ptr_nonnull(copy);
		ck_assert_uint_eq(strlen(copy), size);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(copies_of_null_are_einval)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	size_t size;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	before = stats_of(pool);
	for (size = 0; size < 10000; size += 4999) {
		errno = 0;
		ck_assert_ptr_null(tarn_pmemdup(pool, NULL, size));
		ck_assert_int_eq(errno, EINVAL);
		errno = 0;
		ck_assert_ptr_null(tarn_pstrndup(pool, NULL, size));
		ck_assert_int_eq(errno, EINVAL);
	}
	errno = 0;
	ck_assert_ptr_null(tarn_pstrdup(pool, NULL));
	ck_assert_int_eq(errno, EINVAL);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_copy_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "copies");

	tcase_add_test(tcase, pmemdup_copies_and_aligns);
	tcase_add_test(tcase, pstrdup_copies_packed);
	tcase_add_test(tcase, pstrdup_of_every_length_is_equal);
	tcase_add_test(tcase, pstrndup_stops_at_size_or_end);
	tcase_add_test(tcase, pstrndup_of_unended_source_reads_no_further);
	tcase_add_test(tcase, copies_of_null_are_einval);
}

/* ---- formats ------------------------------------------------------------- */

START_TEST(psprintf_formats_packed)
{
	tarn_pool *pool = roomy_pool();
	char *first = tarn_psprintf(pool, "%s-%d-%c", "tarn", 42, 'x');
	char *second =
		tarn_psprintf(pool, "%5.2f|%-4s|%04x", 3.14159, "ab", 255U);
	char *third = formatted(pool, "%s and %zu", first, (size_t)7);
	char *empty = tarn_psprintf(pool, "%s", "");

	ck_assert_str_eq(first, "tarn-42-x");
	ck_assert_str_eq(second, " 3.14|ab  |00ff");
	ck_assert_str_eq(third, "tarn-42-x and 7");
	ck_assert_str_eq(empty, "");
	ck_assert_uint_eq(stats_of(pool).handed_out, 10 + 16 + 16 + 1);
	tarn_pool_destroy(pool);
}
END_TEST

/* The room left shrinks to nothing while the lengths go up and down. */
START_TEST(psprintf_of_every_length_around_the_room_is_whole)
{
	static const size_t lengths[] = {0,   1,    2,    7,    8,    15,
					 16,  17,   40,   100,  255,  256,
					 500, 1000, 3000, 4095, 4096, 9000};
	char *source = letters(9000);
	struct counting counting;
	tarn_pool *pool;
	size_t i, fill;

	for (fill = 0; fill < 4096; fill += 61) {
		counting_init(&counting);
		pool = counting_pool(&counting, 4096);
		REQUIRE(tarn_pnalloc(pool, fill) != NULL);
		for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			int length = (int)lengths[i];
			char *text = i % 2 == 0 ? tarn_psprintf(pool, "%.*s",
								length, source)
						: formatted(pool, "%.*s",
							    length, source);

			REQUIRE(text != NULL);
			REQUIRE(strlen(text) == lengths[i]);
			ck_assert_mem_eq(text, source, lengths[i]);
			REQUIRE(counting_contains(&counting, text,
						  lengths[i] + 1));
			REQUIRE(tarn_palloc(pool, 1) != NULL);
		}
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
	free(source);
}
END_TEST

/* Leaves `left` bytes of room in the thread's own part of `pool`. */
static void leave_room(tarn_pool *pool, size_t left)
{
	tarn_local *local = tarn_pool_local(pool);

	tarn_pool_reset(pool);
	REQUIRE(tarn_palloc(pool, 16) != NULL);
	while ((size_t)(local->end - local->last) > left)
		REQUIRE(tarn_local_pnalloc(local, 1) != NULL);
	REQUIRE((size_t)(local->end - local->last) == left);
}

START_TEST(psprintf_to_the_last_byte_of_room_fits)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	size_t left, before;
	char *text;

	for (left = 2; left < 48; left++) {
		leave_room(pool, left);
		before = stats_of(pool).handed_out;
		text = tarn_psprintf(pool, "%0*d", (int)left - 1, 7);
		ck_assert_ptr_eq(text, local->last);
		ck_assert_uint_eq(strlen(text), left - 1);
		ck_assert_uint_eq(stats_of(pool).handed_out - before, left);
		leave_room(pool, left);
		before = stats_of(pool).handed_out;
		text = tarn_psprintf(pool, "%0*d", (int)left, 7);
		ck_assert_ptr_nonnull(text);
		ck_assert_uint_eq(strlen(text), left);
		ck_assert_uint_eq(stats_of(pool).handed_out - before, left + 1);
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(psprintf_long_result_is_large)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *text = tarn_psprintf(pool, "<%0100000d>", 1);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), 100002);
	ck_assert_int_eq(text[0], '<');
	ck_assert_int_eq(text[100001], '>');
	ck_assert_uint_eq(stats_of(pool).large_count, 1);
	ck_assert_int_eq(tarn_pfree(pool, text), 0);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(psprintf_of_the_pools_own_string_is_right)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *text = tarn_pstrdup(pool, "a");
	size_t i;

	for (i = 1; i < 14; i++) {
		text = tarn_psprintf(pool, "%s%s", text, text);
		ck_assert_ptr_nonnull(text);
		ck_assert_uint_eq(strlen(text), (size_t)1 << i);
		ck_assert_uint_eq(strspn(text, "a"), (size_t)1 << i);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Whether printf of this system fails at all: that of MinGW-w64 never does. */
static bool printf_fails(void)
{
	return snprintf(NULL, 0, "%lc", NO_CHARACTER) < 0;
}

START_TEST(psprintf_invalid_character_leaves_the_pool)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;
	char *text;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	text = tarn_pstrdup(pool, "before");
	before = stats_of(pool);
	errno = 0;
	ck_assert_ptr_null(tarn_psprintf(pool, "%lc", NO_CHARACTER));
	ck_assert_int_eq(errno, EILSEQ);
	errno = 0;
	ck_assert_ptr_null(formatted(pool, "%09000d%lc", 1, NO_CHARACTER));
	ck_assert_int_eq(errno, EILSEQ);
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_str_eq(tarn_psprintf(pool, "%s", "after"), "after");
	ck_assert_str_eq(text, "before");
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(psprintf_without_memory_leaves_the_pool)
{
	struct counting counting;
	tarn_stats before, after;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 16));
	before = stats_of(pool);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	errno = 0;
	ck_assert_ptr_null(tarn_psprintf(pool, "%04096d", 1));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_null(tarn_psprintf(pool, "%090000d", 1));
	after = stats_of(pool);
	ck_assert_mem_eq(&before, &after, sizeof before);
	ck_assert_str_eq(tarn_psprintf(pool, "%s", "small"), "small");
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

static void add_format_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "formats");

	tcase_add_test(tcase, psprintf_formats_packed);
	tcase_add_test(tcase,
		       psprintf_of_every_length_around_the_room_is_whole);
	tcase_add_test(tcase, psprintf_to_the_last_byte_of_room_fits);
	tcase_add_test(tcase, psprintf_long_result_is_large);
	tcase_add_test(tcase, psprintf_of_the_pools_own_string_is_right);
	if (printf_fails())
		tcase_add_test(tcase,
			       psprintf_invalid_character_leaves_the_pool);
	tcase_add_test(tcase, psprintf_without_memory_leaves_the_pool);
}

/* ---- joins --------------------------------------------------------------- */

START_TEST(pstrcat_joins_packed)
{
	tarn_pool *pool = roomy_pool();
	char *joined = tarn_pstrcat(pool, "a", "", "bc", "def", (char *)NULL);

	ck_assert_str_eq(joined, "abcdef");
	ck_assert_str_eq(tarn_pstrcat(pool, "one", (char *)NULL), "one");
	ck_assert_str_eq(tarn_pstrcat(pool, "", "", (char *)NULL), "");
	ck_assert_str_eq(tarn_pstrcat(pool, (char *)NULL), "");
	ck_assert_uint_eq(stats_of(pool).handed_out, 7 + 4 + 1 + 1);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrcat_of_many_and_long_is_whole)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *text = letters(1000);
	char *joined = tarn_pstrcat(pool, text, "-", text, "-", text, "-", text,
				    "-", text, "-", text, "-", text, "-", text,
				    "-", text, "-", text, (char *)NULL);
	size_t i;

	ck_assert_ptr_nonnull(joined);
	ck_assert_uint_eq(strlen(joined), 10009);
	for (i = 0; i < 10; i++)
		ck_assert_mem_eq(joined + i * 1001, text, 1000);
	ck_assert_int_eq(joined[1000], '-');
	ck_assert_int_eq(tarn_pfree(pool, joined), 0);
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(pstrcat_of_the_pools_own_strings_is_right)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *text = tarn_pstrdup(pool, "b");
	size_t i;

	for (i = 1; i < 15; i++) {
		text = tarn_pstrcat(pool, text, text, (char *)NULL);
		ck_assert_ptr_nonnull(text);
		ck_assert_uint_eq(strlen(text), (size_t)1 << i);
		ck_assert_uint_eq(strspn(text, "b"), (size_t)1 << i);
	}
	tarn_pool_destroy(pool);
}
END_TEST

static void add_join_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "joins");

	tcase_add_test(tcase, pstrcat_joins_packed);
	tcase_add_test(tcase, pstrcat_of_many_and_long_is_whole);
	tcase_add_test(tcase, pstrcat_of_the_pools_own_strings_is_right);
}

int main(void)
{
	Suite *suite = suite_create("string");

	add_copy_tests(suite);
	add_format_tests(suite);
	add_join_tests(suite);
	return suite_run(suite);
}
