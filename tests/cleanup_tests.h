/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_cleanup share: a log of what ran, notes that write to
 * it, the ends of a round, and the parts themselves.
 *
 * Each part adds its cases to the one suite, and keeps no state between them.
 */
#ifndef TARN_TESTS_CLEANUP_TESTS_H
#define TARN_TESTS_CLEANUP_TESTS_H

#include "counting.h"
#include "util.h"

enum {
	LOG_MOST = 4096
};

/* What ran, in order. */
struct log {
	size_t count;
	int entries[LOG_MOST];
};

/* What a cleanup of these tests is given. */
struct note {
	struct log *log;
	int number;
	tarn_pool *pool;
	tarn_cleanup *own, *other;
	int result, error; /* of what the cleanup tried */
	int left;          /* how many more to register */
};

static inline void log_number(struct note *note)
{
	REQUIRE(note->log->count < LOG_MOST);
	note->log->entries[note->log->count++] = note->number;
}

static inline void write_note(void *data)
{
	log_number(data);
}

/* How a test ends a round: 0 by a reset, 1 by destroy. */
static inline void end_round(tarn_pool *pool, int how)
{
	if (how == 1) {
		tarn_pool_destroy(pool);
		return;
	}
	tarn_pool_reset(pool);
	ck_assert_uint_eq(stats_of(pool).cleanups, 0);
	ck_assert_uint_eq(stats_of(pool).children, 0);
}

/* Ends what end_round left of the pool; no cleanup may be left to run. */
static inline void end_pool(tarn_pool *pool, int how, struct log *log)
{
	size_t count = log->count;

	if (how == 0)
		tarn_pool_destroy(pool);
	ck_assert_uint_eq(log->count, count);
}

/* Registers `count` notes with the numbers from 0. */
static inline void add_notes(tarn_pool *pool, struct log *log,
			     struct note *notes, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		notes[i] = (struct note){.log = log, .number = i, .pool = pool};
		notes[i].own = tarn_cleanup_add(pool, write_note, &notes[i]);
		REQUIRE(notes[i].own != NULL);
	}
}

void add_handle_tests(Suite *suite);
void add_action_tests(Suite *suite);

#endif
