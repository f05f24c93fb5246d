/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of marks and of scratch. What came since a mark, of its thread, goes
 * with the rewind, and nothing else; uses of scratch nest.
 */
#include "test_model.h"

/* ---- marks -------------------------------------------------------------- */

int call_mark(struct member *member)
{
	struct marks *marks = marks_of(member);
	struct before before = before_call(member);
	struct marked *marked = &marks->open[marks->count];
	tarn_local *local = tarn_pool_local(member->pool);

	if (marks->count == MARKS || local == NULL)
		return 0;
	before = before_call(member);
	*marked = (struct marked){.thread = member->model->thread};
	marked->mark = tarn_local_mark(local);
	EXPECT(errno == EXDEV);
	EXPECT(figures(member).handed_out == before.stats.handed_out);
	/* Without memory for what a thread's first one needs there is none. */
	if (marked->mark.reserved[0] != NULL)
		marks->count++;
	else
		EXPECT(!before.had_side &&
		       (is_limited(member) ||
			failures(member->model) > before.failures));
	return 0;
}

/* The model's part of a rewind. */
static int forget_since(struct member *member, size_t left)
{
	struct marks *marks = marks_of(member);
	size_t i;

	for (i = member->count; i-- != 0;) {
		struct object *object = &member->objects[i];

		if (object->depth > left && may_touch(member, object))
			forget_object(member, object);
	}
	for (i = 0; i < member->handler_count; i++) {
		struct handler *handler = &member->handlers[i];

		if (handler->gone || !is_rewound(handler, left))
			continue;
		EXPECT(!handler->pending);
		handler->gone = true;
		member->large_count -= handler->large;
	}
	for (i = left; i < marks->count; i++)
		member->most -= marks->open[i].added;
	marks->count = left;
	return 0;
}

/* To the mark that has `left` around it. */
static int rewind_to(struct member *member, size_t left)
{
	struct marks *marks = marks_of(member);
	tarn_local *local = tarn_pool_local(member->pool);
	tarn_mark mark = marks->open[left].mark;
	size_t handed_out = figures(member).handed_out;

	TRY(check_contents(member));
	member->rewinding = left + 1;
	errno = EXDEV;
	tarn_local_rewind(local, mark);
	EXPECT(errno == EXDEV);
	member->rewinding = 0;
	TRY(forget_since(member, left));
	EXPECT(figures(member).handed_out <= handed_out);
	/* It has ended, which TARN_DEBUG would tell. */
	if (left == 0 && !member->model->watched)
		tarn_local_rewind(local, mark);
	TRY(check_contents(member));
	return check_figures(member);
}

/* To any that this thread made. */
int call_rewind(struct member *member)
{
	const struct marks *marks = marks_of(member);
	size_t left = pick(member->model, 0, MARKS - 1);

	return left < marks->count &&
			       marks->open[left].thread == member->model->thread
		       ? rewind_to(member, left)
		       : 0;
}

/* What a thread has still open at its end; some it leaves to reset. */
int end_marks(struct model *model)
{
	size_t i, left;

	for (i = 0; i < POOLS; i++) {
		struct member *member = &model->members[i];
		const struct marks *marks = &member->marks[line_of(model)];

		if (member->pool == NULL || chance(model, 8))
			continue;
		for (left = 0; left < marks->count; left++)
			if (marks->open[left].thread == model->thread)
				TRY(rewind_to(member, left));
	}
	return 0;
}

/* ---- scratch ------------------------------------------------------------ */

static int scratch_fill(struct model *model, tarn_pool *pool,
			struct object objects[SCRATCH])
{
	size_t i;

	for (i = 0; i < SCRATCH; i++) {
		struct object object = {.size = pick_size(model) + 1};

		object.mark = (unsigned char)pick(model, 0, 255);
		object.ptr = tarn_palloc(pool, object.size);
		EXPECT(object.ptr != NULL);
		write_bytes(&object);
		if (chance(model, 3)) {
			EXPECT(tarn_pfree_sized(pool, object.ptr,
						object.size) == 0);
			object.size = 0;
		}
		objects[i] = object;
	}
	return 0;
}

static int use_scratch(struct model *model, const tarn_pool *conflict,
		       size_t nested);

static int use_scratch_within(struct model *model, tarn_pool *pool,
			      size_t nested)
{
	struct object objects[SCRATCH];
	size_t i;

	TRY(scratch_fill(model, pool, objects));
	if (nested > 0)
		TRY(use_scratch(model, chance(model, 2) ? pool : NULL,
				nested - 1));
	for (i = 0; i < SCRATCH; i++)
		EXPECT(has_bytes(&objects[i], objects[i].size));
	return 0;
}

static int use_scratch(struct model *model, const tarn_pool *conflict,
		       size_t nested)
{
	tarn_mark mark;
	tarn_pool *pool;

	errno = EXDEV;
	pool = tarn_scratch_begin(conflict, &mark);
	EXPECT(pool != NULL && pool != conflict);
	TRY(use_scratch_within(model, pool, nested));
	tarn_scratch_end(pool, mark);
	EXPECT(errno == EXDEV);
	return 0;
}

int call_scratch(struct member *member)
{
	return use_scratch(member->model,
			   chance(member->model, 2) ? member->pool : NULL,
			   pick(member->model, 0, 3));
}
