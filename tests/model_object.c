/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of objects. What allocates or resizes gives what is aligned, lies in
 * what upstream gave, and keeps its bytes; what is refused had a reason. What
 * frees is the call that fits the one that made it: figures fall by what was
 * freed.
 */
#include "test_model.h"

/* ---- calls that allocate ------------------------------------------------ */

int call_palloc(struct member *member)
{
	struct object object = {.size = pick_size(member->model)};
	struct before before = before_call(member);

	object.resizable = true;
	object.ptr =
		chance(member->model, 2)
			? tarn_palloc(member->pool, object.size)
			: tarn_prealloc(member->pool, NULL, 0, object.size);
	if (object.ptr == NULL)
		return check_refused(member, &before);
	EXPECT(is_aligned(object.ptr, TARN_ALIGNMENT));
	return enter(member, object, TARN_ALIGNMENT, &before);
}

int call_pcalloc(struct member *member)
{
	size_t size = pick(member->model, 0, 40);
	size_t count = pick(member->model, 0, 120), i;
	struct object object = {.size = size * count, .resizable = true};
	struct before before = before_call(member);

	object.ptr = tarn_pcalloc(member->pool, count, size);
	if (object.ptr == NULL)
		return check_refused(member, &before);
	EXPECT(is_aligned(object.ptr, TARN_ALIGNMENT));
	for (i = 0; i < object.size; i++)
		EXPECT(object.ptr[i] == 0);
	return enter(member, object, TARN_ALIGNMENT, &before);
}

int call_packed(struct member *member)
{
	struct object object = {.size = pick_size(member->model),
				.alignment = 1};
	struct before before = before_call(member);

	object.ptr = tarn_pnalloc(member->pool, object.size);
	if (object.ptr == NULL)
		return check_refused(member, &before);
	return enter(member, object, TARN_ALIGNMENT, &before);
}

int call_aligned(struct member *member)
{
	size_t alignment = (size_t)1 << pick(member->model, 0, 12);
	struct object object = {.size = pick_size(member->model),
				.alignment = alignment};
	struct before before = before_call(member);

	object.ptr = tarn_pmemalign(member->pool, alignment, object.size);
	if (object.ptr == NULL)
		return check_refused(member, &before);
	EXPECT(is_aligned(object.ptr, alignment));
	return enter(member, object, alignment + TARN_ALIGNMENT, &before);
}

int call_local(struct member *member)
{
	struct object object = {.size = pick_size(member->model)};
	struct before before = before_call(member);
	tarn_local *local;
	size_t kind = pick(member->model, 0, 2), alignment = 1;

	local = tarn_pool_local(member->pool);
	if (local == NULL)
		return check_refused(member, &before);
	EXPECT(tarn_local_pool(local) == member->pool);
	before = before_call(member);
	if (kind == 0) {
		object.ptr = tarn_local_palloc(local, object.size);
		object.resizable = true;
		alignment = TARN_ALIGNMENT;
	} else if (kind == 1) {
		object.ptr = tarn_local_pnalloc(local, object.size);
	} else {
		alignment = (size_t)1 << pick(member->model, 0, 8);
		object.ptr =
			tarn_local_pmemalign(local, alignment, object.size);
	}
	if (object.ptr == NULL)
		return check_refused(member, &before);
	EXPECT(is_aligned(object.ptr, alignment));
	object.alignment = kind == 0 ? 0 : alignment;
	return enter(member, object, alignment + TARN_ALIGNMENT, &before);
}

int call_string(struct member *member)
{
	static const char text[] = "a tarn is a small mountain pool";
	size_t kind = pick(member->model, 0, 4);
	int width = (int)pick(member->model, 1, 700);
	struct object object = {.size = sizeof text};
	struct before before = before_call(member);
	char *copy;

	if (kind == 0)
		copy = tarn_pstrdup(member->pool, text);
	else if (kind == 1)
		copy = tarn_pstrndup(member->pool, text, 10);
	else if (kind == 2)
		copy = tarn_pstrcat(member->pool, text, "", text, (char *)NULL);
	else if (kind == 3)
		copy = tarn_psprintf(member->pool, "%*s", width, "x");
	else
		copy = tarn_pmemdup(member->pool, text, sizeof text);
	if (copy == NULL)
		return check_refused(member, &before);
	EXPECT(kind != 0 || strcmp(copy, text) == 0);
	EXPECT(kind != 1 || strcmp(copy, "a tarn is ") == 0);
	EXPECT(kind != 2 || strlen(copy) == 2 * strlen(text));
	EXPECT(kind != 3 || strspn(copy, " ") == (size_t)width - 1);
	object.size = strlen(copy) + 1;
	object.ptr = (unsigned char *)copy;
	object.alignment = kind < 4;
	return enter(member, object, TARN_ALIGNMENT, &before);
}

/*
 * Whether `now`, which the object has become, is in the large list. A small
 * object may be there too, of a thread that got no local pool; what is moved
 * out of there is taken off the list.
 */
static bool is_large(struct member *member, const struct object *object,
		     const struct object *now, const struct before *before)
{
	if (!object->large)
		return grew_large(member, before);
	return now->ptr == object->ptr ||
	       figures(member).large_count == before->stats.large_count;
}

/* What moved was allocated anew, unless it is large and was; and so was what
   had no bytes, and has its first where it stood. */
static void inherit(struct member *member, const struct object *object,
		    struct object *now)
{
	born_now(member, now);
	if ((now->ptr == object->ptr && object->size != 0) ||
	    (object->size > member->max && now->size > member->max)) {
		now->thread = object->thread;
		now->depth = object->depth;
	}
}

/* The object has become `now`; what it was may stay handed out. */
static int enter_resized(struct member *member, struct object *object,
			 struct object now, const struct before *before)
{
	size_t kept = object->size < now.size ? object->size : now.size;

	EXPECT(errno == EXDEV);
	EXPECT(is_aligned(now.ptr, TARN_ALIGNMENT));
	EXPECT(is_inside(member, &now));
	now.mark = object->mark;
	EXPECT(has_bytes(&now, kept));
	now.large = is_large(member, object, &now, before);
	write_bytes(&now);
	inherit(member, object, &now);
	member->least += now.size;
	member->least -= object->size;
	charge(member, now.depth, now.size + TARN_ALIGNMENT);
	/* What is cut off in place may stay handed out. */
	if (object->depth == 0 && now.ptr != object->ptr)
		member->most -= object->size;
	member->large_count = figures(member).large_count;
	EXPECT(member->large_count <= before->stats.large_count + 1);
	EXPECT(member->large_count + 1 >= before->stats.large_count);
	*object = now;
	return 0;
}

int call_prealloc(struct member *member)
{
	size_t i = member->count - 1;
	struct object now = {.size = pick_size(member->model)}, *object;
	struct before before;

	if (member->count == 0)
		return 0;
	/* The last one most often: it may stay in place. */
	if (chance(member->model, 2))
		i = pick(member->model, 0, i);
	object = &member->objects[i];
	if (!object->resizable || !may_touch(member, object))
		return 0;
	now.resizable = true;
	before = before_call(member);
	before.is_resize = object->large;
	now.ptr = tarn_prealloc(member->pool, object->ptr, object->size,
				now.size);
	if (now.ptr != NULL)
		return enter_resized(member, object, now, &before);
	TRY(check_refused(member, &before));
	EXPECT(has_bytes(object, object->size));
	return 0;
}

/* Sizes and alignments that cannot be. */
int call_invalid(struct member *member)
{
	size_t huge = SIZE_MAX - pick(member->model, 0, 5000);
	struct before before = before_call(member);

	EXPECT(tarn_pmemalign(member->pool, 24, 100) == NULL);
	EXPECT(errno == EINVAL);
	EXPECT(tarn_palloc(member->pool, opaque(huge)) == NULL);
	EXPECT(errno == ENOMEM);
	EXPECT(tarn_pnalloc(member->pool, opaque(huge)) == NULL);
	EXPECT(tarn_pcalloc(member->pool, opaque(huge), 3) == NULL);
	EXPECT(tarn_pmemalign(member->pool, 64, opaque(huge)) == NULL);
	return check_unchanged(member, &before);
}

/* ---- calls that free ---------------------------------------------------- */

int call_pfree(struct member *member)
{
	size_t i = pick(member->model, 0, member->count);
	struct object *object = &member->objects[i];
	int expected;

	if (i == member->count || object->cache != NULL ||
	    !may_touch(member, object))
		return 0;
	expected = object->large ? 0 : -1;
	EXPECT(has_bytes(object, object->size));
	EXPECT(tarn_pfree(member->pool, object->ptr + 1) == -1);
	errno = EXDEV;
	EXPECT(tarn_pfree(member->pool, object->ptr) == expected);
	EXPECT(errno == (object->large ? EXDEV : ENOENT));
	if (!object->large)
		return 0;
	EXPECT(tarn_pfree(member->pool, object->ptr) == -1);
	forget_object(member, object);
	return 0;
}

static int free_sized(const struct member *member, const struct object *object)
{
	return object->alignment == 0
		       ? tarn_pfree_sized(member->pool, object->ptr,
					  object->size)
		       : tarn_pfree_aligned_sized(member->pool, object->ptr,
						  object->alignment,
						  object->size);
}

/* By the call that fits the one that made it. A newer one more often: they are
   freed in an order as theirs. */
int call_pfree_sized(struct member *member)
{
	size_t least = chance(member->model, 2) ? member->count * 7 / 8 : 0;
	size_t i = pick(member->model, least, member->count);
	struct object *object = &member->objects[i];
	size_t before, after;

	if (i == member->count || object->cache != NULL ||
	    !may_touch(member, object))
		return 0;
	EXPECT(has_bytes(object, object->size));
	before = figures(member).handed_out;
	errno = EXDEV;
	EXPECT(free_sized(member, object) == 0);
	EXPECT(errno == EXDEV);
	after = figures(member).handed_out;
	/* The large list frees as much as it was, before it was made less. */
	EXPECT(object->large || before - after <= object->size + ROUNDED_MOST);
	/* A watched pool that lists no objects takes nothing off in a mark. */
	EXPECT(object->depth != 0 || member->model->watched ||
	       before - after >= object->size);
	/* Of one without bytes there may be others. */
	if (object->size != 0)
		forget_object(member, object);
	return 0;
}

/* Many at once: so much is free then that it is joined. */
int call_pfree_many(struct member *member)
{
	size_t calls = pick(member->model, 1, 200);

	while (calls-- != 0)
		TRY(call_pfree_sized(member));
	return 0;
}

/* What cannot be is refused, and nothing is nothing. */
int call_pfree_invalid(struct member *member)
{
	_Alignas(16) char foreign[32] = {0};
	struct before before = before_call(member);
	tarn_pool *pool = member->pool;

	EXPECT(tarn_pfree_sized(pool, NULL, 100) == 0);
	EXPECT(tarn_pfree_sized(pool, foreign, 0) == 0);
	EXPECT(tarn_pfree_aligned_sized(pool, NULL, 8, 100) == 0);
	EXPECT(errno == EXDEV);
	EXPECT(tarn_pfree_sized(pool, foreign + TARN_ALIGNMENT / 2, 16) == -1);
	EXPECT(errno == EINVAL);
	errno = EXDEV;
	EXPECT(tarn_pfree_aligned_sized(pool, foreign, 24, 16) == -1);
	EXPECT(errno == EINVAL);
	errno = EXDEV;
	EXPECT(tarn_pfree_aligned_sized(pool, foreign + 4, 8, 16) == -1);
	EXPECT(errno == EINVAL);
	/* A watched pool ends the program. */
	if (!member->model->watched) {
		EXPECT(tarn_pfree_sized(pool, foreign, (size_t)2 << 20) == -1);
		EXPECT(errno == ENOENT);
	}
	return check_unchanged(member, &before);
}
