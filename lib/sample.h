/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Heap sampling: about one allocation in PROFILE_MEAN bytes is recorded.
 *
 * Sample points are a Poisson process over the bytes that are asked for: each
 * request of `size` bytes is sampled with probability 1 - exp(-size / mean),
 * whatever else is. A room has those of the bytes in it: it is cut at the
 * first, so that the request that would pass it is a miss. A request that the
 * room at hand does not serve draws for itself.
 */
#ifndef TARN_SAMPLE_H
#define TARN_SAMPLE_H

#include "debug.h"
#include "pool.h"

struct watch_object;

static inline bool sample_is_on(const tarn_pool *pool)
{
	return !TARN_LIKELY((pool->source.watched & WATCH_SAMPLE) == 0);
}

/* What a request asks for. */
struct sample_ask {
	size_t alignment;
	size_t size;
	bool up; /* from the front of the room, as by tarn_palloc */
};

/* A request, from its begin to its end. */
struct sample {
	struct local *local; /* whose room may serve it; NULL: none's        */
	size_t next;         /* bytes from there to the next sample point, or
				SAMPLE_ANY: it is to be drawn                */
	bool due;
};

#define SAMPLE_ANY SIZE_MAX

/* Before the request is served; `local` may be NULL. Owner. */
struct sample sample_begin(struct local *local, const struct sample_ask *ask);

/* After it, with `object` or NULL, for the call that returns to `caller`. */
void sample_end(tarn_pool *pool, const struct sample *sample, void *object,
		size_t size, const void *caller);

/* An object that comes from elsewhere. Any thread. */
void sample_object(tarn_pool *pool, void *object, size_t size,
		   const void *caller);

/* It was born then, if it was sampled: it took another one's place. */
void sample_age(tarn_pool *pool, const void *object, struct birth birth);

/* Draws the next sample point of the room at hand. Owner. */
void sample_room(struct local *local);

/* The rooms of a pool just made, or reset. Exclusive. */
void sample_pool(tarn_pool *pool);

/* A rewind to fewer marks: the room is what it was. Owner. */
void sample_rewind(struct local *local);

/* ---- what is free again ---------------------------------------------- */

/* Takes an object off the list, before its memory is free; false: it is not
   there. Then it is free, or it is not. Any thread. */
bool sample_take(tarn_pool *pool, const void *object,
		 struct watch_object *taken);
void sample_freed(const struct watch_object *taken);
void sample_put_back(tarn_pool *pool, const struct watch_object *taken);

/* The object will be free. Any thread. */
void sample_free(tarn_pool *pool, const void *object);

/* All will be that were allocated within more than `depth` marks of this
   thread. */
void sample_free_since(tarn_pool *pool, uint32_t depth);

/* All objects are. Exclusive. */
void sample_reset(tarn_pool *pool);

/* ---- the process ----------------------------------------------------- */

/* What threads draw that have not drawn yet, the calling one included. */
void sample_seed(uint64_t seed);

/* Writes the profile, if a file for it is there. */
void sample_write_locked(void) MUTEX_HELD(debug_mutex);

#endif
