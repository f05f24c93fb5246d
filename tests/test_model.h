/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_model share: the model, which is what is known of each
 * pool; calls, each made of the library and of the model, and compared; and
 * checks. Between two calls the model is as the library is.
 *
 * All functions return a status (see EXPECT): they run off the main thread.
 */
#ifndef TARN_TESTS_TEST_MODEL_H
#define TARN_TESTS_TEST_MODEL_H

#include "counting.h"
#include "local.h"
#include "util.h"

enum {
	POOLS = 8,     /* alive at once, at most                           */
	OBJECTS = 600, /* in a pool; it is reset when it has so many       */
	CLEANUPS = 40, /* registered in a round of a pool                  */
	KEYS = 6,
	CACHES = 3,
	MARKS = 4,      /* open at once, of a thread in a pool               */
	LINES = 2,      /* of threads: the main one; the others, one after
			   another, each the heir of the one before          */
	SCRATCH = 6,    /* objects of a use of scratch                       */
	CALLS = 400000, /* of a full run                                    */
	SHIFT = 1000,   /* calls until the next thread takes over           */
	ARENA_GUARD = 32, /* bytes around a caller's buffer                   */
	GUARD_BYTE = 0x77,
	NODE_MOST = 128, /* bytes that a cleanup or a key may cost            */
	ROUNDED_MOST = 64 /* bytes that rounding adds to an object            */
};

/* As in util.h; and which file it is of is kept, since there are several. */
#undef EXPECT
#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			failed_file = __FILE__;                                \
			return __LINE__;                                       \
		}                                                              \
	} while (0)

#define TRY(call)                                                              \
	do {                                                                   \
		int try_status = (call);                                       \
                                                                               \
		if (try_status != 0)                                           \
			return try_status;                                     \
	} while (0)

struct object {
	unsigned char *ptr;
	size_t size;
	unsigned char mark; /* what its bytes follow from                     */
	bool large;         /* in the large list                              */
	bool resizable;     /* of palloc, pcalloc or prealloc                 */
	size_t alignment;   /* to free it with; 0: by tarn_pfree_sized        */
	tarn_cache *cache;  /* that it is of, or NULL                         */
	size_t thread;      /* that allocated it, and how many marks ...      */
	size_t depth;       /* ... of its line were open then                 */
};

/* A mark that is open. */
struct marked {
	tarn_mark mark;
	size_t added; /* to `most` since, by what goes with the rewind        */
	size_t thread;
};

/* The marks of a line of threads in a pool, those that dead ones left too. */
struct marks {
	struct marked open[MARKS];
	size_t count;
};

struct cache {
	tarn_cache *cache;
	size_t size, alignment;
};

struct member;

struct handler {
	struct member *member;
	tarn_cleanup *handle;
	size_t index;
	bool pending;
	bool large; /* its node is in the large list                          */
	bool gone;  /* with a rewind: so is the handle                        */
	size_t thread, depth;
};

/* A pool and what the model knows of it. */
struct member {
	struct model *model;
	tarn_pool *pool; /* NULL: free                                        */
	struct member *parent;
	struct counting *counting;
	struct object objects[OBJECTS];
	size_t count, large_count, child_count;
	size_t least, most; /* bounds of handed_out                           */
	struct handler handlers[CLEANUPS];
	size_t handler_count, pending;
	struct marks marks[LINES];
	size_t rewinding; /* 0, or how many marks are to be left, and one     */
	struct cache caches[CACHES];
	size_t cache_count;
	void *data[KEYS];
	size_t limit, max; /* larger requests go to the large list            */
	char *area; /* around the caller's buffer, or NULL                    */
	char *buffer;
	size_t buffer_size;
};

struct model {
	uint64_t state;
	struct member members[POOLS];
	struct counting countings[2];
	size_t calls_left;
	size_t oom_calls; /* of the handler                                   */
	tarn_pool *oom_pool;
	size_t disorder; /* cleanups that ran wrongly                        */
	size_t thread;   /* that makes the calls; 0: the main one            */
	size_t threads;  /* there were so far                                */
	bool watched;    /* so what moves leaves nothing behind              */
};

/* What a call is compared with. */
struct before {
	tarn_stats stats;
	bool had_local; /* the thread, its local pool                        */
	bool had_side;  /* and that what reuse needs beside it               */
	bool is_resize; /* of a large object: a place is made for it first   */
	size_t failures, oom_calls;
};

extern const char *failed_file;
extern const char keys[KEYS];

/* ---- the model (model_state.c) ------------------------------------------ */

size_t pick(struct model *model, size_t low, size_t high);
bool chance(struct model *model, size_t one_in);
size_t pick_size(struct model *model);
size_t failures(const struct model *model);
bool is_limited(const struct member *member);
tarn_stats figures(const struct member *member);
void write_bytes(struct object *object);
bool has_bytes(const struct object *object, size_t size);
bool is_inside(struct member *member, const struct object *object);
struct before before_call(struct member *member);
bool grew_large(struct member *member, const struct before *before);
size_t line_of(const struct model *model);
struct marks *marks_of(struct member *member);
void charge(struct member *member, size_t depth, size_t bytes);
bool may_touch(const struct member *member, const struct object *object);
void born_now(struct member *member, struct object *object);
void forget_object(struct member *member, struct object *object);
int enter(struct member *member, struct object object, size_t padding,
	  const struct before *before);

/* ---- checks (model_check.c) --------------------------------------------- */

int check_unchanged(struct member *member, const struct before *before);
int check_refused(struct member *member, const struct before *before);
int check_contents(const struct member *member);
int check_figures(struct member *member);
bool descends_from(const struct member *member, const struct member *ancestor);
int check_held(struct model *model);
int check_all(struct model *model);

/* ---- calls of a pool ---------------------------------------------------- */

/* model_object.c */
int call_palloc(struct member *member);
int call_pcalloc(struct member *member);
int call_packed(struct member *member);
int call_aligned(struct member *member);
int call_local(struct member *member);
int call_string(struct member *member);
int call_prealloc(struct member *member);
int call_invalid(struct member *member);
int call_pfree(struct member *member);
int call_pfree_sized(struct member *member);
int call_pfree_many(struct member *member);
int call_pfree_invalid(struct member *member);

/* model_cache.c */
int call_cache_create(struct member *member);
int call_cache_alloc(struct member *member);
int call_cache_free(struct member *member);
int call_cache_many(struct member *member);

/* model_cleanup.c */
bool is_rewound(const struct handler *handler, size_t left);
int call_cleanup_add(struct member *member);
int call_cleanup_use(struct member *member);
int call_data(struct member *member);

/* model_mark.c */
int call_mark(struct member *member);
int call_rewind(struct member *member);
int call_scratch(struct member *member);
int end_marks(struct model *model);

/* model_pool.c */
int call_create(struct model *model);
int call_trim(struct model *model);
int call_reset(struct member *member);
int call_destroy(struct member *member);

#endif
