/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lives: threads that free past their end, or first and at once, and pools that
 * are reset, have children, or begin in a buffer. What was freed is of one
 * pool, until its reset.
 */
#include "test_reuse.h"

#include <unistd.h>

/* ---- threads past their end --------------------------------------------- */

struct late {
	tarn_pool *pool;
	void *theirs[DESTRUCTOR_ROUNDS]; /* to be freed in a round each */
	void *strays[DESTRUCTOR_ROUNDS];
	size_t rounds;
	int status;
};

static pthread_key_t late_key;

static int late_round(struct late *late)
{
	size_t out = handed_out(late->pool);
	void *object = tarn_palloc(late->pool, 100);

	EXPECT(object != NULL);
	EXPECT(tarn_pfree_sized(late->pool, object, 100) == 0);
	EXPECT(handed_out(late->pool) == out);
	EXPECT(tarn_pfree_sized(late->pool, late->theirs[late->rounds], 80) ==
	       0);
	EXPECT(handed_out(late->pool) == out - 80);
	late->strays[late->rounds] = tarn_palloc(late->pool, 40);
	EXPECT(late->strays[late->rounds] != NULL);
	return 0;
}

static void late_run(void *arg)
{
	struct late *late = arg;

	if (late->status == 0)
		late->status = late_round(late);
	if (++late->rounds < DESTRUCTOR_ROUNDS)
		pthread_setspecific(late_key, late);
}

static int live_until_late(void *arg)
{
	struct late *late = arg;

	EXPECT(tarn_palloc(late->pool, 16) != NULL);
	EXPECT(pthread_key_create(&late_key, late_run) == 0);
	EXPECT(pthread_setspecific(late_key, late) == 0);
	return 0;
}

START_TEST(thread_past_its_end_frees)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct late late = {.pool = pool};
	size_t out, large;

	for (size_t i = 0; i < DESTRUCTOR_ROUNDS; i++)
		late.theirs[i] = tarn_palloc(pool, 80);
	ck_assert_int_eq(worker_run(live_until_late, &late), 0);
	pthread_key_delete(late_key);
	ck_assert_int_eq(late.status, 0);
	ck_assert_uint_eq(late.rounds, DESTRUCTOR_ROUNDS);
	/* What the large list served is freed as such, by its small size. */
	large = stats_of(pool).large_count;
	ck_assert(pool_has_strays(pool) == (large != 0));
	for (size_t i = 0; i < DESTRUCTOR_ROUNDS; i++) {
		out = handed_out(pool);
		ck_assert_int_eq(tarn_pfree_sized(pool, late.strays[i], 40), 0);
		ck_assert_uint_eq(handed_out(pool), out - 48);
	}
	ck_assert_uint_eq(stats_of(pool).large_count, 0);
	/* Those that are small are none of them, as ever. */
	again(pool, 0, 100);
	tarn_pool_reset(pool);
	ck_assert(!pool_has_strays(pool));
	tarn_pool_destroy(pool);
}
END_TEST

void add_late_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "past the end"),
		       thread_past_its_end_frees);
}

/* ---- threads that free first, at once ----------------------------------- */

/* An upstream that takes so long that both of them need it. */
static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	usleep(SLOW);
	return counting_alloc(ctx, size, alignment);
}

struct first {
	tarn_pool *pool;
	struct gate *ready;
	struct gate *full;
};

static int free_first(void *arg)
{
	struct first *first = arg;
	void *object = tarn_palloc(first->pool, 200);

	gate_wait(first->ready);
	gate_wait(first->full);
	EXPECT(tarn_pfree_sized(first->pool, object, 200) == 0);
	EXPECT(tarn_palloc(first->pool, 200) == object);
	return tarn_pfree_sized(first->pool, object, 200);
}

/* The depot is made once: neither loses what it freed. */
START_TEST(first_frees_at_once_one_depot)
{
	for (int round = 0; round < 20; round++) {
		struct counting counting;
		struct gate ready, full;
		struct first first = {NULL, &ready, &full};
		struct worker workers[2];
		tarn_pool *pool;
		size_t out;

		counting_init(&counting);
		counting.upstream.alloc = slow_alloc;
		first.pool = pool = counting_pool(&counting, 0);
		out = handed_out(pool);
		gate_init(&ready, 3);
		gate_init(&full, 3);
		for (int i = 0; i < 2; i++)
			worker_start(&workers[i], free_first, &first, NULL);
		gate_wait(&ready);
		upstream_fails(&counting, true);
		while (pool_claim_lasting(pool, BLOCK_LINE) != NULL)
			;
		upstream_fails(&counting, false);
		gate_wait(&full);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(worker_join(&workers[i]), 0);
		ck_assert_uint_eq(handed_out(pool), out);
		ck_assert(pool_depot(pool)->lasting);
		ck_assert_ptr_null(pool->loose);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
}
END_TEST

void add_first_tests(Suite *suite)
{
	tcase_add_test(suite_case(suite, "first frees"),
		       first_frees_at_once_one_depot);
}

/* ---- lifetimes ---------------------------------------------------------- */

static int free_some(void *arg)
{
	struct given *given = arg;

	EXPECT(take_all(given) == 0);
	return give_all(given);
}

START_TEST(reset_forgets_what_was_freed)
{
	struct counting counting;
	tarn_pool *pool;
	struct given given = {NULL, filled, 500, 64};
	size_t out, held = 0;

	counting_init(&counting);
	given.pool = pool = counting_pool(&counting, 0);
	out = handed_out(pool);
	for (int round = 0; round < 20; round++) {
		ck_assert_int_eq(free_some(&given), 0);
		ck_assert_int_eq(worker_run(free_some, &given), 0);
		tarn_pool_reset(pool);
		ck_assert_uint_eq(handed_out(pool), out);
		ck_assert_uint_eq(pool_depot(pool)->bytes, 0);
		if (round == 5)
			held = stats_of(pool).held;
	}
	ck_assert_uint_eq(stats_of(pool).held, held);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Memory goes back to the pool that it is of, and no other. */
START_TEST(child_pools_reuse_their_own)
{
	tarn_pool *parent = tarn_pool_create(NULL);
	tarn_pool *child = tarn_pool_create_child(parent, NULL);
	void *object = tarn_palloc(child, 100);
	size_t parents = handed_out(parent);

	ck_assert_int_eq(tarn_pfree_sized(child, object, 100), 0);
	ck_assert_ptr_ne(tarn_palloc(parent, 100), object);
	ck_assert_ptr_eq(tarn_palloc(child, 100), object);
	ck_assert_uint_eq(handed_out(parent), parents + 112);
	again(child, 0, 500);
	again(parent, 0, 500);
	tarn_pool_destroy(child);
	again(parent, 8, 64);
	tarn_pool_destroy(parent);
}
END_TEST

START_TEST(buffer_memory_is_used_again)
{
	static _Alignas(64) char buffer[16384];
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	char *object;

	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	pool = tarn_pool_create(&options);
	object = tarn_palloc(pool, 256);
	ck_assert(object > buffer && object < buffer + sizeof(buffer));
	again(pool, 0, 256);
	for (int i = 0; i < 1000; i++)
		again(pool, 8, 16 + 8 * ((size_t)i % 30));
	/* What stays over a reset, the lists of what is free. */
	ck_assert_uint_le(stats_of(pool).held, 4096);
	tarn_pool_destroy(pool);
}
END_TEST

void add_lifetime_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "lifetimes");

	tcase_add_test(tcase, reset_forgets_what_was_freed);
	tcase_add_test(tcase, child_pools_reuse_their_own);
	tcase_add_test(tcase, buffer_memory_is_used_again);
}
