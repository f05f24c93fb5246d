/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: objects of one size, by one thread and by several, within limits,
 * without memory, and what goes back when many are free.
 */
#include "counting.h"
#include "util.h"

#include <sys/wait.h>
#include <unistd.h>

enum {
	SIZE = 64,    /* bytes of most objects                   */
	MANY = 20000, /* objects: many slabs                     */
	SOME = 3000,  /* objects: several lists of a magazine    */
	THREADS = 8,  /* at a time                               */
	WALK = 400,   /* calls of upstream to fail, at most      */
	POOR = 400,   /* objects: few enough to be kept         */
	TABLE = 40    /* threads: more than the first table has  */
};

static void *objects[MANY];

static tarn_cache *cache_of(tarn_pool *pool, size_t size, size_t alignment)
{
	tarn_cache *cache = tarn_cache_create(pool, size, alignment);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

static void *take(tarn_cache *cache)
{
	void *object = tarn_cache_alloc(cache);

	REQUIRE(object != NULL);
	return object;
}

static void take_all(tarn_cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++)
		objects[i] = take(cache);
}

static void free_all(tarn_cache *cache, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tarn_cache_free(cache, objects[i]);
}

/* ---- objects ------------------------------------------------------------ */

static int by_address(const void *left, const void *right)
{
	uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

	return (a > b) - (a < b);
}

/* Takes `count` objects: none overlaps another, and each is aligned. */
static void take_apart(tarn_cache *cache, size_t count, size_t size,
		       size_t alignment)
{
	take_all(cache, count);
	qsort(objects, count, sizeof(*objects), by_address);
	for (size_t i = 0; i < count; i++) {
		REQUIRE(is_aligned(objects[i], alignment));
		memset(objects[i], 0xff, size);
		REQUIRE(i == 0 ||
			(uintptr_t)objects[i] - (uintptr_t)objects[i - 1] >=
				size);
	}
}

START_TEST(alloc_each_size_and_alignment_apart)
{
	static const size_t sizes[] = {0,    1,     8,     15,    16,   17,
				       24,   64,    100,   1000,  4096, 5000,
				       8192, 20000, 70000, 300000};
	size_t count = sizeof(sizes) / sizeof(*sizes);

	for (size_t alignment = 1; alignment <= 8192; alignment *= 4)
		for (size_t i = 0; i < count; i++) {
			size_t number = sizes[i] < 5000 ? 1000 : 20;
			struct counting counting;
			tarn_pool *pool;
			tarn_cache *cache;

			counting_init(&counting);
			pool = counting_pool(&counting, 0);
			cache = cache_of(pool, sizes[i], alignment);
			take_apart(cache, number, sizes[i], alignment);
			free_all(cache, number);
			take_apart(cache, number, sizes[i], alignment);
			tarn_pool_destroy(pool);
			counting_finish(&counting);
		}
}
END_TEST

START_TEST(create_impossible_refused)
{
	struct counting counting;
	tarn_pool *pool;
	size_t held;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	held = stats_of(pool).handed_out;
	for (size_t alignment = 0; alignment < 8; alignment++) {
		if (alignment == 1 || alignment == 2 || alignment == 4)
			continue;
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(pool, SIZE, alignment));
		ck_assert_int_eq(errno, EINVAL);
	}
	for (size_t shift = 0; shift < 3; shift++) {
		errno = 0;
		ck_assert_ptr_null(
			tarn_cache_create(pool, opaque(SIZE_MAX) >> shift, 16));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(
			pool, 16, (SIZE_MAX / 2 + 1) >> shift));
		ck_assert_int_eq(errno, ENOMEM);
	}
	errno = 0;
	ck_assert_ptr_null(tarn_cache_create(pool, opaque(SIZE_MAX / 4 - 1),
					     SIZE_MAX / 8 + 1));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(stats_of(pool).handed_out, held);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* From mmap: sanitizers end a program that asks malloc for so much. */
START_TEST(alloc_larger_than_there_is_refused)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	tarn_cache *cache;

	options.upstream = tarn_upstream_mmap();
	pool = tarn_pool_create(&options);
	cache = cache_of(pool, SIZE_MAX / 16, 16);
	errno = 0;
	ck_assert_ptr_null(tarn_cache_alloc(cache));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_nonnull(tarn_palloc(pool, 10));
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(free_null_ignored)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	errno = 0;
	tarn_cache_free(cache, NULL);
	ck_assert_int_eq(errno, 0);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(alloc_after_free_same_object)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);
	void *object = take(cache);

	for (int i = 0; i < 1000 && !watched(); i++) {
		tarn_cache_free(cache, object);
		ck_assert_ptr_eq(take(cache), object);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* Whatever the order, what was taken once suffices. */
START_TEST(free_any_order_no_growth)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t calls;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, 32, 16);
	take_all(cache, SOME);
	calls = counting.calls;
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < SOME; i++)
			tarn_cache_free(
				cache,
				objects[round % 2 == 0 ? i : SOME - 1 - i]);
		take_all(cache, SOME);
	}
	for (size_t i = 0; i < 10 * SOME; i++) {
		tarn_cache_free(cache, objects[i % SOME]);
		objects[i % SOME] = take(cache);
	}
	if (!watched())
		ck_assert_uint_eq(counting.calls, calls);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(alloc_success_errno_untouched)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	errno = ERANGE;
	cache = cache_of(pool, SIZE, 16);
	take_all(cache, MANY);
	free_all(cache, MANY);
	take_all(cache, MANY);
	free_all(cache, MANY);
	tarn_trim();
	ck_assert_int_eq(errno, ERANGE);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* ---- the pool ends, or begins anew ----------------------------------------
 */

START_TEST(reset_caches_gone)
{
	struct counting counting;
	tarn_pool *pool, *child;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	for (int round = 0; round < 4; round++) {
		tarn_cache *first = cache_of(pool, SIZE, 16);
		tarn_cache *second = cache_of(pool, 3 * SIZE, 64);
		tarn_cache *third = cache_of(pool, SIZE, 16);

		take_all(second, SOME);
		free_all(second, SOME / 2);
		take_all(third, SOME);
		take_all(first, SOME);
		child = tarn_pool_create_child(pool, NULL);
		take_all(cache_of(child, SIZE, 16), SOME);
		tarn_trim();
		tarn_pool_reset(pool);
		ck_assert_uint_eq(stats_of(pool).handed_out, 0);
		ck_assert_uint_eq(stats_of(pool).large, 0);
		tarn_trim();
	}
	tarn_pool_destroy(pool);
	tarn_trim();
	counting_finish(&counting);
}
END_TEST

static void use_in_cleanup(void *data)
{
	tarn_cache *cache = data;

	tarn_cache_free(cache, take(cache));
	tarn_trim();
}

START_TEST(cleanup_cache_there)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (int round = 0; round < 2; round++) {
		ck_assert_ptr_nonnull(tarn_cleanup_add(
			pool, use_in_cleanup, cache_of(pool, SIZE, 16)));
		tarn_pool_reset(pool);
	}
	ck_assert_ptr_nonnull(tarn_cleanup_add(pool, use_in_cleanup,
					       cache_of(pool, SIZE, 16)));
	tarn_pool_destroy(pool);
}
END_TEST

struct refused {
	tarn_pool *pool;
	tarn_cache *cache;
	void *object;
};

/* In a thread of its own, while another one resets the pool. */
static int be_refused(void *arg)
{
	struct refused *refused = arg;

	errno = 0;
	EXPECT(tarn_cache_create(refused->pool, SIZE, 16) == NULL);
	EXPECT(errno == EBUSY);
	errno = 0;
	EXPECT(tarn_cache_alloc(refused->cache) == NULL && errno == EBUSY);
	errno = 0;
	tarn_cache_free(refused->cache, refused->object);
	EXPECT(errno == EBUSY);
	return 0;
}

static int refused_status;

static void ask_another_thread(void *data)
{
	refused_status = worker_run(be_refused, data);
}

START_TEST(reset_other_thread_refused)
{
	struct refused refused;

	/* That may end the program. */
	if (watched())
		return;
	refused.pool = tarn_pool_create(NULL);
	refused.cache = cache_of(refused.pool, SIZE, 16);
	refused.object = take(refused.cache);
	refused_status = -1;
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(refused.pool, ask_another_thread, &refused));
	tarn_pool_reset(refused.pool);
	ck_assert_int_eq(refused_status, 0);
	tarn_pool_destroy(refused.pool);
}
END_TEST

/* ---- giving back -----------------------------------------------------------
 */

START_TEST(shrink_memory_goes_back)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t most, sizeof_cache;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, SIZE, 16);
	sizeof_cache = stats_of(pool).large;
	take_all(cache, MANY);
	most = stats_of(pool).held;
	ck_assert_uint_ge(most, (size_t)MANY * SIZE);
	if (!watched())
		ck_assert_uint_le(most, (size_t)MANY * SIZE * 4 / 3 + 16384);
	free_all(cache, MANY);
	ck_assert_uint_le(stats_of(pool).held, most / 2);
	tarn_trim();
	/* Small slabs and tables of them stay in the pool. */
	if (!watched())
		ck_assert_uint_le(stats_of(pool).held, 65536);
	ck_assert_uint_eq(stats_of(pool).large, watched() ? sizeof_cache : 0);
	take_apart(cache, MANY, SIZE, 16);
	if (!watched())
		ck_assert_uint_le(stats_of(pool).held, most + most / 8);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* What is in use stays as it is, and all else is used again. */
START_TEST(trim_some_in_use_untouched)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	take_all(cache, MANY);
	for (size_t i = 0; i < MANY; i++)
		*(size_t *)objects[i] = i;
	for (size_t i = 0; i < MANY; i++)
		if (i % 97 != 0)
			tarn_cache_free(cache, objects[i]);
	tarn_trim();
	for (size_t i = 0; i < MANY; i++)
		if (i % 97 != 0) {
			objects[i] = take(cache);
			*(size_t *)objects[i] = i;
		}
	for (size_t i = 0; i < MANY; i++)
		REQUIRE(*(size_t *)objects[i] == i);
	qsort(objects, MANY, sizeof(*objects), by_address);
	for (size_t i = 1; i < MANY; i++)
		REQUIRE(objects[i] != objects[i - 1]);
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(trim_unused_cache_nothing)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	tarn_trim();
	take_all(cache, 10);
	free_all(cache, 10);
	tarn_trim();
	tarn_trim();
	take_apart(cache, 10, SIZE, 16);
	tarn_pool_destroy(pool);
}
END_TEST

/* A program of rounds soon has its memory left alone. */
START_TEST(rounds_sweeps_rare)
{
	struct counting counting;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t calls, rounds_run = watched() ? 2 : 200;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	cache = cache_of(pool, SIZE, 16);
	for (size_t i = 0; i < rounds_run / 5; i++) {
		take_all(cache, MANY);
		free_all(cache, MANY);
	}
	calls = counting.calls;
	for (size_t i = 0; i < rounds_run; i++) {
		take_all(cache, MANY);
		free_all(cache, MANY);
	}
	if (!watched())
		ck_assert_uint_le(counting.calls - calls, 3 * rounds_run);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

/* Where no slab ever is free, looking for one costs little. */
START_TEST(scattered_slabs_stay)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);

	take_all(cache, MANY);
	/* So many that sweeps become as rare as they can. */
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < MANY; i++)
			if (i % 8 != 0)
				tarn_cache_free(cache, objects[i]);
		for (size_t i = 0; i < MANY; i++)
			if (i % 8 != 0)
				objects[i] = take(cache);
	}
	qsort(objects, MANY, sizeof(*objects), by_address);
	for (size_t i = 1; i < MANY; i++)
		REQUIRE(objects[i] != objects[i - 1]);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- without memory --------------------------------------------------------
 */

static size_t oom_calls;

static void count_oom(tarn_pool *pool, size_t size, void *data)
{
	(void)pool, (void)size, (void)data;
	oom_calls++;
}

/* Takes and frees `count`; what fails does so with ENOMEM and once. */
static size_t use_poorly(tarn_cache *cache, size_t count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++) {
		size_t calls = oom_calls;

		errno = 0;
		objects[taken] = tarn_cache_alloc(cache);
		if (objects[taken] != NULL) {
			memset(objects[taken++], 1, SIZE);
			continue;
		}
		REQUIRE(errno == ENOMEM);
		REQUIRE(oom_calls == calls + 1);
	}
	free_all(cache, taken);
	return taken;
}

static size_t fail_at(size_t number, bool for_ever)
{
	struct counting counting;
	tarn_options options;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t failures;

	counting_init(&counting);
	options = counting_options(&counting);
	options.on_oom = count_oom;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	counting.fail_at = counting.calls + number;
	counting.fail_for_ever = for_ever;
	cache = tarn_cache_create(pool, SIZE, 16);
	if (cache != NULL)
		use_poorly(cache, MANY / 4);
	failures = counting.failures;
	counting.fail_at = 0;
	cache = cache_of(pool, SIZE, 16);
	ck_assert_uint_eq(use_poorly(cache, SOME), SOME);
	tarn_pool_destroy(pool);
	counting_finish(&counting);
	return failures;
}

START_TEST(upstream_fails_once_or_for_ever_usable)
{
	/* In a watched pool each object is a call, and one like the other. */
	size_t step = watched() ? 19 : 1, number = 1;

	while (number < WALK && fail_at(number, false) != 0)
		number += step;
	for (size_t i = 1; i < number; i += step)
		ck_assert_uint_ne(fail_at(i, true), 0);
}
END_TEST

START_TEST(create_without_memory_refused)
{
	struct counting counting;
	tarn_pool *pool;

	counting_init(&counting);
	pool = counting_pool(&counting, 0);
	counting.fail_at = counting.calls + 1;
	counting.fail_for_ever = true;
	/* Objects before a guard are not of that upstream. */
	if (!guarded()) {
		while (tarn_palloc(pool, 16) != NULL)
			;
		errno = 0;
		ck_assert_ptr_null(tarn_cache_create(pool, SIZE, 16));
		ck_assert_int_eq(errno, ENOMEM);
	}
	counting.fail_at = 0;
	ck_assert_ptr_nonnull(tarn_cache_create(pool, SIZE, 16));
	tarn_pool_destroy(pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(limit_free_and_retry_goes_on)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	tarn_cache *cache;
	size_t count = 0;

	/* Objects are listed, in tables that may have to grow for another. */
	if (watched())
		return;
	options.limit = 65536;
	pool = tarn_pool_create(&options);
	cache = cache_of(pool, SIZE, 16);
	while ((objects[count] = tarn_cache_alloc(cache)) != NULL)
		count++;
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_ge(count * SIZE, options.limit / 4 * 3);
	for (size_t i = 0; i < 10 * count; i++) {
		tarn_cache_free(cache, objects[i % count]);
		objects[i % count] = take(cache);
		REQUIRE(tarn_cache_alloc(cache) == NULL);
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* What a trim gives back, other requests can have. */
START_TEST(limit_trimmed_others_served)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	size_t count = 0;

	options.limit = (size_t)1 << 20;
	pool = tarn_pool_create(&options);
	for (int round = 0; round < 3; round++) {
		tarn_cache *cache = cache_of(pool, SIZE << round, 16);

		for (count = 0;
		     (objects[count] = tarn_cache_alloc(cache)) != NULL;)
			count++;
		ck_assert_ptr_null(tarn_palloc(pool, 100000));
		free_all(cache, count);
		tarn_trim();
		ck_assert_ptr_nonnull(tarn_palloc(pool, 100000));
	}
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- several threads -------------------------------------------------------
 */

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
	for (int round = 0; round < 20; round++) {
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
	struct part part = {cache_of(pool, SIZE, 16), objects, MANY};
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

/* ---- fork ------------------------------------------------------------------
 */

/* By a pointer: a build that counts has a call of fork forget what was run
   within it. */
static pid_t (*volatile child_fork)(void) = fork;

/* What was made before may be torn by another thread: it is let alone. */
static int use_in_child(tarn_pool *pool, tarn_cache *cache)
{
	tarn_cache *own;
	size_t held;

	free_all(cache, MANY);
	held = stats_of(pool).held;
	for (int i = 0; i < 100; i++)
		tarn_trim();
	EXPECT(stats_of(pool).held == held);
	own = tarn_cache_create(pool, SIZE, 16);
	EXPECT(own != NULL);
	take_all(own, SOME);
	free_all(own, SOME);
	tarn_trim();
	tarn_pool_destroy(pool);
	tarn_trim();
	return 0;
}

START_TEST(fork_child_uses_and_destroys)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = cache_of(pool, SIZE, 16);
	int status;
	pid_t pid;

	take_all(cache, MANY);
	fflush(NULL);
	pid = child_fork();
	/* Not _exit: a build that counts what is run does so at the end. */
	if (pid == 0)
		exit(use_in_child(pool, cache) != 0);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	free_all(cache, MANY);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- the suite -------------------------------------------------------------
 */

int main(void)
{
	Suite *suite = suite_create("cache");
	TCase *tcase = suite_case(suite, "objects");

	tcase_add_test(tcase, alloc_each_size_and_alignment_apart);
	tcase_add_test(tcase, create_impossible_refused);
	tcase_add_test(tcase, alloc_larger_than_there_is_refused);
	tcase_add_test(tcase, free_null_ignored);
	tcase_add_test(tcase, alloc_after_free_same_object);
	tcase_add_test(tcase, free_any_order_no_growth);
	tcase_add_test(tcase, alloc_success_errno_untouched);
	tcase = suite_case(suite, "lifetimes");
	tcase_add_test(tcase, reset_caches_gone);
	tcase_add_test(tcase, cleanup_cache_there);
	tcase_add_test(tcase, reset_other_thread_refused);
	tcase = suite_case(suite, "giving back");
	tcase_add_test(tcase, shrink_memory_goes_back);
	tcase_add_test(tcase, trim_some_in_use_untouched);
	tcase_add_test(tcase, trim_unused_cache_nothing);
	tcase_add_test(tcase, rounds_sweeps_rare);
	tcase_add_test(tcase, scattered_slabs_stay);
	tcase = suite_case(suite, "without memory");
	tcase_add_test(tcase, upstream_fails_once_or_for_ever_usable);
	tcase_add_test(tcase, create_without_memory_refused);
	tcase_add_test(tcase, limit_free_and_retry_goes_on);
	tcase_add_test(tcase, limit_trimmed_others_served);
	tcase = suite_case(suite, "threads");
	tcase_add_test(tcase, free_by_other_thread_used_again);
	tcase_add_test(tcase, producer_and_consumer_memory_bounded);
	tcase_add_test(tcase, threads_in_turn_magazine_inherited);
	tcase_add_test(tcase, many_threads_table_grows);
	tcase_add_test(tcase, thread_without_magazine_served);
	tcase_add_test(tcase, thread_past_its_end_served);
	tcase_add_test(tcase, trim_beside_others_nothing_lost);
	tcase_add_test(tcase, fork_child_uses_and_destroys);
	return suite_run(suite);
}
