/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects and cleanups of a plan: which are there to be used, and what by.
 * See planner.h.
 */
#include <inttypes.h>

#include "planner.h"

enum {
	ALIGNMENT_MOST = 31, /* log2 */
	SMALL_MOST = 1 << 20 /* bytes: larger ones are always freed alone */
};

static uint64_t plan_bytes(const struct record *record)
{
	uint64_t alignment = UINT64_C(1) << (record->byte & 63);

	if (record->op == OP_CLEANUP)
		return 0;
	return record->op == OP_ALIGNED && alignment > record->words[1]
		       ? alignment
		       : record->words[1];
}

static bool plan_add_object(struct planner *planner,
			    const struct record *record, enum step_op op,
			    uint32_t pool)
{
	uint32_t id = record->words[2], place = planner->plan->objects;
	struct plan_object *objects =
		plan_room(planner, planner->objects, place,
			  &planner->object_room, sizeof(*objects));

	if (objects == NULL)
		return false;
	planner->objects = objects;
	/* nginx's has some twice: the last one counts. */
	if (id != 0 && planner->of_tarn &&
	    map_find(&planner->object_places, id) != MAP_NONE)
		return plan_fail(planner, "id %" PRIu32 " was there before",
				 id);
	if (id != 0 && !map_put(&planner->object_places, id, place))
		return plan_fail(planner, "no memory for so many objects");
	objects[place] = (struct plan_object){
		.pool = pool,
		.round = planner->pools[pool].round,
		.size = op != STEP_CLEANUP ? record->words[1] : 0,
		.op = (uint8_t)op,
		.log_alignment = record->byte};
	planner->plan->objects++;
	return plan_hold(planner, pool, plan_bytes(record)) &&
	       plan_step(planner, op, record, pool, place);
}

/* Whether the call had failed; it is not replayed then. */
static bool plan_had_failed(struct planner *planner,
			    const struct record *record)
{
	bool failed = record->words[2] == 0 &&
		      (record->op != OP_CLEANUP || planner->of_tarn);

	planner->plan->failed += failed;
	return failed;
}

static bool plan_check_size(const struct planner *planner,
			    const struct record *record)
{
	return record->words[1] != UINT32_MAX ||
	       plan_fail(planner, "an allocation of 4 GiB or more");
}

bool plan_alloc(struct planner *planner, const struct record *record,
		uint32_t pool)
{
	if (plan_had_failed(planner, record))
		return true;
	if (record->op == OP_CLEANUP)
		return plan_add_object(planner, record, STEP_CLEANUP, pool);
	if (record->op == OP_ALIGNED && record->byte > ALIGNMENT_MOST)
		return plan_fail(planner, "an alignment of 2^%d", record->byte);
	return plan_check_size(planner, record) &&
	       plan_add_object(
		       planner, record,
		       (enum step_op)(record->op - OP_ALLOC + STEP_ALLOC),
		       pool);
}

/* What is to be done with an object that is there. */
enum plan_find {
	PLAN_FAILED,
	PLAN_SKIPPED, /* never made, of another kind, or ended and refused */
	PLAN_FOUND
};

static bool plan_has_ended(const struct planner *planner,
			   const struct plan_object *object)
{
	const struct plan_pool *pool = &planner->pools[object->pool];

	return !pool->alive || pool->round != object->round;
}

/*
 * Whether the library does that with what was made so. An object of no bytes
 * may stand where the next one does, and be recorded with the id of that.
 */
static bool plan_suits(const struct record *record, uint8_t made_by)
{
	switch (record->op) {
	case OP_RESIZE:
		return made_by == STEP_ALLOC || made_by == STEP_ZEROED;
	case OP_FREE:
	case OP_REFUSED:
	case OP_FREE_SIZED:
		return made_by != STEP_CLEANUP;
	default:
		return true;
	}
}

static enum plan_find plan_find(struct planner *planner,
				const struct record *record, uint32_t *place)
{
	uint32_t id = record->words[2];
	bool refused = record->op == OP_REFUSED || record->op == OP_SPENT;
	bool ended = false;

	*place = id != 0 ? map_find(&planner->object_places, id) : MAP_NONE;
	if (*place != MAP_NONE &&
	    plan_suits(record, planner->objects[*place].op)) {
		const struct plan_object *object = &planner->objects[*place];

		ended = plan_has_ended(planner, object) ||
			(object->ended && record->op != OP_SPENT);
		if (!ended)
			return PLAN_FOUND;
	}
	if (ended && !refused) {
		plan_fail(planner, "id %" PRIu32 " has ended", id);
		return PLAN_FAILED;
	}
	planner->plan->skipped++;
	return PLAN_SKIPPED;
}

static bool plan_resize(struct planner *planner, const struct record *record,
			uint32_t pool, uint32_t place)
{
	struct plan_object *object = &planner->objects[place];

	/* A small one that was moved stays as well, until the pool ends. */
	if (object->size > SMALL_MOST)
		plan_drop(planner, pool, object->size);
	object->size = record->words[1];
	return plan_check_size(planner, record) &&
	       plan_hold(planner, pool, object->size) &&
	       plan_step(planner, STEP_RESIZE, record, pool, place);
}

/* By the call that belongs to how it was made, and of the size it has: what the
   record tells is what the program thought. */
static bool plan_free_sized(struct planner *planner,
			    const struct record *record, uint32_t pool,
			    uint32_t place)
{
	const struct plan_object *object = &planner->objects[place];
	struct record sized = *record;
	bool plain = object->op == STEP_ALLOC || object->op == STEP_ZEROED;

	sized.byte = object->op == STEP_ALIGNED ? object->log_alignment : 0;
	sized.words[1] = object->size;
	return plan_step(planner, plain ? STEP_FREE_SIZED : STEP_FREE_ALIGNED,
			 &sized, pool, place);
}

static bool plan_free_object(struct planner *planner,
			     const struct record *record, uint32_t pool,
			     uint32_t place)
{
	struct plan_object *object = &planner->objects[place];

	if (record->op == OP_REFUSED)
		return plan_step(planner, STEP_REFUSED, record, pool, place);
	object->ended = true;
	plan_drop(planner, pool, object->size);
	return record->op == OP_FREE_SIZED
		       ? plan_free_sized(planner, record, pool, place)
		       : plan_step(planner, STEP_FREE, record, pool, place);
}

/* The object is of this pool, save where a free was refused. */
bool plan_use(struct planner *planner, const struct record *record,
	      uint32_t pool)
{
	enum plan_find find;
	uint32_t place;

	if (record->op == OP_RESIZE && plan_had_failed(planner, record))
		return true;
	find = plan_find(planner, record, &place);
	if (find != PLAN_FOUND)
		return find == PLAN_SKIPPED;
	if (record->op != OP_REFUSED && planner->objects[place].pool != pool)
		return plan_fail(planner, "id %" PRIu32 " is of another pool",
				 record->words[2]);
	return record->op == OP_RESIZE
		       ? plan_resize(planner, record, pool, place)
		       : plan_free_object(planner, record, pool, place);
}

/* The cleanup says which pool. */
bool plan_spend(struct planner *planner, const struct record *record)
{
	struct plan_object *object;
	enum plan_find find;
	uint32_t place;

	find = plan_find(planner, record, &place);
	if (find != PLAN_FOUND)
		return find == PLAN_SKIPPED;
	object = &planner->objects[place];
	if (object->op != STEP_CLEANUP)
		return plan_fail(planner, "id %" PRIu32 " is no cleanup",
				 record->words[2]);
	/* Refused from inside itself: it is not done yet. */
	if (record->op == OP_SPENT && !object->ended) {
		planner->plan->skipped++;
		return true;
	}
	object->ended = true;
	return plan_step(planner,
			 (enum step_op)(record->op - OP_CANCEL + STEP_CANCEL),
			 record, object->pool, place);
}
