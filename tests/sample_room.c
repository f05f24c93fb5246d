/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room that is cut where the next sample is due: what stands in it is
 * nobody else's, and it is whole again afterwards, but for what was handed out.
 */
#include "test_sample.h"

/* ---- contents ----------------------------------------------------------- */

/* What is allocated is nobody else's, in marks and out of them. */
/* An object, each byte of which is its number, within so many marks. */
struct kept {
	unsigned char *at;
	size_t size, depth;
};

/* Each byte of those from `whole` on, and where `all`, both ends of each. */
static int kept_look(const struct kept *kept, size_t count, size_t whole,
		     bool all)
{
	for (size_t i = whole; i < count; i++)
		EXPECT(kept[i].at[0] == (i & 0xff) &&
		       memcmp(kept[i].at, kept[i].at + 1, kept[i].size - 1) ==
			       0);
	for (size_t i = 0; all && i < count; i++)
		EXPECT(kept[i].at[0] == (i & 0xff) &&
		       kept[i].at[kept[i].size - 1] == (i & 0xff));
	return 0;
}

static int kept_contents(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	struct kept kept[512];
	tarn_mark marks[4];
	size_t count = 0, depth = 0;
	uint64_t state = seed_now;
	int status;

	for (size_t i = 0; i < scale * 200000; i++) {
		size_t size = random_between(&state, 1, 900), at = count;
		size_t what = random_between(&state, 0, 40);

		if (what == 0 && depth < 4) {
			marks[depth++] = tarn_local_mark(local);
		} else if (what == 1 && depth > 0) {
			tarn_local_rewind(local, marks[--depth]);
			while (count > 0 && kept[count - 1].depth > depth)
				count--;
		} else if (count < 512) {
			kept[count].at = what % 2 == 0
						 ? tarn_palloc(pool, size)
						 : tarn_pnalloc(pool, size);
			EXPECT(kept[count].at != NULL);
			kept[count].size = size;
			kept[count].depth = depth;
			memset(kept[count].at, (int)(count & 0xff), size);
			count++;
		} else if (depth == 0) {
			tarn_pool_reset(pool);
			count = 0;
		}
		status = kept_look(kept, count, at < 8 ? 0 : at - 8,
				   i % 64 == 0);
		if (status != 0)
			return status;
		if (count == 512 && depth > 0) {
			tarn_local_rewind(local, marks[0]);
			depth = 0;
			while (count > 0 && kept[count - 1].depth > 0)
				count--;
		}
	}
	return 0;
}

START_TEST(kept_contents_stay)
{
	begin(2);
	profile_of(kept_contents, SEEDS);
}
END_TEST

/* ---- cuts --------------------------------------------------------------- */

/* A local pool with all of `memory` but so many bytes at its end as room. */
static void local_begin(struct local *local, char *memory, size_t size,
			size_t packed)
{
	local_init(local, NULL, 4096, (struct chunk){memory, memory + size});
	local->hot.end -= packed;
	atomic_init(&local->given, size - packed);
}

static void expect_room(const struct local *local, const char *last,
			const char *end)
{
	ck_assert_ptr_eq(local->hot.last, last);
	ck_assert_ptr_eq(local->hot.end, end);
	ck_assert_uint_eq(local_handed_out(local), 0);
}

START_TEST(cut_room_is_on_a_line_and_whole_again)
{
	_Alignas(64) char memory[1024];
	struct local local;

	for (size_t bytes = 0; bytes < sizeof(memory); bytes++) {
		size_t line = bytes / 64 * 64;

		local_begin(&local, memory, sizeof(memory), 0);
		cut_room(&local, bytes);
		expect_room(&local, memory, memory + line);
		ck_assert_ptr_eq(cut_of(&local), memory + line);
		ck_assert_uint_eq(cut_of(&local)->left, bytes - line);
		cut_join(&local);
		ck_assert_ptr_null(cut_of(&local));
		ck_assert_ptr_eq(local.chunk_end, memory + sizeof(memory));
		expect_room(&local, memory, memory + sizeof(memory));
		cut_join(&local);
		expect_room(&local, memory, memory + sizeof(memory));
	}
}
END_TEST

START_TEST(cut_near_the_end_has_room_for_its_record)
{
	_Alignas(64) char memory[1024];
	struct local local;

	local_begin(&local, memory, sizeof(memory), 50);
	cut_room(&local, 970);
	expect_room(&local, memory, memory + 896);
	ck_assert_uint_eq(cut_of(&local)->left, 74);
	cut_join(&local);
	expect_room(&local, memory, memory + 974);
	/* Not even so. */
	local_begin(&local, memory, sizeof(struct cut), 1);
	cut_room(&local, sizeof(struct cut) / 2);
	expect_room(&local, memory, memory);
	ck_assert_ptr_null(cut_of(&local));
	local_begin(&local, memory + 16, 100, 0);
	cut_room(&local, 20);
	expect_room(&local, memory + 16, memory + 16);
	ck_assert_uint_eq(cut_of(&local)->left, 20);
}
END_TEST

START_TEST(cut_room_with_objects_between_is_the_larger_part)
{
	_Alignas(64) char memory[1024];
	struct local local;
	struct room lost;

	local_begin(&local, memory, sizeof(memory), 0);
	cut_room(&local, 256);
	local.hot.end -= 10;
	lost = cut_join(&local);
	ck_assert_ptr_eq(local.hot.last, memory + 256);
	ck_assert_ptr_eq(local.hot.end, memory + 1024);
	ck_assert_uint_eq(local_handed_out(&local), 10);
	/* What was left is a tail. */
	ck_assert_ptr_eq(lost.last, lost.end);
	local_begin(&local, memory, sizeof(memory), 0);
	cut_room(&local, 900);
	local.hot.end -= 10;
	cut_join(&local);
	ck_assert_ptr_eq(local.hot.last, memory);
	ck_assert_ptr_eq(local.hot.end, memory + 896 - 10);
	ck_assert_uint_eq(local_handed_out(&local), 10);
}
END_TEST

void add_room_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "rooms");

	tcase_add_test(tcase, kept_contents_stay);
	tcase_add_test(tcase, cut_room_is_on_a_line_and_whole_again);
	tcase_add_test(tcase, cut_near_the_end_has_room_for_its_record);
	tcase_add_test(tcase, cut_room_with_objects_between_is_the_larger_part);
}
