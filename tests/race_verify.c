/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is verified of a round, once its workers ended: objects are whole and
 * apart, limit and statistics agree with what the workers did, what they fought
 * for went to one of them, and each cleanup ran once.
 */
#include "race.h"

static int object_compare(const void *a, const void *b)
{
	const struct object *left = a;
	const struct object *right = b;

	return (left->at > right->at) - (left->at < right->at);
}

/* All objects hold what was written, and none touches another. */
static void verify_objects(struct scene *scene, size_t workers)
{
	static struct object all[WORKERS * OBJECTS];
	size_t changed = 0;
	size_t overlapping = 0;
	size_t count = 0;
	size_t i;

	for (i = 0; i < workers; i++) {
		struct work *work = &scene->works[i];

		memcpy(all + count, work->objects,
		       work->objects_count * sizeof *all);
		count += work->objects_count;
	}
	qsort(all, count, sizeof *all, object_compare);
	for (i = 0; i < count; i++) {
		changed += !all_bytes(all[i].at, all[i].size, all[i].fill);
		overlapping +=
			i > 0 && all[i - 1].at + all[i - 1].size > all[i].at;
	}
	ck_assert_uint_eq(changed, 0);
	ck_assert_uint_eq(overlapping, 0);
}

static bool anyone_fought(const struct scene *scene, size_t workers,
			  enum fight fight)
{
	size_t i;

	for (i = 0; i < workers; i++)
		if (scene->works[i].fought[fight])
			return true;
	return false;
}

static size_t held_by(const tarn_pool *pool)
{
	return pool != NULL ? stats_of(pool).held : 0;
}

/* The pool and its children are within the limit together. */
static void verify_limit(const struct scene *scene, size_t workers)
{
	size_t limit = scene->state->options.limit;
	size_t held = held_by(scene->pool) + held_by(scene->child);
	size_t i;

	for (i = 0; i < workers; i++)
		held += held_by(scene->works[i].child);
	if (limit != 0)
		ck_assert_uint_le(held, limit);
}

/* The statistics of the quiet pool say what the workers did. */
static void verify_stats(const struct scene *scene, size_t workers)
{
	tarn_stats stats = stats_of(scene->pool);
	size_t asked = 0;
	size_t left[FIGHTS] = {0};
	size_t large_maybe = 0;
	size_t children = scene->child != NULL;
	size_t i, j;

	for (i = 0; i < FIGHTS; i++)
		if (!anyone_fought(scene, workers, (enum fight)i))
			left[i] = scene->ready[i];
	for (i = 0; i < workers; i++) {
		const struct work *work = &scene->works[i];

		for (j = 0; j < work->objects_count; j++)
			if (work->objects[j].pool == scene->pool)
				asked += work->objects[j].size;
		left[FIGHT_CLEANUP] += work->cleanups_left + work->since_mark -
				       work->since_mark_ran;
		left[FIGHT_LARGE] += work->large_left;
		large_maybe += work->large_maybe;
		children += work->child != NULL;
	}
	for (i = 0; i < SHARED; i++)
		if (scene->sized[i] != NULL)
			asked += sized_size(i);
	ck_assert_uint_ge(stats.handed_out, asked);
	ck_assert_uint_le(stats.handed_out,
			  stats.held + scene->state->options.buffer_size);
	ck_assert_uint_eq(stats.cleanups, left[FIGHT_CLEANUP]);
	ck_assert_uint_ge(stats.large_count, left[FIGHT_LARGE]);
	/* At the limit, a thread without a local is served from this list, and
	   so are caches where pools are watched. */
	if (scene->state->options.limit == 0 && !watched())
		ck_assert_uint_le(stats.large_count,
				  left[FIGHT_LARGE] + large_maybe);
	ck_assert_uint_ge(stats.large, left[FIGHT_LARGE] * LARGE_MIN);
	ck_assert_uint_eq(stats.children, children);
	ck_assert_uint_le(stats.local_pools, workers + 2);
}

/* Whether all that the workers left handed out is known. */
static bool is_exact(const struct scene *scene, size_t workers)
{
	for (size_t i = 0; i < workers; i++) {
		const struct work *work = &scene->works[i];

		if (work->had_void ||
		    !(work->exact ||
		      (work->operation != NULL && work->operation->exact)))
			return false;
	}
	return true;
}

/* Frees the objects that went round: each takes its bytes from the figure, by
   whichever thread it was allocated; and what is left is what the workers
   know of. */
static void verify_handed_out(struct scene *scene, size_t workers)
{
	size_t left = stats_of(scene->pool).handed_out, wrong = 0;
	size_t known = scene->handed_out;

	for (size_t i = 0; i < SHARED; i++) {
		if (scene->sized[i] == NULL)
			continue;
		left -= i % 2 != 0 ? sized_size(i) : whole(sized_size(i));
		wrong += free_sized(scene->pool, i, scene->sized[i]) != 0;
	}
	ck_assert_uint_eq(wrong, 0);
	/* Zones between objects come and go with them. */
	if (watched())
		return;
	ck_assert_uint_eq(stats_of(scene->pool).handed_out, left);
	for (size_t i = 0; i < workers; i++)
		known += scene->works[i].handed_out;
	if (is_exact(scene, workers))
		ck_assert_uint_eq(left, known);
}

/* Each key had one value, whoever set it: unset once, it is gone. */
static void verify_data(tarn_pool *pool)
{
	size_t left = 0;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		left += tarn_pool_set_data(pool, &shared_keys[i], NULL) != 0;
		left += tarn_pool_data(pool, &shared_keys[i]) != NULL;
	}
	ck_assert_uint_eq(left, 0);
}

/* Whether thing `i` went to one of those who fought for it, and to one only;
   and, of a cleanup, ran once if it was to run. */
static bool fight_was_fair(struct scene *scene, size_t workers,
			   enum fight fight, size_t i)
{
	bool there = fight == FIGHT_LARGE ? scene->large[i] != NULL
					  : scene->cleanups[i] != NULL;
	size_t wins = 0;
	size_t runs = 0;
	size_t j;

	for (j = 0; j < workers; j++) {
		wins += scene->works[j].won[fight][i];
		if (j % 2 == 0)
			runs += scene->works[j].won[FIGHT_CLEANUP][i];
	}
	return wins == (there && anyone_fought(scene, workers, fight)) &&
	       atomic_load(&scene->cleanup_runs[i]) == runs;
}

static void verify_fights(struct scene *scene, size_t workers)
{
	size_t unfair = 0;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		unfair += !fight_was_fair(scene, workers, FIGHT_LARGE, i);
		unfair += !fight_was_fair(scene, workers, FIGHT_CLEANUP, i);
	}
	ck_assert_uint_eq(unfair, 0);
}

/* Whether, after the end, cleanup `i` ran if nobody had fought for it, and
   else no more than then. */
static bool cleanup_ran_right(struct scene *scene, size_t workers, size_t i)
{
	if (anyone_fought(scene, workers, FIGHT_CLEANUP))
		return fight_was_fair(scene, workers, FIGHT_CLEANUP, i);
	return atomic_load(&scene->cleanup_runs[i]) ==
	       (scene->cleanups[i] != NULL);
}

void verify_scene(struct scene *scene, size_t workers)
{
	verify_objects(scene, workers);
	verify_limit(scene, workers);
	verify_stats(scene, workers);
	verify_handed_out(scene, workers);
	verify_fights(scene, workers);
	verify_data(scene->pool);
}

void scene_close(struct scene *scene, size_t workers)
{
	size_t runs = 0;
	size_t wrong = 0;
	size_t i;

	for (i = 0; i < workers; i++) {
		runs += scene->works[i].cleanups_left +
			scene->works[i].cleanups_now;
		tarn_pool_destroy(scene->works[i].other);
	}
	tarn_pool_destroy(scene->pool);
	tarn_pool_destroy(scene->parent);
	ck_assert_uint_eq(atomic_load(&scene->runs), runs);
	/* Those within marks that were void ran now. */
	for (i = 0; i < workers; i++)
		wrong += scene->works[i].since_mark !=
			 scene->works[i].since_mark_ran;
	for (i = 0; i < SHARED; i++)
		wrong += !cleanup_ran_right(scene, workers, i);
	ck_assert_uint_eq(wrong, 0);
	if (scene->state->counted)
		counting_finish(&scene->counting);
	free(scene->buffer);
}
