/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the peers without pools share: a list of pointers for each thread, as
 * their users would keep one, and a reset that frees them one by one. A peer
 * that does not stand in malloc's place defines MALLOC_NAMED first, and
 *	void *malloc_take(size_t size)
 *	void malloc_give(void *object, size_t size)
 * with MALLOC_SIZED where the latter needs the size, and where it can:
 *	MALLOC_RESIZES	void *malloc_resize(void *, size_t old, size_t size)
 *			void *malloc_zeroed(size_t size)
 */
#ifndef TARN_BENCH_PEERS_MALLOC_H
#define TARN_BENCH_PEERS_MALLOC_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_LIVES
#define PEER_HANDED
#define PEER_LISTS
#define PEER_FREES
#define PEER_GIVES

#define MALLOC_NOTE                                                            \
	"no pools: objects are freed one by one, from an array of pointers"

/* Bytes of address space for one list: more than any case needs. */
#define MALLOC_LIST ((size_t)64 << 20)

enum {
	MALLOC_THREADS = 64
};

#ifdef MALLOC_SIZED
struct malloc_object {
	void *object;
	size_t size;
};

static inline struct malloc_object malloc_note(void *object, size_t size)
{
	struct malloc_object noted = {object, size};

	return noted;
}

static inline size_t malloc_size(const struct malloc_object *noted)
{
	return noted->size;
}
#else
struct malloc_object {
	void *object;
};

static inline struct malloc_object malloc_note(void *object, size_t size)
{
	struct malloc_object noted = {object};

	(void)size;
	return noted;
}

static inline size_t malloc_size(const struct malloc_object *noted)
{
	(void)noted;
	return 0;
}
#endif

/* Of one thread. */
typedef struct malloc_list {
	struct malloc_object *first;
	size_t count;
	char apart[112]; /* from the next thread's */
} peer_local;

typedef struct malloc_pool {
	struct malloc_list lists[MALLOC_THREADS];
	uint64_t used;               /* lists, a bit each                  */
	struct malloc_pool *next;    /* when it has ended                  */
	struct malloc_pool **makers; /* where it is put when it has ended  */
} peer_pool;

/* Pools that ended, lists and all, for the thread that made them: so to make
   one costs next to nothing. */
static __thread peer_pool *malloc_ended;
static __thread peer_pool *malloc_returned; /* by other threads */

#ifndef MALLOC_NAMED
#define MALLOC_RESIZES

static inline void *malloc_take(size_t size)
{
	return malloc(size);
}

static inline void malloc_give(void *object, size_t size)
{
	(void)size;
	free(object);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	(void)old_size;
	return realloc(object, size);
}

static inline void *malloc_zeroed(size_t size)
{
	return calloc(1, size);
}
#endif

#ifndef MALLOC_RESIZES
static inline void *malloc_zeroed(size_t size)
{
	return memset(malloc_take(size), 0, size);
}

static inline void *malloc_resize(void *object, size_t old_size, size_t size)
{
	void *moved = malloc_take(size);

	if (object != NULL) {
		memcpy(moved, object, old_size < size ? old_size : size);
		malloc_give(object, old_size);
	}
	return moved;
}
#endif

static inline void *malloc_map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		worker_die("mmap");
	return memory;
}

static inline peer_pool *peer_create(void)
{
	peer_pool *pool = malloc_ended;

	if (pool == NULL)
		pool = __atomic_exchange_n(&malloc_returned, NULL,
					   __ATOMIC_ACQUIRE);
	if (pool == NULL) {
		pool = (peer_pool *)malloc_map(sizeof(*pool));
		pool->makers = &malloc_returned;
	}
	malloc_ended = pool->next;
	pool->next = NULL;
	return pool;
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	struct malloc_list *list = &pool->lists[thread];

	if (list->first == NULL) {
		list->first = (struct malloc_object *)malloc_map(MALLOC_LIST);
		__atomic_fetch_or(&pool->used, UINT64_C(1) << thread,
				  __ATOMIC_RELAXED);
	}
	return list;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	void *object = malloc_take(size);

	local->first[local->count++] = malloc_note(object, size);
	return object;
}

static inline void malloc_list_free(struct malloc_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		malloc_give(list->first[i].object,
			    malloc_size(&list->first[i]));
	list->count = 0;
}

static inline void peer_reset(peer_pool *pool)
{
	for (uint64_t used = pool->used; used != 0; used &= used - 1)
		malloc_list_free(&pool->lists[__builtin_ctzll(used)]);
}

static inline void peer_destroy(peer_pool *pool)
{
	peer_reset(pool);
	if (pool->makers == &malloc_returned) {
		pool->next = malloc_ended;
		malloc_ended = pool;
		return;
	}
	pool->next = __atomic_load_n(pool->makers, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(pool->makers, &pool->next, pool, 1,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* Frees the newest object of its thread, or one that no list knows. */
static inline void peer_free(peer_local *local, void *object, size_t size)
{
	local->count--;
	malloc_give(object, size);
}

static inline void *peer_take(peer_local *local, size_t size)
{
	(void)local;
	return malloc_take(size);
}

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	(void)local;
	malloc_give(object, size);
}

/* Bytes of the lists, which are not the peer's. */
static inline size_t peer_lists(const peer_pool *pool)
{
	size_t bytes = 0;

	for (uint64_t used = pool->used; used != 0; used &= used - 1)
		bytes += pool->lists[__builtin_ctzll(used)].count *
			 sizeof(struct malloc_object);
	return bytes;
}

#endif
