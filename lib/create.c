/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools are made here: options are read, the first block is taken, and the
 * pool is laid out at its front. See pool.c for what becomes of it.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>

#include "probe.h"
#include "watch.h"

/* Bytes: the first block, and the ceiling of growth, where none was named. */
static const size_t pool_first_block = 4096;
static const size_t pool_max_block = (size_t)256 << 10;

/* Bytes: what goes to the large list, where nobody said. */
static const size_t pool_large_above = 4096;

/* Compiled once for the preset options, all of whose tests fall away then,
   since many pools live for one request, and once for any others. */
#define PER_OPTIONS inline __attribute__((always_inline))

static const tarn_options options_preset = TARN_OPTIONS_INIT;

/* ---- options --------------------------------------------------------- */

static bool options_tail_is_zero(const tarn_options *options)
{
	const unsigned char *bytes = (const unsigned char *)options;

	for (size_t i = sizeof(*options); i < options->struct_size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/*
 * What the caller asked for, as far as this library knows it; in `buffer`
 * where a caller knows less. NULL: it cannot be had.
 */
static const tarn_options *options_read(const tarn_options *given,
					tarn_options *buffer)
{
	if (given->struct_size < sizeof(given->struct_size) ||
	    !options_tail_is_zero(given))
		return NULL;
	if (given->struct_size < sizeof(*given)) {
		*buffer = options_preset;
		memcpy(buffer, given, given->struct_size);
		given = buffer;
	}
	return given->flags == 0 && (given->upstream == NULL ||
				     (given->upstream->alloc != NULL &&
				      given->upstream->release != NULL))
		       ? given
		       : NULL;
}

/* Where the pool's memory comes from, before a limit of its own. */
static PER_OPTIONS const struct source *
options_source(const tarn_options *options, const tarn_pool *parent,
	       struct source *buffer)
{
	if (options->upstream == NULL)
		return parent != NULL ? &parent->source : &source_malloc;
	*buffer = source_of(options->upstream,
			    parent != NULL ? parent->source.limit : NULL);
	return buffer;
}

/* ---- creation -------------------------------------------------------- */

/* The pieces that stand in front of a pool's first chunk, in its block. */
struct pool_layout {
	size_t limit;  /* offset of its limit, where it has one */
	size_t name;   /* offset of its name, where it has one  */
	size_t chunks; /* offset of the first chunk             */
	size_t least;  /* bytes of memory that it takes         */
};

static PER_OPTIONS struct pool_layout pool_lay_out(const tarn_options *options)
{
	struct pool_layout at;

	at.limit = BLOCK_HEADER + sizeof(tarn_pool);
	at.name = at.limit;
	if (options->limit != 0)
		at.name += sizeof(struct limit);
	at.chunks = at.name;
	if (options->name != NULL)
		at.chunks += strlen(options->name) + 1;
	at.chunks = align_up(at.chunks, BLOCK_LINE);
	at.least = at.chunks + LOCAL_FIRST_CHUNK + BLOCK_LINE;
	return at;
}

/* The caller's buffer, or NULL where it is too small for a pool. */
static void *pool_use_buffer(const tarn_options *options, size_t least,
			     size_t *size)
{
	/* What pools are watched by is known from the first slot on. */
	slot_get();
	*size = options->buffer_size;
	return *size >= least && upstream_usable(options->buffer, *size, 1)
		       ? options->buffer
		       : NULL;
}

/* A first block within the pool's own limit, which has no place yet. */
static void *pool_take_limited(const struct source *source, size_t most,
			       size_t least, size_t *size)
{
	struct source limited = *source;
	struct limit limit;
	void *memory;

	limit_init(&limit, most, source->limit);
	limited.limit = &limit;
	memory =
		block_take(slot_cache(), &limited, least, size, TARN_ALIGNMENT);
	limit_finish(&limit);
	return memory;
}

static PER_OPTIONS void *pool_take_first(const tarn_options *options,
					 const struct source *source,
					 size_t least, size_t *size)
{
	*size = align_max(align_clamp(options->first_block, pool_first_block, 0,
				      BLOCK_MOST),
			  least);
	if (options->limit != 0)
		return pool_take_limited(source, options->limit, least, size);
	return block_take(slot_cache(), source, least, size, TARN_ALIGNMENT);
}

/* The limit in its place, in the block that it has counted already. */
static void pool_set_limit(tarn_pool *pool, struct limit *limit, size_t most)
{
	limit_init(limit, most, pool->source.limit);
	limit->used = pool->taken;
	pool->source.limit = limit;
}

static PER_OPTIONS void pool_init(tarn_pool *pool, const tarn_options *options,
				  tarn_pool *parent,
				  const struct source *source)
{
	pool_init_shared(pool);
	pool->source = *source;
	large_init(&pool->large);
	mutex_init(&pool->mutex);
	cleanup_init(&pool->cleanups, &pool->mutex);
	pool->children = NULL;
	pool->child_count = 0;
	pool->data = NULL;
	pool->older = NULL;
	pool->newer = NULL;
	pool->parent = parent;
	pool->limit = options->limit;
	pool->watch = NULL;
	pool->loose = NULL;
	pool->caches = NULL;
	pool->on_oom = options->on_oom;
	pool->on_oom_data = options->on_oom_data;
	if (pool->on_oom == NULL && parent != NULL) {
		pool->on_oom = parent->on_oom;
		pool->on_oom_data = parent->on_oom_data;
	}
}

static PER_OPTIONS tarn_pool *
pool_build(void *memory, size_t size, size_t taken, const tarn_options *options,
	   tarn_pool *parent, const struct source *source,
	   const struct pool_layout *at)
{
	struct block *block = block_init(memory, size, at->chunks);
	char *base = (char *)block;
	tarn_pool *pool = (tarn_pool *)(base + BLOCK_HEADER);

	pool_init(pool, options, parent, source);
	pool->taken = taken;
	pool->name = NULL;
	if (options->name != NULL)
		pool->name = strcpy(base + at->name, options->name);
	if (options->limit != 0)
		pool_set_limit(pool, (struct limit *)(base + at->limit),
			       options->limit);
	pool->cursor.first_size =
		align_clamp(options->first_block, pool_first_block,
			    BLOCK_BIN_LEAST, BLOCK_MOST);
	pool->cursor.max_block = align_clamp(options->max_block, pool_max_block,
					     BLOCK_BIN_LEAST, BLOCK_MOST);
	local_init(&pool->own, pool,
		   align_clamp(options->large_above, pool_large_above, 1,
			       UPSTREAM_SMALL_MOST),
		   cursor_init(&pool->cursor, block, taken, LOCAL_FIRST_CHUNK));
	ledger_turn_off(&pool->own.ledger);
	return pool;
}

static __attribute__((noinline)) tarn_pool *
pool_watch(tarn_pool *pool, const tarn_options *options)
{
	if (watch_pool(pool, options))
		return pool;
	pool_release(pool);
	return NULL;
}

static PER_OPTIONS tarn_pool *pool_make(tarn_pool *parent,
					const tarn_options *options)
{
	struct source buffer;
	const struct source *source = options_source(options, parent, &buffer);
	struct pool_layout at = pool_lay_out(options);
	size_t size, taken = 0;
	tarn_pool *pool;
	void *memory = options->buffer != NULL
			       ? pool_use_buffer(options, at.least, &size)
			       : NULL;

	if (memory == NULL) {
		memory = pool_take_first(options, source, at.least, &size);
		taken = size;
	}
	if (memory == NULL)
		return NULL;
	pool = pool_build(memory, size, taken, options, parent, source, &at);
	probe_create(pool, pool->name);
	/* Known since the pool has its first block. */
	return TARN_LIKELY(debug_watched == 0) ? pool
					       : pool_watch(pool, options);
}

static __attribute__((noinline)) tarn_pool *
pool_create_custom(tarn_pool *parent, const tarn_options *options)
{
	tarn_options buffer;

	options = options_read(options, &buffer);
	if (options != NULL)
		return pool_make(parent, options);
	errno = EINVAL;
	return NULL;
}

static tarn_pool *pool_create(tarn_pool *parent, const tarn_options *options)
{
	return options == NULL ? pool_make(parent, &options_preset)
			       : pool_create_custom(parent, options);
}

tarn_pool *tarn_pool_create(const tarn_options *options)
{
	return pool_create(NULL, options);
}

static void pool_link(tarn_pool *parent, tarn_pool *child)
{
	mutex_lock(&parent->mutex);
	child->older = parent->children;
	if (child->older != NULL)
		child->older->newer = child;
	parent->children = child;
	parent->child_count++;
	mutex_unlock(&parent->mutex);
}

/* As tarn_pool_create_child, but for the out-of-memory handler. */
static tarn_pool *pool_create_child(tarn_pool *parent,
				    const tarn_options *options)
{
	WATCH_CALL(parent, WATCH_HIDDEN);
	tarn_pool *child;

	if (pool_is_refused(parent))
		return NULL;
	child = pool_create(parent, options);
	if (child == NULL)
		return NULL;
	pool_link(parent, child);
	return child;
}

tarn_pool *tarn_pool_create_child(tarn_pool *parent,
				  const tarn_options *options)
{
	return pool_answer(parent, pool_create_child(parent, options),
			   sizeof(tarn_pool));
}
