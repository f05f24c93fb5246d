/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks: that a call which failed changed nothing, and that all pools are as
 * the model says. They change neither.
 */
#include "test_model.h"

/*
 * A call that failed changed nothing. A thread's first use may keep what it
 * took for the thread's local pool, the first in which it looks for freed
 * memory what it took for its bins, a resize what it took for the large list.
 */
int check_unchanged(struct member *member, const struct before *before)
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
int check_refused(struct member *member, const struct before *before)
{
	struct model *model = member->model;

	EXPECT(errno == ENOMEM);
	EXPECT(is_limited(member) || failures(model) > before->failures);
	EXPECT(model->oom_calls == before->oom_calls + 1);
	EXPECT(model->oom_pool == member->pool);
	return check_unchanged(member, before);
}

int check_contents(const struct member *member)
{
	size_t i;

	for (i = 0; i < member->count; i++)
		EXPECT(has_bytes(&member->objects[i], member->objects[i].size));
	return 0;
}

int check_figures(struct member *member)
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

bool descends_from(const struct member *member, const struct member *ancestor)
{
	while (member != NULL && member != ancestor)
		member = member->parent;
	return member != NULL;
}

/* What upstream gave is what the pools hold, and no tree is over its limit. */
int check_held(struct model *model)
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

int check_all(struct model *model)
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
