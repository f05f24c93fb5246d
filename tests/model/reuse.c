/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of reuse: threads that free at the same time make a pool's depot once;
 * lists that one thread lays on a shelf are taken by others, or joined; what
 * was freed by another thread than allocated it is handed out again; and the
 * heir of a slot goes on with the bins it finds. A piece that two have is a
 * data race.
 */
#include "reuse.h"

#include "models.h"

/* Bytes: of a class each, as DEPOT_SMALL is in models; and a run. */
#define PIECE 16
#define RUN   ((size_t)128)

static const struct wanted one = {TARN_ALIGNMENT, PIECE, PIECE};
static const struct wanted two = {TARN_ALIGNMENT, 2 * (size_t)PIECE,
				  2 * (size_t)PIECE};
static const struct wanted wanted_run = {TARN_ALIGNMENT, RUN, RUN};

static tarn_pool *pool;
static char *memory;
static struct depot depot;
static char *object;
static _Atomic uint32_t ready;

/* ---- the depot alone ------------------------------------------------- */

static char *piece_of(int i)
{
	return memory + (size_t)i * PIECE;
}

/* A list of pieces [first, last], lowest first. */
static struct unit *list_of(int first, int last)
{
	struct unit *list = NULL;

	for (int i = last; i >= first; i--) {
		struct unit *unit = (struct unit *)piece_of(i);

		unit->next = list;
		list = unit;
	}
	return list;
}

static void lay_down(struct unit *list, size_t bytes)
{
	struct unit *lists[DEPOT_CLASSES] = {NULL};

	lists[depot_class(PIECE, PIECE)] = list;
	depot_put_lists(&depot, lists, bytes);
}

/* Two lists of two. */
static void setup_shelf(void)
{
	memory = model_alloc(8 * (size_t)PIECE);
	depot_init(&depot, true);
	lay_down(list_of(0, 1), (size_t)2 * PIECE);
	lay_down(list_of(2, 3), (size_t)2 * PIECE);
}

/* Returns how many bytes it had. */
static size_t take_list(void)
{
	size_t bytes;
	struct unit *list =
		depot_get_list(&depot, depot_class(PIECE, PIECE), &bytes);

	for (struct unit *unit = list, *next; unit != NULL; unit = next) {
		next = unit->next;
		model_write(unit, PIECE);
	}
	return bytes;
}

static void take_one(void)
{
	MODEL_ASSERT(take_list() == (size_t)2 * PIECE);
}

static void take_and_lay_down(void)
{
	take_one();
	lay_down(list_of(4, 5), (size_t)2 * PIECE);
}

/* What one thread put there another one has, in some executions. */
static void lay_down_and_take(void)
{
	lay_down(list_of(6, 7), (size_t)2 * PIECE);
	MODEL_ASSERT(take_list() % ((size_t)2 * PIECE) == 0);
}

/* All neighbours become one, of which all is taken. */
static void join_and_take(void)
{
	struct chunk chunk;

	if (depot_get_any(&depot, &two, &chunk))
		model_write(chunk.start, (size_t)(chunk.end - chunk.start));
}

static void take_any_list(void)
{
	take_list();
}

static void lay_down_more(void)
{
	lay_down(list_of(4, 5), (size_t)2 * PIECE);
}

/* All that is there can be had. */
static void see_depot(void)
{
	struct chunk chunk;

	while (depot_get_any(&depot, &one, &chunk))
		;
	mutex_exclusive(&depot.mutex);
	MODEL_ASSERT(depot.bytes == 0);
}

/* ---- pools ----------------------------------------------------------- */

static void setup_pool(void)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = &model_upstream;
	pool = tarn_pool_create(&options);
	MODEL_ASSERT(pool != NULL);
	memory = model_alloc(MODEL_THREADS * RUN);
}

static void destroy(void)
{
	tarn_pool_destroy(pool);
}

/* A run of its own: the first of them makes the depot. */
static void give(void)
{
	char *run = memory + model_self() * RUN;

	model_write(run, RUN);
	reuse_give_run(pool, run, RUN);
}

static void give_and_claim(void)
{
	struct chunk chunk;

	give();
	if (reuse_claim(pool, &wanted_run, false, &chunk))
		model_write(chunk.start, (size_t)(chunk.end - chunk.start));
}

static void *use(size_t size)
{
	char *taken = tarn_palloc(pool, size);

	MODEL_ASSERT(taken != NULL);
	model_write(taken, size);
	return taken;
}

/* What another thread allocated is at its own hand. */
static void free_others(void)
{
	char *mine;

	model_wait(&ready, 1);
	mine = object;
	MODEL_ASSERT(tarn_pfree_sized(pool, mine, PIECE) == 0);
	MODEL_ASSERT(use(PIECE) == mine);
}

/* More than the bins hold: the depot has it then. */
static void free_much(void)
{
	char *large = use((size_t)2 * PIECE);
	char *small = use(PIECE);

	MODEL_ASSERT(tarn_pfree_sized(pool, large, 2 * (size_t)PIECE) == 0);
	MODEL_ASSERT(tarn_pfree_sized(pool, small, PIECE) == 0);
	use((size_t)2 * PIECE);
}

static void use_and_publish(void)
{
	object = use(PIECE);
	atomic_store_explicit(&ready, 1, memory_order_release);
	free_much();
}

static void free_and_end(void)
{
	char *taken = use(PIECE);

	MODEL_ASSERT(tarn_pfree_sized(pool, taken, PIECE) == 0);
	MODEL_ASSERT(use(PIECE) == taken);
	MODEL_ASSERT(tarn_pfree_sized(pool, taken, PIECE) == 0);
	model_exit();
}

const struct model reuse_models[] = {
	{"shelf-lists",
	 setup_shelf,
	 {take_one, take_and_lay_down, lay_down_and_take},
	 see_depot,
	 0,
	 NULL},
	{"shelf-join",
	 setup_shelf,
	 {take_any_list, lay_down_more, join_and_take},
	 see_depot,
	 0,
	 NULL},
	{"reuse-depot",
	 setup_pool,
	 {give, give, give_and_claim},
	 destroy,
	 0,
	 NULL},
	{"reuse-free",
	 setup_pool,
	 {use_and_publish, free_others},
	 destroy,
	 0,
	 NULL},
	{"reuse-pass", setup_pool, {free_much, free_much}, destroy, 0, NULL},
	{"reuse-inherit",
	 setup_pool,
	 {free_and_end, free_and_end},
	 destroy,
	 0,
	 NULL},
	{.name = NULL},
};
