/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of caches. Slabs come and go, with what a cache needs for them: the
 * model follows the figures there, and knows each object.
 */
#include "test_model.h"

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

int call_cache_create(struct member *member)
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

int call_cache_alloc(struct member *member)
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

int call_cache_free(struct member *member)
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
int call_cache_many(struct member *member)
{
	size_t calls = pick(member->model, 1, 100);
	bool frees = chance(member->model, 2);

	while (calls-- != 0)
		TRY(frees ? call_cache_free(member) : call_cache_alloc(member));
	return 0;
}
