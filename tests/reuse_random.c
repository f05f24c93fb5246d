/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random programs, of one thread and of several: objects of any size and
 * alignment come, move and go, and no two of them overlap, since every byte of
 * each is known. A thing belongs to the thread that made it busy.
 */
#include "test_reuse.h"

static bool thing_is_whole(const struct thing *thing)
{
	for (size_t i = 0; i < thing->size; i++)
		if (thing->ptr[i] != (unsigned char)(thing->value + i))
			return false;
	return true;
}

static void thing_fill(struct thing *thing, unsigned char value)
{
	thing->value = value;
	for (size_t i = 0; i < thing->size; i++)
		thing->ptr[i] = (unsigned char)(value + i);
}

static size_t any_alignment(uint64_t *state)
{
	static const size_t alignments[] = {0, 0,  0,  0,  1,   1,   2,
					    4, 8,  8,  16, 32,  64,  128,
					    8, 16, 64, 1,  256, 1024};

	return alignments[random_between(
		state, 0, sizeof(alignments) / sizeof(*alignments) - 1)];
}

static int thing_make(struct program *program, struct thing *thing)
{
	uint64_t *state = &program->state;

	thing->alignment = program->whole ? 0 : any_alignment(state);
	thing->size = random_between(state, program->low, program->high);
	thing->ptr = take(program->pool, thing->alignment, thing->size);
	EXPECT(thing->ptr != NULL || program->may_fail);
	if (thing->ptr == NULL)
		return 0;
	EXPECT(is_aligned(thing->ptr, rounded(thing->alignment, 1)));
	thing_fill(thing, (unsigned char)random_next(state));
	return 0;
}

static int thing_end(struct program *program, struct thing *thing)
{
	EXPECT(thing_is_whole(thing));
	memset(thing->ptr, 0xee, thing->size);
	EXPECT(give(program->pool, thing->ptr, thing->alignment, thing->size) ==
	       0);
	thing->ptr = NULL;
	return 0;
}

static int thing_resize(struct program *program, struct thing *thing)
{
	size_t size =
		random_between(&program->state, program->low, program->high);
	size_t common = align_min(size, thing->size);
	void *ptr = tarn_prealloc(program->pool, thing->ptr, thing->size, size);

	EXPECT(ptr != NULL || program->may_fail);
	if (ptr == NULL)
		return 0;
	thing->ptr = ptr;
	thing->size = common;
	EXPECT(thing_is_whole(thing));
	thing->size = size;
	thing_fill(thing, (unsigned char)random_next(&program->state));
	return 0;
}

static int thing_step(struct program *program, struct thing *thing)
{
	if (thing->ptr == NULL)
		return thing_make(program, thing);
	if (thing->alignment == 0 && random_next(&program->state) % 4 == 0)
		return thing_resize(program, thing);
	return thing_end(program, thing);
}

int program_run(void *arg)
{
	struct program *program = arg;

	for (size_t i = 0; i < program->steps; i++) {
		struct thing *thing = &program->things[random_between(
			&program->state, 0, program->count - 1)];
		int status;

		if (atomic_exchange(&thing->busy, true))
			continue;
		status = thing_step(program, thing);
		atomic_store(&thing->busy, false);
		if (status != 0)
			return status;
	}
	return 0;
}

int program_end(struct program *program)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->things[i].ptr != NULL) {
			int status = thing_end(program, &program->things[i]);

			EXPECT(status == 0);
		}
	return 0;
}

struct thing things[THINGS];

/* Nothing of the pool is lost to it, whatever it was: but what is too small. */
START_TEST(program_of_one_thread_nothing_overlaps)
{
	static const size_t above[] = {0, 100, 1024, 8192};
	struct program program = {.things = things,
				  .count = THINGS,
				  .steps = rounds(300000),
				  .low = 1,
				  .high = MOST};
	struct counting counting;
	tarn_options options;
	size_t before;

	program.state = seed("program_of_one_thread_nothing_overlaps");
	counting_init(&counting);
	options = counting_options(&counting);
	options.large_above = above[_i];
	program.pool = tarn_pool_create(&options);
	before = handed_out(program.pool);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(program_run(&program), 0);
		ck_assert_int_eq(program_end(&program), 0);
		ck_assert_uint_ge(handed_out(program.pool), before);
		ck_assert_uint_eq(stats_of(program.pool).large_count, 0);
		tarn_pool_reset(program.pool);
		ck_assert_uint_eq(handed_out(program.pool), before);
	}
	tarn_pool_destroy(program.pool);
	counting_finish(&counting);
}
END_TEST

START_TEST(program_of_threads_nothing_overlaps)
{
	struct program programs[THREADS];
	tarn_pool *pool = tarn_pool_create(NULL);
	uint64_t state = seed("program_of_threads_nothing_overlaps");

	for (size_t i = 0; i < THREADS; i++)
		programs[i] = (struct program){.pool = pool,
					       .things = things,
					       .count = THINGS,
					       .steps = rounds(100000),
					       .low = 1,
					       .high = MOST,
					       .state = random_next(&state)};
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(workers_together(program_run, programs,
						  sizeof(*programs), THREADS),
				 0);
		ck_assert_int_eq(program_end(&programs[0]), 0);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		tarn_pool_reset(pool);
	}
	tarn_pool_destroy(pool);
}
END_TEST

void add_program_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "programs");

	tcase_add_loop_test(tcase, program_of_one_thread_nothing_overlaps, 0,
			    4);
	tcase_add_test(tcase, program_of_threads_nothing_overlaps);
}
