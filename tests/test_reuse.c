/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reuse: small memory that is freed by its size serves again, to any thread of
 * the pool, in bounded memory, also where there is none left; and what the
 * depot makes of pieces.
 *
 * Each of these is a file of its own, reuse_*.c; here is what they share.
 */
#include "test_reuse.h"

void *filled[FILL];

/* Alignment 0 stands for tarn_palloc. */
void *take(tarn_pool *pool, size_t alignment, size_t size)
{
	return alignment == 0 ? tarn_palloc(pool, size)
			      : tarn_pmemalign(pool, alignment, size);
}

int give(tarn_pool *pool, void *ptr, size_t alignment, size_t size)
{
	return alignment == 0
		       ? tarn_pfree_sized(pool, ptr, size)
		       : tarn_pfree_aligned_sized(pool, ptr, alignment, size);
}

/* Frees an object and asks for such a one: it is the same. */
void again(tarn_pool *pool, size_t alignment, size_t size)
{
	void *object = take(pool, alignment, size);
	size_t before = handed_out(pool);

	REQUIRE(object != NULL);
	memset(object, 1, size);
	REQUIRE(give(pool, object, alignment, size) == 0);
	REQUIRE(handed_out(pool) < before);
	REQUIRE(take(pool, alignment, size) == object);
	REQUIRE(handed_out(pool) == before);
	REQUIRE(give(pool, object, alignment, size) == 0);
}

int give_all(void *arg)
{
	struct given *given = arg;

	for (size_t i = 0; i < given->count; i++)
		EXPECT(tarn_pfree_sized(given->pool, given->objects[i],
					given->size) == 0);
	return 0;
}

int take_all(void *arg)
{
	struct given *given = arg;

	for (size_t i = 0; i < given->count; i++) {
		given->objects[i] = tarn_palloc(given->pool, given->size);
		EXPECT(given->objects[i] != NULL);
		memset(given->objects[i], (int)i, given->size);
	}
	return 0;
}

/* A watched pool lays its memory out in its own way, and uses none again. */
int main(void)
{
	Suite *suite = suite_create("reuse");

	add_piece_tests(suite);
	add_refusal_tests(suite);
	if (watched())
		return suite_run(suite);
	add_again_tests(suite);
	add_room_tests(suite);
	add_program_tests(suite);
	add_figure_tests(suite);
	add_long_tests(suite);
	add_limit_tests(suite);
	add_late_tests(suite);
	add_first_tests(suite);
	add_lifetime_tests(suite);
	return suite_run(suite);
}
