/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scratch: two pools of a thread's own for temporaries, in its slot, each made
 * at its first use. One of them at most is the conflict, so one is always free
 * to be used; a use is a mark and a rewind.
 *
 * A pool that one block did not suffice for is destroyed at the end of the
 * outermost use, and the next has a block as large as all that was held, if
 * that is within bounds. So uses that are alike soon cost a few stores.
 */
#include "reuse.h"
#include "watch.h"

/* Bytes: the first block, at first and at most; a slot keeps two. */
static const size_t scratch_least = (size_t)16 << 10;
static const size_t scratch_most = (size_t)128 << 10;

/* Bytes: what is larger is not bumped, but listed. */
static const size_t scratch_large = (size_t)32 << 10;

/* ---- pools ----------------------------------------------------------- */

static void scratch_destroy(struct slot_scratch *scratch)
{
	tarn_pool *pool = scratch->pool;

	/* Before: a cleanup may come for another. */
	scratch->pool = NULL;
	scratch->memory = NULL;
	tarn_pool_destroy(pool);
}

static void scratch_end_slot(struct slot *slot)
{
	for (int i = 0; i < SLOT_SCRATCH; i++)
		scratch_destroy(&slot->scratch[i]);
}

static tarn_pool *scratch_create(size_t size)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.name = "scratch";
	options.first_block =
		align_clamp(size, scratch_least, scratch_least, scratch_most);
	options.large_above = scratch_large;
	pool = tarn_pool_create(&options);
	if (pool != NULL && !TARN_LIKELY(pool->watch == NULL))
		watch_untell(pool);
	return pool;
}

/* Makes all of the first block the room, where a use begins, but for what marks
   need. */
static void scratch_warm(tarn_pool *pool)
{
	size_t more = LOCAL_FIRST_CHUNK + 1;

	reuse_side(&pool->own);
	tarn_prealloc(pool, tarn_palloc(pool, more), more, 0);
}

static bool scratch_make(struct slot *slot, struct slot_scratch *scratch)
{
	tarn_pool *pool = scratch_create(scratch->size);

	if (pool == NULL)
		return false;
	slot->end = scratch_end_slot;
	scratch->pool = pool;
	scratch->memory = block_memory(pool->cursor.first);
	/* Which makes this thread the owner of the first local pool. */
	pool_local(pool);
	if (!source_is_watched(&pool->source))
		scratch_warm(pool);
	return true;
}

/* Whether more than its one block is left of it once all uses have ended. */
static bool scratch_is_spoilt(const tarn_pool *pool)
{
	return !cursor_is_clear(&pool->cursor) || pool->children != NULL ||
	       pool->data != NULL || pool->caches != NULL ||
	       pool->large.home.table_held != 0;
}

/* ---- uses ------------------------------------------------------------ */

/* A thread past its end has none to keep. */
static __attribute__((noinline)) tarn_pool *scratch_begin_alone(tarn_mark *mark)
{
	*mark = (tarn_mark){{NULL}};
	return scratch_create(0);
}

tarn_pool *tarn_scratch_begin(const tarn_pool *conflict, tarn_mark *mark)
{
	struct slot *slot = slot_get();
	struct slot_scratch *scratch;

	if (slot == NULL)
		return scratch_begin_alone(mark);
	scratch = &slot->scratch[conflict != NULL &&
				 slot->scratch[0].pool == conflict];
	if (!TARN_LIKELY(scratch->pool != NULL) && !scratch_make(slot, scratch))
		return NULL;
	*mark = tarn_local_mark(&scratch->pool->own.hot);
	return scratch->pool;
}

/* The calling thread's, where the pool is; NULL: nowhere. */
static struct slot_scratch *scratch_find(const tarn_pool *pool)
{
	struct slot *slot = slot_get();

	for (int i = 0; slot != NULL && i < SLOT_SCRATCH; i++)
		if (slot->scratch[i].pool == pool)
			return &slot->scratch[i];
	return NULL;
}

void tarn_scratch_end(tarn_pool *pool, tarn_mark mark)
{
	struct slot_scratch *scratch;

	if (!TARN_LIKELY(mark.reserved[0] != NULL)) {
		tarn_pool_destroy(pool);
		return;
	}
	scratch = scratch_find(pool);
	if (scratch == NULL) {
		watch_blame(pool, "tarn_scratch_end by a thread that did not "
				  "begin this use");
		return;
	}
	tarn_local_rewind(&pool->own.hot, mark);
	if (local_depth(&pool->own) == 0 && scratch_is_spoilt(pool)) {
		scratch->size = cursor_held(&pool->cursor);
		scratch_destroy(scratch);
	}
}
