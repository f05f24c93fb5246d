/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream for tests: it knows each block it gave, checks what comes back,
 * and fails when told to. And the few lines that most tests of a pool begin
 * and end with.
 *
 * It is unfriendly where an upstream may be: every call leaves another errno,
 * new memory is not zero, released memory is overwritten, a resize moves.
 */
#ifndef TARN_TESTS_COUNTING_H
#define TARN_TESTS_COUNTING_H

#include "tarn.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
	COUNTING_BUCKETS = 256,
	COUNTING_NEW = 0xa5,  /* what new memory holds                        */
	COUNTING_GONE = 0xdd, /* what released memory holds                   */
	COUNTING_ERRNO = EDOM /* what every call leaves                       */
};

/* Larger requests are refused: a sanitizer's malloc would end the program. */
#define COUNTING_CEILING ((size_t)1 << (sizeof(size_t) > 4 ? 30 : 28))

/* At most so many bytes of a block are overwritten: huge ones stay cheap. */
#define COUNTING_PAINT ((size_t)1 << 20)

/* As ck_assert, which makes a system call even where it holds: for loops. */
#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition))                                              \
			ck_abort_msg("Assertion '%s' failed", #condition);     \
	} while (0)

struct counting_block {
	struct counting_block *next;
	char *ptr;
	size_t size;
};

struct counting {
	tarn_upstream upstream; /* what to give to a pool                     */
	pthread_mutex_t lock;   /* of all below                               */
	struct counting_block *table[COUNTING_BUCKETS];
	size_t live_blocks;
	size_t live_bytes;
	size_t peak_bytes;
	size_t largest; /* the largest size asked for                     */
	size_t calls;   /* of alloc and resize, failed ones included      */
	size_t resizes; /* that succeeded                                 */
	size_t releases;
	size_t failures; /* calls failed by fail_at                        */
	size_t wrong;    /* calls with arguments that cannot be            */
	size_t fail_at;  /* the number of the call to fail, from 1; 0: none */
	bool fail_for_ever; /* and all that follow it                         */
	bool refuse_resize;
	size_t raise; /* bytes given beyond what was asked              */
};

static inline struct counting_block **counting_find(struct counting *counting,
						    const void *ptr)
{
	size_t bucket = ((uintptr_t)ptr >> 4) % COUNTING_BUCKETS;
	struct counting_block **link = &counting->table[bucket];

	while (*link != NULL && (*link)->ptr != ptr)
		link = &(*link)->next;
	return link;
}

static inline void counting_paint(void *ptr, int value, size_t size)
{
	memset(ptr, value, size < COUNTING_PAINT ? size : COUNTING_PAINT);
}

/* Takes *size bytes, raised, from malloc; returns them or NULL. */
static inline void *counting_take(struct counting *counting, size_t *size,
				  size_t alignment)
{
	struct counting_block *block = malloc(sizeof *block);
	void *ptr;

	*size += counting->raise;
	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	ptr = block != NULL ? host_alloc(*size, alignment) : NULL;
	if (ptr == NULL) {
		free(block);
		return NULL;
	}
	counting_paint(ptr, COUNTING_NEW, *size);
	*block = (struct counting_block){.ptr = ptr, .size = *size};
	*counting_find(counting, ptr) = block;
	counting->live_blocks++;
	counting->live_bytes += *size;
	if (counting->live_bytes > counting->peak_bytes)
		counting->peak_bytes = counting->live_bytes;
	return ptr;
}

/* Gives the block at *link back to malloc. */
static inline void counting_drop(struct counting *counting,
				 struct counting_block **link)
{
	struct counting_block *block = *link;

	*link = block->next;
	counting->live_blocks--;
	counting->live_bytes -= block->size;
	counting_paint(block->ptr, COUNTING_GONE, block->size);
	host_free(block->ptr);
	free(block);
}

/* Counts a call for `size` bytes; whether it is to fail. */
static inline bool counting_fails(struct counting *counting, size_t size)
{
	size_t call = ++counting->calls;

	if (size > counting->largest)
		counting->largest = size;
	if (counting->fail_at != 0 &&
	    (call == counting->fail_at ||
	     (counting->fail_for_ever && call > counting->fail_at))) {
		counting->failures++;
		return true;
	}
	return size > COUNTING_CEILING;
}

static inline void *counting_alloc(void *ctx, size_t *size, size_t alignment)
{
	struct counting *counting = ctx;
	void *ptr = NULL;

	pthread_mutex_lock(&counting->lock);
	if (*size == 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		counting->wrong++;
	else if (!counting_fails(counting, *size) &&
		 alignment <= COUNTING_CEILING)
		ptr = counting_take(counting, size, alignment);
	pthread_mutex_unlock(&counting->lock);
	errno = COUNTING_ERRNO;
	return ptr;
}

static inline void *counting_resize(void *ctx, void *ptr, size_t old_size,
				    size_t *new_size)
{
	struct counting *counting = ctx;
	struct counting_block **link;
	char *moved = NULL;

	pthread_mutex_lock(&counting->lock);
	link = counting_find(counting, ptr);
	if (*link == NULL || (*link)->size != old_size || *new_size == 0)
		counting->wrong++;
	else if (!counting_fails(counting, *new_size) &&
		 !counting->refuse_resize)
		moved = counting_take(counting, new_size, TARN_ALIGNMENT);
	if (moved != NULL) {
		memcpy(moved, ptr, old_size < *new_size ? old_size : *new_size);
		counting_drop(counting, counting_find(counting, ptr));
		counting->resizes++;
	}
	pthread_mutex_unlock(&counting->lock);
	errno = COUNTING_ERRNO;
	return moved;
}

static inline void counting_release(void *ctx, void *ptr, size_t size)
{
	struct counting *counting = ctx;
	struct counting_block **link;

	pthread_mutex_lock(&counting->lock);
	link = counting_find(counting, ptr);
	if (*link == NULL || (*link)->size != size) {
		counting->wrong++;
	} else {
		counting->releases++;
		counting_drop(counting, link);
	}
	pthread_mutex_unlock(&counting->lock);
	errno = COUNTING_ERRNO;
}

static inline void counting_init(struct counting *counting)
{
	memset(counting, 0, sizeof *counting);
	pthread_mutex_init(&counting->lock, NULL);
	counting->upstream.alloc = counting_alloc;
	counting->upstream.resize = counting_resize;
	counting->upstream.release = counting_release;
	counting->upstream.ctx = counting;
}

/* Asserts that everything came back, and came back right. */
static inline void counting_finish(struct counting *counting)
{
	ck_assert_uint_eq(counting->wrong, 0);
	ck_assert_uint_eq(counting->live_blocks, 0);
	ck_assert_uint_eq(counting->live_bytes, 0);
	pthread_mutex_destroy(&counting->lock);
}

/* Whether [ptr, ptr + size) lies in one block that is out. */
static inline bool counting_contains(struct counting *counting, const void *ptr,
				     size_t size)
{
	uintptr_t begin = (uintptr_t)ptr;
	const struct counting_block *block;
	bool found = false;
	size_t i;

	pthread_mutex_lock(&counting->lock);
	for (i = 0; i < COUNTING_BUCKETS && !found; i++)
		for (block = counting->table[i]; block != NULL && !found;
		     block = block->next)
			found = begin >= (uintptr_t)block->ptr &&
				size <= block->size &&
				begin - (uintptr_t)block->ptr <=
					block->size - size;
	pthread_mutex_unlock(&counting->lock);
	return found;
}

/* ---- pools over it ------------------------------------------------------ */

static inline tarn_options counting_options(struct counting *counting)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = &counting->upstream;
	return options;
}

/* Returns a pool over `counting` whose first block is of so many bytes. */
static inline tarn_pool *counting_pool(struct counting *counting,
				       size_t first_block)
{
	tarn_options options = counting_options(counting);
	tarn_pool *pool;

	options.first_block = first_block;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

static inline tarn_stats stats_of(const tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	return stats;
}

/* As tarn_psprintf, by tarn_pvsprintf. */
static inline char *formatted(tarn_pool *pool, const char *format, ...)
	TARN_FORMAT(2, 3);

static inline char *formatted(tarn_pool *pool, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = tarn_pvsprintf(pool, format, args);
	va_end(args);
	return text;
}

/* The same number, of which the compiler knows nothing. */
static inline size_t opaque(size_t number)
{
	volatile size_t hidden = number;

	return hidden;
}

static inline bool is_aligned(const void *ptr, size_t alignment)
{
	return ((uintptr_t)ptr & (alignment - 1)) == 0;
}

/*
 * Whether the library watches its pools: a tool is there, or TARN_DEBUG asks
 * for it. Then each request is a miss, and memory is laid out in another way.
 */
static inline bool watched(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	bool misses = local != NULL && local->last == local->end;

	tarn_pool_destroy(pool);
	return misses;
}

static inline bool debug_asks(const char *word)
{
	const char *words = getenv("TARN_DEBUG");

	return words != NULL && strstr(words, word) != NULL;
}

/*
 * Whether pools are sampled: a room is cut somewhere then, so that a request
 * may be a miss and stand elsewhere, and within a mark what is cut off counts
 * as handed out.
 */
static inline bool sampled(void)
{
	return debug_asks("sample=");
}

/* Whether misuse ends the program. */
static inline bool blamed(void)
{
	return debug_asks("owner");
}

/* Whether objects have pages of their own, and none of the pool's upstream. */
static inline bool guarded(void)
{
	return debug_asks("guard");
}

#endif
