/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_oom.c share: the world of a walk, and its steps. One
 * thread at a time makes a step, the others wait to be told.
 */
#ifndef TARN_TESTS_OOM_H
#define TARN_TESTS_OOM_H

#include "counting.h"
#include "util.h"

#include <semaphore.h>

enum {
	CHILDREN = 3,
	USERS = 10 /* threads beside the main one: their table grows */
};

struct world;

/* Makes one call. Whether it succeeded; if not, the world is as before. */
typedef bool step_fn(struct world *world);

/* A thread that makes a step each time it is told to. */
struct user {
	struct worker worker;
	sem_t go, done;
	struct world *world; /* NULL: not started                             */
	step_fn *fn;         /* NULL: to end                                  */
	bool served;
	int error; /* as the step left it                                     */
};

struct world {
	struct counting counting;
	size_t small_block; /* bytes: the walk is that of reuse; 0: it is not */
	size_t forgiven, forgiven_caches;
	tarn_pool *pool;
	tarn_pool *children[CHILDREN];
	size_t child_count;
	unsigned char *small, *large; /* objects that grow                    */
	size_t small_size, large_size;
	unsigned char *theirs; /* another thread's large object               */
	size_t theirs_size;
	void *to_free;
	void *freed_sized;   /* small, to be freed with its size            */
	void *freed_aligned; /* and with its alignment                      */
	tarn_mark mark;      /* void: none                                  */
	size_t marked;       /* bytes handed out then                       */
	size_t wrong;        /* figures, found by any thread                */
	tarn_cache *cache;
	void *cached;           /* its objects, linked                        */
	size_t registered, ran; /* cleanups                                   */
	size_t keys;
	tarn_local *local; /* the main thread's; NULL: not known yet          */
	struct user users[USERS];
	tarn_local *locals[USERS]; /* theirs */
	size_t user_count;         /* those with their part of the pool */
};

/* ---- objects, in oom_objects.c ------------------------------------------- */

step_fn step_palloc, step_palloc_much, step_pnalloc, step_pcalloc,
	step_pmemalign, step_pmemalign_page, step_local, step_large,
	step_large_aligned, step_pfree, step_grow_small, step_grow_large,
	step_shrink_large, step_pmemdup, step_pstrdup, step_pstrndup,
	step_psprintf, step_psprintf_long, step_pstrcat, step_theirs,
	step_grow_theirs, step_pfree_sized, step_pfree_aligned;

/* ---- all else, in oom_pools.c -------------------------------------------- */

step_fn step_cleanup, step_data, step_child, step_child_palloc,
	step_child_large, step_child_destroy, step_cache, step_cache_alloc,
	step_cache_free, step_trim, step_mark, step_rewind, step_scratch,
	step_reset;

/* ---- the walk, in oom_walk.c --------------------------------------------- */

/* Each step, by whose it is. */
void walk(struct world *world);

/* Of the threads that were told. */
void end_users(struct world *world);

#endif
