/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports: what a pool and its descendants are made of, while other threads
 * use them. The text is made in memory, under mutexes, and written when all of
 * them are given back: to write may take long, fail, or call the program.
 *
 * A child is looked at under its parent's mutex. It can be destroyed, or begin
 * or end a reset, only under the same: so what is not busy stays as it is.
 */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "reuse.h"
#include "slab.h"
#include "watch.h"

/* Bytes: what the text begins with. */
static const size_t report_least = 4096;

/* A block as it was at one moment. */
struct seen_block {
	struct block *block;
	uint64_t room;
};

/* A chunk, a room or a tail, of the slot of that name. */
struct span {
	char *start, *end;
	uint32_t slot;
};

/* An array that grows. */
struct list {
	char *at;
	size_t used, size; /* bytes */
	bool failed;       /* there was no memory for it */
};

struct report {
	struct list text;
	struct list blocks; /* of struct seen_block        */
	struct list chunks; /* of struct span, by address  */
	uint32_t owner;     /* of the first local pool     */
	uint32_t rest;      /* of what is in no ledger     */
	uint32_t slot;      /* whose ledger is looked at   */
	size_t unclaimed, kept, room, tails;
	bool json;
	bool comma; /* before the next element */
};

/* ---- lists ----------------------------------------------------------- */

/* Room for so many bytes more at the end, or NULL. */
static void *list_grow(struct list *list, size_t more)
{
	size_t size = align_max(list->size, report_least);
	char *at;

	if (list->size - list->used < more) {
		while (size - list->used < more)
			size *= 2;
		at = list->failed ? NULL : realloc(list->at, size);
		list->failed = at == NULL;
		if (at == NULL)
			return NULL;
		list->at = at;
		list->size = size;
	}
	return list->at + list->used;
}

static void list_add(struct list *list, const void *element, size_t size)
{
	void *at = list_grow(list, size);

	if (at != NULL) {
		memcpy(at, element, size);
		list->used += size;
	}
}

static void put(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct report *report, const char *format, ...)
{
	va_list args;
	char line[256];
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* No format here makes a longer one: names go another way. */
	list_add(&report->text, line, (size_t)length);
}

/* Begins an element of an array, or of what is written in one line. */
static void put_comma(struct report *report)
{
	if (report->comma)
		put(report, ",");
	report->comma = true;
}

/* Begins and ends an array, a member of an object that has others before. */
static void put_array(struct report *report, const char *name)
{
	put(report, ",\n\"%s\":[", name);
	report->comma = false;
}

static void put_array_end(struct report *report)
{
	put(report, "]");
	report->comma = true;
}

/* ---- names ----------------------------------------------------------- */

/* Bytes of the character that begins here, as UTF-8, or 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {{0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		     {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		     {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		     {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		     {0xf4, 0xf4, 0x80, 0x8f, 4}};
	size_t i = 0, length = 1;

	while (at[0] < forms[i].first || at[0] > forms[i].last)
		if (++i == sizeof(forms) / sizeof(*forms))
			return 0;
	if (at[1] < forms[i].low || at[1] > forms[i].high)
		return 0;
	while (length < forms[i].length &&
	       (length == 1 || at[length] >> 6 == 2))
		length++;
	return length == forms[i].length ? length : 0;
}

/* A name within quotes, of which nothing in it ends them or the line. */
static void put_name(struct report *report, const char *name)
{
	const unsigned char *at = (const unsigned char *)name;

	while (*at != '\0') {
		size_t length = utf8_length(at);

		if (length == 0)
			put(report, "\xef\xbf\xbd"); /* U+FFFD */
		else if (*at < ' ' || *at == 0x7f)
			put(report, report->json ? "\\u%04x" : "\\x%02x", *at);
		else if (*at == '\\' || *at == (report->json ? '"' : '\''))
			put(report, "\\%c", *at);
		else
			list_add(&report->text, at, length);
		at += align_max(length, 1);
	}
}

/* ---- what there is --------------------------------------------------- */

static int span_compare(const void *a, const void *b)
{
	const struct span *one = a, *other = b;

	return (one->start > other->start) - (one->start < other->start);
}

static void see_chunk(void *with, struct chunk chunk)
{
	struct report *report = with;
	struct span span = {chunk.start, chunk.end, report->slot};

	list_add(&report->chunks, &span, sizeof(span));
}

/* Blocks before ledgers: what is claimed meanwhile is beyond the room's low. */
static void see_pool(struct report *report, tarn_pool *pool)
{
	struct local *local;
	uint32_t at = 0;

	report->blocks.used = report->chunks.used = 0;
	report->unclaimed = report->kept = report->room = report->tails = 0;
	for (struct block *block = pool->cursor.first; block != NULL;
	     block = block_next(block)) {
		struct seen_block seen = {block, block_now(block)};

		list_add(&report->blocks, &seen, sizeof(seen));
	}
	/* ORDER pool-owner (relaxed): a figure. Pairs with pool_own. */
	report->owner =
		atomic_load_explicit(&pool->owner, memory_order_relaxed);
	/* Objects of a pool that is watched are in nobody's chunks. */
	report->rest = source_is_watched(&pool->source) && pool_is_shared(pool)
			       ? SLOT_UNOWNED
			       : report->owner;
	mutex_lock(&pool->mutex);
	while ((local = pool_next_local(pool, &at, &report->slot)) != NULL)
		ledger_each(&local->ledger, see_chunk, report);
	mutex_unlock(&pool->mutex);
	if (report->chunks.used != 0)
		qsort(report->chunks.at,
		      report->chunks.used / sizeof(struct span),
		      sizeof(struct span), span_compare);
}

static const struct seen_block *report_block(const struct report *report,
					     size_t i)
{
	const struct seen_block *blocks =
		(const struct seen_block *)report->blocks.at;

	return i < report->blocks.used / sizeof(*blocks) ? &blocks[i] : NULL;
}

static const struct span *report_chunk(const struct report *report, size_t i)
{
	const struct span *chunks = (const struct span *)report->chunks.at;

	return i < report->chunks.used / sizeof(*chunks) ? &chunks[i] : NULL;
}

/* Whether `room` is in one block, by its number, and not empty. */
static bool report_find(const struct report *report, struct room room,
			size_t *number, size_t *offset)
{
	const struct seen_block *seen;

	for (size_t i = 0; (seen = report_block(report, i)) != NULL; i++) {
		const char *start = block_memory(seen->block);

		if (room.last < start || room.end > start + seen->block->size ||
		    room.last >= room.end)
			continue;
		*number = i;
		*offset = (size_t)(room.last - start);
		return true;
	}
	return false;
}

/* ---- blocks ---------------------------------------------------------- */

static void put_thread(struct report *report, uint32_t slot)
{
	put(report, report->json ? ",\"thread\":" : " by ");
	if (slot == SLOT_UNOWNED)
		put(report, report->json ? "null" : "any");
	else
		put(report, "%u", slot_number(slot));
}

static void put_chunk(struct report *report, const struct seen_block *seen,
		      const char *start, const char *end, uint32_t slot)
{
	size_t at = (size_t)(start - (char *)block_memory(seen->block));

	if (start >= end)
		return;
	put_comma(report);
	if (report->json)
		put(report, "\n   {\"at\":%zu,\"size\":%zu", at,
		    (size_t)(end - start));
	else
		put(report, " %zu..%zu", at, at + (size_t)(end - start));
	put_thread(report, slot);
	if (report->json)
		put(report, "}");
}

/* What was claimed: as ledgers say, else by the owner of the first local pool.
 */
static void put_chunks(struct report *report, const struct seen_block *seen)
{
	const struct span *span;
	char *from = block_at(seen->block, seen->block->base);
	char *end = block_at(seen->block, block_low(seen->room));

	for (size_t i = 0; (span = report_chunk(report, i)) != NULL; i++) {
		char *until = span->end < end ? span->end : end;

		if (span->start < from || span->start >= end)
			continue;
		put_chunk(report, seen, from, span->start, report->rest);
		put_chunk(report, seen, span->start, until, span->slot);
		from = until;
	}
	put_chunk(report, seen, from, end, report->rest);
}

static void put_block(struct report *report, const struct seen_block *seen,
		      size_t number, bool held)
{
	struct block *block = seen->block;
	size_t base = block->base * BLOCK_UNIT + block->skip;
	size_t unclaimed =
		(block_high(seen->room) - block_low(seen->room)) * BLOCK_UNIT;
	size_t kept =
		block->size - block->skip - block_high(seen->room) * BLOCK_UNIT;

	report->unclaimed += unclaimed;
	report->kept += kept + base;
	if (report->json)
		put(report,
		    "%s\n  {\"address\":\"%p\",\"size\":%zu,\"held\":%s,"
		    "\"header\":%zu,\"unclaimed\":%zu,\"kept\":%zu",
		    number != 0 ? "," : "", block_memory(block), block->size,
		    held ? "true" : "false", base, unclaimed, kept);
	else
		put(report,
		    "  block %zu: %zu bytes%s, %zu header, %zu kept, "
		    "%zu unclaimed; ",
		    number, block->size, held ? "" : " of the caller's", base,
		    kept, unclaimed);
	put(report, report->json ? ",\"chunks\":[" : "claimed:");
	report->comma = false;
	put_chunks(report, seen);
	put(report, report->json ? "]}" : "\n");
}

static void put_blocks(struct report *report, const tarn_pool *pool)
{
	const struct seen_block *seen;

	if (report->json)
		put_array(report, "blocks");
	for (size_t i = 0; (seen = report_block(report, i)) != NULL; i++)
		put_block(report, seen, i, i != 0 || pool->taken != 0);
	if (report->json)
		put_array_end(report);
}

/* ---- local pools ----------------------------------------------------- */

/* Where a room or a tail is, if it is; returns how large. */
static size_t put_room(struct report *report, struct room room)
{
	size_t number, offset, size;

	if (!report_find(report, room, &number, &offset))
		return 0;
	size = (size_t)(room.end - room.last);
	put_comma(report);
	if (report->json)
		put(report, "{\"block\":%zu,\"at\":%zu,\"size\":%zu}", number,
		    offset, size);
	else
		put(report, " %zu in block %zu", size, number);
	return size;
}

static void put_local(struct report *report, const struct local *local,
		      uint32_t slot, bool first)
{
	struct local_seen seen = local_see(local);
	/* What was freed by whom others had it from: below 0. */
	ptrdiff_t handed_out = (ptrdiff_t)seen.handed_out;

	if (report->json)
		put(report,
		    "%s\n  {\"thread\":%u,\"owner\":%s,\"handed_out\":%td,"
		    "\"room\":[",
		    report->comma ? "," : "", slot_number(slot),
		    first ? "true" : "false", handed_out);
	else
		put(report,
		    "  thread %u%s: %td handed out; room:", slot_number(slot),
		    first ? ", the owner" : "", handed_out);
	report->comma = false;
	report->room += put_room(report, seen.room);
	put(report, report->json ? "],\"tails\":[" : "; tails:");
	report->comma = false;
	for (int i = 0; i < LOCAL_TAILS; i++)
		report->tails += put_room(report, local_tail(local, i));
	put(report, report->json ? "]}" : "\n");
	report->comma = true;
}

static void put_locals(struct report *report, tarn_pool *pool)
{
	struct local *local;
	uint32_t at = 0, slot;

	if (report->json)
		put_array(report, "local_pools");
	if (report->owner != SLOT_UNOWNED)
		put_local(report, &pool->own, report->owner, true);
	mutex_lock(&pool->mutex);
	while ((local = pool_next_local(pool, &at, &slot)) != NULL)
		put_local(report, local, slot, false);
	mutex_unlock(&pool->mutex);
	if (report->json)
		put_array_end(report);
}

/* ---- the rest of a pool ---------------------------------------------- */

static void put_large(void *with, const struct large_entry *entry)
{
	struct report *report = with;

	put_comma(report);
	if (report->json)
		put(report,
		    "\n  {\"address\":\"%p\",\"size\":%zu,\"held\":%zu}",
		    entry->object, entry->size, entry->held);
	else
		put(report, " %zu", entry->size);
}

/* The newest first, by the address of the function and what it is given. */
static void put_cleanups_locked(struct report *report, const tarn_pool *pool)
	MUTEX_HELD(pool->mutex)
{
	for (const struct tarn_cleanup *cleanup = pool->cleanups.newest;
	     cleanup != NULL; cleanup = cleanup->older) {
		put_comma(report);
		put(report,
		    report->json
			    ? "\n  {\"function\":\"0x%jx\",\"data\":\"0x%jx\"}"
			    : " 0x%jx(0x%jx)",
		    (uintmax_t)(uintptr_t)cleanup->fn,
		    (uintmax_t)(uintptr_t)cleanup->data);
	}
}

/* One that is not a large allocation, which is told of as such. */
static void put_slab(void *with, struct chunk chunk)
{
	put_room(with, (struct room){chunk.start, chunk.end});
}

static void put_cache(struct report *report, tarn_cache *cache)
{
	struct cache_depot *depot = &cache->depot;

	put_comma(report);
	mutex_lock(&depot->mutex);
	put(report,
	    report->json ? "\n  {\"size\":%zu,\"slabs\":%zu,\"bytes\":%zu,"
			   "\"objects\":%zu,\"free\":%zu"
			 : " of %zu bytes: %zu slabs of %zu bytes, "
			   "%zu objects, %zu of them free",
	    cache->size, depot->count, depot->bytes, depot->units, depot->free);
	put(report, report->json ? ",\"places\":[" : ":");
	report->comma = false;
	slab_each_locked(depot, put_slab, report);
	mutex_unlock(&depot->mutex);
	if (report->json)
		put(report, "]}");
	report->comma = true;
}

static void put_caches_locked(struct report *report, const tarn_pool *pool)
	MUTEX_HELD(pool->mutex)
{
	for (tarn_cache *cache = pool->caches; cache != NULL;
	     cache = cache->older)
		put_cache(report, cache);
}

/* A line, or an array, of what `see` puts. */
static void put_part(struct report *report, const char *name)
{
	if (report->json)
		put_array(report, name);
	else
		put(report, "  %s:", name);
	report->comma = false;
}

static void put_part_end(struct report *report)
{
	if (report->json)
		put_array_end(report);
	else
		put(report, "\n");
}

static void put_lists(struct report *report, tarn_pool *pool,
		      const tarn_stats *stats)
{
	if (report->json || stats->large_count != 0) {
		put_part(report, "large_allocations");
		large_each(&pool->large, pool->source.watched, put_large,
			   report);
		put_part_end(report);
	}
	mutex_lock(&pool->mutex);
	if (report->json || pool->caches != NULL) {
		put_part(report, "caches");
		put_caches_locked(report, pool);
		put_part_end(report);
	}
	if (report->json || pool->cleanups.newest != NULL) {
		put_part(report, "cleanups");
		put_cleanups_locked(report, pool);
		put_part_end(report);
	}
	mutex_unlock(&pool->mutex);
}

/* ---- pools ----------------------------------------------------------- */

/* A pool's first line, or the beginning of its object. */
static void put_begin(struct report *report, const tarn_pool *pool,
		      size_t depth)
{
	if (report->json)
		put(report, "%s\n {\"depth\":%zu,\"address\":\"%p\",\"name\":",
		    report->comma ? "," : "", depth, (const void *)pool);
	else
		put(report, "pool %p, %zu deep", (const void *)pool, depth);
	if (pool->name != NULL) {
		put(report, report->json ? "\"" : ", '");
		put_name(report, pool->name);
		put(report, report->json ? "\"" : "'");
	} else if (report->json) {
		put(report, "null");
	}
	report->comma = true;
}

static void put_figures(struct report *report, const tarn_stats *stats)
{
	put(report,
	    report->json
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
	size_t freed = reuse_bytes(pool);

	put(report,
	    report->json ? ",\n\"unclaimed\":%zu,\"kept\":%zu,\"room\":%zu,"
			   "\"tails\":%zu,\"freed\":%zu"
			 : "  unused: %zu unclaimed, %zu kept, %zu room, "
			   "%zu tails, %zu freed\n",
	    report->unclaimed, report->kept, report->room, report->tails,
	    freed);
}

/* One that is busy ends, or is emptied: of that only its name is there. */
static void put_pool(struct report *report, tarn_pool *pool, size_t depth,
		     bool busy)
{
	tarn_stats stats = TARN_STATS_INIT;

	put_begin(report, pool, depth);
	if (busy) {
		put(report, report->json ? ",\"busy\":true}"
					 : ": reset or destroyed now\n");
		return;
	}
	tarn_pool_stats(pool, &stats);
	put_figures(report, &stats);
	see_pool(report, pool);
	put_blocks(report, pool);
	put_locals(report, pool);
	put_lists(report, pool, &stats);
	put_unused(report, pool);
	if (report->json)
		put(report, "}");
}

/* The pool and all below, parents first, the newest children first. Holds the
   mutexes of all above the one it is at. Unchecked: they are any number. */
static void put_tree(struct report *report, tarn_pool *pool) MUTEX_UNCHECKED
{
	tarn_pool *at = pool;
	size_t depth = 0;

	for (;;) {
		bool busy = at != pool && pool_is_busy(at);

		put_pool(report, at, depth, busy);
		if (!busy) {
			mutex_lock(&at->mutex);
			if (at->children != NULL) {
				at = at->children;
				depth++;
				continue;
			}
			mutex_unlock(&at->mutex);
		}
		for (; at != pool && at->older == NULL; depth--) {
			at = at->parent;
			mutex_unlock(&at->mutex);
		}
		if (at == pool)
			return;
		at = at->older;
	}
}

/* ---- reports --------------------------------------------------------- */

static void report_begin(struct report *report, int format)
{
	*report = (struct report){.json = format == TARN_REPORT_JSON};
	if (report->json)
		put(report, "{\"tarn\":\"%s\",\"pools\":[", PACKAGE_VERSION);
}

/* Writes it; 0, or an error number. */
static int report_write(struct report *report, FILE *file)
{
	if (report->text.failed || report->blocks.failed ||
	    report->chunks.failed)
		return ENOMEM;
	errno = EIO;
	return fwrite(report->text.at, 1, report->text.used, file) ==
				       report->text.used &&
			       fflush(file) == 0
		       ? 0
		       : errno;
}

static int report_end(struct report *report, FILE *file)
{
	int error;

	if (report->json)
		put(report, "]}\n");
	error = report_write(report, file);
	free(report->text.at);
	free(report->blocks.at);
	free(report->chunks.at);
	return error;
}

int tarn_pool_report(const tarn_pool *const_pool, FILE *file, int format)
{
	tarn_pool *pool = (tarn_pool *)const_pool;
	struct report report;
	struct aside aside;
	int error;
	WATCH_CALL(pool, WATCH_HIDDEN);

	if (format != TARN_REPORT_TEXT && format != TARN_REPORT_JSON) {
		errno = EINVAL;
		return -1;
	}
	aside = aside_begin(true);
	report_begin(&report, format);
	put_tree(&report, pool);
	error = report_end(&report, file);
	if (error != 0)
		aside.error = error;
	aside_end(aside);
	return error != 0 ? -1 : 0;
}

static void report_one(void *with, tarn_pool *pool)
{
	if (pool->parent == NULL && !pool_is_busy(pool))
		put_tree(with, pool);
}

void report_all_locked(void)
{
	FILE *file = debug_report_file();
	struct report report;

	if (file == NULL)
		return;
	report_begin(&report, TARN_REPORT_JSON);
	watch_each_locked(report_one, &report);
	if (report_end(&report, file) != 0)
		debug_say("TARN_DEBUG: the report cannot be written");
	fclose(file);
}
