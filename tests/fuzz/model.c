/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of a tree of pools: see model.h.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"

void model_init(struct model *model, struct input in)
{
	model->in = in;
	for (size_t i = 0; i < MEMBERS; i++)
		model->members[i].pool = NULL;
	for (size_t i = 0; i < UPSTREAMS; i++)
		upstream_init(&model->upstreams[i], i == 0);
	model->asked = NULL;
	model->oom_calls = 0;
	model->jump = NULL;
	model->threads = 0;
	model->ending = NULL;
	model->early = NULL;
	model->scratch = NULL;
}

/* The first chunk of any pool has room behind a byte, unless it is watched. */
bool model_watched(void)
{
	static int watched = -1;

	if (watched < 0) {
		tarn_pool *pool = tarn_pool_create(NULL);
		tarn_local *local = tarn_pool_local(pool);

		REQUIRE(tarn_palloc(pool, 1) != NULL);
		watched = local->last == local->end;
		tarn_pool_destroy(pool);
	}
	return watched;
}

struct member *model_free_member(struct model *model)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (model->members[i].pool == NULL)
			return &model->members[i];
	return NULL;
}

struct member *model_pick(struct model *model)
{
	size_t start = input_below(&model->in, MEMBERS);

	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *member = &model->members[(start + i) % MEMBERS];

		if (member->pool != NULL && member->state != DOOMED)
			return member;
	}
	return NULL;
}

bool member_descends(const struct member *member, const struct member *ancestor)
{
	while (member != NULL && member != ancestor)
		member = member->parent;
	return member != NULL;
}

tarn_stats member_stats(const struct member *member)
{
	tarn_stats stats = TARN_STATS_INIT;

	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pool_stats(member->pool, &stats) == 0);
	REQUIRE(errno == REQUEST_ERRNO);
	return stats;
}

/* ---- one call ----------------------------------------------------------- */

static size_t failures(const struct model *model)
{
	size_t sum = 0;

	for (size_t i = 0; i < UPSTREAMS; i++)
		sum += model->upstreams[i].failures;
	return sum;
}

struct before before_call(struct model *model, struct member *member)
{
	struct before before = {member_stats(member), failures(model),
				model->oom_calls};

	model->asked = member;
	return before;
}

/* Whether a limit may be why a call of this pool fails. */
static bool is_limited(const struct member *member)
{
	while (member != NULL && member->limit == 0)
		member = member->parent;
	return member != NULL;
}

void check_refused(struct model *model, struct member *member,
		   const struct before *before, bool cannot_be)
{
	tarn_stats now;

	REQUIRE(errno == ENOMEM);
	REQUIRE(cannot_be || is_limited(member) ||
		failures(model) > before->failures);
	REQUIRE(model->oom_calls == before->oom_calls + (member->oom != NULL));
	now = member_stats(member);
	REQUIRE(now.handed_out == before->stats.handed_out);
	REQUIRE(now.large == before->stats.large);
	REQUIRE(now.large_count == before->stats.large_count);
	REQUIRE(now.children == before->stats.children);
	REQUIRE(now.cleanups == before->stats.cleanups);
	/* More only of what a thread's first use, or a table, took for good. */
	REQUIRE(now.held >= before->stats.held);
	REQUIRE(now.blocks >= before->stats.blocks);
}

bool grew_large(const struct member *member, const struct before *before)
{
	return member_stats(member).large_count > before->stats.large_count;
}

static bool is_in_buffer(const struct member *member,
			 const struct object *object)
{
	char *ptr = (char *)object->ptr;

	return member->buffer != NULL && ptr >= member->buffer &&
	       ptr <= member->buffer + member->buffer_size &&
	       object->size <=
		       (size_t)(member->buffer + member->buffer_size - ptr);
}

static void check_apart_of(const struct object *object,
			   const struct object *others, size_t count,
			   const struct object *but)
{
	for (size_t i = 0; i < count; i++)
		REQUIRE(&others[i] == but ||
			!object_overlaps(object, &others[i]));
}

void check_apart(struct model *model, const struct object *object,
		 const struct object *but)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *other = &model->members[i];

		if (other->pool != NULL && other->state != DOOMED)
			check_apart_of(object, other->objects, other->count,
				       but);
	}
	for (struct scratch *use = model->scratch; use != NULL;
	     use = use->outer)
		check_apart_of(object, use->objects, use->count, but);
}

void check_place(struct model *model, struct member *member,
		 const struct object *object, const struct object *but)
{
	if (object->size == 0)
		return;
	REQUIRE(member->upstream == NULL || is_in_buffer(member, object) ||
		upstream_contains(member->upstream, object->ptr, object->size));
	check_apart(model, object, but);
}

void member_enter(struct model *model, struct member *member,
		  struct object object, const struct before *before)
{
	tarn_stats now = member_stats(member);

	REQUIRE(now.handed_out >= before->stats.handed_out + object.size);
	object.thread = marks_thread();
	object.level = marks_level(member);
	object.large = now.large_count > before->stats.large_count;
	REQUIRE(object.large || object.size <= member->large_above);
	check_place(model, member, &object, NULL);
	member->least += object.size;
	member->most += object.size + object.alignment + TARN_ALIGNMENT;
	member->large_count += object.large;
	if (member->count < OBJECTS)
		member->objects[member->count++] = object;
}

void member_leave(struct member *member, struct object *object)
{
	member->least -= object->size;
	*object = member->objects[--member->count];
}

void member_recount(struct member *member)
{
	member->large_count = member_stats(member).large_count;
}

bool model_has_caches(const struct model *model)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (model->members[i].pool != NULL &&
		    model->members[i].cache_count != 0)
			return true;
	return false;
}

/* ---- all of it ---------------------------------------------------------- */

void check_contents(const struct member *member)
{
	for (size_t i = 0; i < member->count; i++)
		REQUIRE(object_has(&member->objects[i],
				   member->objects[i].size));
	for (char *guard = member->memory; guard != member->buffer; guard++)
		REQUIRE(*guard == 0);
}

void check_tree_contents(struct model *model, struct member *member)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (model->members[i].pool != NULL &&
		    model->members[i].state != DOOMED &&
		    member_descends(&model->members[i], member))
			check_contents(&model->members[i]);
}

static void check_member(const struct member *member, const tarn_stats *now)
{
	REQUIRE(now->handed_out >= member->least);
	REQUIRE(model_watched() || member->cache_count != 0 ||
		now->handed_out <= member->most);
	REQUIRE(now->held + member->buffer_size >= now->handed_out);
	REQUIRE(now->large_count == member->large_count);
	REQUIRE(now->large <= now->held);
	REQUIRE(now->limit == member->limit);
	REQUIRE(now->blocks >= 1);
	REQUIRE(now->children == member->child_count);
	REQUIRE(now->cleanups == member->pending);
}

/* Adds what each pool holds to its tree and to its upstream. */
void check_figures(struct model *model)
{
	size_t trees[MEMBERS] = {0}, given[UPSTREAMS] = {0};

	if (model->ending != NULL)
		return;
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *member = &model->members[i];
		tarn_stats now;

		if (member->pool == NULL)
			continue;
		now = member_stats(member);
		check_member(member, &now);
		if (member->upstream != NULL)
			given[member->upstream - model->upstreams] += now.held;
		for (; member != NULL; member = member->parent)
			trees[member - model->members] += now.held;
	}
	for (size_t i = 0; i < MEMBERS; i++)
		REQUIRE(model->members[i].pool == NULL ||
			model->members[i].limit == 0 ||
			trees[i] <= model->members[i].limit);
	for (size_t i = 0; i < UPSTREAMS; i++)
		REQUIRE(given[i] == model->upstreams[i].live_bytes);
}

/* ---- the end of a round ------------------------------------------------- */

void member_doom_descendants(struct model *model, struct member *member)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *other = &model->members[i];

		if (other->pool != NULL && other != member &&
		    member_descends(other, member))
			other->state = DOOMED;
	}
}

void member_forget_descendants(struct model *model, struct member *member)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *child = &model->members[i];

		if (child->pool != NULL && child->parent == member) {
			member_forget_descendants(model, child);
			member_forget(child, true);
		}
	}
}

void member_forget(struct member *member, bool whole)
{
	REQUIRE(member->pending == 0);
	member->state = ALIVE;
	member->count = member->large_count = member->handler_count = 0;
	member->cache_count = member->mark_count = 0;
	member->stuck = false;
	member->least = member->most = 0;
	memset(member->data, 0, sizeof member->data);
	if (!whole)
		return;
	if (member->parent != NULL)
		member->parent->child_count--;
	member->pool = NULL;
	free(member->memory);
}
