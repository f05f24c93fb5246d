/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots, from the inside: who gets which, when it comes back, and the table
 * keyed by slot. A thread's name and slot index are read in the thread and
 * checked on the main one.
 */
#include "util.h"

#include "slot.h"

enum {
	NAMES = 100000,
	CROWD = 40
};

START_TEST(slot_name_all_differ_from_each_other_and_from_the_constants)
{
	unsigned char *seen = calloc(UINT32_MAX / 8 + 1, 1);

	ck_assert_ptr_nonnull(seen);
	for (uint32_t n = 1; n <= NAMES; n++) {
		uint32_t name = SLOT_NAME(n);

		ck_assert(name != SLOT_NONE && name != SLOT_GONE &&
			  name != SLOT_EMPTY && name != SLOT_UNOWNED);
		ck_assert((seen[name / 8] & 1 << name % 8) == 0);
		seen[name / 8] |= (unsigned char)(1 << name % 8);
	}
	free(seen);
	ck_assert(SLOT_NONE != SLOT_GONE && SLOT_NONE != SLOT_EMPTY &&
		  SLOT_NONE != SLOT_UNOWNED && SLOT_GONE != SLOT_EMPTY &&
		  SLOT_GONE != SLOT_UNOWNED && SLOT_EMPTY != SLOT_UNOWNED);
}
END_TEST

struct visit {
	uint32_t before; /* name before the first use */
	uint32_t index;
	struct slot *slot;
	struct gate *all_have_one; /* nobody leaves before; NULL: alone */
};

static int visit_run(void *arg)
{
	struct visit *visit = arg;

	visit->before = slot_name();
	visit->slot = slot_get();
	EXPECT(visit->slot != NULL);
	EXPECT(visit->slot == slot_get());
	EXPECT(slot_name() == SLOT_NAME(visit->slot->index + 1));
	visit->index = visit->slot->index;
	if (visit->all_have_one != NULL)
		gate_wait(visit->all_have_one);
	return 0;
}

#ifdef _WIN32
/* Its variable is gone when its callback has run, and not before. */
static void forget(void)
{
}
#else
static void forget(void)
{
	slot_thread = NULL;
	slot_thread_name = SLOT_NONE;
}
#endif

static int forgotten_run(void *arg)
{
	struct slot *slot = slot_get();

	(void)arg;
	EXPECT(slot != NULL);
	forget();
	EXPECT(slot_get() == slot);
	EXPECT(slot_name() == SLOT_NAME(slot->index + 1));
	return 0;
}

START_TEST(slot_get_variables_begun_anew_same_slot)
{
	ck_assert_int_eq(worker_run(forgotten_run, NULL), 0);
}
END_TEST

START_TEST(slot_get_one_thread_after_the_other_same_slot)
{
	struct visit first = {0}, second = {0};

	ck_assert_int_eq(worker_run(visit_run, &first), 0);
	ck_assert_int_eq(worker_run(visit_run, &second), 0);
	ck_assert_uint_eq(first.before, SLOT_NONE);
	ck_assert_uint_eq(first.index, second.index);
	ck_assert_ptr_eq(first.slot, second.slot);
}
END_TEST

START_TEST(slot_get_threads_alive_together_dense_and_distinct)
{
	struct visit visits[CROWD] = {{0}};
	bool seen[CROWD + 1] = {false};
	struct gate all;

	ck_assert_ptr_nonnull(slot_get());
	for (int round = 0; round < 3; round++) {
		gate_init(&all, CROWD);
		for (size_t i = 0; i < CROWD; i++)
			visits[i].all_have_one = &all;
		ck_assert_int_eq(workers_together(visit_run, visits,
						  sizeof visits[0], CROWD),
				 0);
		for (size_t i = 0; i <= CROWD; i++)
			seen[i] = false;
		for (size_t i = 0; i < CROWD; i++) {
			/* The main thread has one of the CROWD + 1. */
			ck_assert_uint_le(visits[i].index, CROWD);
			ck_assert(!seen[visits[i].index]);
			seen[visits[i].index] = true;
		}
	}
}
END_TEST

/* ---- the table --------------------------------------------------------------
 */

static struct slot_table *table_new(uint32_t capacity,
				    const struct slot_table *old)
{
	void *memory = malloc(slot_table_size(capacity));

	ck_assert_ptr_nonnull(memory);
	return slot_table_init(memory, capacity, old);
}

START_TEST(table_find_no_constant_matches_an_empty_entry)
{
	struct slot_table *table = table_new(SLOT_TABLE_LEAST, NULL);

	ck_assert_ptr_null(slot_table_find(table, SLOT_NONE));
	ck_assert_ptr_null(slot_table_find(table, SLOT_GONE));
	ck_assert_ptr_null(slot_table_find(table, SLOT_UNOWNED));
	ck_assert_ptr_null(slot_table_find(table, SLOT_NAME(1)));
	free(table);
}
END_TEST

static void table_check(uint32_t stride)
{
	struct slot_table *table = table_new(SLOT_TABLE_LEAST, NULL), *old;
	int values[500];

	for (uint32_t i = 0; i < 500; i++) {
		if (slot_table_full(table)) {
			old = table;
			table = table_new(slot_table_capacity(old) * 2, old);
			ck_assert_uint_eq(table->count, old->count);
			free(old);
		}
		slot_table_insert(table, SLOT_NAME((i + 1) * stride),
				  &values[i]);
		ck_assert_ptr_null(
			slot_table_find(table, SLOT_NAME((i + 2) * stride)));
	}
	for (uint32_t i = 0; i < 500; i++)
		ck_assert_ptr_eq(
			slot_table_find(table, SLOT_NAME((i + 1) * stride)),
			&values[i]);
	ck_assert_uint_eq(table->count, 500);
	ck_assert_uint_le(slot_table_capacity(table), 1024);
	free(table);
}

START_TEST(table_grow_keeps_every_entry)
{
	table_check(1);
	table_check(2);
	table_check(64);
	table_check(1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slot");
	TCase *tcase = suite_case(suite, "slot");

	tcase_add_test(
		tcase,
		slot_name_all_differ_from_each_other_and_from_the_constants);
	tcase_add_test(tcase, slot_get_variables_begun_anew_same_slot);
	tcase_add_test(tcase, slot_get_one_thread_after_the_other_same_slot);
	tcase_add_test(tcase,
		       slot_get_threads_alive_together_dense_and_distinct);
	tcase = suite_case(suite, "table");
	tcase_add_test(tcase, table_find_no_constant_matches_an_empty_entry);
	tcase_add_test(tcase, table_grow_keeps_every_entry);
	return suite_run(suite);
}
