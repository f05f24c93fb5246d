/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From records to steps: see plan.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "planner.h"

enum {
	VERSION_MOST = 1
};

/* ---- what goes wrong ----------------------------------------------------- */

bool plan_fail(const struct planner *planner, const char *format, ...)
{
	va_list args;
	int length = snprintf(planner->why, RECORDS_WHY,
			      "record %zu: ", planner->plan->records);

	va_start(args, format);
	vsnprintf(planner->why + length, RECORDS_WHY - (size_t)length, format,
		  args);
	va_end(args);
	return false;
}

void *plan_room(const struct planner *planner, void *array, size_t count,
		size_t *room, size_t size)
{
	size_t more = *room * 2 + 1024;

	if (count < *room)
		return array;
	array = count < PLAN_NONE / 2 ? realloc(array, more * size) : NULL;
	if (array != NULL)
		*room = more;
	else
		plan_fail(planner, "no memory for a trace so long");
	return array;
}

bool plan_hold(struct planner *planner, uint32_t pool, uint64_t bytes)
{
	planner->pools[pool].bytes += bytes;
	planner->alive += bytes;
	return planner->alive <= planner->memory ||
	       plan_fail(planner,
			 "%" PRIu64 " bytes alive at once, and only %" PRIu64
			 " may be (--memory)",
			 planner->alive, planner->memory);
}

void plan_drop(struct planner *planner, uint32_t pool, uint64_t bytes)
{
	planner->pools[pool].bytes -= bytes;
	planner->alive -= bytes;
}

/* ---- steps --------------------------------------------------------------- */

static uint16_t plan_thread(struct planner *planner, uint16_t slot)
{
	uint16_t *thread;

	if (slot >= PLAN_THREADS)
		slot = PLAN_THREADS - 1;
	thread = &planner->threads[slot];
	if (*thread == 0)
		*thread = (uint16_t)++planner->plan->threads;
	return (uint16_t)(*thread - 1);
}

bool plan_step(struct planner *planner, enum step_op op,
	       const struct record *record, uint32_t pool, uint32_t object)
{
	struct plan *plan = planner->plan;
	struct step step = {(uint8_t)op,
			    record->byte,
			    plan_thread(planner, record->half),
			    pool,
			    record->words[1],
			    object,
			    (uint32_t)plan->records},
		    *steps;

	steps = plan_room(planner, plan->steps, plan->count,
			  &planner->step_room, sizeof(step));
	if (steps == NULL)
		return false;
	plan->steps = steps;
	steps[plan->count++] = step;
	return true;
}

/* ---- records ------------------------------------------------------------- */

/* The pools that a process leaves over end, the newest first. */
static bool plan_end_process(struct planner *planner)
{
	struct record end = {OP_DESTROY, 0, planner->last_slot, {0, 0, 0}};
	uint32_t place = planner->plan->pools;

	if (planner->process_counted && planner->process_left != 0)
		return plan_fail(planner,
				 "truncated: %" PRIu64
				 " more were to come of a process",
				 planner->process_left);
	while (place-- > planner->process_pools)
		if (planner->pools[place].alive &&
		    !plan_end(planner, &end, place))
			return false;
	map_clear(&planner->pool_places);
	map_clear(&planner->object_places);
	planner->process_pools = planner->plan->pools;
	return true;
}

static bool plan_begin_process(struct planner *planner,
			       const struct record *record)
{
	if (record->byte > VERSION_MOST)
		return plan_fail(planner, "version %d of the format",
				 record->byte);
	if (!plan_end_process(planner))
		return false;
	planner->plan->processes++;
	planner->of_tarn = record->byte != 0;
	planner->process_left = record->words[1];
	planner->process_counted = record->words[1] != 0;
	return true;
}

/* A call upon one pool. */
static bool plan_call(struct planner *planner, const struct record *record)
{
	uint32_t pool;

	if (!plan_find_pool(planner, record, record->words[0], &pool))
		return false;
	if (record->op == OP_FREE || record->op == OP_REFUSED ||
	    record->op == OP_RESIZE || record->op == OP_FREE_SIZED)
		return plan_use(planner, record, pool);
	if (record->op == OP_DESTROY || record->op == OP_RESET)
		return plan_end(planner, record, pool);
	return plan_alloc(planner, record, pool);
}

static bool plan_record(void *arg, const struct record *record)
{
	struct planner *planner = arg;

	planner->plan->records++;
	if (record->op == OP_PROCESS)
		return plan_begin_process(planner, record);
	if (record->op == 0 || record->op > OP_FREE_SIZED)
		return plan_fail(planner, "no operation has the number %d",
				 record->op);
	if (planner->process_counted && planner->process_left-- == 0)
		return plan_fail(planner, "more than its process was to have");
	planner->last_slot = record->half;
	switch (record->op) {
	case OP_CREATE:
	case OP_CHILD:
		return plan_create(planner, record);
	case OP_EXTEND:
		planner->ignored++;
		return true;
	case OP_TRIM:
		return plan_step(planner, STEP_TRIM, record, PLAN_NONE,
				 PLAN_NONE);
	case OP_CANCEL:
	case OP_RUN:
	case OP_SPENT:
		return plan_spend(planner, record);
	default:
		return plan_call(planner, record);
	}
}

/* ---- all of it ----------------------------------------------------------- */

static bool plan_all(struct planner *planner, const char *path)
{
	struct plan *plan = planner->plan;

	if (!records_each(path, plan_record, planner, planner->why) ||
	    !plan_end_process(planner))
		return false;
	plan->calls = plan->records - plan->processes - plan->failed -
		      plan->skipped - planner->ignored;
	if (plan->calls != 0)
		return true;
	snprintf(planner->why, RECORDS_WHY, "there are no calls in it");
	return false;
}

bool plan_read(struct plan *plan, const char *path, uint64_t memory,
	       char why[RECORDS_WHY])
{
	struct planner *planner = calloc(1, sizeof(*planner));
	bool fine;

	*plan = (struct plan){.steps = NULL};
	if (planner == NULL) {
		snprintf(why, RECORDS_WHY, "no memory");
		return false;
	}
	planner->plan = plan;
	planner->memory = memory;
	planner->why = why;
	fine = plan_all(planner, path);
	map_clear(&planner->pool_places);
	map_clear(&planner->object_places);
	free(planner->pools);
	free(planner->objects);
	free(planner);
	if (!fine)
		plan_free(plan);
	return fine;
}

void plan_free(struct plan *plan)
{
	free(plan->steps);
	*plan = (struct plan){.steps = NULL};
}
