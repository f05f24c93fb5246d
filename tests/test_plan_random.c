/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tarn-replay does with any trace: one of a program is replayed, as it
 * was; any other file is replayed too, or refused in one line.
 */
#include "trace.h"

enum {
	RECORDS_MOST = 300,
	MUTATIONS = 4000, /* traces that are nearly right */
	CALLS = 40000,    /* of a program                 */
	POOLS = 1000,
	THINGS = 500, /* objects and cleanups there at once     */
	SLOTS = 8,
	LARGE_ABOVE = 4096 /* bytes, the library's own */
};

/* ---- traces of programs -------------------------------------------------- */

/* A program that does all that may be done, and what the trace has of it. */
struct world {
	uint64_t state;
	struct file file;
	struct {
		uint32_t parent; /* 0: none */
		bool alive;
	} pools[POOLS + 1]; /* by number */
	uint32_t pool_count;
	struct thing {
		uint32_t id, pool, size; /* id 0: it has ended */
		uint8_t op;
		bool spent;
	} things[THINGS];
	uint32_t ids;
};

static size_t draw(struct world *world, size_t low, size_t high)
{
	return random_between(&world->state, low, high);
}

static void put(struct world *world, uint8_t op, uint8_t byte, uint32_t pool,
		uint32_t size, uint32_t id)
{
	uint16_t slot = (uint16_t)draw(world, 0, SLOTS - 1);

	file_put(&world->file,
		 (struct record){op, byte, slot, {pool, size, id}});
}

/* One that is alive; the first always is. */
static uint32_t any_pool(struct world *world)
{
	uint32_t pool = (uint32_t)draw(world, 1, world->pool_count);

	while (!world->pools[pool].alive)
		pool--;
	return pool;
}

static void make_pool(struct world *world)
{
	uint32_t parent = draw(world, 0, 2) != 0 ? any_pool(world) : 0;
	uint32_t pool = ++world->pool_count;

	put(world, parent != 0 ? 13 : 1, 0, pool,
	    (uint32_t)draw(world, 0, 9999), parent);
	world->pools[pool].parent = parent;
	world->pools[pool].alive = true;
}

static void end_things(struct world *world, uint32_t pool)
{
	for (size_t i = 0; i < THINGS; i++)
		if (world->things[i].pool == pool)
			world->things[i].id = 0;
}

/* Parents have lower numbers than their children. */
static void end_pool(struct world *world, bool destroy)
{
	bool ends[POOLS + 1] = {false};
	uint32_t pool = any_pool(world);

	destroy = destroy && pool != 1;
	put(world, destroy ? 2 : 3, 0, pool, 0, 0);
	end_things(world, pool);
	ends[pool] = true;
	for (uint32_t i = pool + 1; i <= world->pool_count; i++)
		if (ends[world->pools[i].parent] && world->pools[i].alive) {
			ends[i] = true;
			end_things(world, i);
			world->pools[i].alive = false;
		}
	world->pools[pool].alive = !destroy;
}

static void make_thing(struct world *world, struct thing *thing)
{
	static const uint8_t ops[] = {4, 4, 5, 6, 7, 12};
	uint8_t byte = 0;

	thing->op = ops[draw(world, 0, COUNT(ops) - 1)];
	thing->pool = any_pool(world);
	thing->spent = false;
	thing->id = ++world->ids;
	thing->size = (uint32_t)draw(world, 0, 200);
	if (draw(world, 0, 20) == 0)
		thing->size = (uint32_t)draw(world, 0, 20000);
	if (thing->op == 12)
		thing->size = 0;
	if (thing->op == 7)
		byte = (uint8_t)draw(world, 0, 6);
	put(world, thing->op, byte, thing->pool, thing->size, thing->id);
}

static void use_cleanup(struct world *world, struct thing *thing)
{
	uint8_t op = 17;

	if (!thing->spent)
		op = (uint8_t)draw(world, 15, 16);
	put(world, op, 0, thing->pool, 0, thing->id);
	thing->spent = true;
}

static void use_thing(struct world *world, struct thing *thing)
{
	if (thing->op == 12) {
		use_cleanup(world, thing);
	} else if ((thing->op == 4 || thing->op == 6) &&
		   draw(world, 0, 2) != 0) {
		thing->size =
			(uint32_t)(draw(world, 0, 300) * draw(world, 0, 40));
		put(world, 14, 0, thing->pool, thing->size, thing->id);
	} else if (draw(world, 0, 2) == 0) {
		put(world, 18, 0, thing->pool, thing->size, thing->id);
		thing->id = 0;
	} else if (thing->size > LARGE_ABOVE) {
		put(world, 8, 0, thing->pool, 0, thing->id);
		thing->id = 0;
	} else {
		put(world, 9, 0, any_pool(world), 0, thing->id);
	}
}

static void act(struct world *world)
{
	struct thing *thing = &world->things[draw(world, 0, THINGS - 1)];

	switch (draw(world, 0, 40)) {
	case 0:
		if (world->pool_count < POOLS)
			make_pool(world);
		break;
	case 1:
		end_pool(world, draw(world, 0, 1) == 0);
		break;
	case 2:
		put(world, 11, 0, 0, 0, 0);
		break;
	default:
		if (thing->id == 0)
			make_thing(world, thing);
		else
			use_thing(world, thing);
	}
}

START_TEST(replay_random_program_all_done)
{
	static struct world world;
	struct replay replay = {.ns = 0};
	struct plan plan;
	char why[RECORDS_WHY] = "";
	bool fine;

	world.state = seed("replay_random_program");
	file_open(&world.file);
	put(&world, 255, 1, 0, 0, 0);
	put(&world, 1, 0, 1, 0, 0);
	world.pools[1].alive = true;
	world.pool_count = 1;
	for (size_t i = rounds(CALLS); i != 0; i--)
		act(&world);
	fine = file_read(&world.file, &plan, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(plan.skipped, 0);
	ck_assert_uint_eq(plan.threads, SLOTS);
	fine = replay_check(&replay, &plan, &preset, true, why);
	ck_assert_msg(fine, "%s", why);
	ck_assert_uint_eq(replay.others, 0);
	plan_free(&plan);
}
END_TEST

/* ---- whatever is in a file ----------------------------------------------- */

/* Changes some of a trace: whole records, or parts of one. */
static void mutate(struct record *records, size_t *count, uint64_t *state)
{
	struct record *at = &records[random_between(state, 0, *count - 1)];
	const struct record *from =
		&records[random_between(state, 0, *count - 1)];
	int word = (int)random_between(state, 0, 2);

	switch (random_between(state, 0, 7)) {
	case 0:
		*at = *from;
		break;
	case 1:
		at->op = (uint8_t)random_between(state, 1, 18);
		break;
	case 2:
		at->words[word] = from->words[random_between(state, 0, 2)];
		break;
	case 3:
		at->words[word] ^= 1U << random_between(state, 0, 31);
		break;
	case 4:
		at->half ^= (uint16_t)(1U << random_between(state, 0, 3));
		break;
	case 5:
		at->byte = (uint8_t)random_between(state, 0, 40);
		break;
	case 6:
		at->op ^= (uint8_t)(1U << random_between(state, 0, 7));
		break;
	default:
		records[(*count)++] = *from;
	}
}

START_TEST(plan_mutated_trace_replayed_or_refused)
{
	uint64_t state = seed("plan_mutated_trace");
	size_t taken = 0, all = rounds(MUTATIONS);

	for (size_t i = 0; i < all; i++) {
		struct record records[RECORDS_MOST];
		struct replay replay = {.ns = 0};
		struct plan plan;
		size_t count = COUNT(whole);
		char why[RECORDS_WHY] = "";

		memcpy(records, whole, sizeof(whole));
		for (size_t k = random_between(&state, 1, 12); k != 0; k--)
			mutate(records, &count, &state);
		if (read_records(records, count, &plan, why)) {
			bool fine = replay_check(&replay, &plan, &preset, true,
						 why);

			ck_assert_msg(fine, "%zu: %s", i, why);
			plan_free(&plan);
			taken++;
		}
		ck_assert(why[0] == '\0' || strchr(why, '\n') == NULL);
	}
	printf("%zu of %zu mutated traces replayed\n", taken, all);
	ck_assert_uint_gt(taken, all / 50);
	ck_assert_uint_lt(taken, all);
}
END_TEST

/* No records at all: bytes. */
START_TEST(plan_random_bytes_refused)
{
	uint64_t state = seed("plan_random_bytes");

	for (size_t i = 0; i < rounds(MUTATIONS); i++) {
		size_t size = random_between(&state, 0, 200);
		char why[RECORDS_WHY] = "";
		struct file file;
		struct plan plan;
		bool fine;

		file_open(&file);
		for (size_t k = 0; k < size; k++)
			putc((int)(random_next(&state) & 0xff), file.stream);
		/* That one does begin as a trace does. */
		fine = file_read(&file, &plan, why);
		if (fine)
			plan_free(&plan);
		ck_assert(fine || why[0] != '\0');
		ck_assert(size % 16 == 0 || !fine);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan_random");
	TCase *tcase = suite_case(suite, "all");

	tcase_add_test(tcase, replay_random_program_all_done);
	tcase_add_test(tcase, plan_mutated_trace_replayed_or_refused);
	tcase_add_test(tcase, plan_random_bytes_refused);
	return suite_run(suite);
}
