/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watched pools: what rides on the miss. In a pool that is watched each
 * request is a miss, since its local pools never have room at hand; each
 * object is a claim of its own, with a zone around it where a tool can use
 * one; and what was free once is not handed out again before the pool ends.
 *
 * A pool is watched from its creation on, or not at all.
 */
#ifndef TARN_WATCH_H
#define TARN_WATCH_H

#include "debug.h"
#include "objects.h"
#include "pool.h"
#include "trace.h"

/* Objects freed of late that a pool knows, to tell what is freed twice. */
#define WATCH_FREED ((size_t)64)

/* What a watched pool has beside the others; in memory of malloc's. */
struct watch {
	tarn_pool *pool;          /* [c] of one that is told           */
	struct watch *older;      /* [l] debug mutex: all that are told */
	struct watch *newer;      /* [l] debug mutex                   */
	struct source guard;      /* [c] of objects before a guard     */
	struct objects objects;   /* [l] the pool's mutex              */
	size_t held;              /* [l] the pool's mutex: by those    */
	struct objects samples;   /* [l] the pool's mutex: see sample.h */
	void *freed[WATCH_FREED]; /* [l] the pool's mutex: the latest  */
	size_t freed_next;        /* [l] the pool's mutex              */
	uint32_t number;          /* [c] in a trace                    */
	uint32_t forks;           /* [c] of the process, before        */
	bool untold;              /* [c] the library's own: no leak    */
	_Atomic uint32_t inside;  /* [a] threads within a request      */
};

/* For messages. */
static inline const char *watch_name(const tarn_pool *pool)
{
	return pool->name != NULL ? pool->name : "";
}

/* Whether each object has pages of its own, before a guard. */
static inline bool watch_is_guarded(const tarn_pool *pool)
{
	return (pool->source.watched & WATCH_GUARD) != 0;
}

/* ---- lifetimes ------------------------------------------------------- */

/* Begins to watch a pool just made with `options`, as options_read left them;
   false: there is no memory for it. */
bool watch_pool(tarn_pool *pool, const tarn_options *options);

/* Calls see(with, pool) for each that is told of at exit. */
void watch_each_locked(void (*see)(void *with, tarn_pool *pool), void *with)
	MUTEX_HELD(debug_mutex);

/* It is the library's own, and no leak where it is there at exit. */
void watch_untell(tarn_pool *pool);

/* Between what makes a pool busy and what it does then, and before it is not:
   the report at exit, of a thread that knows of none of it, is done with the
   pool, or finds it busy, or sees all that was done. */
void watch_meet_report(void);

/* The pool ends: after its objects, before its first block. Exclusive. */
void watch_pool_end(tarn_pool *pool);

/* Makes the first block ordinary memory again. May keep it for a while, so that
   late calls are told; false: it goes back now. */
bool watch_bury(tarn_pool *pool);

/* ---- objects: watch_objects.c ---------------------------------------- */

/* Where objects with memory of their own come from. */
const struct source *watch_source(const tarn_pool *pool);

/* An object that is not large, or NULL with ENOMEM. Owner of `local`. */
void *watch_alloc(tarn_pool *pool, struct local *local, size_t alignment,
		  size_t size);

/* It has fewer bytes from here on. */
void watch_cut(tarn_pool *pool, void *object, size_t from, size_t to);

/* Frees such an object early; false: it is none, as far as that is known. Only
   where it is not, alignment and size have to be right. */
bool watch_free(tarn_pool *pool, void *object, size_t alignment, size_t size);

/* Ends the program, which freed with `size` what is of `asked` bytes. */
_Noreturn void watch_wrong_size(const tarn_pool *pool, size_t size,
				size_t asked, const char *rounded);

/* As watch_free, for a caller that says of which size it was: ends the program
   where that is wrong. */
void watch_free_sized(tarn_pool *pool, void *object, size_t alignment,
		      size_t size);

/* Frees what was allocated within more than `depth` marks of the calling
   thread, and sets *given to what it counted as handed out. False: it is not
   known. */
bool watch_rewind(tarn_pool *pool, uint32_t depth, size_t *given);

/* Bytes held by objects in memory of their own; any thread. */
size_t watch_held(tarn_pool *pool);

/* All objects are gone. Exclusive. */
void watch_reset(tarn_pool *pool);

/* ---- rules ----------------------------------------------------------- */

/* A reset or destroy begins: no other thread may be there. */
void watch_exclusive(tarn_pool *pool);

/* Ends the program where the calling thread is not the owner of `local`. */
void watch_local(tarn_pool *pool, const struct local *local);

/* Of tarn_pfree: what it freed, and what it refused. */
void watch_freed(tarn_pool *pool, void *object);
void watch_refused(tarn_pool *pool, const void *object);

/* Ends the program, which broke a rule, if that is what it asked for. */
void watch_blame(const tarn_pool *pool, const char *what);

/* ---- calls ----------------------------------------------------------- */

/* Around a request: reset and destroy see that a thread is inside. */
void watch_enter(tarn_pool *pool);
void watch_leave(tarn_pool *pool);

/* A public call, from WATCH_CALL to the end of its block. */
struct watch_call {
	unsigned watched; /* 0: not by anything */
	unsigned inner;   /* of the call around */
};

/* How calls within the library are recorded: by themselves, not at all, or as
   one of enum trace_op. */
#define WATCH_AS_IT_IS 0U
#define WATCH_HIDDEN   UINT32_MAX

/* Of a call, beside what its pool is watched by: it is a request that makes
   others. */
#define WATCH_FROM (1U << 31)

struct watch_call watch_begin(tarn_pool *pool, const void *caller,
			      unsigned inner);
struct watch_call watch_begin_request(tarn_pool *pool, const void *caller,
				      unsigned inner);
void watch_end(const struct watch_call *call);

#define WATCH_UNWATCHED ((struct watch_call){0, 0})
/* Behind a call's variable: only its end reads it. */
#define WATCH_UNTIL_END                                                        \
	__attribute__((cleanup(watch_end))) __attribute__((unused))

#define WATCH_CALL(pool, inner)                                                \
	struct watch_call watch_call WATCH_UNTIL_END =                         \
		TARN_LIKELY((pool)->source.watched == 0)                       \
			? WATCH_UNWATCHED                                      \
			: watch_begin(pool, __builtin_return_address(0),       \
				      inner)

/* The same for a request that makes others: they are its caller's. It calls no
   function of the program's but upstream's, and the handler at its end. */
#define WATCH_REQUEST(pool, inner)                                             \
	struct watch_call watch_call WATCH_UNTIL_END =                         \
		TARN_LIKELY((pool)->source.watched == 0)                       \
			? WATCH_UNWATCHED                                      \
			: watch_begin_request(                                 \
				  pool, __builtin_return_address(0), inner)

/* Who made a request that returns to `caller`: the program. */
const void *watch_caller(const void *caller);

/* Around a function of the caller's, which may call the library. */
unsigned watch_callback(void);
void watch_callback_end(unsigned inner);

/* ---- the trace ------------------------------------------------------- */

static inline bool watch_is_traced(const tarn_pool *pool)
{
	return (pool->source.watched & WATCH_TRACE) != 0;
}

/* A request, served with `object` or not. */
void watch_trace_alloc(tarn_pool *pool, size_t alignment, size_t size,
		       const void *object);

/* The id of an object that may be elsewhere, or free, after the call. */
uint32_t watch_trace_id(const void *object);

/* It went from there, where another one may stand by now, to another place, or
   to NULL. */
void watch_trace_move(const void *from, const void *to, uint32_t id);

void watch_trace(const tarn_pool *pool, enum trace_op op, size_t size,
		 uint32_t id);
void watch_trace_cleanup(tarn_pool *pool, const void *cleanup);

/* A pool made with `options`, or NULL. */
void watch_trace_create_locked(tarn_pool *pool, const tarn_options *options)
	MUTEX_HELD(debug_mutex);

/* A pool's number, for the time after its end; 0: it is not traced. */
static inline uint32_t watch_number(const tarn_pool *pool)
{
	return TARN_LIKELY(pool->watch == NULL) ? 0 : pool->watch->number;
}

void watch_trace_ended(uint32_t number);

/* What is done to an object that stays where it is. */
void watch_trace_object(const tarn_pool *pool, enum trace_op op,
			const void *object);

/* What is done to no pool. */
void watch_trace_process(enum trace_op op);

#endif
