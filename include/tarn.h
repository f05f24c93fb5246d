/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn: memory pools. Allocate from any thread, free everything at once.
 *
 * A pool is a lifetime. Small requests bump a pointer through memory that
 * belongs to the calling thread alone; large ones are listed and can be freed
 * early; reset or destroy frees all of it. No thread registers itself.
 *
 * Every function is exactly one of
 *   MT-Safe     any thread, at any time the pool lives;
 *   owner-only  only the thread that got this tarn_local;
 *   exclusive   every other use of the pool and of its descendants has
 *               happened before (a join, a mutex, a reference count).
 *
 * Which call excludes which, on one pool (a use of a child is a use of all
 * its ancestors):
 *
 *                        MT-Safe calls   reset, destroy   reset, destroy
 *                                        of this pool     of a child
 *   MT-Safe calls        together        excluded         together
 *   owner-only calls     together        excluded         together
 *   reset, destroy       excluded        excluded         excluded
 *   those of a child     together        excluded         together, if the
 *                                                         children differ
 *
 * The MT-Safe calls are all that are not said to be another class below.
 * A miss that meets a running reset or destroy of its pool in another thread
 * is refused with EBUSY, as is a reset or destroy that meets another one.
 *
 * Errors are NULL or -1 with errno; errno is untouched on success; after an
 * error the pool is as it was and usable, but for memory that the library now
 * has for the next request. A NULL pool is undefined except in
 * tarn_pool_destroy. Allocation orders nothing between threads: to hand an
 * object to another thread is the caller's business. Nothing here may be
 * called from a signal handler. A pool must not be passed between two copies
 * of the library.
 *
 * Fork: the child may use everything, save a pool inside which another thread
 * of the parent was at the fork.
 *
 * Under AddressSanitizer, valgrind's memcheck or ThreadSanitizer, or where
 * TARN_DEBUG in the environment has words (tarn-debug(7) has them), pools are
 * watched: all that is said here holds, but each request is a miss and takes
 * more memory, and a wrong call may end the program.
 */
#ifndef TARN_H
#define TARN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TARN_VERSION_MAJOR 0
#define TARN_VERSION_MINOR 1
#define TARN_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#define TARN_ALIGNOF(type) alignof(type)
#else
#define TARN_ALIGNOF(type) _Alignof(type)
#endif

#if defined __MINGW32__
#define TARN_FORMAT(format, first)                                             \
	__attribute__((__format__(__gnu_printf__, format, first)))
#elif defined __GNUC__
#define TARN_FORMAT(format, first)                                             \
	__attribute__((__format__(__printf__, format, first)))
#endif

#if defined __GNUC__
#define TARN_SENTINEL          __attribute__((__sentinel__))
#define TARN_LIKELY(condition) __builtin_expect(!!(condition), 1)
#else
#error "tarn.h needs the __atomic builtins of gcc or clang"
#endif

/* Called without the detour of a procedure linkage table, where there is one:
   a quarter of what a hit costs. */
#if defined __has_attribute
#if __has_attribute(__noplt__)
#define TARN_NOPLT __attribute__((__noplt__))
#endif
#endif
#ifndef TARN_NOPLT
#define TARN_NOPLT
#endif

/* What tarn_palloc aligns to, in bytes: enough for every standard type, and the
   same on every machine. */
#define TARN_ALIGNMENT ((size_t)16)

/* The largest alignment that the inline calls serve themselves, in bytes. */
#define TARN_ALIGNMENT_INLINE ((size_t)64)

typedef struct tarn_pool tarn_pool;
typedef struct tarn_local tarn_local;
typedef struct tarn_cleanup tarn_cleanup;
typedef struct tarn_cache tarn_cache;

/*
 * Called before an allocation from `pool` returns NULL with ENOMEM, with no
 * lock held, for the pool that was asked for `size` bytes. It may free
 * elsewhere, log, or longjmp; the allocation is not tried again.
 */
typedef void tarn_oom_fn(tarn_pool *pool, size_t size, void *data);

/* ---- where memory comes from ----------------------------------------- */

/*
 * Where blocks and large allocations come from. The functions may be called
 * from any thread at once and must not use the pool; nor may they create a
 * tarn_cache or end one, by reset or destroy of its pool. This layout is
 * frozen.
 */
typedef struct tarn_upstream {
	/*
	 * At least *size bytes, aligned to `alignment` (a power of two), or
	 * NULL. May raise *size to what it really gives.
	 */
	void *(*alloc)(void *ctx, size_t *size, size_t alignment);
	/*
	 * Makes `ptr`, of old_size bytes, at least *new_size large, in place
	 * or moved, aligned as tarn_palloc does; may raise *new_size. NULL: it
	 * cannot, and `ptr` is as it was. The member may be NULL: not offered.
	 */
	void *(*resize)(void *ctx, void *ptr, size_t old_size,
			size_t *new_size);
	/* Takes back `ptr`; `size` is what alloc or resize gave. */
	void (*release)(void *ctx, void *ptr, size_t size);
	void *ctx;
} tarn_upstream;

/*
 * Returns the upstream over malloc: the default. Only its blocks go through
 * the library's block cache: at most 256 KiB a thread and 4 MiB a process
 * wait there for the next pool (TARN_CACHE=bytes in the environment sets the
 * process's part, and 1/16 of it, if less, a thread's; 0 turns both off).
 * MT-Safe. O(1).
 */
const tarn_upstream *tarn_upstream_malloc(void);

/*
 * Returns the upstream over mmap: whole pages, transparent huge ones from
 * 2 MiB on, given back to the system at once. Resizes by mremap where there
 * is one. MT-Safe. O(1).
 */
const tarn_upstream *tarn_upstream_mmap(void);

/* ---- lifetime -------------------------------------------------------- */

/*
 * How to make a pool. Start from TARN_OPTIONS_INIT, which sets struct_size.
 * Numbers are clamped to what can be, never trusted.
 */
typedef struct tarn_options {
	size_t struct_size;
	/* For reports; copied. NULL: none. */
	const char *name;
	/* Bytes of the first block, at most 64 MiB. 0: 4096. */
	size_t first_block;
	/* Bytes, the ceiling of block growth, at most 64 MiB. 0: 256 KiB. */
	size_t max_block;
	/* Bytes: larger requests are large; at most 1 MiB, on 32-bit ARM and
	   RISC-V 64 KiB. 0: 4096. */
	size_t large_above;
	/* Bytes held by this pool and its descendants, the caller's buffer not
	   counted. 0: none. */
	size_t limit;
	/* The caller's own first block, never freed; left unused where it is
	   too small for a pool. */
	void *buffer;
	size_t buffer_size;
	/* Copied. NULL: the parent's, or malloc. */
	const tarn_upstream *upstream;
	/* NULL: the parent's, with its data, or none. */
	tarn_oom_fn *on_oom;
	void *on_oom_data;
	/* 0 */
	unsigned flags;
} tarn_options;

#define TARN_OPTIONS_INIT                                                      \
	{                                                                      \
		sizeof(tarn_options), NULL, 0, 0, 0, 0, NULL, 0, NULL, NULL,   \
			NULL, 0U                                               \
	}

/*
 * Returns a new pool, or NULL: ENOMEM (no handler is called: there is no pool),
 * or EINVAL for a struct_size not set, an unknown flag, non-zero bytes beyond
 * the known options, or an upstream without functions. NULL options are the
 * defaults. Lives until tarn_pool_destroy. The first thread that allocates
 * from it finds its memory fastest. MT-Safe.
 * O(1); about one malloc and free pair with the destroy. After nginx's pool.
 */
tarn_pool *tarn_pool_create(const tarn_options *options);

/*
 * As tarn_pool_create, but the new pool dies with `parent`, at its reset or
 * destroy, if it was not destroyed before; it has the parent's upstream and
 * out-of-memory handler where its own are NULL, and counts towards the
 * parent's limit. On ENOMEM the parent's handler is called. MT-Safe. O(1), one
 * mutex. After APR's child pools.
 */
tarn_pool *tarn_pool_create_child(tarn_pool *parent,
				  const tarn_options *options);

/*
 * Destroys the children, runs the cleanups (newest first), forgets the data
 * of tarn_pool_set_data, frees large allocations, and makes all other memory
 * of the pool new again. Blocks stay warm: as many bytes as this round used,
 * and half of what is kept beyond that; but many small ones make way for a few
 * large ones, which the next round brings. Each tarn_local stays valid.
 * Called while another reset or destroy of this pool runs, from one of its
 * own cleanups for instance, it does nothing but set errno to EBUSY.
 * Exclusive. O(children + cleanups + large + blocks + threads seen).
 */
void tarn_pool_reset(tarn_pool *pool);

/*
 * As tarn_pool_reset, and ends the pool: all its memory is given back. NULL
 * is fine. A cleanup that registers another or creates a child is served: the
 * round goes on until neither is left. EBUSY as for tarn_pool_reset.
 * Exclusive. O(children + cleanups + large + blocks).
 */
void tarn_pool_destroy(tarn_pool *pool);

/*
 * Keeps `data` under `key`, one value a key; the key is an address, best that
 * of a static variable of the caller's. NULL unsets. Forgotten at reset.
 * Returns 0, or -1 with ENOMEM. MT-Safe. O(keys), one mutex.
 */
int tarn_pool_set_data(tarn_pool *pool, const void *key, void *data);

/* Returns what is kept under `key`, or NULL. MT-Safe. O(keys), one mutex. */
void *tarn_pool_data(const tarn_pool *pool, const void *key);

/* ---- allocation ------------------------------------------------------ */

/*
 * Returns `size` bytes aligned for every type (TARN_ALIGNMENT), contents
 * undefined, valid until reset or destroy; or NULL with ENOMEM. Size 0 gives
 * a valid pointer that may be shared. MT-Safe. The hit is one lookup and one
 * bump: no lock, no read-modify-write. After ngx_palloc.
 */
TARN_NOPLT void *tarn_palloc(tarn_pool *pool, size_t size);

/* As tarn_palloc, but packed: aligned to 1, for bytes and strings. */
TARN_NOPLT void *tarn_pnalloc(tarn_pool *pool, size_t size);

/*
 * As tarn_palloc for count * size bytes, all zero. A product beyond size_t is
 * ENOMEM. Cost: tarn_palloc and a memset.
 */
void *tarn_pcalloc(tarn_pool *pool, size_t count, size_t size);

/*
 * As tarn_palloc, but aligned to `alignment`, a power of two (else NULL with
 * EINVAL), and taking no more than the size rounded up to it. Up to
 * TARN_ALIGNMENT_INLINE the hit costs a few instructions more than that of
 * tarn_palloc.
 */
TARN_NOPLT void *tarn_pmemalign(tarn_pool *pool, size_t alignment, size_t size);

/*
 * Resizes memory of tarn_palloc, tarn_pcalloc or tarn_prealloc, and of no other
 * call, from `old_size` to `new_size` bytes, keeping what both hold. NULL `ptr`
 * allocates. In place for the calling thread's last object where there is room
 * and it stays small, for a smaller size, and for a large object where upstream
 * can (within a limit, malloc's alone); else moved, and the old memory freed.
 * Returns the memory, or NULL with ENOMEM: the old one stays. Other threads
 * must not use the object meanwhile. MT-Safe.
 */
void *tarn_prealloc(tarn_pool *pool, void *ptr, size_t old_size,
		    size_t new_size);

/*
 * Frees a large allocation now: above large_above, or one that was served as
 * such (a wide alignment, a thread past its end). Returns 0, or -1 with ENOENT
 * for anything else: small, freed before, foreign, NULL; nothing near `ptr` is
 * read. MT-Safe. O(1), one mutex of a few.
 */
int tarn_pfree(tarn_pool *pool, void *ptr);

/*
 * Frees memory of tarn_palloc, tarn_pcalloc, tarn_prealloc or tarn_pmemdup,
 * whichever thread had it, of `size` bytes as asked for. What is large goes as
 * in tarn_pfree. What is small is used again by later requests in this pool, of
 * the calling thread first; by those of any thread once it is more than a
 * thread keeps at hand, 1/128 of what the pool holds, from 1 to 64 KiB. It goes
 * back to upstream at reset or destroy. NULL, and 0 bytes, are nothing to free.
 * Returns 0, or -1: ENOENT for a large size that is not listed, EINVAL for a
 * pointer that is not aligned as a request's. In a watched pool memory is not
 * used again, and a wrong size ends the program; that of a small object not
 * where ThreadSanitizer alone watches. MT-Safe. O(1), mostly a few stores; now
 * and then one mutex. After C23's free_sized.
 */
int tarn_pfree_sized(tarn_pool *pool, void *ptr, size_t size);

/*
 * The same for memory of every other call, with the alignment that was asked
 * for: 1 for tarn_pnalloc and for strings, the type's for tarn_new. EINVAL for
 * an alignment that is no power of two, too. What is used again is the memory
 * to the byte; less than 16 bytes cannot hold a link and are lost until reset,
 * as is what an alignment skipped. Sizes that come back are served from what
 * was freed for as long as a program runs; where sizes differ at random by
 * single bytes, or alignments do, free memory spreads, and more is held than by
 * tarn_palloc, whose objects take whole alignments. After C23's
 * free_aligned_sized.
 */
int tarn_pfree_aligned_sized(tarn_pool *pool, void *ptr, size_t alignment,
			     size_t size);

/* count * size, or SIZE_MAX, which no allocation grants. Pure. */
static inline size_t tarn_array_size(size_t count, size_t size)
{
	return size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size;
}

/*
 * A `type *` to one object of `type`, or to `count` of them: tarn_pmemalign
 * with the type's own alignment, so that a node of 24 bytes takes 24.
 */
#define tarn_new(pool, type)                                                   \
	((type *)tarn_pmemalign((pool), TARN_ALIGNOF(type), sizeof(type)))
#define tarn_new_array(pool, type, count)                                      \
	((type *)tarn_pmemalign((pool), TARN_ALIGNOF(type),                    \
				tarn_array_size((count), sizeof(type))))

/* ---- copies and strings ---------------------------------------------- */

/*
 * Each returns a copy, or NULL with ENOMEM (EINVAL where the source is NULL).
 * Strings are packed; tarn_pmemdup aligns as tarn_palloc. MT-Safe. O(length).
 */
void *tarn_pmemdup(tarn_pool *pool, const void *source, size_t size);
char *tarn_pstrdup(tarn_pool *pool, const char *source);
/* At most `size` bytes of `source`, and a terminating zero. */
char *tarn_pstrndup(tarn_pool *pool, const char *source, size_t size);

/*
 * Return the formatted string, or NULL: ENOMEM, or what vsnprintf sets. One
 * pass where the result fits the room at hand, else two. MT-Safe.
 */
char *tarn_psprintf(tarn_pool *pool, const char *format, ...) TARN_FORMAT(2, 3);
char *tarn_pvsprintf(tarn_pool *pool, const char *format, va_list args)
	TARN_FORMAT(2, 0);

/*
 * Returns the strings that follow joined into one, up to a (char *)NULL; or
 * NULL with ENOMEM. MT-Safe. O(length).
 */
char *tarn_pstrcat(tarn_pool *pool, ...) TARN_SENTINEL;

/* ---- a thread's own pool: for hot loops, inline ---------------------- */

/*
 * One thread's own part of a pool. This prefix is read by inline code and
 * never changes; it is the library's to write.
 */
struct tarn_local {
	char *last; /* [o] where the next object begins; aligned  */
	char *end;  /* [o] where packed objects begin, going down */
	size_t max; /* [c] larger requests go to the large list   */
	void *reserved[5];
};

/*
 * Returns the calling thread's own part of `pool`, or NULL with ENOMEM. Valid
 * until destroy or the end of the thread, also across resets; only for this
 * thread: a coroutine that moves to another one asks again. MT-Safe.
 * O(1); the first call of a thread takes a mutex.
 */
tarn_local *tarn_pool_local(tarn_pool *pool);

/* Returns the pool that `local` is part of. Owner-only. O(1). */
tarn_pool *tarn_local_pool(tarn_local *local);

/*
 * What the inline calls below do when the room does not suffice. Not to be
 * called directly. Owner-only.
 */
TARN_NOPLT void *tarn_local_palloc_miss(tarn_local *local, size_t size);
TARN_NOPLT void *tarn_local_pmemalign_miss(tarn_local *local, size_t alignment,
					   size_t size);

/* As tarn_palloc, without the lookup. Owner-only. */
static inline void *tarn_local_palloc(tarn_local *local, size_t size)
{
	/* One unsigned test sends both 0 and too large to the miss. */
	if (TARN_LIKELY(size - 1 < local->max)) {
		size_t need =
			(size + TARN_ALIGNMENT - 1) & ~(TARN_ALIGNMENT - 1);
		/* ORDER local-room (relaxed): only the owner writes; statistics
		   read, see local_try_see. */
		char *last = __atomic_load_n(&local->last, __ATOMIC_RELAXED);
		char *end = __atomic_load_n(&local->end, __ATOMIC_RELAXED);

		if (TARN_LIKELY(last + need <= end)) {
			__atomic_store_n(&local->last, last + need,
					 __ATOMIC_RELAXED);
			return last;
		}
	}
	return tarn_local_palloc_miss(local, size);
}

/* As tarn_pmemalign, without the lookup. Owner-only. */
static inline void *tarn_local_pmemalign(tarn_local *local, size_t alignment,
					 size_t size)
{
	/* Unsigned again: 0 of either goes to the miss. */
	if (TARN_LIKELY(size - 1 < local->max &&
			alignment - 1 < TARN_ALIGNMENT_INLINE &&
			(alignment & (alignment - 1)) == 0)) {
		/* ORDER local-room (relaxed): as in tarn_local_palloc. */
		char *last = __atomic_load_n(&local->last, __ATOMIC_RELAXED);
		char *end = __atomic_load_n(&local->end, __ATOMIC_RELAXED);
		char *object = end - size;

		/* Down from `end`, so that `last` stays aligned. */
		object -= (uintptr_t)object & (alignment - 1);
		if (TARN_LIKELY(object >= last)) {
			__atomic_store_n(&local->end, object, __ATOMIC_RELAXED);
			return object;
		}
	}
	return tarn_local_pmemalign_miss(local, alignment, size);
}

/* As tarn_pnalloc, without the lookup. Owner-only. */
static inline void *tarn_local_pnalloc(tarn_local *local, size_t size)
{
	return tarn_local_pmemalign(local, 1, size);
}

/* As tarn_new, without the lookup. Owner-only. */
#define tarn_local_new(local, type)                                            \
	((type *)tarn_local_pmemalign((local), TARN_ALIGNOF(type),             \
				      sizeof(type)))

/* ---- mark and rewind ------------------------------------------------- */

/* A moment in what a thread allocates from a pool. The library's to read. */
typedef struct tarn_mark {
	void *reserved[8];
} tarn_mark;

/*
 * Returns a mark of this moment. All that this thread allocates from the pool
 * from here on, small and large, is free again after tarn_local_rewind to it,
 * and the cleanups that it registers run then. Marks nest. Until the rewind
 * only this thread may free or resize what it allocated since, by tarn_pfree
 * and the like; other threads allocate from the pool as ever. What
 * tarn_prealloc moves is allocated anew, but a large object stays as old as it
 * was; one of no bytes is allocated when it grows. Caches, children and data
 * set meanwhile stay. A mark never rewound ends at reset or destroy; until then
 * a thread that has the slot of one that ended with it finds it open, and frees
 * nothing by size. Where there is no memory for a thread's first mark in a
 * pool it is void: reserved[0] is NULL, errno untouched. A rewind to it does
 * nothing, and what was allocated since is as if there were no mark.
 * Owner-only. O(1), a few stores. After obstacks and nested arenas.
 */
TARN_NOPLT tarn_mark tarn_local_mark(tarn_local *local);

/*
 * Frees what this thread allocated since `mark`, and ends that mark and all
 * later ones. Cleanups run newest first, and may allocate. A mark that has
 * ended is ignored (told under TARN_DEBUG=owner), and so is a void one.
 * Owner-only. O(1), a few stores, where one chunk sufficed; else O(chunks), and
 * O(all large ones, cleanups) of the pool where such were made.
 */
TARN_NOPLT void tarn_local_rewind(tarn_local *local, tarn_mark mark);

/*
 * Returns a pool of this thread's own for temporaries, warm from the last use,
 * which is not `conflict` (the pool in which the caller has its results, or
 * NULL), and sets *mark for tarn_scratch_end; or NULL with ENOMEM. Uses nest,
 * ended in the order opposite to their begins. Valid until that end, for this
 * thread alone, and children, caches and data of it until the end of the
 * outermost use. At most 256 KiB stay warm between uses, a thread; they end
 * with it, and for a thread past its end each use has a pool that is made then.
 * MT-Safe. O(1), a few stores.
 */
TARN_NOPLT tarn_pool *tarn_scratch_begin(const tarn_pool *conflict,
					 tarn_mark *mark);

/* Ends a use: frees all that was allocated since its begin. The thread of that
   begin alone. O(1) as tarn_local_rewind. */
TARN_NOPLT void tarn_scratch_end(tarn_pool *pool, tarn_mark mark);

/* ---- objects of one size --------------------------------------------- */

/*
 * Returns a cache of objects of `size` bytes, aligned to `alignment` (a power
 * of two; size 0 counts as 1), which lives until reset or destroy of `pool`; or
 * NULL: ENOMEM, EINVAL for an alignment that is none. An object takes two
 * pointers at least. MT-Safe. O(1). After Bonwick's magazines and Boost's pool.
 */
tarn_cache *tarn_cache_create(tarn_pool *pool, size_t size, size_t alignment);

/*
 * Returns an object, contents undefined, valid until it is freed or the cache
 * ends; or NULL with ENOMEM. MT-Safe. O(1), a few stores; a mutex once for many
 * objects.
 */
TARN_NOPLT void *tarn_cache_alloc(tarn_cache *cache);

/*
 * Takes an object back, whichever thread allocated it; NULL is fine. Memory of
 * which all objects are free goes back to the pool when many are free, and at
 * tarn_trim. MT-Safe. O(1) as tarn_cache_alloc, and O(free) now and then.
 */
TARN_NOPLT void tarn_cache_free(tarn_cache *cache, void *object);

/* ---- cleanups -------------------------------------------------------- */

/*
 * Has fn(data) run at the next reset or at destroy of `pool`, last registered
 * first, exactly once. Returns a handle, valid until then, or NULL: ENOMEM,
 * EINVAL without a function. A cleanup may allocate, register others and
 * create children; it may not reset or destroy its own pool. MT-Safe. O(1),
 * one mutex.
 */
tarn_cleanup *tarn_cleanup_add(tarn_pool *pool, void (*fn)(void *), void *data);

/*
 * Has the cleanup not run at all, or run now and not again. Return 0, or -1
 * with ENOENT: it ran, was cancelled, or has begun; they never wait for it to
 * end. MT-Safe. O(1), one mutex.
 */
int tarn_cleanup_cancel(tarn_cleanup *cleanup);
int tarn_cleanup_run(tarn_cleanup *cleanup);

/* ---- looking at it --------------------------------------------------- */

/* What a pool is made of. TARN_STATS_INIT sets struct_size. */
typedef struct tarn_stats {
	size_t struct_size;
	/* Bytes taken from upstream and not given back. */
	size_t held;
	/* Bytes of the requests, each rounded up to its alignment, with the
	   padding between them, less what was freed, without that padding;
	   cleanups and data kept count too, and all that caches have taken,
	   their free objects included. */
	size_t handed_out;
	/* Bytes of `held` in large allocations; caches make such ones, too. */
	size_t large;
	/* Bytes, the pool's own; 0: none. */
	size_t limit;
	size_t blocks;
	/* Threads that allocated here: two that never met may count as one. */
	size_t local_pools;
	size_t large_count;
	/* The pool's own, not their children. */
	size_t children;
	/* Neither run nor cancelled yet. */
	size_t cleanups;
} tarn_stats;

#define TARN_STATS_INIT                                                        \
	{                                                                      \
		sizeof(tarn_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0                  \
	}

/*
 * Fills `stats` up to its struct_size. Returns 0, or -1 with EINVAL for a
 * struct_size that holds nothing. May run while others allocate: each figure
 * is one that was true, but for what they free meanwhile. The descendants'
 * memory is not included. MT-Safe. O(threads seen), a few mutexes.
 */
int tarn_pool_stats(const tarn_pool *pool, tarn_stats *stats);

/* What a report is written as. */
enum {
	TARN_REPORT_TEXT,
	TARN_REPORT_JSON
};

/*
 * Writes what `pool` and its descendants are made of to `file`, and flushes
 * that: of each pool the figures of tarn_pool_stats, its blocks and which
 * thread claimed which part of them, what each thread has at hand, large
 * allocations, caches and cleanups. tarn-view(1) draws what is written as JSON;
 * tarn_pool_stats(3) tells what is in it, and members may be added. Returns 0,
 * or -1: EINVAL for another format, ENOMEM for the text, which is made before
 * anything is written, or what the file ended with. May run while others
 * allocate, and while they reset or destroy descendants, which wait for it or
 * are left out, but not while an upstream of a descendant takes memory from a
 * pool above it.
 * MT-Safe. O(pools, blocks, chunks and what is listed), a few mutexes of each
 * pool, and one malloc now and then.
 */
int tarn_pool_report(const tarn_pool *pool, FILE *file, int format);

/*
 * Gives back what no one uses: memory of which all objects of a tarn_cache are
 * free, in any pool, save those that another thread has at hand; and cached
 * blocks to malloc, those of the process and of the calling thread at once,
 * those of any other thread when it next takes or gives a block. In the child
 * of a fork the caches made before are left alone. MT-Safe. O(blocks cached +
 * free objects of caches).
 */
void tarn_trim(void);

/* Returns the version of the library that runs, as "0.1.0". MT-Safe. */
const char *tarn_version(void);

#ifdef __cplusplus
}
#endif

#endif
