/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls of the whole API beside a model of what they should do: no two
 * objects overlap, each is aligned, keeps its bytes and lies in memory that
 * upstream gave; statistics agree with the model; limits hold; upstream fails
 * now and then, and a call that fails changes nothing. The calls are made by
 * one thread after another, of which the main one has marks open meanwhile.
 *
 * All functions return a status (see EXPECT): they run off the main thread.
 * What a call does may follow from addresses too: to repeat a run, give its
 * seed and have the system not randomise them (setarch -R).
 */
#include "counting.h"
#include "local.h"
#include "util.h"

enum {
	POOLS = 8,     /* alive at once, at most                           */
	OBJECTS = 600, /* in a pool; it is reset when it has so many       */
	CLEANUPS = 40, /* registered in a round of a pool                  */
	KEYS = 6,
	CACHES = 3,
	MARKS = 4,      /* open at once, of a thread in a pool               */
	LINES = 2,      /* of threads: the main one; the others, one after
			   another, each the heir of the one before          */
	SCRATCH = 6,    /* objects of a use of scratch                       */
	CALLS = 400000, /* of a full run                                    */
	SHIFT = 1000,   /* calls until the next thread takes over           */
	ARENA_GUARD = 32, /* bytes around a caller's buffer                   */
	GUARD_BYTE = 0x77,
	NODE_MOST = 128, /* bytes that a cleanup or a key may cost            */
	ROUNDED_MOST = 64 /* bytes that rounding adds to an object            */
};

#define TRY(call)                                                              \
	do {                                                                   \
		int try_status = (call);                                       \
                                                                               \
		if (try_status != 0)                                           \
			return try_status;                                     \
	} while (0)

struct object {
	unsigned char *ptr;
	size_t size;
	unsigned char mark; /* what its bytes follow from                     */
	bool large;         /* in the large list                              */
	bool resizable;     /* of palloc, pcalloc or prealloc                 */
	size_t alignment;   /* to free it with; 0: by tarn_pfree_sized        */
	tarn_cache *cache;  /* that it is of, or NULL                         */
	size_t thread;      /* that allocated it, and how many marks ...      */
	size_t depth;       /* ... of its line were open then                 */
};

/* A mark that is open. */
struct marked {
	tarn_mark mark;
	size_t added; /* to `most` since, by what goes with the rewind        */
	size_t thread;
};

/* The marks of a line of threads in a pool, those that dead ones left too. */
struct marks {
	struct marked open[MARKS];
	size_t count;
};

struct cache {
	tarn_cache *cache;
	size_t size, alignment;
};

struct member;

struct handler {
	struct member *member;
	tarn_cleanup *handle;
	size_t index;
	bool pending;
	bool large; /* its node is in the large list                          */
	bool gone;  /* with a rewind: so is the handle                        */
	size_t thread, depth;
};

/* A pool and what the model knows of it. */
struct member {
	struct model *model;
	tarn_pool *pool; /* NULL: free                                        */
	struct member *parent;
	struct counting *counting;
	struct object objects[OBJECTS];
	size_t count, large_count, child_count;
	size_t least, most; /* bounds of handed_out                           */
	struct handler handlers[CLEANUPS];
	size_t handler_count, pending;
	struct marks marks[LINES];
	size_t rewinding; /* 0, or how many marks are to be left, and one     */
	struct cache caches[CACHES];
	size_t cache_count;
	void *data[KEYS];
	size_t limit, max; /* larger requests go to the large list            */
	char *area; /* around the caller's buffer, or NULL                    */
	char *buffer;
	size_t buffer_size;
};

struct model {
	uint64_t state;
	struct member members[POOLS];
	struct counting countings[2];
	size_t calls_left;
	size_t oom_calls; /* of the handler                                   */
	tarn_pool *oom_pool;
	size_t disorder; /* cleanups that ran wrongly                        */
	size_t thread;   /* that makes the calls; 0: the main one            */
	size_t threads;  /* there were so far                                */
	bool watched;    /* so what moves leaves nothing behind              */
};

/* What a call is compared with. */
struct before {
	tarn_stats stats;
	bool had_local; /* the thread, its local pool                        */
	bool had_side;  /* and that what reuse needs beside it               */
	bool is_resize; /* of a large object: a place is made for it first   */
	size_t failures, oom_calls;
};

static const char keys[KEYS];

/* ---- the model -------------------------------------------------------------
 */

static size_t pick(struct model *model, size_t low, size_t high)
{
	return random_between(&model->state, low, high);
}

static bool chance(struct model *model, size_t one_in)
{
	return pick(model, 1, one_in) == 1;
}

static size_t pick_size(struct model *model)
{
	size_t kind = pick(model, 0, 99);

	if (kind < 60)
		return pick(model, 0, 128);
	if (kind < 85)
		return pick(model, 1, 2000);
	return pick(model, 1, kind < 97 ? 9000 : 60000);
}

static size_t failures(const struct model *model)
{
	return model->countings[0].failures + model->countings[1].failures;
}

/* Whether a limit may be why a call of this pool fails. */
static bool is_limited(const struct member *member)
{
	while (member != NULL && member->limit == 0)
		member = member->parent;
	return member != NULL;
}

static tarn_stats figures(const struct member *member)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_stats(member->pool, &stats);
	return stats;
}

static void write_bytes(struct object *object)
{
	size_t i;

	for (i = 0; i < object->size; i++)
		object->ptr[i] = (unsigned char)(object->mark + i * 11);
}

static bool has_bytes(const struct object *object, size_t size)
{
	size_t i = 0;

	while (i < size &&
	       object->ptr[i] == (unsigned char)(object->mark + i * 11))
		i++;
	return i == size;
}

/* Whether the object lies in the caller's buffer or in a block. */
static bool is_inside(struct member *member, const struct object *object)
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

static struct before before_call(struct member *member)
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

/*
 * A call that failed changed nothing. A thread's first use may keep what it
 * took for the thread's local pool, the first in which it looks for freed
 * memory what it took for its bins, a resize what it took for the large list.
 */
static int check_unchanged(struct member *member, const struct before *before)
{
	tarn_stats after = figures(member);

	if (!before->had_local)
		after.local_pools = before->stats.local_pools;
	if (!before->had_side) {
		EXPECT(after.blocks >= before->stats.blocks);
		after.blocks = before->stats.blocks;
	}
	if (!before->had_side || before->is_resize) {
		EXPECT(after.held >= before->stats.held);
		after.held = before->stats.held;
	}
	EXPECT(memcmp(&after, &before->stats, sizeof after) == 0);
	return 0;
}

/* A call returned no memory: that had a reason, and changed nothing. */
static int check_refused(struct member *member, const struct before *before)
{
	struct model *model = member->model;

	EXPECT(errno == ENOMEM);
	EXPECT(is_limited(member) || failures(model) > before->failures);
	EXPECT(model->oom_calls == before->oom_calls + 1);
	EXPECT(model->oom_pool == member->pool);
	return check_unchanged(member, before);
}

/* Whether the call between added an object to the large list. */
static bool grew_large(struct member *member, const struct before *before)
{
	return figures(member).large_count > before->stats.large_count;
}

/* ---- who has what --------------------------------------------------------
 */

static size_t line_of(const struct model *model)
{
	return model->thread != 0;
}

/* The marks of the thread that makes the calls. */
static struct marks *marks_of(struct member *member)
{
	return &member->marks[line_of(member->model)];
}

/* Adds to `most` what goes with the rewind that leaves less than `depth` marks
   of the calling thread; 0: with none. */
static void charge(struct member *member, size_t depth, size_t bytes)
{
	member->most += bytes;
	if (depth != 0)
		marks_of(member)->open[depth - 1].added += bytes;
}

/* Until the rewind only its thread may free or resize what it allocated. */
static bool may_touch(const struct member *member, const struct object *object)
{
	return object->depth == 0 || object->thread == member->model->thread;
}

static void born_now(struct member *member, struct object *object)
{
	object->thread = member->model->thread;
	object->depth = marks_of(member)->count;
}

/* It is freed: what a rewind will take off is not taken off before. */
static void forget_object(struct member *member, struct object *object)
{
	member->least -= object->size;
	if (object->depth == 0)
		member->most -= object->size;
	member->large_count -= object->large;
	*object = member->objects[--member->count];
}

/* Enters a new object of which up to `padding` bytes may be beside it. */
static int enter(struct member *member, struct object object, size_t padding,
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

/* ---- checks
 * ------------------------------------------------------------------ */

static int check_contents(const struct member *member)
{
	size_t i;

	for (i = 0; i < member->count; i++)
		EXPECT(has_bytes(&member->objects[i], member->objects[i].size));
	return 0;
}

static int check_figures(struct member *member)
{
	tarn_stats stats = figures(member);
	size_t i;

	EXPECT(stats.handed_out >= member->least);
	EXPECT(member->model->watched || stats.handed_out <= member->most);
	EXPECT(stats.held + member->buffer_size >= stats.handed_out);
	EXPECT(stats.large_count == member->large_count);
	EXPECT(stats.large <= stats.held);
	EXPECT(stats.limit == member->limit);
	EXPECT(stats.children == member->child_count);
	EXPECT(stats.cleanups == member->pending);
	for (i = 0; i < KEYS; i++)
		EXPECT(tarn_pool_data(member->pool, &keys[i]) ==
		       member->data[i]);
	return 0;
}

static bool descends_from(const struct member *member,
			  const struct member *ancestor)
{
	while (member != NULL && member != ancestor)
		member = member->parent;
	return member != NULL;
}

/* What upstream gave is what the pools hold, and no tree is over its limit. */
static int check_held(struct model *model)
{
	size_t held[2] = {0, 0}, tree, i, j;

	for (i = 0; i < POOLS; i++) {
		struct member *member = &model->members[i];

		if (member->pool == NULL)
			continue;
		held[member->counting != &model->countings[0]] +=
			figures(member).held;
		tree = 0;
		for (j = 0; j < POOLS; j++)
			if (model->members[j].pool != NULL &&
			    descends_from(&model->members[j], member))
				tree += figures(&model->members[j]).held;
		EXPECT(member->limit == 0 || tree <= member->limit);
	}
	for (i = 0; i < 2; i++) {
		EXPECT(held[i] == model->countings[i].live_bytes);
		EXPECT(model->countings[i].wrong == 0);
	}
	return 0;
}

static int compare_places(const void *one, const void *other)
{
	uintptr_t a = (uintptr_t)((const struct object *)one)->ptr;
	uintptr_t b = (uintptr_t)((const struct object *)other)->ptr;

	return a < b ? -1 : a > b;
}

static int check_overlap(struct model *model)
{
	static struct object all[POOLS * OBJECTS];
	size_t count = 0, i, j;

	for (i = 0; i < POOLS; i++)
		for (j = 0; model->members[i].pool != NULL &&
			    j < model->members[i].count;
		     j++)
			if (model->members[i].objects[j].size != 0)
				all[count++] = model->members[i].objects[j];
	qsort(all, count, sizeof *all, compare_places);
	for (i = 1; i < count; i++)
		EXPECT(all[i - 1].ptr + all[i - 1].size <= all[i].ptr);
	return 0;
}

static int check_all(struct model *model)
{
	size_t i;

	for (i = 0; i < POOLS; i++)
		if (model->members[i].pool != NULL) {
			TRY(check_contents(&model->members[i]));
			TRY(check_figures(&model->members[i]));
		}
	TRY(check_held(model));
	EXPECT(model->disorder == 0);
	return check_overlap(model);
}

/* ---- calls that allocate
 * ------------------------------------------------------- */

static int call_palloc(struct member *member)
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

static int call_pcalloc(struct member *member)
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

static int call_packed(struct member *member)
{
	struct object object = {.size = pick_size(member->model),
				.alignment = 1};
	struct before before = before_call(member);

	object.ptr = tarn_pnalloc(member->pool, object.size);
	if (object.ptr == NULL)
		return check_refused(member, &before);
	return enter(member, object, TARN_ALIGNMENT, &before);
}

static int call_aligned(struct member *member)
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

static int call_local(struct member *member)
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

static int call_string(struct member *member)
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

static int call_prealloc(struct member *member)
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
static int call_invalid(struct member *member)
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

/* ---- calls that free
 * ------------------------------------------------------------- */

static int call_pfree(struct member *member)
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
static int call_pfree_sized(struct member *member)
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
static int call_pfree_many(struct member *member)
{
	size_t calls = pick(member->model, 1, 200);

	while (calls-- != 0)
		TRY(call_pfree_sized(member));
	return 0;
}

/* What cannot be is refused, and nothing is nothing. */
static int call_pfree_invalid(struct member *member)
{
	_Alignas(16) char foreign[32] = {0};
	struct before before = before_call(member);
	tarn_pool *pool = member->pool;

	EXPECT(tarn_pfree_sized(pool, NULL, 100) == 0);
	EXPECT(tarn_pfree_sized(pool, foreign, 0) == 0);
	EXPECT(tarn_pfree_aligned_sized(pool, NULL, 8, 100) == 0);
	EXPECT(errno == EXDEV);
	EXPECT(tarn_pfree_sized(pool, foreign + 8, 16) == -1);
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

/* ---- caches --------------------------------------------------------------
 */

/* Slabs come and go, with what a cache needs for them. */
static void follow_cache(struct member *member, const struct before *before)
{
	tarn_stats after = figures(member);

	member->most += after.handed_out - before->stats.handed_out;
	member->large_count = after.large_count;
}

/* As check_refused; but what the cache took for itself stays. */
static int check_refused_cache(struct member *member, struct before *before)
{
	tarn_stats after = figures(member);

	EXPECT(after.held >= before->stats.held);
	EXPECT(after.handed_out >= before->stats.handed_out);
	EXPECT(after.large_count >= before->stats.large_count);
	follow_cache(member, before);
	before->stats.held = after.held;
	before->stats.handed_out = after.handed_out;
	before->stats.large = after.large;
	before->stats.large_count = after.large_count;
	before->stats.blocks = after.blocks;
	return check_refused(member, before);
}

static int call_cache_create(struct member *member)
{
	struct cache *cache = &member->caches[member->cache_count];
	struct before before;

	if (member->cache_count == CACHES)
		return 0;
	*cache = (struct cache){NULL, pick_size(member->model) % 3000,
				(size_t)1 << pick(member->model, 0, 8)};
	before = before_call(member);
	EXPECT(tarn_cache_create(member->pool, cache->size, 24) == NULL);
	EXPECT(errno == EINVAL);
	errno = EXDEV;
	cache->cache =
		tarn_cache_create(member->pool, cache->size, cache->alignment);
	if (cache->cache == NULL)
		return check_refused(member, &before);
	EXPECT(errno == EXDEV);
	member->cache_count++;
	follow_cache(member, &before);
	return 0;
}

static int call_cache_alloc(struct member *member)
{
	size_t i = pick(member->model, 0, CACHES - 1);
	const struct cache *cache = &member->caches[i];
	struct object object;
	struct before before;

	if (i >= member->cache_count || member->count == OBJECTS)
		return 0;
	object = (struct object){.size = cache->size, .cache = cache->cache};
	before = before_call(member);
	object.ptr = tarn_cache_alloc(cache->cache);
	if (object.ptr == NULL)
		return check_refused_cache(member, &before);
	EXPECT(errno == EXDEV);
	EXPECT(is_aligned(object.ptr, cache->alignment));
	EXPECT(is_inside(member, &object));
	object.mark = (unsigned char)pick(member->model, 0, 255);
	write_bytes(&object);
	follow_cache(member, &before);
	member->least += object.size;
	member->objects[member->count++] = object;
	return 0;
}

static int call_cache_free(struct member *member)
{
	size_t i = pick(member->model, 0, member->count);
	struct object *object = &member->objects[i];
	struct before before;

	if (i == member->count || object->cache == NULL)
		return 0;
	EXPECT(has_bytes(object, object->size));
	before = before_call(member);
	tarn_cache_free(object->cache, NULL);
	tarn_cache_free(object->cache, object->ptr);
	EXPECT(errno == EXDEV);
	follow_cache(member, &before);
	member->least -= object->size;
	*object = member->objects[--member->count];
	return 0;
}

/* Enough for slabs to come, or for some to be wholly free. */
static int call_cache_many(struct member *member)
{
	size_t calls = pick(member->model, 1, 100);
	bool frees = chance(member->model, 2);

	while (calls-- != 0)
		TRY(frees ? call_cache_free(member) : call_cache_alloc(member));
	return 0;
}

static int call_trim(struct model *model)
{
	size_t i;

	errno = EXDEV;
	tarn_trim();
	EXPECT(errno == EXDEV);
	for (i = 0; i < POOLS; i++) {
		struct member *member = &model->members[i];

		if (member->pool == NULL)
			continue;
		EXPECT(member->cache_count != 0 ||
		       figures(member).large_count == member->large_count);
		member->large_count = figures(member).large_count;
	}
	return 0;
}

/* The model's part of a reset or destroy: descendants are gone. */
static int forget(struct member *member)
{
	struct model *model = member->model;
	size_t i;

	for (i = 0; i < POOLS; i++) {
		struct member *child = &model->members[i];

		if (child->pool != NULL && child->parent == member) {
			TRY(forget(child));
			child->pool = NULL;
			free(child->area);
		}
	}
	EXPECT(member->pending == 0);
	for (i = 0; i < KEYS; i++)
		member->data[i] = NULL;
	member->count = member->large_count = member->child_count = 0;
	member->least = member->most = 0;
	member->handler_count = member->cache_count = 0;
	for (i = 0; i < LINES; i++)
		member->marks[i].count = 0;
	return 0;
}

static int check_tree_contents(struct member *member)
{
	struct model *model = member->model;
	size_t i;

	for (i = 0; i < POOLS; i++)
		if (model->members[i].pool != NULL &&
		    descends_from(&model->members[i], member))
			TRY(check_contents(&model->members[i]));
	return 0;
}

static int call_reset(struct member *member)
{
	TRY(check_tree_contents(member));
	errno = EXDEV;
	tarn_pool_reset(member->pool);
	EXPECT(errno == EXDEV);
	TRY(forget(member));
	return check_figures(member);
}

static int check_guards(const struct member *member)
{
	size_t i;

	for (i = 0; member->area != NULL && i < ARENA_GUARD; i++) {
		EXPECT(member->buffer[-1 - (long)i] == GUARD_BYTE);
		EXPECT(member->buffer[member->buffer_size + i] == GUARD_BYTE);
	}
	return 0;
}

static int call_destroy(struct member *member)
{
	TRY(check_tree_contents(member));
	errno = EXDEV;
	tarn_pool_destroy(member->pool);
	EXPECT(errno == EXDEV);
	TRY(forget(member));
	TRY(check_guards(member));
	if (member->parent != NULL)
		member->parent->child_count--;
	member->pool = NULL;
	free(member->area);
	return check_held(member->model);
}

/* ---- cleanups and data
 * ------------------------------------------------------------ */

/* Whether it is to run where `left` marks of the calling thread's are left. */
static bool is_rewound(const struct handler *handler, size_t left)
{
	const struct model *model = handler->member->model;

	return handler->depth > left && handler->thread == model->thread;
}

/* How many are pending that had to run before it. */
static size_t count_newer(const struct handler *handler)
{
	const struct member *member = handler->member;
	size_t newer = handler->index + 1, count = 0;

	for (; newer < member->handler_count; newer++)
		count += member->handlers[newer].pending &&
			 (member->rewinding == 0 ||
			  is_rewound(&member->handlers[newer],
				     member->rewinding - 1));
	return count;
}

/* Newest first: none that is newer may be pending still. */
static void handler_ran(void *data)
{
	struct handler *handler = data;
	struct member *member = handler->member;

	member->model->disorder += !handler->pending + count_newer(handler);
	if (member->rewinding != 0 &&
	    !is_rewound(handler, member->rewinding - 1))
		member->model->disorder++;
	handler->pending = false;
	member->pending--;
}

/* As handler_ran, called before its turn. */
static void handler_ran_early(struct handler *handler)
{
	handler->member->model->disorder -= count_newer(handler);
}

static int call_cleanup_add(struct member *member)
{
	size_t index = member->handler_count;
	struct handler *handler = &member->handlers[index];
	struct before before = before_call(member);

	if (index == CLEANUPS)
		return 0;
	*handler = (struct handler){.member = member,
				    .index = index,
				    .thread = member->model->thread,
				    .depth = marks_of(member)->count};
	handler->handle = tarn_cleanup_add(member->pool, handler_ran, handler);
	if (handler->handle == NULL)
		return check_refused(member, &before);
	EXPECT(errno == EXDEV);
	handler->pending = true;
	member->handler_count++;
	member->pending++;
	handler->large = grew_large(member, &before);
	charge(member, handler->depth, NODE_MOST);
	member->large_count += handler->large;
	return 0;
}

static int call_cleanup_use(struct member *member)
{
	size_t i = pick(member->model, 0, member->handler_count);
	struct handler *handler = &member->handlers[i];
	bool pending = handler->pending;

	if (i == member->handler_count || handler->gone)
		return 0;
	errno = EXDEV;
	if (chance(member->model, 2)) {
		if (pending)
			handler_ran_early(handler);
		EXPECT(tarn_cleanup_run(handler->handle) == (pending ? 0 : -1));
		EXPECT(!handler->pending);
	} else {
		EXPECT(tarn_cleanup_cancel(handler->handle) ==
		       (pending ? 0 : -1));
		handler->pending = false;
		member->pending -= pending;
	}
	EXPECT(errno == (pending ? EXDEV : ENOENT));
	return 0;
}

static int call_data(struct member *member)
{
	size_t i = pick(member->model, 0, KEYS - 1);
	void *data = chance(member->model, 3) ? NULL : &member->objects[i];
	struct before before = before_call(member);

	if (tarn_pool_set_data(member->pool, &keys[i], data) != 0)
		return check_refused(member, &before);
	EXPECT(errno == EXDEV);
	EXPECT(tarn_pool_data(member->pool, &keys[i]) == data);
	member->data[i] = data;
	member->most += NODE_MOST;
	member->large_count += grew_large(member, &before);
	return 0;
}

/* ---- marks ---------------------------------------------------------------
 */

static int call_mark(struct member *member)
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
static int call_rewind(struct member *member)
{
	const struct marks *marks = marks_of(member);
	size_t left = pick(member->model, 0, MARKS - 1);

	return left < marks->count &&
			       marks->open[left].thread == member->model->thread
		       ? rewind_to(member, left)
		       : 0;
}

/* What a thread has still open at its end; some it leaves to reset. */
static int end_marks(struct model *model)
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

/* ---- scratch -------------------------------------------------------------
 */

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

static int call_scratch(struct member *member)
{
	return use_scratch(member->model,
			   chance(member->model, 2) ? member->pool : NULL,
			   pick(member->model, 0, 3));
}

/* ---- pools
 * ---------------------------------------------------------------------------
 */

static void on_oom(tarn_pool *pool, size_t size, void *data)
{
	struct model *model = data;

	(void)size;
	model->oom_calls++;
	model->oom_pool = pool;
	errno = COUNTING_ERRNO;
}

static void pick_buffer(struct member *member, tarn_options *options)
{
	struct model *model = member->model;
	size_t offset = pick(model, 0, 20), size = pick(model, 1, 12000);

	member->area = malloc(ARENA_GUARD + offset + size + ARENA_GUARD);
	if (member->area == NULL)
		abort();
	memset(member->area, GUARD_BYTE,
	       ARENA_GUARD + offset + size + ARENA_GUARD);
	member->buffer = member->area + ARENA_GUARD + offset;
	member->buffer_size = size;
	options->buffer = member->buffer;
	options->buffer_size = size;
}

static tarn_options pick_options(struct member *member)
{
	struct model *model = member->model;
	tarn_options options = TARN_OPTIONS_INIT;

	if (chance(model, 2))
		options.name = "random";
	if (chance(model, 2))
		options.first_block = pick(model, 1, pick(model, 1, 40000));
	if (chance(model, 2))
		options.max_block = pick(model, 1, pick(model, 1, 100000));
	if (chance(model, 2))
		options.large_above = pick(model, 1, pick(model, 1, 20000));
	if (chance(model, 3))
		options.limit = pick(model, 1, 1 << pick(model, 8, 21));
	if (chance(model, 3))
		pick_buffer(member, &options);
	return options;
}

static int call_create(struct model *model)
{
	struct member *member = model->members, *parent;
	size_t failed = failures(model);
	tarn_options options;

	while (member < model->members + POOLS && member->pool != NULL)
		member++;
	if (member == model->members + POOLS)
		return 0;
	memset(member, 0, sizeof *member);
	member->model = model;
	options = pick_options(member);
	parent = &model->members[pick(model, 0, POOLS - 1)];
	if (parent->pool == NULL || parent == member)
		parent = NULL;
	member->parent = parent;
	member->counting = parent != NULL ? parent->counting : NULL;
	if (parent == NULL || chance(model, 3)) {
		member->counting = &model->countings[pick(model, 0, 1)];
		options.upstream = &member->counting->upstream;
	}
	options.on_oom = parent == NULL ? on_oom : NULL;
	options.on_oom_data = model;
	member->limit = options.limit;
	errno = EXDEV;
	member->pool = parent == NULL
			       ? tarn_pool_create(&options)
			       : tarn_pool_create_child(parent->pool, &options);
	if (member->pool != NULL) {
		EXPECT(errno == EXDEV);
		if (parent != NULL)
			parent->child_count++;
		return check_figures(member);
	}
	EXPECT(errno == ENOMEM);
	EXPECT(is_limited(member) || failures(model) > failed);
	free(member->area);
	return check_held(model);
}

/* ---- the run
 * -----------------------------------------------------------------------------
 */

/* Arms or disarms the failures of one upstream. */
static int call_failure(struct model *model)
{
	struct counting *counting = &model->countings[pick(model, 0, 1)];

	counting->fail_at =
		chance(model, 2) ? 0 : counting->calls + pick(model, 1, 4);
	counting->fail_for_ever = chance(model, 4);
	counting->refuse_resize = chance(model, 3);
	counting->raise = chance(model, 3) ? pick(model, 1, 100) : 0;
	return 0;
}

/* A call of one pool by its weight in a thousand. */
static int call_of_pool(struct member *member)
{
	static const struct {
		size_t weight;
		int (*call)(struct member *);
	} calls[] = {
		{200, call_palloc},      {40, call_pcalloc},
		{110, call_packed},      {90, call_aligned},
		{110, call_local},       {50, call_string},
		{80, call_prealloc},     {40, call_pfree},
		{130, call_pfree_sized}, {4, call_pfree_many},
		{3, call_pfree_invalid}, {5, call_cache_create},
		{40, call_cache_alloc},  {20, call_cache_free},
		{2, call_cache_many},    {8, call_mark},
		{10, call_rewind},       {3, call_scratch},
		{20, call_cleanup_add},  {15, call_cleanup_use},
		{10, call_data},         {5, call_invalid},
		{4, call_reset},         {1, call_destroy},
	};
	size_t number = pick(member->model, 0, 999), i = 0;

	while (number >= calls[i].weight)
		number -= calls[i++].weight;
	if (member->count == OBJECTS)
		return call_reset(member);
	return calls[i].call(member);
}

static int call_any(struct model *model)
{
	struct member *member = &model->members[pick(model, 0, POOLS - 1)];

	if (chance(model, 300))
		return call_failure(model);
	if (chance(model, 2000))
		return check_all(model);
	if (chance(model, 1000))
		return call_trim(model);
	if (member->pool == NULL)
		return chance(model, 20) ? call_create(model) : 0;
	return call_of_pool(member);
}

/* The calls of one thread until the next takes over. */
static int run_shift(struct model *model)
{
	size_t i;

	for (i = 0; i < SHIFT && model->calls_left > 0; i++) {
		model->calls_left--;
		TRY(call_any(model));
	}
	return 0;
}

static int run_thread(void *arg)
{
	struct model *model = arg;

	model->thread = ++model->threads;
	TRY(run_shift(model));
	TRY(end_marks(model));
	model->thread = 0;
	return 0;
}

static int end_model(struct model *model)
{
	size_t i;

	TRY(check_all(model));
	for (i = 0; i < POOLS; i++)
		if (model->members[i].pool != NULL &&
		    model->members[i].parent == NULL)
			TRY(call_destroy(&model->members[i]));
	return 0;
}

START_TEST(model_random_calls_agree)
{
	static struct model model;
	int status = 0;

	model.state = seed("model_random_calls_agree");
	model.calls_left = rounds(CALLS);
	model.watched = watched();
	counting_init(&model.countings[0]);
	counting_init(&model.countings[1]);
	while (model.calls_left > 0 && status == 0)
		status = chance(&model, 2) ? worker_run(run_thread, &model)
					   : run_shift(&model);
	if (status == 0)
		status = end_model(&model);
	if (status != 0)
		ck_abort_msg("line %d failed, %zu calls before the end", status,
			     model.calls_left);
	ck_assert_uint_gt(model.oom_calls, 0);
	counting_finish(&model.countings[0]);
	counting_finish(&model.countings[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tcase = suite_case(suite, "model");

	tcase_add_test(tcase, model_random_calls_agree);
	return suite_run(suite);
}
