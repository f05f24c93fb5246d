/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library should be like after each call: a tree of pools, and of
 * each its objects, cleanups, data and figures.
 *
 * All of it holds too in a pool that is watched for a tool, where each object
 * has memory of its own: what does not is behind model_watched.
 */
#ifndef TARN_FUZZ_MODEL_H
#define TARN_FUZZ_MODEL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

#include "input.h"
#include "request.h"
#include "tarn.h"
#include "upstream.h"

enum {
	MEMBERS = 8, /* pools alive at once, at most          */
	OBJECTS = 48,
	HANDLERS = 24, /* cleanups of a pool in a round         */
	KEYS = 4,
	CACHES = 4,
	MARKS = 12,
	SCRATCH_OBJECTS = 6,
	UPSTREAMS = 2,
	NODE_MOST = 128 /* bytes that a cleanup or a key may cost */
};

struct member;

struct handler {
	struct member *member;
	tarn_cleanup *handle; /* NULL: it ended with a rewind */
	size_t steps;         /* how many calls it makes when it runs */
	bool pending;
	unsigned thread; /* that registered it */
	size_t level;    /* marks of that thread around it */
};

struct cache {
	tarn_cache *cache;
	size_t size, alignment;
};

struct mark {
	tarn_mark value;
	unsigned thread;
};

/* A rewind, which may run cleanups. */
struct rewind {
	unsigned thread;
	size_t to;    /* marks of the thread that will be left   */
	size_t floor; /* and those that were when it began       */
	struct rewind *outer;
};

/* A use of scratch memory. */
struct scratch {
	tarn_pool *pool;
	struct object objects[SCRATCH_OBJECTS];
	size_t count;
	struct scratch *outer;
};

enum state {
	ALIVE,
	ENDING, /* its reset or destroy runs: of this pool, or of an ancestor
		   and one of this pool's cleanups runs */
	DOOMED  /* may have ended, with an ancestor whose reset or destroy runs
		 */
};

struct member {
	tarn_pool *pool; /* NULL: none */
	struct member *parent;
	enum state state;
	unsigned running; /* of its cleanups, one in another */
	struct object objects[OBJECTS];
	size_t count, large_count, child_count, pending;
	size_t least, most; /* bounds of handed_out */
	struct handler handlers[HANDLERS];
	size_t handler_count;
	void *data[KEYS];
	struct cache caches[CACHES];
	size_t cache_count;
	struct mark marks[MARKS]; /* open, of all threads; the newest last */
	size_t mark_count;
	bool stuck; /* a thread ended within marks, which its heir may inherit
		     */
	struct rewind *rewind; /* the innermost, or NULL */
	size_t limit, large_above;
	struct upstream *upstream; /* NULL: one of the library's */
	struct member *oom;        /* whose handler it has; NULL: none */
	bool jumps;                /* that handler does not return */
	char *memory, *buffer;     /* around the caller's buffer, and itself */
	size_t buffer_size;
};

struct model {
	struct input in;
	struct member members[MEMBERS];
	struct upstream upstreams[UPSTREAMS];
	struct member *asked;    /* the pool of this call                    */
	size_t oom_calls;        /* of all handlers                          */
	jmp_buf *jump;           /* where a handler may go, or NULL          */
	struct member *ending;   /* by the innermost reset or destroy        */
	unsigned threads;        /* one waiting for the other                */
	struct handler *early;   /* by tarn_cleanup_run                      */
	struct scratch *scratch; /* the innermost use of all threads, or NULL */
};

/* What a call is compared with. */
struct before {
	tarn_stats stats;
	size_t failures, oom_calls;
};

void model_init(struct model *model, struct input in);

/* Whether each request misses, so that a tool can mark it. */
bool model_watched(void);

/* A free place, or NULL. */
struct member *model_free_member(struct model *model);

/* One that calls may be made with, as a byte of the input says, or NULL. */
struct member *model_pick(struct model *model);

bool member_descends(const struct member *member,
		     const struct member *ancestor);
tarn_stats member_stats(const struct member *member);

struct before before_call(struct model *model, struct member *member);

/*
 * A call was refused: with ENOMEM, for a reason, after the handler, and
 * nothing has changed. `cannot_be`: no such request is ever served.
 */
void check_refused(struct model *model, struct member *member,
		   const struct before *before, bool cannot_be);

/* Whether the call between added an object to the large list. */
bool grew_large(const struct member *member, const struct before *before);

/* Checks a new object, and enters it where there is room in the model. */
void member_enter(struct model *model, struct member *member,
		  struct object object, const struct before *before);

/* That the object, which may be at `but`, overlaps no other. */
void check_apart(struct model *model, const struct object *object,
		 const struct object *but);

/* That it is inside memory of the pool's, and overlaps no other. */
void check_place(struct model *model, struct member *member,
		 const struct object *object, const struct object *but);

/* Takes an object out that was freed, or is not known of any more. */
void member_leave(struct member *member, struct object *object);

/* Caches have taken or given large memory: how much is theirs to say. */
void member_recount(struct member *member);

/* Whether there are caches, whose memory a trim may give back. */
bool model_has_caches(const struct model *model);

void check_contents(const struct member *member);

/* Of `member` and all its descendants that surely live. */
void check_tree_contents(struct model *model, struct member *member);

/* All figures of all pools: where no reset or destroy runs. */
void check_figures(struct model *model);

/* The descendants of `member` may end at any time now. */
void member_doom_descendants(struct model *model, struct member *member);

/* They have ended, with all their cleanups. */
void member_forget_descendants(struct model *model, struct member *member);

/* It has: a round, or with `whole` the pool. */
void member_forget(struct member *member, bool whole);

#endif
