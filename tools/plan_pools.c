/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pools of a plan: which are alive, and which end with which. See
 * planner.h.
 */
#include <inttypes.h>

#include "planner.h"

enum {
	FIRST_BLOCK = 4096,        /* bytes, where 0 was asked for    */
	FIRST_BLOCK_MOST = 1 << 26 /* the same: the library's ceiling */
};

static void plan_link(struct planner *planner, uint32_t place)
{
	struct plan_pool *pool = &planner->pools[place], *parent;

	if (pool->parent == PLAN_NONE)
		return;
	parent = &planner->pools[pool->parent];
	pool->older = parent->child;
	parent->child = place;
	if (pool->older != PLAN_NONE)
		planner->pools[pool->older].newer = place;
}

static void plan_unlink(struct planner *planner, const struct plan_pool *pool)
{
	if (pool->newer != PLAN_NONE)
		planner->pools[pool->newer].older = pool->older;
	else if (pool->parent != PLAN_NONE)
		planner->pools[pool->parent].child = pool->older;
	if (pool->older != PLAN_NONE)
		planner->pools[pool->older].newer = pool->newer;
}

static bool plan_add_pool(struct planner *planner, const struct record *record,
			  uint32_t parent)
{
	uint32_t place = planner->plan->pools, least = record->words[1];
	struct plan_pool *pools =
		plan_room(planner, planner->pools, place, &planner->pool_room,
			  sizeof(*pools));

	if (pools == NULL)
		return false;
	planner->pools = pools;
	if (!map_put(&planner->pool_places, record->words[0], place))
		return plan_fail(planner, "no memory for so many pools");
	if (least == 0)
		least = FIRST_BLOCK;
	pools[place] = (struct plan_pool){
		.parent = parent,
		.child = PLAN_NONE,
		.older = PLAN_NONE,
		.newer = PLAN_NONE,
		.alive = true,
		.least = least < FIRST_BLOCK_MOST ? least : FIRST_BLOCK_MOST};
	planner->plan->pools++;
	plan_link(planner, place);
	return plan_hold(planner, place, pools[place].least) &&
	       plan_step(planner, STEP_CREATE, record, place, parent);
}

bool plan_find_pool(struct planner *planner, const struct record *record,
		    uint32_t number, uint32_t *place)
{
	struct record inherited = {OP_CREATE, 0, record->half, {number, 0, 0}};

	if (number == 0)
		return plan_fail(planner, "no pool has the number 0");
	*place = map_find(&planner->pool_places, number);
	if (*place == MAP_NONE) {
		*place = planner->plan->pools;
		return plan_add_pool(planner, &inherited, PLAN_NONE);
	}
	return planner->pools[*place].alive ||
	       plan_fail(planner, "pool %" PRIu32 " has ended", number);
}

bool plan_create(struct planner *planner, const struct record *record)
{
	uint32_t number = record->words[0], parent = PLAN_NONE;

	if (number == 0)
		return plan_fail(planner, "no pool has the number 0");
	if (map_find(&planner->pool_places, number) != MAP_NONE)
		return plan_fail(planner, "pool %" PRIu32 " was there before",
				 number);
	if (record->op == OP_CHILD) {
		if (record->words[2] == number)
			return plan_fail(planner, "a pool inside itself");
		if (!plan_find_pool(planner, record, record->words[2], &parent))
			return false;
	}
	return plan_add_pool(planner, record, parent);
}

static bool plan_end_pool(struct planner *planner, enum step_op op,
			  const struct record *record, uint32_t place)
{
	struct plan_pool *pool = &planner->pools[place];

	plan_drop(planner, place, pool->bytes);
	pool->alive = false;
	plan_unlink(planner, pool);
	return plan_step(planner, op, record, place, PLAN_NONE);
}

/* By hand, since nesting has no bound. */
static bool plan_end_children(struct planner *planner,
			      const struct record *record, uint32_t top)
{
	uint32_t at = top;

	while (at != top || planner->pools[at].child != PLAN_NONE) {
		uint32_t ended = at;

		if (planner->pools[at].child != PLAN_NONE) {
			at = planner->pools[at].child;
			continue;
		}
		at = planner->pools[at].parent;
		if (!plan_end_pool(planner, STEP_GONE, record, ended))
			return false;
	}
	return true;
}

bool plan_end(struct planner *planner, const struct record *record,
	      uint32_t place)
{
	struct plan_pool *pool = &planner->pools[place];

	if (!plan_end_children(planner, record, place))
		return false;
	if (record->op == OP_DESTROY)
		return plan_end_pool(planner, STEP_DESTROY, record, place);
	pool->round++;
	plan_drop(planner, place, pool->bytes - pool->least);
	return plan_step(planner, STEP_RESET, record, place, PLAN_NONE);
}
