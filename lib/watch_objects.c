/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of watched pools, see watch.h: how each request is served, and what
 * is known of each object until it is freed.
 *
 * Invariants: where objects are listed, each that is handed out is in the list,
 * and none that is not; `held` is what those with memory of their own have.
 */
#include "watch.h"

#include <errno.h>

#include "sample.h"

const struct source *watch_source(const tarn_pool *pool)
{
	return watch_is_guarded(pool) ? &pool->watch->guard : &pool->source;
}

/* Objects with zones around them, and all others. */
static const void *watch_anchor(const tarn_pool *pool)
{
	return watch_is_guarded(pool) ? (const void *)&pool->watch->guard
				      : pool;
}

/* ---- the list of objects --------------------------------------------- */

/* Not for ThreadSanitizer alone: the list's mutex would order threads, and hide
   their races. */
static bool watch_is_listed(const tarn_pool *pool)
{
	unsigned watched = pool->source.watched;

	return (watched & WATCH_TSAN) == 0 ||
	       (watched & (WATCH_ASAN | WATCH_GUARD | WATCH_MEMCHECK)) != 0;
}

static bool watch_list(tarn_pool *pool, struct watch_object object)
{
	struct watch *watch = pool->watch;
	bool listed;

	mutex_lock(&pool->mutex);
	listed = objects_add(&watch->objects, object);
	if (listed && object.memory != NULL)
		watch->held += object.size;
	mutex_unlock(&pool->mutex);
	return listed;
}

static void watch_unlist_locked(tarn_pool *pool, struct watch_object *found)
	MUTEX_HELD(pool->mutex)
{
	if (found->memory != NULL)
		pool->watch->held -= found->size;
	objects_remove(&pool->watch->objects, found);
}

static bool watch_unlist(tarn_pool *pool, void *object,
			 struct watch_object *taken)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL) {
		*taken = *found;
		taken->object = object;
		watch_unlist_locked(pool, found);
	}
	mutex_unlock(&pool->mutex);
	return found != NULL;
}

static void watch_end_object(tarn_pool *pool, struct watch_object object)
{
	mark_take(pool->source.watched, watch_anchor(pool), object.object,
		  object.memory == NULL || object.memory == object.object
			  ? object.size
			  : 0);
	if (object.memory != NULL)
		source_release(&pool->watch->guard, object.memory, object.size);
}

void watch_reset(tarn_pool *pool)
{
	struct objects *objects = &pool->watch->objects;
	int error = errno;

	/* Exclusive: no mutex is needed. */
	for (size_t i = 0; i < objects->capacity; i++)
		if (objects->entries[i].object != NULL)
			watch_end_object(pool, objects_show(objects, i));
	objects_clear(objects);
	pool->watch->held = 0;
	sample_reset(pool);
	errno = error;
}

/* ---- requests -------------------------------------------------------- */

/* Chunks begin on a line: so wider alignments alone take room of their own. */
static void *watch_claim(tarn_pool *pool, size_t alignment, size_t size)
{
	size_t zone = mark_zone(pool->source.watched);
	size_t front =
		alignment <= BLOCK_LINE ? align_up(zone, alignment) : alignment;
	size_t need =
		front + zone + align_up(align_max(size, 1), TARN_ALIGNMENT);
	struct claim claim = {need, need, true, false, NULL, 0};
	struct chunk chunk;

	if (!cursor_claim(&pool->cursor, slot_cache(), &pool->source, &claim,
			  &chunk))
		return NULL;
	chunk.start += zone;
	return chunk.start + (-(uintptr_t)chunk.start & (alignment - 1));
}

/* In pages of its own. What has no byte begins where the guard does. */
static struct watch_object watch_guard(tarn_pool *pool, size_t alignment,
				       size_t size)
{
	struct watch_object object = {.size = size};

	if (size == 0)
		object.size = alignment;
	else if (alignment >= TARN_ALIGNMENT)
		object.size = align_up(size, TARN_ALIGNMENT);
	object.memory = block_take(NULL, &pool->watch->guard, object.size,
				   &object.size, alignment);
	if (object.memory != NULL)
		object.object =
			(char *)object.memory + (size == 0 ? object.size : 0);
	return object;
}

static struct watch_object watch_take(tarn_pool *pool, size_t alignment,
				      size_t size)
{
	if (watch_is_guarded(pool))
		return watch_guard(pool, alignment, size);
	return (struct watch_object){
		.object = watch_claim(pool, alignment, size), .size = size};
}

/* Bytes that an object counts as handed out. */
static size_t watch_given(size_t alignment, size_t size)
{
	return align_up(size, align_min(alignment, BLOCK_LINE));
}

void *watch_alloc(tarn_pool *pool, struct local *local, size_t alignment,
		  size_t size)
{
	struct watch_object object = watch_take(pool, alignment, size);

	if (object.object == NULL)
		return NULL;
	object.asked = size;
	object.given = watch_given(alignment, size);
	object.birth = pool_birth(local);
	if (watch_is_listed(pool) && !watch_list(pool, object)) {
		if (object.memory != NULL)
			source_release(&pool->watch->guard, object.memory,
				       object.size);
		errno = ENOMEM;
		return NULL;
	}
	mark_give(pool->source.watched, watch_anchor(pool), object.object,
		  size);
	local_count(local, object.given);
	return object.object;
}

/* One that is not listed was served as a large one, for want of a slot. */
void watch_cut(tarn_pool *pool, void *object, size_t from, size_t to)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL) {
		size_t cut = found->given - watch_given(TARN_ALIGNMENT, to);

		found->asked = to;
		found->given -= cut;
		pool_count_freed(pool, pool_find_local(pool), cut);
	}
	mutex_unlock(&pool->mutex);
	if (found != NULL)
		mark_cut(pool->source.watched, watch_anchor(pool), object, from,
			 to);
	else
		mark_close(pool->source.watched, (char *)object + to,
			   from - to);
}

size_t watch_held(tarn_pool *pool)
{
	size_t held;

	mutex_lock(&pool->mutex);
	held = pool->watch->held;
	mutex_unlock(&pool->mutex);
	return held;
}

bool watch_free(tarn_pool *pool, void *object, size_t alignment, size_t size)
{
	struct watch_object found = {.object = object, .size = size};
	struct local *local = pool_find_local(pool);

	/* A rewind takes off all since, and does not know what is freed. */
	if (local == NULL || local_depth(local) == 0)
		found.given = watch_given(alignment, size);
	if (watch_is_listed(pool) && !watch_unlist(pool, object, &found))
		return false;
	watch_end_object(pool, found);
	pool_count_freed(pool, local, found.given);
	return true;
}

void watch_wrong_size(const tarn_pool *pool, size_t size, size_t asked,
		      const char *rounded)
{
	debug_die("pool '%s' (%p): freed with a size of %zu, but allocated "
		  "with %zu%s",
		  watch_name(pool), (const void *)pool, size, asked, rounded);
}

void watch_free_sized(tarn_pool *pool, void *object, size_t alignment,
		      size_t size)
{
	const struct watch_object *found;
	size_t asked = size;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->objects, object);
	if (found != NULL)
		asked = found->asked;
	mutex_unlock(&pool->mutex);
	if (asked != size)
		watch_wrong_size(pool, size, asked, "");
	if (watch_free(pool, object, alignment, size))
		watch_freed(pool, object);
	else
		watch_refused(pool, object);
}

/* A guard's memory is given back under the mutex: by the library itself. */
bool watch_rewind(tarn_pool *pool, uint32_t depth, size_t *given)
{
	struct objects *objects = &pool->watch->objects;

	*given = 0;
	if (!watch_is_listed(pool))
		return false;
	mutex_lock(&pool->mutex);
	for (size_t i = 0; i < objects->capacity;) {
		struct watch_object *at = &objects->entries[i];

		/* Into the place of one that is taken out another may move. */
		if (at->object == NULL ||
		    !birth_is_since(at->birth, slot_name(), depth)) {
			i++;
			continue;
		}
		*given += at->given;
		watch_end_object(pool, objects_show(objects, i));
		watch_unlist_locked(pool, at);
	}
	mutex_unlock(&pool->mutex);
	return true;
}
