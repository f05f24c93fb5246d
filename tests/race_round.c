/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A round of a race: a pool in one of its states, workers that make their calls
 * in it together, and all of it verified.
 */
#include "race.h"

const struct operation OPERATIONS[] = {
	{"palloc", run_palloc, NULL, true},
	{"pnalloc", run_pnalloc, NULL, false},
	{"pcalloc", run_pcalloc, NULL, true},
	{"pmemalign", run_pmemalign, NULL, false},
	{"prealloc", run_prealloc, prepare_prealloc, false},
	{"large palloc and pfree", run_large, NULL, false},
	{"pmemdup, pstrdup, pstrndup", run_copy, NULL, false},
	{"psprintf, pvsprintf, pstrcat", run_format, NULL, false},
	{"pool_local and the owner's calls", run_local, NULL, false},
	{"child's create and destroy", run_child, NULL, false},
	{"child's reset", run_child_reset, NULL, false},
	{"use of a common child", run_child_shared, prepare_child_shared,
	 false},
	{"set_data and data", run_data, NULL, false},
	{"cleanup add, cancel, run", run_cleanup, prepare_cleanup, false},
	{"sized frees of common objects", run_pfree_sized, NULL, true},
	{"mark and rewind", run_mark, NULL, true},
	{"scratch begin and end", run_scratch, NULL, true},
	{"cache alloc and free", run_cache, prepare_cache, false},
	{"cache create", run_cache_create, NULL, false},
	{"stats", run_stats, NULL, true},
	{"report", run_report, NULL, true},
	{"trim", run_trim, NULL, true},
	{"another pool's create and destroy", run_other, NULL, true},
	{"another pool's reset", run_other_reset, NULL, true},
	{"version and upstreams", run_constants, NULL, true},
	/* Last, for the random mix leaves it out: while one worker frees what
	   another one freed, a third may be given that very address. */
	{"pfree of common objects", run_pfree, prepare_pfree, false},
};

_Static_assert(sizeof OPERATIONS / sizeof *OPERATIONS == OPERATION_COUNT,
	       "race.h counts the operations");

const struct state STATES[] = {
	{.name = "new", .options = TARN_OPTIONS_INIT},
	{.name = "over a counted upstream",
	 .options = TARN_OPTIONS_INIT,
	 .counted = true},
	{.name = "used by its creator",
	 .options = TARN_OPTIONS_INIT,
	 .used = true},
	{.name = "reset", .options = TARN_OPTIONS_INIT, .reset = true},
	{.name = "child of a busy pool",
	 .options = TARN_OPTIONS_INIT,
	 .child = true},
	{.name = "in the caller's buffer",
	 .options = {.struct_size = sizeof(tarn_options), .buffer_size = 2048}},
	{.name = "with small blocks",
	 .options = {.struct_size = sizeof(tarn_options),
		     .first_block = 512,
		     .max_block = 1024}},
	{.name = "with a limit",
	 .options = {.struct_size = sizeof(tarn_options), .limit = 64 * 1024}},
	{.name = "with a limit, counted, reset",
	 .options = {.struct_size = sizeof(tarn_options),
		     .first_block = 512,
		     .limit = 64 * 1024},
	 .counted = true,
	 .reset = true},
};

_Static_assert(sizeof STATES / sizeof *STATES == STATE_COUNT,
	       "race.h counts the states");

static int use_scene(void *arg)
{
	struct scene *scene = arg;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		size_t size = 30 * i + 1;
		void *at = tarn_palloc(scene->pool, size);

		EXPECT(at != NULL);
		memset(at, 0x77, size);
	}
	EXPECT(tarn_palloc(scene->pool, LARGE_MIN) != NULL);
	EXPECT(tarn_pool_create_child(scene->pool, NULL) != NULL);
	return 0;
}

static void scene_open(struct scene *scene, const struct state *state)
{
	tarn_options options = state->options;

	memset(scene, 0, sizeof *scene);
	scene->state = state;
	if (state->counted) {
		counting_init(&scene->counting);
		options.upstream = &scene->counting.upstream;
	}
	if (options.buffer_size != 0)
		options.buffer = scene->buffer = malloc(options.buffer_size);
	if (state->child) {
		scene->parent = tarn_pool_create(NULL);
		ck_assert_ptr_nonnull(scene->parent);
		scene->pool = tarn_pool_create_child(scene->parent, &options);
	} else {
		scene->pool = tarn_pool_create(&options);
	}
	ck_assert_ptr_nonnull(scene->pool);
	if (state->used)
		ck_assert_ptr_nonnull(tarn_palloc(scene->pool, 1));
	if (state->reset) {
		ck_assert_int_eq(use_scene(scene), 0);
		ck_assert_int_eq(worker_run(use_scene, scene), 0);
		tarn_pool_reset(scene->pool);
	}
}

/* Waits until all are at step `i`, where this round goes in step. */
static void step_wait(struct scene *scene, size_t i)
{
	unsigned spins = 0;

	if (scene->in_step == 0)
		return;
	atomic_fetch_add(&scene->arrived, 1);
	while (atomic_load(&scene->arrived) < scene->in_step * (i + 1))
		if (++spins % UTIL_GATE_SPINS == 0)
			sched_yield();
}

static const struct operation *pick_operation(struct work *work)
{
	const struct operation *operation;

	do
		operation = &OPERATIONS[random_between(&work->random, 0,
						       MIXED_COUNT - 1)];
	while (work->exact && !operation->exact);
	return operation;
}

static int work_main(void *arg)
{
	struct work *work = arg;
	const struct operation *operation = work->operation;
	int status = 0;
	size_t i;

	for (i = 0; i < STEPS && status == 0; i++) {
		step_wait(work->scene, i);
		if (work->operation == NULL)
			operation = pick_operation(work);
		errno = 0;
		status = operation->run(work);
	}
	/* Its line alone does not say in which file. */
	if (status != 0)
		printf("failed: %s\n", operation->name);
	/* Of one that failed, nobody is to wait for the other steps. */
	atomic_fetch_add(&work->scene->arrived, WORKERS * STEPS);
	return status;
}

/* Makes what the operations of the first `workers` need, each once. */
static void scene_prepare(struct scene *scene, size_t workers)
{
	size_t i, j;

	for (i = 0; i < OPERATION_COUNT; i++) {
		const struct operation *operation = &OPERATIONS[i];
		bool needed = false;

		for (j = 0; j < workers; j++)
			needed |= scene->works[j].operation == operation ||
				  (scene->works[j].operation == NULL &&
				   i < MIXED_COUNT);
		if (needed && operation->prepare != NULL)
			operation->prepare(scene);
	}
}

void race(const struct state *state, const struct operation *const *operations,
	  size_t workers, bool in_step, bool exact, uint64_t *random)
{
	static struct object objects[WORKERS][OBJECTS];
	static struct scene scene;
	size_t i;
	int status;

	scene_open(&scene, state);
	scene.in_step = in_step ? workers : 0;
	for (i = 0; i < workers; i++) {
		scene.works[i].scene = &scene;
		scene.works[i].objects = objects[i];
		scene.works[i].operation = operations[i];
		scene.works[i].exact = exact;
		scene.works[i].number = (unsigned)i;
		scene.works[i].random = random_next(random);
	}
	scene_prepare(&scene, workers);
	scene.handed_out = stats_of(scene.pool).handed_out;
	status = workers_together(work_main, scene.works, sizeof *scene.works,
				  workers);
	ck_assert_msg(status == 0, "a worker failed in line %d, pool %s",
		      status, state->name);
	verify_scene(&scene, workers);
	scene_close(&scene, workers);
}
