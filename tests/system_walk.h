/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_system.c share: the world of a walk, and its steps.
 * All of it is in the process of a walk, where one thread at a time makes a
 * step.
 */
#ifndef TARN_TESTS_SYSTEM_WALK_H
#define TARN_TESTS_SYSTEM_WALK_H

#include "system.h"

#include "counting.h"
#include "pages.h"
#include "util.h"

#include <unistd.h>

enum {
	OBJECTS = 400 /* the most that a walk keeps in a pool */
};

/* Bytes: an object may take a page of its own. */
#define LIMIT (4096 * pages_size())

/* The number of the call that failed in this walk's process. */
extern size_t failing_call;

/* In the process of a walk, on any thread. */
#define HOLDS(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: not %s; failing call %zu\n",   \
				__FILE__, __LINE__, #condition, failing_call); \
			_exit(EXIT_FAILURE);                                   \
		}                                                              \
	} while (0)

struct object {
	tarn_pool *pool;
	unsigned char *bytes; /* NULL: none */
	size_t size;
};

/* Objects with a place of their own; the others follow. */
enum {
	GROWS_SMALL,
	GROWS_LARGE,
	GROWS_THEIRS, /* another thread's each time */
	TO_FREE,
	FREED_SIZED,
	FREED_THEIRS, /* by the thread that comes next */
	OTHERS
};

struct world {
	int kind;
	tarn_pool *pool, *child;
	struct object objects[OBJECTS];
	size_t count;
	tarn_cleanup *cleanup; /* NULL, or to be cancelled or run */
	tarn_cache *cache;
	unsigned char *cached;  /* its objects, linked */
	tarn_mark mark;         /* of the thread whose turn it is */
	size_t marked;          /* bytes handed out then */
	size_t since_mark;      /* cleanups registered since */
	size_t registered, ran; /* cleanups, those cancelled not counted */
	size_t keys;
	size_t ooms; /* calls of the handler */
};

/* Makes one call. Whether it succeeded; if not, the world is as before. */
typedef bool step_fn(struct world *world);

/* ---- objects, in system_objects.c ---------------------------------------- */

void fill(const struct object *object);

/* The first `size` bytes. */
bool is_filled(const struct object *object, size_t size);

/* Whether `ptr` is an object, which then is filled and kept in mind. */
bool keep(struct world *world, tarn_pool *pool, void *ptr, size_t size);

/* Of a pool that ended. */
void forget(struct world *world, const tarn_pool *pool);

step_fn step_palloc, step_palloc_much, step_pnalloc, step_pcalloc,
	step_pmemalign, step_pmemalign_wide, step_large, step_local,
	step_grow_small, step_grow_large, step_shrink_large, step_grow_theirs,
	step_huge, step_pfree_foreign, step_pmemdup, step_pstrdup,
	step_pstrndup, step_psprintf, step_pstrcat, step_pfree_sized,
	step_leave_aligned, step_pfree_aligned;

/* ---- all else, in system_pools.c ----------------------------------------- */

step_fn step_cleanup_add, step_cleanup_cancel, step_cleanup_run, step_data,
	step_child, step_child_palloc, step_child_large, step_child_destroy,
	step_scratch, step_cache, step_cache_alloc, step_cache_free, step_mark,
	step_since_mark, step_large_since_mark, step_cleanup_since_mark,
	step_rewind, step_rest_of_limit, step_trim, step_reset, step_create,
	step_destroy;

/* ---- the walk, in system_walk.c ------------------------------------------ */

/* A pool's life, in that of the threads that use it. */
void walk(struct world *world, int kind, bool calm);

/* All that is left is the registry of slots, of which one is a thread's. */
void check_nothing_left(struct world *world);

#endif
