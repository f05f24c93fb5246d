/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * W10: the trace of a real program, replayed. What a peer may define for it,
 * each as a macro and a function; in its place stands what its users would do.
 *	PEER_SIZED     peer_pool *peer_create_sized(size_t first_block)
 *	PEER_PACKS     void *peer_pack(peer_local *, size_t)
 *	PEER_ZEROES    void *peer_zero(peer_local *, size_t)
 *	PEER_ALIGNS    void *peer_align(peer_local *, size_t align, size_t size)
 *	PEER_RESIZES   void *peer_resize(peer_local *, void *, size_t, size_t)
 *	PEER_GIVES     void peer_give(peer_local *, void *, size_t), of what is
 *	               freed in a trace of malloc
 *	PEER_CLEANUP   void peer_cleanup(peer_local *, size_t *count), which
 *	               adds one to *count at the pool's end
 *	PEER_LEAST     with PEER_FREES: only larger objects are freed
 *	PEER_REFUSES   peer_free takes smaller ones too, and refuses them
 * A peer without pools frees a pool's objects at its end, and those of a trace
 * of malloc one by one.
 */
#ifndef TARN_BENCH_REPLAY_H
#define TARN_BENCH_REPLAY_H

#include <string.h>

#include "trace.h"

#ifndef PEER_LEAST
#define PEER_LEAST 0
#endif

struct replay {
	const struct trace *trace;
	peer_pool **pools;
	peer_local **locals;
	void **objects;
	bool one_by_one; /* frees, in a trace of malloc */
	size_t cleanups;
};

/* ---- what a peer lacks --------------------------------------------------- */

#ifndef PEER_SIZED
static inline peer_pool *peer_create_sized(size_t first_block)
{
	(void)first_block;
	return peer_create();
}
#endif

#ifndef PEER_PACKS
static inline void *peer_pack(peer_local *local, size_t size)
{
	return peer_alloc(local, size);
}
#endif

#ifndef PEER_ZEROES
static inline void *peer_zero(peer_local *local, size_t size)
{
	return memset(peer_alloc(local, size), 0, size);
}
#endif

/* More memory, and the aligned object within. */
#ifndef PEER_ALIGNS
static inline void *peer_align(peer_local *local, size_t align, size_t size)
{
	char *object = (char *)peer_alloc(local, size + align - 1);

	return object + (-(uintptr_t)object & (align - 1));
}
#endif

#ifdef PEER_GIVES
static const bool replay_gives = true;
#else
static const bool replay_gives = false;

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	(void)local;
	(void)object;
	(void)size;
}
#endif

#ifndef PEER_RESIZES
static inline void *peer_resize(peer_local *local, void *old, size_t old_size,
				size_t size)
{
	void *object = peer_alloc(local, size);

	if (old != NULL)
		memcpy(object, old, old_size < size ? old_size : size);
	if (old != NULL)
		peer_give(local, old, old_size);
	return object;
}
#endif

/* An object of three words, as a list of them would have it. */
#ifndef PEER_CLEANUP
static inline void peer_cleanup(peer_local *local, size_t *count)
{
	size_t **words = (size_t **)peer_alloc(local, 3 * sizeof(size_t));

	*words = count;
	keep(words);
}
#endif

/* What a trace of pools frees early. */
#if defined PEER_LISTS || !defined PEER_FREES
static inline void replay_free_early(const struct replay *replay,
				     const struct trace_step *step, void *old)
{
	(void)replay;
	(void)step;
	(void)old;
}
#elif defined PEER_REFUSES
static inline void replay_free_early(const struct replay *replay,
				     const struct trace_step *step, void *old)
{
	peer_free(replay->locals[step->pool], old, step->old_size);
}
#else
static inline void replay_free_early(const struct replay *replay,
				     const struct trace_step *step, void *old)
{
	if (step->op == TRACE_FREE && step->old_size > PEER_LEAST)
		peer_free(replay->locals[step->pool], old, step->old_size);
}
#endif

/* A peer without pools has its own calls for a trace of malloc, and no list. */
#ifdef PEER_LISTS
static inline bool replay_is_malloc(const struct replay *replay)
{
	return replay->one_by_one;
}

static inline void *replay_malloc(const struct trace_step *step)
{
	return step->op == TRACE_ZEROED ? malloc_zeroed(step->size)
					: malloc_take(step->size);
}

static inline void *replay_realloc(void *old, const struct trace_step *step)
{
	return malloc_resize(old, step->old_size, step->size);
}
#else
static inline bool replay_is_malloc(const struct replay *replay)
{
	(void)replay;
	return false;
}

static inline void *replay_malloc(const struct trace_step *step)
{
	(void)step;
	return NULL;
}

static inline void *replay_realloc(void *old, const struct trace_step *step)
{
	(void)old;
	(void)step;
	return NULL;
}
#endif

/* ---- one step ------------------------------------------------------------ */

static inline void *replay_alloc(const struct replay *replay,
				 const struct trace_step *step)
{
	peer_local *local = replay->locals[step->pool];

	if (replay_is_malloc(replay))
		return replay_malloc(step);
	switch (step->op) {
	case TRACE_PACKED:
		return peer_pack(local, step->size);
	case TRACE_ZEROED:
		return peer_zero(local, step->size);
	case TRACE_ALIGNED:
		return peer_align(local, (size_t)1 << step->log_alignment,
				  step->size);
	default:
		return peer_alloc(local, step->size);
	}
}

static inline void *replay_resize(const struct replay *replay,
				  const struct trace_step *step)
{
	void *old = replay->objects[step->old];

	replay->objects[step->old] = NULL;
	if (replay_is_malloc(replay))
		return replay_realloc(old, step);
	return peer_resize(replay->locals[step->pool], old, step->old_size,
			   step->size);
}

static inline void replay_free(const struct replay *replay,
			       const struct trace_step *step)
{
	void *old = replay->objects[step->old];

	replay->objects[step->old] = NULL;
	if (old == NULL)
		return;
	if (replay_gives && replay->one_by_one)
		peer_give(replay->locals[step->pool], old, step->old_size);
	else
		replay_free_early(replay, step, old);
}

static inline void replay_create(const struct replay *replay,
				 const struct trace_step *step)
{
	peer_pool *pool = peer_create_sized(step->size);

	replay->pools[step->pool] = pool;
	replay->locals[step->pool] = peer_use(pool, 0);
}

/* Runs one step; returns the object that it made, or NULL. */
static inline void *replay_step(struct replay *replay,
				const struct trace_step *step)
{
	void *object = NULL;

	switch (step->op) {
	case TRACE_CREATE:
		replay_create(replay, step);
		break;
	case TRACE_DESTROY:
		peer_destroy(replay->pools[step->pool]);
		break;
	case TRACE_RESET:
		peer_reset(replay->pools[step->pool]);
		break;
	case TRACE_FREE:
	case TRACE_REFUSED:
		replay_free(replay, step);
		break;
	case TRACE_CLEANUP:
		peer_cleanup(replay->locals[step->pool], &replay->cleanups);
		break;
	case TRACE_RESIZE:
		object = replay_resize(replay, step);
		break;
	default:
		object = replay_alloc(replay, step);
	}
	if (step->object != 0)
		replay->objects[step->object] = object;
	return object;
}

/* Frees what the trace left over, of a peer without pools. */
static void replay_end(struct replay *replay)
{
	for (uint32_t i = 1;
	     replay_is_malloc(replay) && i < replay->trace->objects; i++)
		if (replay->objects[i] != NULL)
			peer_give(NULL, replay->objects[i],
				  replay->trace->sizes[i]);
	memset(replay->objects, 0,
	       replay->trace->objects * sizeof(*replay->objects));
}

/* ---- passes -------------------------------------------------------------- */

static struct sample replay_round(void *arg)
{
	struct replay *replay = (struct replay *)arg;
	const struct trace *trace = replay->trace;
	struct sample sample = {0, (double)trace->count, 0, 0};
	double start = clock_ns();

	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_step *step = &trace->steps[i];
		char *object = (char *)replay_step(replay, step);

		if (object != NULL && step->size != 0)
			*(volatile char *)object = 1;
	}
	sample.ns = clock_ns() - start;
	replay_end(replay);
	return sample;
}

/* The most that all pools held at once, in bytes; or nothing. */
#ifdef PEER_HELD
static void replay_print_held(struct replay *replay)
{
	const struct trace *trace = replay->trace;
	size_t *held = (size_t *)calloc(trace->pools, sizeof(*held));
	size_t all = 0, peak = 0;

	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_step *step = &trace->steps[i];

		replay_step(replay, step);
		all -= held[step->pool];
		held[step->pool] = 0;
		if (step->op != TRACE_DESTROY)
			held[step->pool] = peer_held(replay->pools[step->pool]);
		all += held[step->pool];
		if (all > peak)
			peak = all;
	}
	replay_end(replay);
	free(held);
	worker_print("peak_held", (double)peak);
}
#else
static void replay_print_held(struct replay *replay)
{
	(void)replay;
}
#endif

/* ---- every byte checked -------------------------------------------------- */

/* What object number `i` is filled with. */
static inline unsigned char replay_fill_of(size_t i)
{
	return (unsigned char)(i * 167 + 13);
}

struct replay_object {
	unsigned char *bytes; /* NULL: gone */
	size_t size;
	uint32_t pool;
};

static void replay_check_object(struct replay_object *objects, size_t i)
{
	struct replay_object *object = &objects[i];

	for (size_t k = 0; object->bytes != NULL && k < object->size; k++)
		if (object->bytes[k] != replay_fill_of(i))
			worker_fail("object %zu: byte %zu of %zu was "
				    "overwritten",
				    i, k, object->size);
	object->bytes = NULL;
}

static void replay_check_new(const struct trace_step *step,
			     const unsigned char *bytes, size_t i)
{
	size_t align = step->op == TRACE_PACKED ? 1
		       : step->op == TRACE_ALIGNED
			       ? (size_t)1 << step->log_alignment
			       : 8;

	if (bytes == NULL || (uintptr_t)bytes % align != 0)
		worker_fail("object %zu of %zu bytes: not aligned to %zu", i,
			    (size_t)step->size, align);
	for (size_t k = 0; step->op == TRACE_ZEROED && k < step->size; k++)
		if (bytes[k] != 0)
			worker_fail("object %zu: byte %zu is not zero", i, k,
				    (size_t)0);
}

/* A pass with all that it has to remember. */
struct replay_check {
	struct replay *replay;
	struct replay_object *objects; /* by step                       */
	size_t *at;                    /* by object: the step it is of  */
	size_t *starts;                /* by pool: the step it is of    */
};

/* Objects that this step ends are looked at before it runs. */
static void replay_check_ends(struct replay_check *check, size_t i)
{
	const struct trace_step *step = &check->replay->trace->steps[i];

	if (step->op == TRACE_CREATE)
		check->starts[step->pool] = i;
	if (step->op == TRACE_DESTROY || step->op == TRACE_RESET)
		for (size_t k = check->starts[step->pool]; k < i; k++)
			if (check->objects[k].pool == step->pool)
				replay_check_object(check->objects, k);
	if (step->op == TRACE_FREE || step->op == TRACE_REFUSED ||
	    step->op == TRACE_RESIZE)
		replay_check_object(check->objects, check->at[step->old]);
}

static void replay_check_step(struct replay_check *check, size_t i)
{
	const struct trace_step *step = &check->replay->trace->steps[i];
	unsigned char *bytes;
	size_t old = check->at[step->old];

	replay_check_ends(check, i);
	bytes = (unsigned char *)replay_step(check->replay, step);
	if (step->op < TRACE_ALLOC || step->op > TRACE_RESIZE)
		return;
	replay_check_new(step, bytes, i);
	for (size_t k = 0;
	     step->op == TRACE_RESIZE && k < step->size && k < step->old_size;
	     k++)
		if (bytes[k] != replay_fill_of(old))
			worker_fail("object %zu: byte %zu of %zu was lost", i,
				    k, (size_t)step->old_size);
	memset(bytes, replay_fill_of(i), step->size);
	check->objects[i].bytes = bytes;
	check->objects[i].size = step->size;
	check->objects[i].pool = step->pool;
	if (step->object != 0)
		check->at[step->object] = i;
}

static void replay_check_all(struct replay *replay)
{
	const struct trace *trace = replay->trace;
	struct replay_check check = {replay, NULL, NULL, NULL};

	check.objects = (struct replay_object *)calloc(trace->count,
						       sizeof(*check.objects));
	check.at = (size_t *)calloc(trace->objects, sizeof(*check.at));
	check.starts = (size_t *)calloc(trace->pools, sizeof(*check.starts));
	for (size_t i = 0; i < trace->count; i++)
		replay_check_step(&check, i);
	replay_end(replay);
	worker_print("checked", (double)trace->count);
	free(check.objects);
	free(check.at);
	free(check.starts);
}

static void run_replay(const struct bench_case *bench_case)
{
	const struct trace *trace = trace_read(bench_case->trace);
	struct replay replay = {trace, NULL, NULL, NULL, false, 0};
	size_t rss;

	replay.pools = (peer_pool **)calloc(trace->pools, sizeof(peer_pool *));
	replay.locals =
		(peer_local **)calloc(trace->pools, sizeof(peer_local *));
	replay.objects = (void **)calloc(trace->objects, sizeof(void *));
	replay.one_by_one = trace->pools == 1;
	memset(replay.objects, 0, trace->objects * sizeof(void *));
	if (worker_checks) {
		replay_check_all(&replay);
		return;
	}
	rss = worker_rss();
	worker_reset_peak_rss();
	replay_round(&replay);
	worker_print("peak_rss", (double)(worker_peak_rss() - rss));
	replay_print_held(&replay);
	worker_measure(replay_round, &replay);
}

#endif
