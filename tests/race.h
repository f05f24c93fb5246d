/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_race.c share: the scene that workers meet in, what
 * each of them keeps account of, and the calls that they may make.
 *
 * A worker writes its own struct work alone, and of the scene what is atomic;
 * all else of it is the main thread's, before the workers start and after they
 * ended.
 */
#ifndef TARN_TESTS_RACE_H
#define TARN_TESTS_RACE_H

#include "counting.h"
#include "util.h"

enum {
	STEPS = 48,            /* calls of a worker in a round              */
	WORKERS = 4,           /* most workers in a round                   */
	SHARED = 24,           /* things that all workers fight for         */
	OBJECTS = STEPS * 8,   /* most objects a worker keeps               */
	SMALL_MAX = 600,       /* bytes of a small object                   */
	LARGE_MIN = 4097,      /* bytes: just above the default large_above */
	LARGE_MAX = 20000,     /* bytes                                     */
	SAMPLED_OBJECTS = 4000 /* allocations of a worker beside statistics */
};

/* ---- what workers share, and what each did ----------------------------- */

/* What a pool is like when the workers meet it. */
struct state {
	const char *name;
	tarn_options options;
	bool counted; /* over an upstream that counts and checks       */
	bool child;   /* child of another pool, whose others are busy */
	bool used;    /* by its creator: it owns the pool's own local */
	bool reset;   /* used by two threads, and reset               */
};

struct object {
	const tarn_pool *pool;
	unsigned char *at;
	size_t size;
	unsigned char fill;
};

struct scene;

/* What all workers take from: of each thing, one of them gets hold. */
enum fight {
	FIGHT_LARGE,
	FIGHT_CLEANUP,
	FIGHTS
};

/* One worker's part in a round. */
struct work {
	struct scene *scene;
	const struct operation *operation; /* NULL: one at random each step */
	bool exact;                        /* at random among those that are */
	uint64_t random;
	tarn_local *local;
	tarn_pool *child;  /* this worker's child of the pool */
	tarn_pool *other;  /* this worker's pool elsewhere    */
	tarn_cache *cache; /* this worker's in the pool        */
	unsigned char *handed;
	size_t objects_count;
	size_t cleanups_left; /* registered, to run at destroy     */
	size_t cleanups_now;  /* ran by tarn_cleanup_run           */
	size_t large_left;    /* large allocations kept            */
	size_t keys_set;      /* of the shared ones                */
	size_t large_maybe;   /* kept where the library chose      */
	size_t handed_out;    /* by calls that say it to the byte  */
	size_t since_mark;    /* cleanups registered within marks  */
	size_t since_mark_ran;
	bool had_void; /* a mark that was void: what followed it stays */
	unsigned number;
	bool fought[FIGHTS];
	bool won[FIGHTS][SHARED];
	struct object *objects; /* OBJECTS of them */
};

struct scene {
	const struct state *state;
	tarn_pool *parent;
	tarn_pool *pool;
	tarn_pool *child; /* of all workers */
	void *buffer;
	void *large[SHARED];
	tarn_cleanup *cleanups[SHARED];
	tarn_cache *cache;              /* of all workers */
	_Atomic(void *) cached[SHARED]; /* its objects    */
	_Atomic(void *) sized[SHARED];  /* to be freed with their sizes */
	atomic_size_t cleanup_runs[SHARED];
	atomic_size_t runs; /* of the workers' own cleanups in the pool */
	size_t ready[FIGHTS];
	size_t handed_out; /* before the workers came */
	size_t in_step; /* how many wait for each other at each call; 0: none */
	atomic_size_t arrived;
	struct counting counting;
	struct work works[WORKERS];
};

/* A call with what is verified of it; 0, or the line that failed. */
typedef int race_call(struct work *work);

/* Has the main thread make what a call needs. */
typedef void race_preparation(struct scene *scene);

struct operation {
	const char *name;
	race_call *run;
	race_preparation *prepare; /* NULL: nothing */
	bool exact; /* what it leaves handed out is known to the byte */
};

/* Keys that all workers set, by their addresses. */
extern const char shared_keys[SHARED];

/* ---- the calls --------------------------------------------------------- */

/* In race_objects.c. */
race_call run_palloc, run_pnalloc, run_pcalloc, run_pmemalign, run_prealloc,
	run_large, run_pfree, run_copy, run_format, run_local, run_pfree_sized,
	run_cache, run_cache_create;
race_preparation prepare_prealloc, prepare_pfree, prepare_cache;

/* Of the i-th object that goes round; freed by the call that is its own. */
size_t sized_size(size_t i);
int free_sized(tarn_pool *pool, size_t i, void *object);

/* In race_pools.c. */
race_call run_child, run_child_reset, run_child_shared, run_data, run_cleanup,
	run_stats, run_report, run_trim, run_mark, run_scratch, run_other,
	run_other_reset, run_constants;
race_preparation prepare_child_shared, prepare_cleanup;

/* ---- the rounds -------------------------------------------------------- */

enum {
	OPERATION_COUNT = 26,
	MIXED_COUNT = OPERATION_COUNT - 1, /* those of the random mix */
	STATE_COUNT = 9
};

/* In race_round.c. */
extern const struct operation OPERATIONS[OPERATION_COUNT];
extern const struct state STATES[STATE_COUNT];

/* Workers with these operations, in a pool in that state, that begin each call
   together if `in_step`, else only the first; all verified. Those without one
   take any, or if `exact` those that are. */
void race(const struct state *state, const struct operation *const *operations,
	  size_t workers, bool in_step, bool exact, uint64_t *random);

/* In race_verify.c: of the quiet scene after a round. */
void verify_scene(struct scene *scene, size_t workers);

/* Destroys all, and verifies that each cleanup ran once, and memory is back. */
void scene_close(struct scene *scene, size_t workers);

/* ---- the other parts --------------------------------------------------- */

void add_growth_tests(Suite *suite);
void add_stats_tests(Suite *suite);
void add_misuse_tests(Suite *suite);

/* ---- what all keep account by ------------------------------------------ */

/* Whether a refusal is right: only where there is a limit. */
static inline bool may_refuse(const struct work *work)
{
	return work->scene->state->options.limit != 0 && errno == ENOMEM;
}

/* Fills an object and notes it for the end; NULL if refused. */
static inline int keep_in(struct work *work, const tarn_pool *pool, void *at,
			  size_t size)
{
	struct object *object = &work->objects[work->objects_count];

	if (at == NULL)
		return may_refuse(work) ? 0 : __LINE__;
	if (size == 0)
		return 0;
	EXPECT(work->objects_count < OBJECTS);
	object->pool = pool;
	object->at = at;
	object->size = size;
	object->fill = (unsigned char)(work->number << 6 |
				       (work->objects_count & 0x3f));
	memset(at, object->fill, size);
	work->objects_count++;
	return 0;
}

static inline int keep(struct work *work, void *at, size_t size)
{
	return keep_in(work, work->scene->pool, at, size);
}

static inline bool all_bytes(const unsigned char *at, size_t size,
			     unsigned char byte)
{
	return size == 0 ||
	       (at[0] == byte && memcmp(at, at + 1, size - 1) == 0);
}

/* Of a call whose requests are whole alignments. */
static inline size_t whole(size_t size)
{
	return (size + TARN_ALIGNMENT - 1) & ~(size_t)(TARN_ALIGNMENT - 1);
}

static inline size_t small_size(struct work *work)
{
	return random_between(&work->random, 1, SMALL_MAX);
}

static inline void count_run(void *data)
{
	atomic_fetch_add((atomic_size_t *)data, 1);
}

#endif
