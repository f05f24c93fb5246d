/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heap sampling: see sample.h.
 *
 * That no estimate leans to one side rests on three things. The distance to a
 * sample point has no memory: so it may be drawn anew whenever something
 * happened that does not depend on where the point is, and must not be where
 * it does. What decides whether the room or the request itself draws does not
 * depend on it either. And bytes that alignment skips count as passed, but for
 * no request: a point among them is drawn anew.
 */
#include "config.h"

#include "sample.h"

#include "aside.h"
#include "cut.h"
#include "profile.h"
#include "reuse.h"
#include "watch.h"

/* ---- drawing --------------------------------------------------------- */

/* [o] of the generator, which is Marsaglia's xorshift; 0: not seeded yet */
static TARN_TLS uint64_t sample_state;

static uint64_t sample_next_seed MUTEX_GUARDED(debug_mutex);

/*
 * An exponential distance, rounded down: each of its bits is 1 by itself, the
 * n-th with a probability of 1 / (1 + exp(2^n / PROFILE_MEAN)). Here is that,
 * times 2^32; higher ones are never set.
 */
static const uint32_t sample_odds[] = {
	2147481600, 2147479552, 2147475456, 2147467264, 2147450880, 2147418112,
	2147352576, 2147221504, 2146959360, 2146435072, 2145386497, 2143289349,
	2139095083, 2130706773, 2113931946, 2080396621, 2013440410, 1880437610,
	1621524825, 1155094609, 511972652,  77250184,   1440318,    483};

#define SAMPLE_BITS (sizeof(sample_odds) / sizeof(*sample_odds))

/* After Steele, Lea and Flood: seeds in a row become states far apart. */
static uint64_t seed_mix(uint64_t seed)
{
	seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (seed ^ (seed >> 31)) | 1;
}

static __attribute__((noinline)) void sample_begin_thread(void)
{
	mutex_lock(&debug_mutex);
	if (sample_next_seed == 0)
		sample_next_seed = block_known_secret();
	sample_next_seed += UINT64_C(0x9e3779b97f4a7c15);
	sample_state = seed_mix(sample_next_seed);
	mutex_unlock(&debug_mutex);
}

void sample_seed(uint64_t seed)
{
	mutex_lock(&debug_mutex);
	sample_next_seed = seed;
	mutex_unlock(&debug_mutex);
	sample_state = 0;
}

static uint32_t sample_random(void)
{
	uint64_t state = sample_state;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	sample_state = state;
	return (uint32_t)((state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* Bytes to the next sample point, or `most` or more: it is not among these.
   From the highest bit down, so that mostly few are drawn. */
static size_t sample_draw(size_t most)
{
	size_t bytes = 0;

	if (!TARN_LIKELY(sample_state != 0))
		sample_begin_thread();
	for (size_t bit = SAMPLE_BITS; bit-- > 0 && bytes < most;)
		if (sample_random() < sample_odds[bit])
			bytes |= (size_t)1 << bit;
	return bytes;
}

/* ---- rooms ----------------------------------------------------------- */

/* What the inline calls take of the room, if it has so much. */
static size_t room_taken(struct room room, const struct sample_ask *ask)
{
	return ask->up ? align_up(ask->size, TARN_ALIGNMENT)
		       : ask->size + (((uintptr_t)room.end - ask->size) &
				      (ask->alignment - 1));
}

/* Whether freed memory goes before the room. That the room is aside does not
   tell: one that was cut at its front is empty, and is not put there. */
static bool sample_is_aside(const struct local *local)
{
	return local->side != NULL && local_depth(local) == 0 &&
	       bins_of(local)->bytes != 0;
}

/* Whether the room may serve it as a hit would. */
static bool sample_may_hit(const struct local *local,
			   const struct sample_ask *ask)
{
	return !sample_is_aside(local) &&
	       ask->alignment <= TARN_ALIGNMENT_INLINE;
}

/* Whether it is a hit, though it came this way: by a thread's first call, or
   of no bytes. */
static bool sample_is_hit(const struct local *local,
			  const struct sample_ask *ask)
{
	struct room room = local_room(local);

	return sample_may_hit(local, ask) &&
	       room_taken(room, ask) <= room_size(room);
}

/*
 * Whether the room, with what is cut off it, has what is asked for: then the
 * sample point that was drawn for it decides, and not another one.
 */
static bool sample_meets_room(const struct local *local,
			      const struct sample_ask *ask,
			      struct sample *sample)
{
	const struct cut *cut = cut_of(local);
	struct room room = local_room(local);
	size_t taken = room_taken(room, ask), rest = room_size(room), before;

	if (!sample_may_hit(local, ask) || cut == NULL || cut->left == SIZE_MAX)
		return false;
	if (taken > rest + (size_t)(cut->end - (const char *)cut))
		return false;
	before = rest + cut->left;
	sample->due = before < ask->size;
	if (before >= taken)
		sample->next = before - taken;
	return true;
}

/* The room whole again, as far as it is to be had. */
static void sample_join(struct local *local)
{
	struct room lost = cut_join(local);

	if (reuse_is_active(local->pool))
		reuse_give_run(local->pool, lost.last, room_size(lost));
}

/* Cuts the room `next` bytes on, or wherever is drawn. */
static void sample_cut(struct local *local, size_t next)
{
	struct cut *cut;
	size_t size;

	reuse_begin_room(local);
	sample_join(local);
	size = room_size(local_room(local));
	if (next == SAMPLE_ANY)
		next = sample_draw(size);
	/* One that a mark keeps: its point is not the next one any more. */
	cut = cut_of(local);
	if (cut != NULL)
		cut->left = SIZE_MAX;
	if (next < size)
		cut_room(local, next);
	if (sample_is_aside(local))
		local_set_aside(local);
}

void sample_room(struct local *local)
{
	sample_cut(local, SAMPLE_ANY);
}

static void sample_local(struct local *local)
{
	if (local->side != NULL)
		local->side->marks.large = LOCAL_BIRTHS_ANY;
	sample_room(local);
}

void sample_pool(tarn_pool *pool)
{
	struct local *local;
	uint32_t at = 0, slot;

	sample_local(&pool->own);
	while ((local = pool_next_local(pool, &at, &slot)) != NULL)
		sample_local(local);
}

/* ---- the list of what was sampled ------------------------------------ */

static bool sample_list(tarn_pool *pool, struct watch_object object)
{
	bool listed;

	mutex_lock(&pool->mutex);
	listed = objects_add(&pool->watch->samples, object);
	mutex_unlock(&pool->mutex);
	return listed;
}

/* Its memory is the site, as far as the list knows. `local`, whose marks it is
   within, may be NULL. */
static void sample_add(tarn_pool *pool, void *object, size_t size,
		       const void *caller, const struct local *local)
{
	struct aside aside = aside_begin(true);
	struct profile_site *site = profile_here(size, caller);

	if (site != NULL &&
	    sample_list(pool, (struct watch_object){
				      .object = object,
				      .memory = site,
				      .asked = size,
				      .birth = local != NULL ? pool_birth(local)
							     : BIRTH_NONE}))
		profile_add(site);
	aside_end(aside);
}

bool sample_take(tarn_pool *pool, const void *object,
		 struct watch_object *taken)
{
	struct objects *samples = &pool->watch->samples;
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(samples, object);
	if (found != NULL) {
		*taken = *found;
		taken->object = (void *)object;
		objects_remove(samples, found);
	}
	mutex_unlock(&pool->mutex);
	return found != NULL;
}

void sample_freed(const struct watch_object *taken)
{
	profile_remove(taken->memory);
}

void sample_age(tarn_pool *pool, const void *object, struct birth birth)
{
	struct watch_object *found;

	mutex_lock(&pool->mutex);
	found = objects_find(&pool->watch->samples, object);
	if (found != NULL)
		found->birth = birth;
	mutex_unlock(&pool->mutex);
}

void sample_put_back(tarn_pool *pool, const struct watch_object *taken)
{
	/* Its place is there still, or another thread has it: then the object
	   is told as if it were never freed. */
	(void)sample_list(pool, *taken);
}

void sample_free(tarn_pool *pool, const void *object)
{
	struct watch_object taken;

	if (sample_take(pool, object, &taken))
		sample_freed(&taken);
}

void sample_reset(tarn_pool *pool)
{
	struct objects *samples = &pool->watch->samples;

	/* Exclusive: no mutex is needed. */
	for (size_t i = 0; i < samples->capacity; i++)
		if (samples->entries[i].object != NULL)
			sample_freed(&samples->entries[i]);
	objects_clear(samples);
}

/* One that was allocated within more than `depth` marks of this thread. */
static bool sample_take_since(tarn_pool *pool, uint32_t depth,
			      struct watch_object *taken)
{
	struct objects *samples = &pool->watch->samples;
	size_t i = 0;
	bool found;

	mutex_lock(&pool->mutex);
	while (i < samples->capacity &&
	       (samples->entries[i].object == NULL ||
		!birth_is_since(samples->entries[i].birth, slot_name(), depth)))
		i++;
	found = i < samples->capacity;
	if (found) {
		*taken = samples->entries[i];
		objects_remove(samples, &samples->entries[i]);
	}
	mutex_unlock(&pool->mutex);
	return found;
}

void sample_free_since(tarn_pool *pool, uint32_t depth)
{
	struct watch_object taken;

	/* The debug mutex is not taken within a pool's. */
	while (sample_take_since(pool, depth, &taken))
		sample_freed(&taken);
}

void sample_rewind(struct local *local)
{
	cut_forget(local);
	sample_join(local);
	local->side->marks.large = LOCAL_BIRTHS_ANY;
}

/* ---- requests -------------------------------------------------------- */

struct sample sample_begin(struct local *local, const struct sample_ask *ask)
{
	struct sample sample = {NULL, SAMPLE_ANY, false};
	size_t need;

	if (palloc_is_large(local, ask->alignment, ask->size, &need)) {
		sample.due = sample_draw(ask->size) < ask->size;
		return sample;
	}
	/* Its sample point, if there is one, is behind: it stays where it is.
	 */
	if (sample_is_hit(local, ask))
		return sample;
	sample.local = local;
	if (!sample_meets_room(local, ask, &sample))
		sample.due = sample_draw(ask->size) < ask->size;
	reuse_begin_room(local);
	sample_join(local);
	return sample;
}

void sample_end(tarn_pool *pool, const struct sample *sample, void *object,
		size_t size, const void *caller)
{
	if (sample->due && object != NULL)
		sample_add(pool, object, size, caller, pool_find_local(pool));
	if (sample->local != NULL)
		sample_cut(sample->local, sample->next);
}

void sample_object(tarn_pool *pool, void *object, size_t size,
		   const void *caller)
{
	if (sample_draw(size) < size)
		sample_add(pool, object, size, caller, NULL);
}

/* ---- the file -------------------------------------------------------- */

void sample_write_locked(void)
{
	FILE *file = debug_sample_file();

	if (file == NULL)
		return;
	if (!profile_write_locked(file))
		debug_say("TARN_DEBUG: the profile cannot be written");
	fclose(file);
}
