/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_reuse share: requests of any alignment and how they
 * are freed, the objects that fill a pool, threads that take or free many, and
 * random programs. What is shared serves one test at a time, which leaves none
 * of the things of a random program behind.
 */
#ifndef TARN_TESTS_TEST_REUSE_H
#define TARN_TESTS_TEST_REUSE_H

#include "counting.h"
#include "util.h"

#include "reuse.h"

enum {
	LEAST_UNIT = 16,     /* bytes: what is smaller is lost         */
	THINGS = 1500,       /* objects of a random program            */
	MOST = 1400,         /* bytes of each: beyond all classes      */
	FILL = 4096,         /* objects of a full pool, at most        */
	PLACES = 32,         /* where a piece may begin, all of a line */
	THREADS = 8,         /* at a time                              */
	SLOW = 5000,         /* microseconds of an upstream            */
	WARM_STEPS = 50000,  /* of a quick run, too                    */
	CHURN_LIVE = 2000000 /* bytes                                  */
};

extern void *filled[FILL];

static inline size_t rounded(size_t alignment, size_t size)
{
	return align_up(size, alignment == 0 ? TARN_ALIGNMENT : alignment);
}

static inline size_t handed_out(const tarn_pool *pool)
{
	return stats_of(pool).handed_out;
}

static inline void upstream_fails(struct counting *counting, bool fails)
{
	counting->fail_at = fails ? counting->calls + 1 : 0;
	counting->fail_for_ever = fails;
}

/* ---- objects ------------------------------------------------------------ */

void *take(tarn_pool *pool, size_t alignment, size_t size);
int give(tarn_pool *pool, void *ptr, size_t alignment, size_t size);
void again(tarn_pool *pool, size_t alignment, size_t size);

struct given {
	tarn_pool *pool;
	void **objects;
	size_t count;
	size_t size;
};

/* Of a thread, with a struct given: returns a status. */
int give_all(void *arg);
int take_all(void *arg);

/* ---- random programs -------------------------------------------------- */

/* An object whose every byte is known, or none. */
struct thing {
	atomic_bool busy; /* a thread has it in hand */
	unsigned char *ptr;
	size_t size;
	size_t alignment;
	unsigned char value;
};

struct program {
	tarn_pool *pool;
	struct thing *things;
	size_t count;
	size_t steps;
	size_t low, high; /* sizes */
	uint64_t state;
	bool may_fail;
	bool whole; /* tarn_palloc alone */
};

extern struct thing things[THINGS];

/* Does its steps, and frees what it left. Both return a status. */
int program_run(void *arg);
int program_end(struct program *program);

/* ---- the tests -------------------------------------------------------- */

/* One of each part; suites run them in this order. */
void add_piece_tests(Suite *suite);
void add_refusal_tests(Suite *suite);
void add_again_tests(Suite *suite);
void add_room_tests(Suite *suite);
void add_program_tests(Suite *suite);
void add_figure_tests(Suite *suite);
void add_long_tests(Suite *suite);
void add_limit_tests(Suite *suite);
void add_late_tests(Suite *suite);
void add_first_tests(Suite *suite);
void add_lifetime_tests(Suite *suite);

#endif
