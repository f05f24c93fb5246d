/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One step after the other: see run.h.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool run_init(struct run *run, const struct plan *plan,
	      const struct run_options *options, char *why)
{
	*run = (struct run){.plan = plan, .options = options, .why = why};
	/* One more: there may be none. */
	run->pools = calloc(plan->pools + (size_t)1, sizeof(*run->pools));
	run->objects = calloc(plan->objects + (size_t)1, sizeof(*run->objects));
	if (run->pools != NULL && run->objects != NULL)
		return true;
	snprintf(why, RECORDS_WHY, "no memory to replay it");
	run_finish(run);
	return false;
}

void run_finish(struct run *run)
{
	free(run->pools);
	free(run->objects);
}

bool run_fail(const struct run *run, const struct step *step,
	      const char *format, ...)
{
	va_list args;
	int length = snprintf(run->why, RECORDS_WHY, "record %" PRIu32 ": ",
			      step->record);

	va_start(args, format);
	vsnprintf(run->why + length, RECORDS_WHY - (size_t)length, format,
		  args);
	va_end(args);
	return false;
}

static bool run_refused(const struct run *run, const struct step *step)
{
	return run_fail(run, step, "%" PRIu32 " bytes: %s", step->size,
			strerror(errno));
}

/* ---- pools --------------------------------------------------------------- */

static bool run_create(struct run *run, const struct step *step)
{
	const struct run_options *wanted = run->options;
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.first_block =
		wanted->first_block != 0 ? wanted->first_block : step->size;
	options.max_block = wanted->max_block;
	options.large_above = wanted->large_above;
	if (step->object == PLAN_NONE) {
		options.upstream = wanted->upstream;
		pool = tarn_pool_create(&options);
	} else {
		pool = tarn_pool_create_child(run->pools[step->object],
					      &options);
	}
	run->pools[step->pool] = pool;
	return pool != NULL || run_refused(run, step);
}

/* ---- objects ------------------------------------------------------------- */

static void *run_take(tarn_pool *pool, const struct step *step)
{
	switch (step->op) {
	case STEP_PACKED:
		return tarn_pnalloc(pool, step->size);
	case STEP_ZEROED:
		return tarn_pcalloc(pool, 1, step->size);
	case STEP_ALIGNED:
		return tarn_pmemalign(pool, (size_t)1 << step->log_alignment,
				      step->size);
	default:
		return tarn_palloc(pool, step->size);
	}
}

static bool run_alloc(struct run *run, const struct step *step)
{
	struct run_object *object = &run->objects[step->object];

	object->memory = run_take(run->pools[step->pool], step);
	object->size = step->size;
	object->pool = step->pool;
	return object->memory != NULL || run_refused(run, step);
}

/* One that was freed, though the trace says that it was not, is made anew. */
static bool run_resize(struct run *run, const struct step *step)
{
	struct run_object *object = &run->objects[step->object];
	void *memory = tarn_prealloc(run->pools[step->pool], object->memory,
				     object->size, step->size);

	if (memory == NULL)
		return run_refused(run, step);
	object->memory = memory;
	object->size = step->size;
	return true;
}

/*
 * Which objects can be freed alone is a matter of options that the trace does
 * not have; but of another pool none can.
 */
static bool run_free(struct run *run, const struct step *step)
{
	struct run_object *object = &run->objects[step->object];
	bool freed;

	if (object->memory == NULL)
		return true;
	freed = tarn_pfree(run->pools[step->pool], object->memory) == 0;
	run->others += freed != (step->op == STEP_FREE);
	if (!freed)
		return true;
	object->memory = NULL;
	return object->pool == step->pool ||
	       run_fail(run, step, "a pool freed an object of another one");
}

/* Small or large, it can be freed so. */
static bool run_free_sized(struct run *run, const struct step *step)
{
	struct run_object *object = &run->objects[step->object];
	tarn_pool *pool = run->pools[step->pool];
	size_t alignment = (size_t)1 << step->log_alignment;
	int status;

	status = step->op == STEP_FREE_SIZED
			 ? tarn_pfree_sized(pool, object->memory, object->size)
			 : tarn_pfree_aligned_sized(pool, object->memory,
						    alignment, object->size);
	object->memory = NULL;
	return status == 0 || run_refused(run, step);
}

/* ---- cleanups ------------------------------------------------------------ */

static void run_count_cleanup(void *cleanups)
{
	++*(size_t *)cleanups;
}

static bool run_add_cleanup(struct run *run, const struct step *step)
{
	struct run_object *object = &run->objects[step->object];

	object->memory = tarn_cleanup_add(run->pools[step->pool],
					  run_count_cleanup, &run->cleanups);
	object->pool = step->pool;
	return object->memory != NULL || run_refused(run, step);
}

static bool run_spend(struct run *run, const struct step *step)
{
	tarn_cleanup *cleanup = run->objects[step->object].memory;
	int wanted = step->op == STEP_SPENT ? -1 : 0;
	int status = step->op == STEP_RUN ? tarn_cleanup_run(cleanup)
					  : tarn_cleanup_cancel(cleanup);

	return status == wanted ||
	       run_fail(run, step, "a cleanup: %d instead of %d", status,
			wanted);
}

/* ---- steps --------------------------------------------------------------- */

bool run_step(struct run *run, const struct step *step)
{
	switch (step->op) {
	case STEP_CREATE:
		return run_create(run, step);
	case STEP_GONE:
		return true;
	case STEP_RESET:
		tarn_pool_reset(run->pools[step->pool]);
		return true;
	case STEP_DESTROY:
		tarn_pool_destroy(run->pools[step->pool]);
		return true;
	case STEP_RESIZE:
		return run_resize(run, step);
	case STEP_FREE:
	case STEP_REFUSED:
		return run_free(run, step);
	case STEP_FREE_SIZED:
	case STEP_FREE_ALIGNED:
		return run_free_sized(run, step);
	case STEP_CLEANUP:
		return run_add_cleanup(run, step);
	case STEP_CANCEL:
	case STEP_RUN:
	case STEP_SPENT:
		return run_spend(run, step);
	case STEP_TRIM:
		tarn_trim();
		return true;
	default:
		return run_alloc(run, step);
	}
}
