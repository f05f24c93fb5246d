/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mark and rewind: what is free again, what stays, what runs, and which marks
 * are ignored. Where memory is, and that it is used again, is promised of pools
 * that are not watched alone.
 *
 * The tests are rewind_*.c; here is what they share.
 */
#include "test_rewind.h"

struct counting counting;

/* Takes what the room has left, so that the next request is a miss. */
void use_up(tarn_pool *pool)
{
	tarn_local *local = tarn_pool_local(pool);

	while (local->end - local->last >= (ptrdiff_t)TARN_ALIGNMENT)
		REQUIRE(tarn_palloc(pool, TARN_ALIGNMENT) != NULL);
}

void fill(tarn_pool *pool, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		void *object = tarn_palloc(pool, size);

		REQUIRE(object != NULL);
		memset(object, 0x77, size);
	}
}

/* ---- cleanups ----------------------------------------------------------- */

struct log journal;

void note(void *data)
{
	const struct noted *noted = data;
	struct noted *more;

	journal.ran[journal.count++] = noted->number;
	if (noted->adds == 0)
		return;
	more = tarn_palloc(journal.pool, sizeof(*more));
	*more = (struct noted){noted->number + 100, noted->adds - 1};
	tarn_cleanup_add(journal.pool, note, more);
}

tarn_cleanup *add(int number, int adds)
{
	struct noted *noted = tarn_palloc(journal.pool, sizeof(*noted));

	*noted = (struct noted){number, adds};
	return tarn_cleanup_add(journal.pool, note, noted);
}

/* ---- the suite ---------------------------------------------------------- */

int main(void)
{
	Suite *suite = suite_create("rewind");

	add_small_tests(suite);
	add_birth_tests(suite);
	add_mark_tests(suite);
	return suite_run(suite);
}
