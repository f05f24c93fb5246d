/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG=trace=FILE: what stands in the file, record by record. The
 * format is in doc/TRACE.
 */
#include "recorded.h"

/* Bytes that no malloc grants, and as a record has them. */
#define REFUSED      (SIZE_MAX / 2)
#define REFUSED_WORD (REFUSED < UINT32_MAX ? (uint32_t)REFUSED : UINT32_MAX)

/* ---- all operations ----------------------------------------------------- */

static void count_up(void *data)
{
	++*(int *)data;
}

static void *format(tarn_pool *pool, const char *text, ...)
{
	va_list args;
	void *object;

	va_start(args, text);
	object = tarn_pvsprintf(pool, text, args);
	va_end(args);
	return object;
}

static int second_thread(void *pool)
{
	EXPECT(tarn_palloc(pool, 20) != NULL);
	EXPECT(tarn_local_pnalloc(tarn_pool_local(pool), 21) != NULL);
	return 0;
}

static int objects(tarn_pool *pool)
{
	EXPECT(tarn_palloc(pool, 1) != NULL);
	EXPECT(tarn_palloc(pool, LARGE) != NULL);
	EXPECT(tarn_pnalloc(pool, 3) != NULL);
	EXPECT(tarn_pcalloc(pool, 2, 2) != NULL);
	EXPECT(tarn_pcalloc(pool, SIZE_MAX, 2) == NULL);
	EXPECT(tarn_pmemalign(pool, 32, 5) != NULL);
	EXPECT(tarn_pmemalign(pool, 3, 5) == NULL);
	EXPECT(tarn_new(pool, uint64_t) != NULL);
	EXPECT(tarn_pmemdup(pool, "seven..", 7) != NULL);
	EXPECT(tarn_pstrdup(pool, "12345678") != NULL);
	EXPECT(tarn_pstrndup(pool, "1234567890", 9) != NULL);
	EXPECT(tarn_psprintf(pool, "%s", "1234567890") != NULL);
	EXPECT(format(pool, "%s", "12345678901") != NULL);
	EXPECT(tarn_pstrcat(pool, "123456", "123456", (char *)NULL) != NULL);
	EXPECT(tarn_pool_set_data(pool, pool, pool) == 0);
	EXPECT(tarn_palloc(pool, REFUSED) == NULL);
	EXPECT(tarn_palloc(pool, 0) != NULL);
	return worker_run(second_thread, pool);
}

/* Of its alignment, which not all machines have alike. */
#define LOG2_OF(type) __builtin_ctz(_Alignof(type))

static const struct record objects_recorded[] = {
	{255, 1, 0, 0, 0, 0},
	{1, 0, 0, 1, 0, 0},
	{4, 0, 0, 1, 1, 1},
	{4, 0, 0, 1, LARGE, 2},
	{5, 0, 0, 1, 3, 3},
	{6, 0, 0, 1, 4, 4},
	{6, 0, 0, 1, UINT32_MAX, 0},
	{7, 5, 0, 1, 5, 5},
	{7, 1, 0, 1, 5, 0},
	{7, LOG2_OF(uint64_t), 0, 1, 8, 6},
	{4, 0, 0, 1, 7, 7},
	{5, 0, 0, 1, 9, 8},
	{5, 0, 0, 1, 10, 9},
	{5, 0, 0, 1, 11, 10},
	{5, 0, 0, 1, 12, 11},
	{5, 0, 0, 1, 13, 12},
	{7, LOG2_OF(void *), 0, 1, 3 * sizeof(void *), 13},
	{4, 0, 0, 1, REFUSED_WORD, 0},
	{4, 0, 0, 1, 0, 14},
	{4, 0, 1, 1, 20, 15},
	{5, 0, 1, 1, 21, 16},
	{2, 0, 0, 1, 0, 0},
};

static int record_objects(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int status = objects(pool);

	tarn_pool_destroy(pool);
	return status;
}

START_TEST(trace_of_objects_is_as_documented)
{
	child_silent(named("objects"), record_objects);
	compare_file(path, objects_recorded, COUNT(objects_recorded));
}
END_TEST

/* What a cleanup does is the program's own, and recorded. */
static void allocate(void *pool)
{
	tarn_palloc(pool, 44);
}

static int record_others(void)
{
	static int ran;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool, *child, *other;
	tarn_cleanup *run, *cancel;
	void *object, *large;

	options.first_block = 2048;
	pool = tarn_pool_create(&options);
	EXPECT(tarn_pfree(pool, &ran) == -1);
	object = tarn_prealloc(pool, NULL, 0, 10);
	object = tarn_prealloc(pool, object, 10, 30);
	object = tarn_prealloc(pool, object, 30, 20);
	EXPECT(tarn_prealloc(pool, object, 20, SIZE_MAX) == NULL);
	EXPECT(tarn_pfree(pool, object) == -1);
	EXPECT(tarn_pfree(pool, NULL) == -1);
	EXPECT(tarn_pfree(pool, &ran) == -1);
	large = tarn_palloc(pool, LARGE);
	large = tarn_prealloc(pool, large, LARGE, 2 * LARGE);
	EXPECT(tarn_pfree(pool, large) == 0);
	EXPECT(tarn_pfree(pool, large) == -1);
	run = tarn_cleanup_add(pool, count_up, &ran);
	cancel = tarn_cleanup_add(pool, count_up, &ran);
	EXPECT(tarn_cleanup_add(pool, NULL, &ran) == NULL);
	EXPECT(tarn_cleanup_run(run) == 0 && ran == 1);
	EXPECT(tarn_cleanup_cancel(cancel) == 0);
	EXPECT(tarn_cleanup_run(cancel) == -1);
	child = tarn_pool_create_child(pool, &options);
	other = tarn_pool_create(NULL);
	EXPECT(tarn_cleanup_add(child, allocate, other) != NULL);
	tarn_trim();
	tarn_pool_reset(pool);
	EXPECT(tarn_pool_create_child(pool, NULL) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

static const struct record others_recorded[] = {
	{255, 1, 0, 0, 0, 0},         {1, 0, 0, 1, 2048, 0},
	{9, 0, 0, 1, 0, 0},           {4, 0, 0, 1, 10, 1},
	{14, 0, 0, 1, 30, 1},         {14, 0, 0, 1, 20, 1},
	{14, 0, 0, 1, UINT32_MAX, 0}, {9, 0, 0, 1, 0, 1},
	{9, 0, 0, 1, 0, 0},           {9, 0, 0, 1, 0, 0},
	{4, 0, 0, 1, LARGE, 2},       {14, 0, 0, 1, 2 * LARGE, 2},
	{8, 0, 0, 1, 0, 2},           {9, 0, 0, 1, 0, 0},
	{12, 0, 0, 1, 0, 3},          {12, 0, 0, 1, 0, 4},
	{16, 0, 0, 1, 0, 3},          {15, 0, 0, 1, 0, 4},
	{17, 0, 0, 1, 0, 4},          {13, 0, 0, 2, 2048, 1},
	{1, 0, 0, 3, 0, 0},           {12, 0, 0, 2, 0, 5},
	{11, 0, 0, 0, 0, 0},          {4, 0, 0, 3, 44, 6},
	{3, 0, 0, 1, 0, 0},           {13, 0, 0, 4, 0, 1},
	{2, 0, 0, 1, 0, 0},
};

START_TEST(trace_of_other_calls_is_as_documented)
{
	child_silent(named("others"), record_others);
	compare_file(path, others_recorded, COUNT(others_recorded));
}
END_TEST

/* An object of a cache is one of its alignment, and free is free. */
static int record_cache(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = tarn_cache_create(pool, 40, 32);
	void *objects[3];

	for (int i = 0; i < 3; i++)
		EXPECT((objects[i] = tarn_cache_alloc(cache)) != NULL);
	tarn_cache_free(cache, objects[1]);
	tarn_cache_free(cache, NULL);
	/* What is none of its objects has no id, and is no free. */
	tarn_cache_free(cache, &objects);
	tarn_cache_free(cache, objects[0]);
	EXPECT((objects[0] = tarn_cache_alloc(cache)) != NULL);
	tarn_cache_free(cache, objects[0]);
	tarn_pool_destroy(pool);
	return 0;
}

static const struct record cache_recorded[] = {
	{255, 1, 0, 0, 0, 0}, {1, 0, 0, 1, 0, 0},  {7, 5, 0, 1, 40, 1},
	{7, 5, 0, 1, 40, 2},  {7, 5, 0, 1, 40, 3}, {18, 0, 0, 1, 40, 2},
	{18, 0, 0, 1, 40, 1}, {7, 5, 0, 1, 40, 4}, {18, 0, 0, 1, 40, 4},
	{2, 0, 0, 1, 0, 0},
};

START_TEST(trace_of_a_cache_is_as_documented)
{
	child_silent(named("cache"), record_cache);
	compare_file(path, cache_recorded, COUNT(cache_recorded));
}
END_TEST

/* ---- memory used again --------------------------------------------------- */

static int record_again(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = tarn_cache_create(pool, 40, 8);
	void *object = tarn_palloc(pool, 24), *packed = tarn_pnalloc(pool, 30);
	void *large = tarn_palloc(pool, LARGE), *unit;

	EXPECT(tarn_pfree_sized(pool, object, 24) == 0);
	EXPECT(tarn_pfree_aligned_sized(pool, packed, 1, 30) == 0);
	EXPECT(tarn_pfree_sized(pool, large, LARGE) == 0);
	EXPECT(tarn_pfree_sized(pool, NULL, 1) == 0);
	unit = tarn_cache_alloc(cache);
	tarn_cache_free(cache, unit);
	tarn_pool_destroy(pool);
	return 0;
}

static const struct record again_recorded[] = {
	{255, 1, 0, 0, 0, 0}, {1, 0, 0, 1, 0, 0},      {4, 0, 0, 1, 24, 1},
	{5, 0, 0, 1, 30, 2},  {4, 0, 0, 1, LARGE, 3},  {18, 0, 0, 1, 24, 1},
	{18, 0, 0, 1, 30, 2}, {18, 0, 0, 1, LARGE, 3}, {7, 3, 0, 1, 40, 4},
	{18, 0, 0, 1, 40, 4}, {2, 0, 0, 1, 0, 0},
};

START_TEST(trace_of_memory_used_again_is_as_documented)
{
	child_silent(named("again"), record_again);
	compare_file(path, again_recorded, COUNT(again_recorded));
}
END_TEST

/* Calls that the handler ends by a jump, and calls that it makes. */
static jmp_buf jump;

static void handle(tarn_pool *pool, size_t size, void *data)
{
	(void)pool;
	(void)size;
	tarn_palloc(data, 33);
	longjmp(jump, 1);
}

static void jump_out(tarn_pool *pool, void *large, int call)
{
	if (setjmp(jump) != 0)
		return;
	if (call == 0)
		tarn_pcalloc(pool, 1, 100000);
	else if (call == 1)
		tarn_prealloc(pool, large, LARGE, 100000);
	else if (call == 2)
		tarn_pstrndup(pool, large, LARGE);
	else
		tarn_palloc(pool, 100000);
}

static int record_jumps(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	void *large;

	options.on_oom = handle;
	options.on_oom_data = tarn_pool_create(NULL);
	options.limit = 32768;
	pool = tarn_pool_create(&options);
	large = tarn_palloc(pool, LARGE);
	memset(large, 'x', LARGE);
	for (int call = 0; call < 4; call++) {
		jump_out(pool, large, call);
		EXPECT(tarn_palloc(pool, 5) != NULL);
	}
	EXPECT(tarn_pfree(pool, large) == 0);
	return 0;
}

/* A resize that was left by a jump took no place. */
static const struct record jumps_recorded[] = {
	{255, 1, 0, 0, 0, 0},    {1, 0, 0, 1, 0, 0},
	{1, 0, 0, 2, 0, 0},      {4, 0, 0, 2, LARGE, 1},
	{6, 0, 0, 2, 100000, 0}, {4, 0, 0, 1, 33, 2},
	{4, 0, 0, 2, 5, 3},      {4, 0, 0, 1, 33, 4},
	{4, 0, 0, 2, 5, 5},      {5, 0, 0, 2, LARGE + 1, 0},
	{4, 0, 0, 1, 33, 6},     {4, 0, 0, 2, 5, 7},
	{4, 0, 0, 2, 100000, 0}, {4, 0, 0, 1, 33, 8},
	{4, 0, 0, 2, 5, 9},      {8, 0, 0, 2, 0, 1},
};

START_TEST(trace_of_calls_left_by_a_jump_goes_on)
{
	child_silent(named("jumps"), record_jumps);
	compare_file(path, jumps_recorded, COUNT(jumps_recorded));
}
END_TEST

/* ---- many objects ------------------------------------------------------- */

START_TEST(trace_of_many_objects_is_whole)
{
	child_silent(named("many"), record_many);
	read_file(path);
	ck_assert_uint_eq(file.count, MANY + 2);
	for (size_t i = 0; i < MANY; i++) {
		ck_assert_uint_eq(file.records[i + 2].op, 4);
		ck_assert_uint_eq(file.records[i + 2].id, i + 1);
	}
}
END_TEST

/* Which call of calloc from now on fails; 0: none. */
static size_t calloc_fails;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails != 0 && --calloc_fails == 0
		       ? NULL
		       : __real_calloc(count, size);
}

static int record_without_memory(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_palloc(pool, 1) != NULL);
	calloc_fails = 1;
	for (size_t i = 0; i < MANY; i++)
		EXPECT(tarn_palloc(pool, 16) != NULL);
	EXPECT(calloc_fails == 0);
	tarn_pool_destroy(pool);
	return 0;
}

/* The table has room for half its entries; what came before is in the file. */
START_TEST(trace_without_memory_for_its_table_ends)
{
	child_silent(named("short"), record_without_memory);
	read_file(path);
	ck_assert_uint_eq(file.count, 2 + 2048);
	ck_assert_uint_eq(file.records[file.count - 1].id, 2048);
}
END_TEST

/* Of all sizes, so that the table's places collide; ids are found again. */
static int record_mixed(void)
{
	static void *mixed[MANY];
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = 1;

	for (size_t i = 0; i < MANY; i++) {
		mixed[i] = tarn_palloc(pool, random_between(&state, 1, 900));
		EXPECT(mixed[i] != NULL);
	}
	for (size_t i = 0; i < MANY; i++)
		EXPECT(tarn_pfree(pool, mixed[i]) == -1);
	return 0;
}

START_TEST(trace_of_mixed_objects_finds_each_id)
{
	child_silent(named("mixed"), record_mixed);
	read_file(path);
	ck_assert_uint_eq(file.count, 2 * MANY + 2);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_uint_eq(file.records[MANY + 2 + i].id, i + 1);
}
END_TEST

/* ---- calls that fail, and others that come between ---------------------- */

static int record_failures(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	static int ran;

	options.limit = 4096;
	pool = tarn_pool_create(&options);
	while (tarn_palloc(pool, 16) != NULL)
		;
	EXPECT(errno == ENOMEM);
	EXPECT(tarn_cleanup_add(pool, count_up, &ran) == NULL);
	EXPECT(errno == ENOMEM);
	EXPECT(tarn_pool_create_child(pool, NULL) == NULL);
	/* One of an older program, to which it ended before first_block. */
	options = (tarn_options)TARN_OPTIONS_INIT;
	options.struct_size = offsetof(tarn_options, first_block);
	options.first_block = 1024;
	EXPECT(tarn_pool_create(&options) != NULL);
	return 0;
}

START_TEST(trace_of_failures_has_no_ids)
{
	static const struct record last[] = {
		{4, 0, 0, 1, 16, 0}, {12, 0, 0, 1, 0, 0}, {1, 0, 0, 2, 0, 0}};

	child_silent(named("failures"), record_failures);
	read_file(path);
	ck_assert_uint_gt(file.count, 10);
	ck_assert_mem_eq(&file.records[file.count - 3], last, sizeof(last));
	ck_assert_uint_ne(file.records[file.count - 4].id, 0);
}
END_TEST

/* An upstream whose release hands the memory on, to another pool at once. */
static void *passed;
static tarn_pool *receiver;

static void *pass_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *ptr = passed;

	(void)ctx;
	passed = NULL;
	if (ptr != NULL)
		return ptr;
	return posix_memalign(&ptr, alignment < 16 ? 16 : alignment, *size) == 0
		       ? ptr
		       : NULL;
}

static void pass_release(void *ctx, void *ptr, size_t size)
{
	tarn_pool *next = receiver;

	(void)ctx;
	if (next != NULL && size >= LARGE) {
		receiver = NULL;
		passed = ptr;
		tarn_palloc(next, LARGE);
	} else {
		free(ptr);
	}
}

static int record_passed(void)
{
	tarn_upstream upstream = {pass_alloc, NULL, pass_release, NULL};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool, *other;
	void *large;

	options.upstream = &upstream;
	pool = tarn_pool_create(&options);
	receiver = other = tarn_pool_create(&options);
	large = tarn_palloc(pool, LARGE);
	EXPECT(tarn_pfree(pool, large) == 0);
	EXPECT(tarn_pfree(other, large) == 0);
	return 0;
}

static const struct record passed_recorded[] = {
	{255, 1, 0, 0, 0, 0},   {1, 0, 0, 1, 0, 0},     {1, 0, 0, 2, 0, 0},
	{4, 0, 0, 1, LARGE, 1}, {4, 0, 0, 2, LARGE, 2}, {8, 0, 0, 1, 0, 1},
	{8, 0, 0, 2, 0, 2},
};

START_TEST(trace_of_memory_handed_on_keeps_the_new_id)
{
	child_silent(named("passed"), record_passed);
	compare_file(path, passed_recorded, COUNT(passed_recorded));
}
END_TEST

/* A thread in its last destructors, when the library's own one is over. */
static pthread_key_t late_key;

static void late_destructor(void *pool)
{
	static _Thread_local int times;

	if (tarn_palloc(pool, 77) == NULL)
		abort();
	if (++times < sysconf(_SC_THREAD_DESTRUCTOR_ITERATIONS))
		pthread_setspecific(late_key, pool);
}

static int late_worker(void *pool)
{
	EXPECT(tarn_palloc(pool, 76) != NULL);
	return pthread_setspecific(late_key, pool);
}

static int record_late(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(pthread_key_create(&late_key, late_destructor) == 0);
	return worker_run(late_worker, pool);
}

START_TEST(trace_of_a_thread_past_its_end_names_no_slot)
{
	child_silent(named("late"), record_late);
	read_file(path);
	ck_assert_uint_gt(file.count, 4);
	ck_assert_uint_eq(file.records[2].size, 76);
	ck_assert_uint_ne(file.records[2].slot, UINT16_MAX);
	ck_assert_uint_eq(file.records[file.count - 1].size, 77);
	ck_assert_uint_eq(file.records[file.count - 1].slot, UINT16_MAX);
}
END_TEST

int main(void)
{
	static const char *const names[] = {"many", "short", "mixed",
					    "failures", "late"};
	Suite *suite = suite_create("trace");
	TCase *tcase = suite_case(suite, "records");

	if (mkdtemp(directory) == NULL)
		abort();
	tcase_add_test(tcase, trace_of_objects_is_as_documented);
	tcase_add_test(tcase, trace_of_other_calls_is_as_documented);
	tcase_add_test(tcase, trace_of_a_cache_is_as_documented);
	tcase_add_test(tcase, trace_of_memory_used_again_is_as_documented);
	tcase_add_test(tcase, trace_of_calls_left_by_a_jump_goes_on);
	tcase_add_test(tcase, trace_of_many_objects_is_whole);
	tcase_add_test(tcase, trace_without_memory_for_its_table_ends);
	tcase_add_test(tcase, trace_of_mixed_objects_finds_each_id);
	tcase_add_test(tcase, trace_of_failures_has_no_ids);
	tcase_add_test(tcase, trace_of_memory_handed_on_keeps_the_new_id);
	tcase_add_test(tcase, trace_of_a_thread_past_its_end_names_no_slot);
	return recorded_suite_run(suite, names, COUNT(names));
}
