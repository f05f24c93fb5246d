/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tarn-replay does with a trace: a whole one is replayed, one that cannot
 * be is refused with the reason, and memory that is not as it should be is
 * found.
 */
#include "trace.h"

enum {
	DEPTH = 20000 /* of pools in pools */
};

START_TEST(replay_whole_trace_all_done)
{
	struct replay replay = {.ns = 0};
	struct plan plan;
	char why[RECORDS_WHY] = "";
	bool fine = read_records(whole, COUNT(whole), &plan, why);

	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(plan.records, COUNT(whole));
	ck_assert_uint_eq(plan.processes, 2);
	ck_assert_uint_eq(plan.pools, 6);
	ck_assert_uint_eq(plan.threads, 3);
	ck_assert_uint_eq(plan.failed, 2);
	ck_assert_uint_eq(plan.skipped, 2);
	ck_assert_uint_eq(plan.calls, COUNT(whole) - 2 - 2 - 2 - 1);
	fine = replay_check(&replay, &plan, &preset, true, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(replay.others, 0);
	ck_assert_uint_ge(replay.peak.handed_out, 100 + 300 + 5000 + 20000);
	ck_assert_uint_gt(replay.peak.held, replay.peak.handed_out);
	ck_assert_uint_ge(replay.peak.blocks, 3);
	fine = replay_time(&replay, &plan, &preset, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert(replay.ns > 0);
	plan_free(&plan);
}
END_TEST

/* What is large is up to the options: such frees are told, not failures. */
START_TEST(replay_other_large_above_frees_differ)
{
	const struct run_options small = {.large_above = 6},
				 large = {.large_above = 1 << 20};
	struct replay replay;
	struct plan plan;
	char why[RECORDS_WHY] = "";
	bool fine = read_records(whole, COUNT(whole), &plan, why);

	ck_assert_msg(fine, "%s", why);
	fine = replay_check(&replay, &plan, &large, true, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(replay.others, 1);
	fine = replay_check(&replay, &plan, &small, true, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(replay.others, 1);
	plan_free(&plan);
}
END_TEST

/* An object of no bytes was resized, and freed, under the next one's id. */
START_TEST(replay_shared_address_passed_over)
{
	static const struct record records[] = {
		{255, 1, 0, {7, 0, 0}}, {1, 0, 0, {1, 0, 0}},
		{4, 0, 0, {1, 0, 1}},   {5, 0, 0, {1, 75, 2}},
		{14, 0, 0, {1, 29, 2}}, {12, 0, 0, {1, 0, 3}},
		{9, 0, 0, {1, 0, 3}},   {14, 0, 0, {1, 5, 3}},
	};
	struct replay replay;
	struct plan plan;
	char why[RECORDS_WHY] = "";
	bool fine = read_records(records, COUNT(records), &plan, why) &&
		    replay_check(&replay, &plan, &preset, true, why);

	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(plan.skipped, 3);
	plan_free(&plan);
}
END_TEST

START_TEST(replay_nested_pools_no_bound)
{
	struct file file;
	struct replay replay;
	struct plan plan;
	char why[RECORDS_WHY] = "";
	uint32_t depth = (uint32_t)rounds(DEPTH);
	bool fine;

	file_open(&file);
	file_put(&file, (struct record){1, 0, 0, {1, 64, 0}});
	for (uint32_t i = 2; i <= depth; i++)
		file_put(&file, (struct record){13, 0, 0, {i, 64, i - 1}});
	file_put(&file, (struct record){3, 0, 0, {1, 0, 0}});
	fine = file_read(&file, &plan, why) &&
	       replay_check(&replay, &plan, &preset, true, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(plan.pools, depth);
	ck_assert_uint_ge(replay.ends.blocks, depth);
	plan_free(&plan);
}
END_TEST

/* ---- what is refused ----------------------------------------------------- */

static const struct {
	const char *why; /* part of it */
	struct record records[5];
} refused[] = {
	{"record 1: no operation has the number 19", {{19, 0, 0, {1, 0, 0}}}},
	{"record 1: version 2", {{255, 2, 0, {1, 0, 0}}}},
	{"record 1: no pool has the number 0", {{4, 0, 0, {0, 1, 1}}}},
	{"record 2: pool 1 was there before",
	 {{1, 0, 0, {1, 0, 0}}, {1, 0, 0, {1, 0, 0}}}},
	{"record 3: pool 1 was there before",
	 {{1, 0, 0, {1, 0, 0}}, {2, 0, 0, {1, 0, 0}}, {1, 0, 0, {1, 0, 0}}}},
	{"record 3: pool 2 has ended",
	 {{13, 0, 0, {2, 0, 1}}, {2, 0, 0, {1, 0, 0}}, {4, 0, 0, {2, 1, 1}}}},
	{"record 1: a pool inside itself", {{13, 0, 0, {1, 0, 1}}}},
	{"record 3: id 1 was there before",
	 {{255, 1, 0, {1, 0, 0}}, {4, 0, 0, {1, 1, 1}}, {4, 0, 0, {1, 1, 1}}}},
	{"record 3: id 1 has ended",
	 {{4, 0, 0, {1, 5000, 1}}, {8, 0, 0, {1, 0, 1}}, {8, 0, 0, {1, 0, 1}}}},
	{"record 3: id 1 has ended",
	 {{4, 0, 0, {1, 5, 1}}, {3, 0, 0, {1, 0, 0}}, {14, 0, 0, {1, 9, 1}}}},
	{"record 2: id 1 is of another pool",
	 {{4, 0, 0, {1, 5, 1}}, {14, 0, 0, {2, 9, 1}}}},
	{"record 2: id 1 is no cleanup",
	 {{4, 0, 0, {1, 0, 1}}, {15, 0, 0, {1, 0, 1}}}},
	{"record 1: an allocation of 4 GiB", {{4, 0, 0, {1, UINT32_MAX, 1}}}},
	{"record 2: an allocation of 4 GiB",
	 {{4, 0, 0, {1, 1, 1}}, {14, 0, 0, {1, UINT32_MAX, 1}}}},
	{"record 1: an alignment of 2^32", {{7, 32, 0, {1, 1, 1}}}},
	{"record 1: 2147487744 bytes alive", {{7, 31, 0, {1, 1, 1}}}},
	{"record 2: 100004096 bytes alive",
	 {{4, 0, 0, {1, 50000000, 1}}, {4, 0, 0, {1, 50000000, 2}}}},
	{"record 2: 134217728 bytes alive",
	 {{1, 0, 0, {1, 1 << 30, 0}}, {1, 0, 0, {2, 1 << 30, 0}}}},
	{"truncated: 1 more", {{255, 0, 0, {1, 2, 0}}, {1, 0, 0, {1, 0, 0}}}},
	{"record 3: more than its process",
	 {{255, 0, 0, {1, 1, 0}}, {1, 0, 0, {1, 0, 0}}, {2, 0, 0, {1, 0, 0}}}},
	{"there are no calls", {{255, 1, 0, {1, 0, 0}}}},
};

START_TEST(plan_bad_trace_refused)
{
	struct plan plan;
	char why[RECORDS_WHY] = "";
	size_t count = 0;
	bool fine;

	while (count < COUNT(refused[_i].records) &&
	       refused[_i].records[count].op != 0)
		count++;
	fine = read_records(refused[_i].records, count, &plan, why);
	ck_assert_msg(!fine, "taken, instead of: %s", refused[_i].why);
	ck_assert_msg(strstr(why, refused[_i].why) != NULL,
		      "'%s' instead of '%s'", why, refused[_i].why);
	ck_assert_ptr_null(plan.steps);
}
END_TEST

/* ---- what is found ------------------------------------------------------- */

/*
 * An upstream whose large memory is the same each time. It frees nothing, for
 * a replay that fails leaves its pools as they are.
 */
static char same[1 << 16] __attribute__((aligned(64)));
static char arena[1 << 16] __attribute__((aligned(64)));
static size_t arena_used;

static void *same_alloc(void *ctx, size_t *size, size_t alignment)
{
	size_t start = (arena_used + alignment - 1) & ~(alignment - 1);

	(void)ctx;
	if (*size > sizeof(same) / 2 && *size <= sizeof(same))
		return same;
	if (*size > sizeof(arena) - start)
		return NULL;
	arena_used = start + *size;
	return arena + start;
}

static void same_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	(void)ptr;
	(void)size;
}

/* What it resizes has lost its last byte. */
static void *same_resize(void *ctx, void *ptr, size_t old_size,
			 size_t *new_size)
{
	(void)ctx;
	if (ptr != same || *new_size > sizeof(same))
		return NULL;
	same[old_size - 1] ^= 1;
	return ptr;
}

static const tarn_upstream same_upstream = {same_alloc, same_resize,
					    same_release, NULL};
static const struct run_options same_options = {.upstream = &same_upstream};

/* Replays a trace, in which nothing is seen unless it is looked for. */
static void find(const struct record *records, size_t count, const char *wanted)
{
	struct replay replay;
	struct plan plan;
	char why[RECORDS_WHY] = "";
	bool fine = read_records(records, count, &plan, why);

	ck_assert_msg(fine, "%s", why);
	arena_used = 0;
	fine = replay_check(&replay, &plan, &same_options, false, why);
	ck_assert_msg(fine, "%s", why);
	arena_used = 0;
	fine = replay_check(&replay, &plan, &same_options, true, why);
	ck_assert(!fine);
	ck_assert_msg(strstr(why, wanted) != NULL, "%s", why);
	plan_free(&plan);
}

START_TEST(check_shared_memory_found)
{
	static const struct record records[] = {
		{1, 0, 0, {1, 0, 0}},
		{4, 0, 0, {1, 40000, 1}},
		{4, 0, 1, {1, 40000, 2}},
		{2, 0, 0, {1, 0, 0}},
	};

	find(records, COUNT(records),
	     "record 4: object 1 of 40000 bytes: byte 0 was overwritten");
}
END_TEST

START_TEST(check_resize_loses_byte_found)
{
	static const struct record records[] = {
		{1, 0, 0, {1, 0, 0}},
		{4, 0, 0, {1, 40000, 1}},
		{14, 0, 0, {1, 50000, 1}},
	};

	find(records, COUNT(records),
	     "record 3: object 1 of 50000 bytes: byte 39999");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = suite_case(suite, "replay");

	tcase_add_test(tcase, replay_whole_trace_all_done);
	tcase_add_test(tcase, replay_other_large_above_frees_differ);
	tcase_add_test(tcase, replay_shared_address_passed_over);
	tcase_add_test(tcase, replay_nested_pools_no_bound);
	tcase = suite_case(suite, "refused");
	tcase_add_loop_test(tcase, plan_bad_trace_refused, 0,
			    (int)COUNT(refused));
	tcase = suite_case(suite, "found");
	tcase_add_test(tcase, check_shared_memory_found);
	tcase_add_test(tcase, check_resize_loses_byte_found);
	return suite_run(suite);
}
