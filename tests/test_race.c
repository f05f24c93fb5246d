/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Races: one test for each pair of calls that may run together, as the table
 * in tarn.h says, each from every state that a pool may be in, and one of all
 * calls at random. ThreadSanitizer looks at the accesses; here the results are
 * looked at: no two objects overlap, each holds what its thread wrote, each
 * cleanup ran once, and the statistics agree with both.
 *
 * Not here: calls that exclude each other, save those that the library says it
 * detects (the misuse cases at the end).
 */
#include "race.h"

enum {
	ROUNDS = 4,         /* of a pair, from each state; half in step */
	MIXED_ROUNDS = 100, /* of all calls at random, from each state  */
	PAIR_COUNT = OPERATION_COUNT * (OPERATION_COUNT + 1) / 2
};

/* The pair of that index, in the order (0,0) (0,1) (1,1) (0,2) and on. */
static void pair_at(int index, const struct operation *pair[2])
{
	int second = 0;

	while (index > second) {
		index -= second + 1;
		second++;
	}
	pair[0] = &OPERATIONS[index];
	pair[1] = &OPERATIONS[second];
}

START_TEST(pair_together_verified)
{
	uint64_t random = seed("pair") + (uint64_t)_i;
	const struct operation *pair[2];
	size_t state, round;

	pair_at(_i, pair);
	printf("%s | %s\n", pair[0]->name, pair[1]->name);
	fflush(stdout);
	for (state = 0; state < STATE_COUNT; state++)
		for (round = 0; round < rounds(ROUNDS); round++)
			race(&STATES[state], pair, 2, (state + round) % 2 != 0,
			     false, &random);
}
END_TEST

START_TEST(mixed_together_verified)
{
	static const struct operation *const AT_RANDOM[WORKERS] = {NULL};
	uint64_t random = seed("mixed") + (uint64_t)_i;
	size_t round;

	for (round = 0; round < rounds(MIXED_ROUNDS); round++)
		race(&STATES[_i], AT_RANDOM, WORKERS, false, round % 2 != 0,
		     &random);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("race");
	TCase *tcase = suite_case(suite, "pairs");

	tcase_add_loop_test(tcase, pair_together_verified, 0, PAIR_COUNT);
	tcase = suite_case(suite, "mixed");
	tcase_add_loop_test(tcase, mixed_together_verified, 0, STATE_COUNT);
	add_growth_tests(suite);
	add_stats_tests(suite);
	add_misuse_tests(suite);
	return suite_run(suite);
}
