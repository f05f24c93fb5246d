/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that create, reset, destroy and trim pools. Descendants go with their
 * pool, and a caller's buffer has nothing written around it.
 */
#include "test_model.h"

/* ---- the end of pools --------------------------------------------------- */

int call_trim(struct model *model)
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

int call_reset(struct member *member)
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

int call_destroy(struct member *member)
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

/* ---- their beginning ---------------------------------------------------- */

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

int call_create(struct model *model)
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
