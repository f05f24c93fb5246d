/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads: what one takes another one frees, a thread's magazine is its
 * heir's, and those that can have none are served all the same.
 */
#include "test_cache.h"

struct part {
	tarn_cache *cache;
	void **objects;
	size_t count;
};

static int take_part(void *arg)
{
	struct part *part = arg;

	for (size_t i = 0; i < part->count; i++) {
		part->objects[i] = tarn_cache_alloc(part->cache);
		EXPECT(part->objects[i] != NULL);
		*(void **)part->objects[i] = part->objects[i];
	}
	return 0;
}

static int free_part(void *arg)
{
	struct part *part = arg;

	for (size_t i = 0; i < part->count; i++) {
		EXPECT(*(void **)part->objects[i] == part->objects[i]);
		tarn_cache_free(part->cache, part->objects[i]);
	}
	return 0;
}

/* Each takes, and another one frees. */
START_TEST(free_by_other_thread_used_again)
{
	struct counting counting;
	struct part parts[THREADS];
	tarn_pool *pool;
	tarn_cache *cache;
	size_t held = 0;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, SIZE, 16);
	for (size_t i = 0; i < THREADS; i++)
		parts[i] = (struct part){cache, objects + i * (MANY / THREADS),
					 MANY / THREADS};
	/* Each object has pages of its own under guard. */
	for (int round = 0; round < (guarded() ? 2 : 20); round++) {
		ck_assert_int_eq(workers_together(take_part, parts,
						  sizeof(*parts), THREADS),
				 0);
		held = stats_of(pool).held > held ? stats_of(pool).held : held;
		for (size_t i = 0; i < THREADS; i++) {
			void **other = parts[i].objects;

			parts[i].objects = parts[(i + 3) % THREADS].objects;
			parts[(i + 3) % THREADS].objects = other;
		}
		ck_assert_int_eq(workers_together(free_part, parts,
						  sizeof(*parts), THREADS),
				 0);
	}
	/* And two lists a thread. */
	if (!watched())
		ck_assert_uint_le(held, (size_t)MANY * SIZE * 4 / 3 +
						(size_t)THREADS * 2 * 16384 +
						65536);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

enum {
	RING = 1024
};

struct ring {
	tarn_cache *cache;
	size_t count;
	_Alignas(128) atomic_size_t made;
	_Alignas(128) atomic_size_t freed;
	void *objects[RING];
};

static int produce(void *arg)
{
	struct ring *ring = arg;

	for (size_t i = 0; i < ring->count; i++) {
		void *object = tarn_cache_alloc(ring->cache);

		EXPECT(object != NULL);
		*(size_t *)object = i;
		while (i - atomic_load(&ring->freed) == RING)
			sched_yield();
		ring->objects[i % RING] = object;
		atomic_store(&ring->made, i + 1);
	}
	return 0;
}

static int consume(void *arg)
{
	struct ring *ring = arg;

	for (size_t i = 0; i < ring->count; i++) {
		void *object;

		while (atomic_load(&ring->made) == i)
			sched_yield();
		object = ring->objects[i % RING];
		EXPECT(*(size_t *)object == i);
		tarn_cache_free(ring->cache, object);
		atomic_store(&ring->freed, i + 1);
	}
	return 0;
}

START_TEST(producer_and_consumer_memory_bounded)
{
	static struct ring ring;
	struct worker consumer;
	tarn_pool *pool = tarn_pool_create(NULL);

	ring.cache = cache_of(pool, SIZE, 16);
	/* Under guard each object is mapped and unmapped. */
	ring.count = rounds(watched() ? 100000 : 1000000);
	worker_start(&consumer, consume, &ring, NULL);
	ck_assert_int_eq(produce(&ring), 0);
	ck_assert_int_eq(worker_join(&consumer), 0);
	/* What is under way, two lists of each thread, and one in between. */
	if (!watched())
		ck_assert_uint_le(stats_of(pool).held,
				  2 * ((size_t)RING * SIZE + 5 * 16384));
	tarn_pool_destroy(pool);
}
END_TEST

/* One after the other: each has the slot, and the magazine, of the last. */
START_TEST(threads_in_turn_magazine_inherited)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct part part = {cache_of(pool, SIZE, 16), objects, 100};
	size_t held = 0;

	ck_assert_int_eq(take_part(&part), 0);
	for (int i = 0; i < 300; i++) {
		part.objects = objects + 100;
		ck_assert_int_eq(worker_run(take_part, &part), 0);
		ck_assert_int_eq(worker_run(free_part, &part), 0);
		if (i == 0)
			held = stats_of(pool).held;
	}
	/* The lists of a watched pool's objects grow by chance. */
	ck_assert(watched() || stats_of(pool).held == held);
	tarn_pool_destroy(pool);
}
END_TEST

/* All are there at once. */
static struct gate table_gate;

static int take_part_and_wait(void *arg)
{
	int status = take_part(arg);

	gate_wait(&table_gate);
	return status;
}

START_TEST(many_threads_table_grows)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);
	struct part parts[TABLE];

	for (size_t i = 0; i < TABLE; i++)
		parts[i] = (struct part){cache, objects + i * 100, 100};
	for (int round = 0; round < 3; round++) {
		gate_init(&table_gate, TABLE);
		ck_assert_int_eq(workers_together(take_part_and_wait, parts,
						  sizeof(*parts), TABLE),
				 0);
		ck_assert_int_eq(workers_together(free_part, parts,
						  sizeof(*parts), TABLE),
				 0);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Threads that can have no magazine go to the depot. */
struct poor {
	struct counting *counting;
	struct part part;
};

/* All that the depot has, and no more. */
static int use_up_without_magazine(struct part *part)
{
	size_t count = 0;

	while ((part->objects[count] = tarn_cache_alloc(part->cache)) != NULL)
		count++;
	EXPECT(errno == ENOMEM && count >= part->count);
	for (int i = 0; i < 100; i++) {
		errno = 0;
		EXPECT(tarn_cache_alloc(part->cache) == NULL);
		EXPECT(errno == ENOMEM);
	}
	while (count > 0)
		tarn_cache_free(part->cache, part->objects[--count]);
	return 0;
}

static int use_without_magazine(void *arg)
{
	struct poor *poor = arg;
	size_t calls;

	poor->counting->fail_at = poor->counting->calls + 1;
	poor->counting->fail_for_ever = true;
	calls = poor->counting->calls;
	for (int round = 0; round < 3; round++) {
		int status = take_part(&poor->part);

		if (status == 0)
			status = free_part(&poor->part);
		if (status != 0)
			return status;
	}
	/* There are none to ask for where pools are sampled. */
	EXPECT(sampled() || poor->counting->calls > calls);
	return use_up_without_magazine(&poor->part);
}

START_TEST(thread_without_magazine_served)
{
	struct counting counting;
	struct poor poor = {&counting, {NULL, objects, POOR}};
	tarn_options options;
	tarn_pool *pool;

	if (watched())
		return;
	counting_init(&counting);
	options = counting_options(&counting);
	pool = tarn_pool_create(&options);
	poor.part.cache = cache_of(pool, SIZE, 16);
	take_all(poor.part.cache, POOR * 4);
	/* Nothing is left in the blocks. */
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	while (tarn_palloc(pool, 16) != NULL)
		;
	counting.fail_at = 0;
	free_all(poor.part.cache, POOR * 4);
	ck_assert_int_eq(worker_run(use_without_magazine, &poor), 0);
	counting.fail_at = 0;
	take_apart(poor.part.cache, POOR * 4, SIZE, 16);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Past its end, in the last destructor, a thread has no slot. */
static pthread_key_t late_key;
static int late_rounds;

static void use_late(void *arg)
{
	struct part *part = arg;

	if (take_part(part) != 0 || free_part(part) != 0)
		abort();
	if (++late_rounds < DESTRUCTOR_ROUNDS)
		pthread_setspecific(late_key, part);
}

static int use_until_late(void *arg)
{
	EXPECT(take_part(arg) == 0 && free_part(arg) == 0);
	EXPECT(pthread_key_create(&late_key, use_late) == 0);
	EXPECT(pthread_setspecific(late_key, arg) == 0);
	return 0;
}

START_TEST(thread_past_its_end_served)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct part part = {cache_of(pool, SIZE, 16), objects, SOME};

	late_rounds = 0;
	ck_assert_int_eq(worker_run(use_until_late, &part), 0);
	ck_assert_int_eq(late_rounds, DESTRUCTOR_ROUNDS);
	pthread_key_delete(late_key);
	take_apart(part.cache, SOME, SIZE, 16);
	tarn_pool_destroy(pool);
}
END_TEST

struct trimmer {
	tarn_cache *cache;
	atomic_bool stop;
	bool trims;
};

static int trim_or_create(void *arg)
{
	struct trimmer *trimmer = arg;

	while (!atomic_load(&trimmer->stop)) {
		tarn_pool *pool = tarn_pool_create(NULL);
		tarn_cache *cache = tarn_cache_create(pool, 200, 8);

		EXPECT(cache != NULL);
		for (int i = 0; i < 300; i++)
			tarn_cache_free(cache, tarn_cache_alloc(cache));
		tarn_trim();
		tarn_pool_destroy(pool);
	}
	return 0;
}

START_TEST(trim_beside_others_nothing_lost)
{
	struct trimmer trimmer = {.stop = false};
	tarn_pool *pool = tarn_pool_create(NULL);
	struct part part = {cache_of(pool, SIZE, 16), objects,
			    guarded() ? SOME : MANY};
	struct worker workers[2];

	for (int i = 0; i < 2; i++)
		worker_start(&workers[i], trim_or_create, &trimmer, NULL);
	for (size_t i = 0; i < rounds(100); i++) {
		ck_assert_int_eq(take_part(&part), 0);
		ck_assert_int_eq(free_part(&part), 0);
	}
	atomic_store(&trimmer.stop, true);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	tarn_pool_destroy(pool);
}
END_TEST

void add_thread_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "threads");

	tcase_add_test(tcase, free_by_other_thread_used_again);
	tcase_add_test(tcase, producer_and_consumer_memory_bounded);
	tcase_add_test(tcase, threads_in_turn_magazine_inherited);
	tcase_add_test(tcase, many_threads_table_grows);
	tcase_add_test(tcase, thread_without_magazine_served);
	tcase_add_test(tcase, thread_past_its_end_served);
	tcase_add_test(tcase, trim_beside_others_nothing_lost);
}
