/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model: what is picked at random, what an object's bytes are, and what is
 * known of each object, of who may touch it and of what goes with a rewind. An
 * object is entered when the call that gave it has been compared, and forgotten
 * when it is freed.
 */
#include "test_model.h"

const char keys[KEYS];

/* ---- the model ---------------------------------------------------------- */

size_t pick(struct model *model, size_t low, size_t high)
{
	return random_between(&model->state, low, high);
}

bool chance(struct model *model, size_t one_in)
{
	return pick(model, 1, one_in) == 1;
}

size_t pick_size(struct model *model)
{
	size_t kind = pick(model, 0, 99);

	if (kind < 60)
		return pick(model, 0, 128);
	if (kind < 85)
		return pick(model, 1, 2000);
	return pick(model, 1, kind < 97 ? 9000 : 60000);
}

size_t failures(const struct model *model)
{
	return model->countings[0].failures + model->countings[1].failures;
}

/* Whether a limit may be why a call of this pool fails. */
bool is_limited(const struct member *member)
{
	while (member != NULL && member->limit == 0)
		member = member->parent;
	return member != NULL;
}

tarn_stats figures(const struct member *member)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_stats(member->pool, &stats);
	return stats;
}

void write_bytes(struct object *object)
{
	size_t i;

	for (i = 0; i < object->size; i++)
		object->ptr[i] = (unsigned char)(object->mark + i * 11);
}

bool has_bytes(const struct object *object, size_t size)
{
	size_t i = 0;

	while (i < size &&
	       object->ptr[i] == (unsigned char)(object->mark + i * 11))
		i++;
	return i == size;
}

/* Whether the object lies in the caller's buffer or in a block. */
bool is_inside(struct member *member, const struct object *object)
{
	char *ptr = (char *)object->ptr;

	if (object->size == 0)
		return ptr != NULL;
	if (member->buffer != NULL && ptr >= member->buffer &&
	    ptr < member->buffer + member->buffer_size)
		return object->size <=
		       (size_t)(member->buffer + member->buffer_size - ptr);
	return counting_contains(member->counting, ptr, object->size);
}

struct before before_call(struct member *member)
{
	tarn_local *local = tarn_pool_local(member->pool);
	struct before before;

	before.had_local = local != NULL;
	before.had_side =
		local != NULL && ((struct local *)local)->side != NULL;
	before.is_resize = false;
	if (local != NULL)
		member->max = local->max;
	before.stats = figures(member);
	before.failures = failures(member->model);
	before.oom_calls = member->model->oom_calls;
	errno = EXDEV;
	return before;
}

/* Whether the call between added an object to the large list. */
bool grew_large(struct member *member, const struct before *before)
{
	return figures(member).large_count > before->stats.large_count;
}

/* ---- who has what ------------------------------------------------------- */

size_t line_of(const struct model *model)
{
	return model->thread != 0;
}

/* The marks of the thread that makes the calls. */
struct marks *marks_of(struct member *member)
{
	return &member->marks[line_of(member->model)];
}

/* Adds to `most` what goes with the rewind that leaves less than `depth` marks
   of the calling thread; 0: with none. */
void charge(struct member *member, size_t depth, size_t bytes)
{
	member->most += bytes;
	if (depth != 0)
		marks_of(member)->open[depth - 1].added += bytes;
}

/* Until the rewind only its thread may free or resize what it allocated. */
bool may_touch(const struct member *member, const struct object *object)
{
	return object->depth == 0 || object->thread == member->model->thread;
}

void born_now(struct member *member, struct object *object)
{
	object->thread = member->model->thread;
	object->depth = marks_of(member)->count;
}

/* It is freed: what a rewind will take off is not taken off before. */
void forget_object(struct member *member, struct object *object)
{
	member->least -= object->size;
	if (object->depth == 0)
		member->most -= object->size;
	member->large_count -= object->large;
	*object = member->objects[--member->count];
}

/* Enters a new object of which up to `padding` bytes may be beside it. */
int enter(struct member *member, struct object object, size_t padding,
	  const struct before *before)
{
	EXPECT(errno == EXDEV);
	object.large = grew_large(member, before);
	EXPECT(!before->had_local || object.large ||
	       object.size <= member->max);
	EXPECT(is_inside(member, &object));
	object.mark = (unsigned char)pick(member->model, 0, 255);
	write_bytes(&object);
	born_now(member, &object);
	member->least += object.size;
	charge(member, object.depth, object.size + padding);
	member->large_count += object.large;
	member->objects[member->count++] = object;
	return 0;
}
