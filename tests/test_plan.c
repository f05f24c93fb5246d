/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tarn-replay does with a trace: a whole one is replayed, one that cannot
 * be is refused with the reason, whatever is in it, and memory that is not as
 * it should be is found.
 */
#include <string.h>
#include <unistd.h>

#include "replay.h"
#include "util.h"

enum {
	RECORDS_MOST = 300,
	MEMORY = 64 << 20, /* bytes that a trace may keep alive */
	DEPTH = 20000,     /* of pools in pools                 */
	MUTATIONS = 4000   /* of a whole trace                  */
};

static const struct run_options preset;

/* ---- traces -------------------------------------------------------------- */

/* A trace in a file of its own. */
struct file {
	char path[32];
	FILE *stream;
};

static void file_open(struct file *file)
{
	int descriptor;

	strcpy(file->path, "/tmp/test_plan.XXXXXX");
	descriptor = mkstemp(file->path);
	file->stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
	if (file->stream == NULL)
		abort();
}

static void file_put(struct file *file, struct record record)
{
	uint32_t words[4] = {record.op | (uint32_t)record.byte << 8 |
				     (uint32_t)record.half << 16,
			     record.words[0], record.words[1], record.words[2]};

	for (int i = 0; i < 16; i++)
		putc((int)(words[i / 4] >> i % 4 * 8 & 0xff), file->stream);
}

static bool file_read(struct file *file, struct plan *plan, char *why)
{
	bool fine;

	fclose(file->stream);
	fine = plan_read(plan, file->path, MEMORY, why);
	unlink(file->path);
	return fine;
}

static bool read_records(const struct record *records, size_t count,
			 struct plan *plan, char *why)
{
	struct file file;

	file_open(&file);
	for (size_t i = 0; i < count; i++)
		file_put(&file, records[i]);
	return file_read(&file, plan, why);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A trace with all operations, of two threads. */
static const struct record whole[] = {
	{255, 1, 0, {77, 0, 0}},  {1, 0, 0, {1, 1024, 0}},
	{4, 0, 0, {1, 100, 1}},   {5, 0, 1, {1, 7, 2}},
	{6, 0, 1, {1, 300, 3}},   {7, 6, 0, {1, 24, 4}},
	{4, 0, 0, {1, 0, 5}},     {14, 0, 1, {1, 5000, 1}},
	{12, 0, 0, {1, 0, 6}},    {12, 0, 1, {1, 0, 7}},
	{12, 0, 1, {1, 0, 8}},    {15, 0, 0, {1, 0, 7}},
	{17, 0, 0, {1, 0, 7}},    {16, 0, 1, {1, 0, 8}},
	{13, 0, 1, {2, 0, 1}},    {13, 0, 0, {3, 512, 2}},
	{4, 0, 0, {3, 20000, 9}}, {9, 0, 0, {1, 0, 2}},
	{9, 0, 0, {2, 0, 9}},     {8, 0, 1, {3, 0, 9}},
	{4, 0, 0, {3, 20, 10}},   {12, 0, 0, {3, 0, 11}},
	{4, 0, 0, {3, 16, 0}},    {14, 0, 1, {1, 0, 5}},
	{14, 0, 1, {1, 40, 5}},   {3, 0, 0, {1, 0, 0}},
	{10, 0, 0, {1, 64, 32}},  {4, 0, 1, {1, 50, 12}},
	{13, 0, 1, {4, 0, 1}},    {2, 0, 1, {4, 0, 0}},
	{11, 0, 0, {0, 0, 0}},    {8, 0, 0, {1, 0, 999}},
	{2, 0, 1, {1, 0, 0}},     {4, 0, 65535, {5, 30, 13}},
	{255, 1, 0, {78, 3, 0}},  {1, 0, 0, {1, 0, 0}},
	{4, 0, 0, {1, 8, 1}},     {14, 0, 0, {1, 0, 0}},
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
	ck_assert_uint_eq(plan.skipped, 1);
	ck_assert_uint_eq(plan.calls, COUNT(whole) - 2 - 2 - 1 - 1);
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
	{"record 1: no operation has the number 18", {{18, 0, 0, {1, 0, 0}}}},
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
	{"record 2: id 1 cannot be resized",
	 {{5, 0, 0, {1, 5, 1}}, {14, 0, 0, {1, 9, 1}}}},
	{"record 2: id 1 is of another pool",
	 {{4, 0, 0, {1, 5, 1}}, {14, 0, 0, {2, 9, 1}}}},
	{"record 2: id 1 is a cleanup",
	 {{12, 0, 0, {1, 0, 1}}, {8, 0, 0, {1, 0, 1}}}},
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

/* ---- whatever is in a file ----------------------------------------------- */

/* Changes some of a trace: whole records, or parts of one. */
static void mutate(struct record *records, size_t *count, uint64_t *state)
{
	struct record *at = &records[random_between(state, 0, *count - 1)];
	const struct record *from =
		&records[random_between(state, 0, *count - 1)];
	int word = (int)random_between(state, 0, 2);

	switch (random_between(state, 0, 7)) {
	case 0:
		*at = *from;
		break;
	case 1:
		at->op = (uint8_t)random_between(state, 1, 17);
		break;
	case 2:
		at->words[word] = from->words[random_between(state, 0, 2)];
		break;
	case 3:
		at->words[word] ^= 1U << random_between(state, 0, 31);
		break;
	case 4:
		at->half ^= (uint16_t)(1U << random_between(state, 0, 3));
		break;
	case 5:
		at->byte = (uint8_t)random_between(state, 0, 40);
		break;
	case 6:
		at->op ^= (uint8_t)(1U << random_between(state, 0, 7));
		break;
	default:
		records[(*count)++] = *from;
	}
}

START_TEST(plan_mutated_trace_replayed_or_refused)
{
	uint64_t state = seed("plan_mutated_trace");
	size_t taken = 0, all = rounds(MUTATIONS);

	for (size_t i = 0; i < all; i++) {
		struct record records[RECORDS_MOST];
		struct replay replay = {.ns = 0};
		struct plan plan;
		size_t count = COUNT(whole);
		char why[RECORDS_WHY] = "";

		memcpy(records, whole, sizeof(whole));
		for (size_t k = random_between(&state, 1, 12); k != 0; k--)
			mutate(records, &count, &state);
		if (read_records(records, count, &plan, why)) {
			bool fine = replay_check(&replay, &plan, &preset, true,
						 why);

			ck_assert_msg(fine, "%zu: %s", i, why);
			plan_free(&plan);
			taken++;
		}
		ck_assert(why[0] == '\0' || strchr(why, '\n') == NULL);
	}
	printf("%zu of %zu mutated traces replayed\n", taken, all);
	ck_assert_uint_gt(taken, all / 50);
	ck_assert_uint_lt(taken, all);
}
END_TEST

/* No records at all: bytes. */
START_TEST(plan_random_bytes_refused)
{
	uint64_t state = seed("plan_random_bytes");

	for (size_t i = 0; i < rounds(MUTATIONS); i++) {
		size_t size = random_between(&state, 0, 200);
		char why[RECORDS_WHY] = "";
		struct file file;
		struct plan plan;
		bool fine;

		file_open(&file);
		for (size_t k = 0; k < size; k++)
			putc((int)(random_next(&state) & 0xff), file.stream);
		/* That one does begin as a trace does. */
		fine = file_read(&file, &plan, why);
		if (fine)
			plan_free(&plan);
		ck_assert(fine || why[0] != '\0');
		ck_assert(size % 16 == 0 || !fine);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = suite_case(suite, "replay");

	tcase_add_test(tcase, replay_whole_trace_all_done);
	tcase_add_test(tcase, replay_other_large_above_frees_differ);
	tcase_add_test(tcase, replay_nested_pools_no_bound);
	tcase = suite_case(suite, "refused");
	tcase_add_loop_test(tcase, plan_bad_trace_refused, 0,
			    (int)COUNT(refused));
	tcase = suite_case(suite, "found");
	tcase_add_test(tcase, check_shared_memory_found);
	tcase_add_test(tcase, check_resize_loses_byte_found);
	tcase = suite_case(suite, "whatever");
	tcase_add_test(tcase, plan_mutated_trace_replayed_or_refused);
	tcase_add_test(tcase, plan_random_bytes_refused);
	return suite_run(suite);
}
