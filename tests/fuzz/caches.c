/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches and scratch memory: see caches.h.
 */
#include "caches.h"

#include <errno.h>

#include "marks.h"
#include "steps.h"

/* ---- caches ------------------------------------------------------------- */

/* For a handler that may not return: a cache, or with `cache` an object. */
static void *call(struct model *model, struct cache *cache)
{
	tarn_pool *pool = model->asked->pool;
	void *volatile answer = NULL;
	jmp_buf jump;

	model->jump = &jump;
	errno = REQUEST_ERRNO;
	if (setjmp(jump) != 0)
		errno = ENOMEM;
	else if (cache->cache == NULL)
		answer = tarn_cache_create(pool, cache->size, cache->alignment);
	else
		answer = tarn_cache_alloc(cache->cache);
	model->jump = NULL;
	return answer;
}

void caches_create(struct model *model, struct member *member)
{
	struct cache cache = {NULL, 0, 0};
	struct before before;
	bool huge;

	cache.size = input_size(&model->in);
	cache.alignment = request_alignment(&model->in);
	if (member->cache_count == CACHES)
		return;
	before = before_call(model, member);
	cache.cache = call(model, &cache);
	huge = request_is_too_large(cache.size, cache.alignment);
	if (cache.cache != NULL) {
		REQUIRE(errno == REQUEST_ERRNO);
		REQUIRE(!huge && request_aligns(cache.alignment));
		member->caches[member->cache_count++] = cache;
		member_recount(member);
	} else if (request_aligns(cache.alignment)) {
		check_refused(model, member, &before, huge);
	} else {
		REQUIRE(errno == EINVAL);
		REQUIRE(model->oom_calls == before.oom_calls);
	}
}

/* An object of no mark's: a rewind does not free it. */
static void enter_cached(struct model *model, struct member *member,
			 const struct cache *cache, void *ptr)
{
	struct object object =
		object_cached(cache->cache, ptr, cache->size, cache->alignment,
			      (unsigned char)(model->in.end - model->in.at));

	check_place(model, member, &object, NULL);
	member->least += object.size;
	member->objects[member->count++] = object;
	member_recount(member);
}

void caches_alloc(struct model *model, struct member *member)
{
	size_t i = input_byte(&model->in);
	struct before before;
	struct cache *cache;
	void *ptr;

	if (member->cache_count == 0 || member->count == OBJECTS)
		return;
	cache = &member->caches[i % member->cache_count];
	tarn_cache_free(cache->cache, NULL);
	before = before_call(model, member);
	ptr = call(model, cache);
	if (ptr != NULL) {
		enter_cached(model, member, cache, ptr);
		return;
	}
	/* What a thread's first use took is the cache's for good. */
	REQUIRE(member_stats(member).handed_out >= before.stats.handed_out);
	before.stats.handed_out = member_stats(member).handed_out;
	errno = ENOMEM;
	check_refused(model, member, &before, false);
}

/* ---- scratch ------------------------------------------------------------ */

enum {
	SCRATCH_DEPTH = 6, /* uses in each other */
	SCRATCH_STEPS = 8
};

static size_t scratch_depth(const struct scratch *use)
{
	size_t depth = 0;

	for (; use != NULL; use = use->outer)
		depth++;
	return depth;
}

/* The outer use has its results in its own pool, or in that of the call. */
static tarn_pool *pick_conflict(struct model *model,
				const struct member *member)
{
	size_t which = input_below(&model->in, 3);

	if (which == 2 && model->scratch != NULL)
		return model->scratch->pool;
	return which != 0 ? member->pool : NULL;
}

static void scratch_request(struct model *model, struct scratch *use)
{
	struct request request = request_read(&model->in);
	struct object *object = &use->objects[use->count];

	if (request_serve(use->pool, &request, object)) {
		check_apart(model, object, NULL);
		use->count++;
	} else if (errno != request.error) {
		REQUIRE(errno == ENOMEM);
		REQUIRE(request_is_huge(&request) ||
			request_is_local(&request));
	}
}

/* So many as there is room for; the last one not for long. */
static void scratch_fill(struct model *model, struct scratch *use)
{
	size_t count = input_below(&model->in, SCRATCH_OBJECTS);

	while (count-- != 0 && use->count != SCRATCH_OBJECTS)
		scratch_request(model, use);
	if (use->count != 0 && input_chance(&model->in, 2)) {
		struct object *last = &use->objects[--use->count];

		REQUIRE(object_has(last, last->size));
		object_free(use->pool, last);
	}
}

void caches_scratch(struct model *model, struct member *member)
{
	tarn_pool *conflict = pick_conflict(model, member);
	struct scratch use = {.outer = model->scratch};
	tarn_mark mark;

	if (scratch_depth(model->scratch) == SCRATCH_DEPTH)
		return;
	errno = REQUEST_ERRNO;
	use.pool = tarn_scratch_begin(conflict, &mark);
	REQUIRE(errno == REQUEST_ERRNO);
	REQUIRE(use.pool != NULL && use.pool != conflict);
	model->scratch = &use;
	scratch_fill(model, &use);
	steps_run(model, input_below(&model->in, SCRATCH_STEPS));
	scratch_fill(model, &use);
	for (size_t i = 0; i < use.count; i++)
		REQUIRE(object_has(&use.objects[i], use.objects[i].size));
	model->scratch = use.outer;
	errno = REQUEST_ERRNO;
	tarn_scratch_end(use.pool, mark);
	REQUIRE(errno == REQUEST_ERRNO);
}
