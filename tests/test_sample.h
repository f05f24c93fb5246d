/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_sample share: programs that run in children with a
 * seed each, the profiles that they write, and what is expected of these.
 */
#ifndef TARN_TESTS_TEST_SAMPLE_H
#define TARN_TESTS_TEST_SAMPLE_H

#include "child.h"

#include "cut.h"
#include "local.h"
#include "profile.h"
#include "sample.h"

enum {
	SEEDS = 8,
	SIZES = 1024, /* sites in a program, at most */
	THREADS = 4
};

/* What a profile says of all objects of a size. */
struct figure {
	size_t size;
	size_t live, all; /* samples */
};

struct profile {
	struct figure figures[SIZES];
	size_t count;
};

extern char path[64]; /* of the file that a profile is written to */
extern uint64_t seed_now;
extern size_t scale; /* how often a program does what it does */

/* Sizes that malloc does not grant: those from the one to below the other. */
extern size_t refused_from, refused_to;

struct figure *figure_of(struct profile *profile, size_t size);
void read_profile(struct profile *profile, const char *name);
struct profile profile_of(child_fn *fn, size_t runs);
void expect_all(struct profile *profile, size_t runs, size_t count,
		size_t size);
void expect_live(struct profile *profile, size_t runs, size_t count,
		 size_t size);
void expect_none_live(const struct profile *profile);
void begin(size_t full);

/* One of each part; suites run them in this order. */
void add_estimate_tests(Suite *suite);
void add_mark_tests(Suite *suite);
void add_room_tests(Suite *suite);
void add_file_tests(Suite *suite);

#endif
