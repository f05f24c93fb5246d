/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is looked at before and after a step: see check.h.
 */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool check_init(struct check *check, const struct plan *plan,
		const struct run_options *options, bool contents, char *why)
{
	*check = (struct check){.contents = contents};
	if (!run_init(&check->run, plan, options, why))
		return false;
	check->pools = calloc(plan->pools + (size_t)1, sizeof(*check->pools));
	if (check->pools != NULL)
		return true;
	snprintf(why, RECORDS_WHY, "no memory to check it");
	run_finish(&check->run);
	return false;
}

void check_finish(struct check *check)
{
	run_finish(&check->run);
	free(check->pools);
}

/* ---- what objects hold --------------------------------------------------- */

/* Byte `at` of an object: told by its own number and its place. */
static unsigned char content(uint32_t object, size_t at)
{
	return (unsigned char)(object * 167 + 13 + at);
}

static void content_fill(const struct run_object *objects, uint32_t at)
{
	unsigned char *bytes = objects[at].memory;

	for (size_t i = 0; i < objects[at].size; i++)
		bytes[i] = content(at, i);
}

/* The first of `size` bytes that is not what it was filled with, or `size`. */
static size_t content_wrong(const unsigned char *bytes, uint32_t object,
			    size_t size)
{
	size_t i = 0;

	while (i < size && bytes[i] == content(object, i))
		i++;
	return i;
}

/* Of an object that was filled, the first `size` bytes. */
static bool check_content(const struct check *check, const struct step *step,
			  uint32_t at, size_t size)
{
	const struct run_object *object = &check->run.objects[at];
	size_t wrong;

	if (object->memory == NULL)
		return true;
	wrong = content_wrong(object->memory, at, size);
	return wrong == size || run_fail(&check->run, step,
					 "object %" PRIu32 " of %" PRIu32
					 " bytes: byte %zu was overwritten",
					 at + 1, object->size, wrong);
}

/* Before a pool ends: of all objects that may still be there. */
static bool check_pool_contents(struct check *check, const struct step *step)
{
	struct check_pool *pool = &check->pools[step->pool];
	uint32_t at = pool->newest;

	pool->newest = PLAN_NONE;
	for (; at != PLAN_NONE; at = check->run.objects[at].older)
		if (!check_content(check, step, at,
				   check->run.objects[at].size))
			return false;
	return true;
}

static bool check_zero(const struct check *check, const struct step *step)
{
	const unsigned char *bytes = check->run.objects[step->object].memory;

	for (size_t i = 0; i < step->size; i++)
		if (bytes[i] != 0)
			return run_fail(&check->run, step,
					"byte %zu of %" PRIu32 " is not zero",
					i, step->size);
	return true;
}

static bool check_alignment(const struct check *check, const struct step *step)
{
	const struct run_object *object = &check->run.objects[step->object];
	size_t alignment = TARN_ALIGNMENT;

	if (step->op == STEP_PACKED)
		alignment = 1;
	if (step->op == STEP_ALIGNED)
		alignment = (size_t)1 << step->log_alignment;
	return (uintptr_t)object->memory % alignment == 0 ||
	       run_fail(&check->run, step, "%p is not aligned to %zu",
			object->memory, alignment);
}

/* ---- before a step, and after -------------------------------------------- */

static bool check_before(struct check *check, const struct step *step)
{
	struct run_object *object;

	switch (step->op) {
	case STEP_GONE:
	case STEP_RESET:
	case STEP_DESTROY:
		return check_pool_contents(check, step);
	case STEP_RESIZE:
	case STEP_FREE:
	case STEP_FREE_SIZED:
	case STEP_FREE_ALIGNED:
	case STEP_REFUSED:
		object = &check->run.objects[step->object];
		return check_content(check, step, step->object, object->size);
	default:
		return true;
	}
}

static bool check_new(struct check *check, const struct step *step)
{
	struct check_pool *pool = &check->pools[step->pool];

	if (!check_alignment(check, step) ||
	    (step->op == STEP_ZEROED && !check_zero(check, step)))
		return false;
	check->run.objects[step->object].older = pool->newest;
	pool->newest = step->object;
	content_fill(check->run.objects, step->object);
	return true;
}

/* `kept`: bytes that both the old and the new one have. */
static bool check_resized(struct check *check, const struct step *step,
			  size_t kept)
{
	if (!check_alignment(check, step) ||
	    !check_content(check, step, step->object, kept))
		return false;
	content_fill(check->run.objects, step->object);
	return true;
}

static bool check_run(struct check *check, const struct step *step)
{
	size_t kept = 0;

	if (step->op == STEP_RESIZE) {
		const struct run_object *object =
			&check->run.objects[step->object];

		kept = object->size < step->size ? object->size : step->size;
		if (object->memory == NULL)
			kept = 0;
	}
	if (!check_before(check, step) || !run_step(&check->run, step))
		return false;
	if (step->op == STEP_RESIZE)
		return check_resized(check, step, kept);
	if (step->op >= STEP_ALLOC && step->op <= STEP_ALIGNED)
		return check_new(check, step);
	return true;
}

/* ---- cleanups ------------------------------------------------------------ */

/* Counts what this step makes due; it has run when the step is over. */
static void check_expect(struct check *check, const struct step *step)
{
	struct check_pool *pool = &check->pools[step->pool];

	switch (step->op) {
	case STEP_CREATE:
		pool->newest = PLAN_NONE;
		break;
	case STEP_CLEANUP:
		pool->pending++;
		break;
	case STEP_RUN:
		check->due++;
		pool->pending--;
		break;
	case STEP_CANCEL:
		pool->pending--;
		break;
	case STEP_GONE:
	case STEP_RESET:
	case STEP_DESTROY:
		check->due += pool->pending;
		pool->pending = 0;
		break;
	default:
		break;
	}
}

/* ---- memory -------------------------------------------------------------- */

static void check_poll(struct check *check, const struct step *step)
{
	tarn_stats stats = TARN_STATS_INIT;
	struct check_sums *last = &check->pools[step->pool].last;
	struct check_sums *now = &check->now, *peak = &check->peak;

	if (step->op >= STEP_GONE && step->op <= STEP_DESTROY) {
		check->ends.held += last->held;
		check->ends.handed_out += last->handed_out;
		check->ends.blocks += last->blocks;
	}
	if (step->op != STEP_GONE && step->op != STEP_DESTROY)
		tarn_pool_stats(check->run.pools[step->pool], &stats);
	now->held += stats.held - last->held;
	now->handed_out += stats.handed_out - last->handed_out;
	now->blocks += stats.blocks - last->blocks;
	*last = (struct check_sums){stats.held, stats.handed_out, stats.blocks};
	if (now->handed_out > peak->handed_out)
		peak->handed_out = now->handed_out;
	if (now->held > peak->held) {
		peak->held = now->held;
		peak->blocks = now->blocks;
	}
}

bool check_step(struct check *check, const struct step *step)
{
	if (step->op == STEP_TRIM)
		return run_step(&check->run, step);
	check_expect(check, step);
	if (check->contents ? !check_run(check, step)
			    : !run_step(&check->run, step))
		return false;
	check_poll(check, step);
	return !check->contents || step->op == STEP_GONE ||
	       check->run.cleanups == check->due ||
	       run_fail(&check->run, step,
			"%zu cleanups have run instead of %zu",
			check->run.cleanups, check->due);
}
