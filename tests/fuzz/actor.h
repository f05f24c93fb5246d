/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One of several threads that make calls at once, in pools that they share.
 */
#ifndef TARN_FUZZ_ACTOR_H
#define TARN_FUZZ_ACTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "input.h"
#include "request.h"
#include "tarn.h"
#include "upstream.h"

enum {
	ACTORS = 3,
	POOLS = 3,     /* a root, its child, another root */
	KEPT = 24,     /* objects that an actor looks after */
	HANDLERS = 12, /* cleanups that an actor registers */
	CACHES = 4,    /* that actors share */
	HANDED = 8     /* objects on the way from one to another */
};

struct shared {
	tarn_pool *pool;
	bool is_child;             /* of the first */
	struct upstream *upstream; /* NULL: one of the library's */
	size_t limit, large_above;
};

struct kept {
	struct object object;
	size_t pool;
};

struct cache {
	tarn_cache *cache; /* NULL: none */
	size_t pool, size, alignment;
};

struct handler {
	tarn_pool *pool;
	tarn_cleanup *handle; /* NULL: it has ended, or there is none */
	size_t at;            /* its pool's number */
	size_t level;         /* marks around it */
	atomic_uint ran, cancelled;
};

struct scene;

/* What one thread does; others read `handlers` below `published`. */
struct actor {
	struct scene *scene;
	struct input in;
	struct kept kept[KEPT];
	size_t count;
	struct handler handlers[HANDLERS];
	size_t added, published;
	struct cache cache;  /* its own, but not the objects' */
	size_t level[POOLS]; /* marks open */
	tarn_pool *scratch;  /* of the innermost use, or NULL */
	unsigned depth;      /* marks and uses of scratch in each other */
};

struct scene {
	struct shared pools[POOLS];
	struct actor actors[ACTORS];
	struct upstream upstream;
	struct cache caches[CACHES];
	pthread_mutex_t lock; /* of all below but the last */
	struct kept handed[HANDED];
	size_t handed_count;
	atomic_size_t missing; /* actors that have not begun */
};

/* Makes the calls that its input is. */
void actor_run(struct actor *actor);

/* So many calls, or as many as there are bytes for. */
void actor_acts(struct actor *actor, size_t count);

/* Whether a call in this pool may be refused. */
bool actor_may_fail(const struct scene *scene, size_t pool);

/* One of its objects, or NULL. */
struct kept *actor_pick(struct actor *actor);

/* That all its objects hold what it wrote. */
void actor_check(const struct actor *actor);

#endif
