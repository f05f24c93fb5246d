/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plan in the making: what plan.c, which knows of records and processes,
 * plan_pools.c and plan_objects.c share. What fails has said why.
 *
 * What the trace says of a process is kept in two maps, from its pool numbers
 * and ids to places in the arrays here, and forgotten where the next process
 * begins.
 */
#ifndef TARN_TOOLS_PLANNER_H
#define TARN_TOOLS_PLANNER_H

#include <tarn.h>

#include "map.h"
#include "plan.h"

/* Of a record, as doc/TRACE has them. */
enum record_op {
	OP_CREATE = 1,
	OP_DESTROY,
	OP_RESET,
	OP_ALLOC,
	OP_PACKED,
	OP_ZEROED,
	OP_ALIGNED,
	OP_FREE,
	OP_REFUSED,
	OP_EXTEND,
	OP_TRIM,
	OP_CLEANUP,
	OP_CHILD,
	OP_RESIZE,
	OP_CANCEL,
	OP_RUN,
	OP_SPENT,
	OP_FREE_SIZED,
	OP_PROCESS = 255
};

struct plan_pool {
	uint32_t parent, child, older, newer; /* places, or PLAN_NONE */
	uint32_t round; /* counts resets: objects of earlier ones have ended */
	bool alive;
	uint64_t bytes; /* of its objects, and of its first block */
	uint64_t least; /* of its first block alone               */
};

struct plan_object {
	uint32_t pool, round;
	uint32_t size;
	uint8_t op; /* of the step that made it */
	uint8_t log_alignment;
	bool ended; /* freed, cancelled or run  */
};

struct planner {
	struct plan *plan;
	struct plan_pool *pools;
	struct plan_object *objects;
	size_t step_room, pool_room, object_room;
	struct map pool_places, object_places;
	uint32_t process_pools; /* where those of this process begin */
	uint64_t process_left;  /* records of it still to come       */
	bool process_counted;   /* whether that is known             */
	bool of_tarn;           /* not of nginx, whose cleanups have no id */
	uint16_t last_slot;
	size_t ignored;         /* records */
	uint64_t alive, memory; /* bytes: objects and first blocks, at most */
	uint16_t threads[UINT16_MAX + 1]; /* by slot: place + 1, or 0 */
	char *why;
};

/* Always false. */
bool plan_fail(const struct planner *planner, const char *format, ...)
	TARN_FORMAT(2, 3);

/* Returns `array`, of `count` elements, with room for one more, or NULL: it is
   as it was. */
void *plan_room(const struct planner *planner, void *array, size_t count,
		size_t *room, size_t size);

/* Counts bytes that the replay will hold, or will not any more. */
bool plan_hold(struct planner *planner, uint32_t pool, uint64_t bytes);
void plan_drop(struct planner *planner, uint32_t pool, uint64_t bytes);

bool plan_step(struct planner *planner, enum step_op op,
	       const struct record *record, uint32_t pool, uint32_t object);

/* 1 and 13. */
bool plan_create(struct planner *planner, const struct record *record);

/* The pool of this number, made on the spot where it was inherited. */
bool plan_find_pool(struct planner *planner, const struct record *record,
		    uint32_t number, uint32_t *place);

/* 2 and 3. */
bool plan_end(struct planner *planner, const struct record *record,
	      uint32_t pool);

/* 4 to 7, and 12. */
bool plan_alloc(struct planner *planner, const struct record *record,
		uint32_t pool);

/* 8, 9, 14 and 18. */
bool plan_use(struct planner *planner, const struct record *record,
	      uint32_t pool);

/* 15 to 17. */
bool plan_spend(struct planner *planner, const struct record *record);

#endif
