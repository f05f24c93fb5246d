/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a pool is made of, as text: see describe.h.
 *
 * Parts are looked at one after the other, each under its mutex: while others
 * use the pool they need not fit one another.
 */
#include "describe.h"

#include "reuse.h"
#include "slab.h"

/* ---- blocks ---------------------------------------------------------- */

static void put_claimed(void *with, const struct seen_block *seen,
			struct span span)
{
	struct text *text = with;
	size_t at = (size_t)(span.start - (char *)block_memory(seen->block));
	size_t size = (size_t)(span.end - span.start);

	if (span.start >= span.end)
		return;
	text_next(text);
	if (text->json)
		text_put(text, "\n   {\"at\":%zu,\"size\":%zu", at, size);
	else
		text_put(text, " %zu..%zu", at, at + size);
	if (span.of == SLOT_UNOWNED)
		text_put(text, text->json ? ",\"thread\":null}" : " by any");
	else
		text_put(text, text->json ? ",\"thread\":%u}" : " by %u",
			 slot_number(span.of));
}

static void put_block(struct report *report, const struct seen_block *seen,
		      uint32_t number, bool held)
{
	struct text *text = &report->text;
	struct block *block = seen->block;
	size_t base = block->base * BLOCK_UNIT + block->skip;
	size_t unclaimed =
		(block_high(seen->room) - block_low(seen->room)) * BLOCK_UNIT;
	size_t kept =
		block->size - block->skip - block_high(seen->room) * BLOCK_UNIT;

	report->unclaimed += unclaimed;
	report->kept += kept + base;
	text_next_line(text);
	if (text->json)
		text_put(text,
			 "  {\"address\":\"%p\",\"size\":%zu,\"held\":%s,"
			 "\"header\":%zu,\"unclaimed\":%zu,\"kept\":%zu",
			 block_memory(block), block->size,
			 held ? "true" : "false", base, unclaimed, kept);
	else
		text_put(text,
			 "  block %u: %zu bytes%s, %zu header, %zu kept, "
			 "%zu unclaimed; ",
			 number, block->size, held ? "" : " of the caller's",
			 base, kept, unclaimed);
	text_open(text, ",\"chunks\":[", "claimed:");
	picture_each_claimed(&report->picture, seen, put_claimed, text);
	text_close(text, "]}", "\n");
}

static void put_blocks(struct report *report, const tarn_pool *pool)
{
	const struct seen_block *seen;

	text_open(&report->text, ",\n\"blocks\":[", "");
	for (uint32_t i = 0;
	     (seen = picture_block(&report->picture, i)) != NULL; i++)
		put_block(report, seen, i, i != 0 || pool->taken != 0);
	text_close(&report->text, "]", "");
}

/* ---- local pools ----------------------------------------------------- */

/* Where a room or a tail is, if it is; returns how large. */
static size_t put_room(struct report *report, struct room room)
{
	size_t offset, size = room_size(room);
	uint32_t number;

	if (!picture_find(&report->picture, room, &number, &offset))
		return 0;
	text_next(&report->text);
	if (report->text.json)
		text_put(&report->text,
			 "{\"block\":%u,\"at\":%zu,\"size\":%zu}", number,
			 offset, size);
	else
		text_put(&report->text, " %zu in block %u", size, number);
	return size;
}

static void put_local(struct report *report, const struct local *local,
		      uint32_t slot, bool first)
{
	struct text *text = &report->text;
	struct local_seen seen = local_see(local);
	/* What was freed by whom others had it from: below 0. */
	ptrdiff_t handed_out = (ptrdiff_t)seen.handed_out;

	text_next_line(text);
	if (text->json)
		text_put(text,
			 "  {\"thread\":%u,\"owner\":%s,\"handed_out\":%td",
			 slot_number(slot), first ? "true" : "false",
			 handed_out);
	else
		text_put(text, "  thread %u%s: %td handed out",
			 slot_number(slot), first ? ", the owner" : "",
			 handed_out);
	text_open(text, ",\"room\":[", "; room:");
	report->room += put_room(report, seen.room);
	text_open(text, "],\"tails\":[", "; tails:");
	for (int i = 0; i < LOCAL_TAILS; i++)
		report->tails += put_room(report, local_tail(local, i));
	text_close(text, "]}", "\n");
}

static void put_locals(struct report *report, tarn_pool *pool)
{
	struct local *local;
	uint32_t at = 0, slot;

	text_open(&report->text, ",\n\"local_pools\":[", "");
	if (report->picture.owner != SLOT_UNOWNED)
		put_local(report, &pool->own, report->picture.owner, true);
	mutex_lock(&pool->mutex);
	while ((local = pool_next_local(pool, &at, &slot)) != NULL)
		put_local(report, local, slot, false);
	mutex_unlock(&pool->mutex);
	text_close(&report->text, "]", "");
}

/* ---- the rest of a pool ---------------------------------------------- */

static void put_large(void *with, const struct large_entry *entry)
{
	struct text *text = with;

	text_next(text);
	if (text->json)
		text_put(text,
			 "\n  {\"address\":\"%p\",\"size\":%zu,\"held\":%zu}",
			 entry->object, entry->size, entry->held);
	else
		text_put(text, " %zu", entry->size);
}

/* By the address of the function and what it is given. */
static void put_cleanup(struct text *text, const struct tarn_cleanup *cleanup)
{
	text_next(text);
	text_put(text,
		 text->json ? "\n  {\"function\":\"0x%jx\","
			      "\"data\":\"0x%jx\"}"
			    : " 0x%jx(0x%jx)",
		 (uintmax_t)(uintptr_t)cleanup->fn,
		 (uintmax_t)(uintptr_t)cleanup->data);
}

/* One that is not a large allocation, which is told of as such. */
static void put_slab(void *with, struct chunk chunk)
{
	put_room(with, (struct room){chunk.start, chunk.end});
}

static void put_cache(struct report *report, tarn_cache *cache)
{
	struct cache_depot *depot = &cache->depot;
	struct text *text = &report->text;

	text_next(text);
	mutex_lock(&depot->mutex);
	text_put(
		text,
		text->json
			? "\n  {\"size\":%zu,\"slabs\":%zu,\"bytes\":%zu,"
			  "\"objects\":%zu,\"free\":%zu"
			: " of %zu bytes: %zu slabs of %zu bytes, %zu objects, "
			  "%zu of them free",
		cache->size, depot->count, depot->bytes, depot->units,
		depot->free);
	text_open(text, ",\"places\":[", ":");
	slab_each_locked(depot, put_slab, report);
	mutex_unlock(&depot->mutex);
	text_close(text, "]}", "");
}

/* The newest first; in lines, none for what there is not. */
static void put_lists(struct report *report, tarn_pool *pool,
		      const tarn_stats *stats)
{
	struct text *text = &report->text;

	if (text->json || stats->large_count != 0) {
		text_open(text, ",\n\"large_allocations\":[",
			  "  large_allocations:");
		large_each(&pool->large, pool->source.watched, put_large, text);
		text_close(text, "]", "\n");
	}
	mutex_lock(&pool->mutex);
	if (text->json || pool->caches != NULL) {
		text_open(text, ",\n\"caches\":[", "  caches:");
		for (tarn_cache *cache = pool->caches; cache != NULL;
		     cache = cache->older)
			put_cache(report, cache);
		text_close(text, "]", "\n");
	}
	if (text->json || pool->cleanups.newest != NULL) {
		text_open(text, ",\n\"cleanups\":[", "  cleanups:");
		for (const struct tarn_cleanup *cleanup = pool->cleanups.newest;
		     cleanup != NULL; cleanup = cleanup->older)
			put_cleanup(text, cleanup);
		text_close(text, "]", "\n");
	}
	mutex_unlock(&pool->mutex);
}

/* ---- one pool -------------------------------------------------------- */

/* A pool's first line, or the beginning of its object. */
static void put_begin(struct text *text, const tarn_pool *pool, size_t depth)
{
	text_next_line(text);
	if (text->json)
		text_put(text,
			 " {\"depth\":%zu,\"address\":\"%p\",\"name\":", depth,
			 (const void *)pool);
	else
		text_put(text, "pool %p, %zu deep", (const void *)pool, depth);
	if (pool->name != NULL) {
		text_put(text, text->json ? "\"" : ", '");
		text_put_name(text, pool->name);
		text_put(text, text->json ? "\"" : "'");
	} else if (text->json) {
		text_put(text, "null");
	}
}

static void put_figures(struct text *text, const tarn_stats *stats)
{
	text_put(
		text,
		text->json
			? ",\"held\":%zu,\"handed_out\":%zu,\"unused\":%zu,"
			  "\"large\":%zu,\"limit\":%zu,\"children\":%zu"
			: ": %zu bytes held, %zu handed out, %zu unused, "
			  "%zu in large allocations, limit %zu, %zu children\n",
		stats->held, stats->handed_out,
		stats->held - align_min(stats->held, stats->handed_out),
		stats->large, stats->limit, stats->children);
}

/* What becomes of the bytes that are held and not handed out. */
static void put_unused(struct report *report, tarn_pool *pool)
{
	text_put(&report->text,
		 report->text.json
			 ? ",\n\"unclaimed\":%zu,\"kept\":%zu,\"room\":%zu,"
			   "\"tails\":%zu,\"freed\":%zu}"
			 : "  unused: %zu unclaimed, %zu kept, %zu room, "
			   "%zu tails, %zu freed\n",
		 report->unclaimed, report->kept, report->room, report->tails,
		 reuse_bytes(pool));
}

void describe_pool(struct report *report, tarn_pool *pool, size_t depth,
		   bool busy)
{
	tarn_stats stats = TARN_STATS_INIT;

	put_begin(&report->text, pool, depth);
	if (busy) {
		text_put(&report->text, report->text.json
						? ",\"busy\":true}"
						: ": reset or destroyed now\n");
		return;
	}
	tarn_pool_stats(pool, &stats);
	put_figures(&report->text, &stats);
	picture_take(&report->picture, pool);
	report->unclaimed = report->kept = report->room = report->tails = 0;
	put_blocks(report, pool);
	put_locals(report, pool);
	put_lists(report, pool, &stats);
	put_unused(report, pool);
}
