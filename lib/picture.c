/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pictures: see picture.h.
 *
 * Invariants: no two places overlap, and no two chunks; both are sorted, so
 * that a pool of many blocks takes no longer for each of them.
 */
#include "picture.h"

/* ---- spans ----------------------------------------------------------- */

static int span_compare(const void *a, const void *b)
{
	const struct span *one = a, *other = b;

	return (one->start > other->start) - (one->start < other->start);
}

static void spans_sort(struct array *spans)
{
	if (spans->used != 0)
		qsort(spans->at, spans->used / sizeof(struct span),
		      sizeof(struct span), span_compare);
}

/* The span there, or NULL: there are fewer. */
static const struct span *span_at(const struct array *spans, size_t i)
{
	const struct span *all = (const struct span *)spans->at;

	return i < spans->used / sizeof(*all) ? &all[i] : NULL;
}

/* Where the first one is that ends beyond `address`. */
static size_t span_find(const struct array *spans, const char *address)
{
	const struct span *all = (const struct span *)spans->at;
	size_t low = 0, high = spans->used / sizeof(*all);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- taking one ------------------------------------------------------ */

static void picture_add_block(struct picture *picture, struct block *block)
{
	struct seen_block seen = {block, block_now(block)};
	char *start = block_memory(block);
	struct span place = {start, start + block->size,
			     (uint32_t)(picture->blocks.used / sizeof(seen))};

	array_add(&picture->blocks, &seen, sizeof(seen));
	array_add(&picture->places, &place, sizeof(place));
}

static void picture_add_chunk(void *with, struct chunk chunk)
{
	struct picture *picture = with;
	struct span span = {chunk.start, chunk.end, picture->slot};

	array_add(&picture->chunks, &span, sizeof(span));
}

/* Blocks before ledgers: what is claimed meanwhile is beyond the room's low. */
void picture_take(struct picture *picture, tarn_pool *pool)
{
	struct local *local;
	uint32_t at = 0;

	picture->blocks.used = picture->places.used = picture->chunks.used = 0;
	for (struct block *block = pool->cursor.first; block != NULL;
	     block = block_next(block))
		picture_add_block(picture, block);
	/* ORDER pool-owner (relaxed): a figure. Pairs with pool_own. */
	picture->owner =
		atomic_load_explicit(&pool->owner, memory_order_relaxed);
	/* Objects of a pool that is watched are in nobody's chunks. */
	picture->rest = source_is_watched(&pool->source) && pool_is_shared(pool)
				? SLOT_UNOWNED
				: picture->owner;
	mutex_lock(&pool->mutex);
	while ((local = pool_next_local(pool, &at, &picture->slot)) != NULL)
		ledger_each(&local->ledger, picture_add_chunk, picture);
	mutex_unlock(&pool->mutex);
	spans_sort(&picture->places);
	spans_sort(&picture->chunks);
}

bool picture_is_failed(const struct picture *picture)
{
	return picture->blocks.failed || picture->places.failed ||
	       picture->chunks.failed;
}

void picture_end(struct picture *picture)
{
	free(picture->blocks.at);
	free(picture->places.at);
	free(picture->chunks.at);
}

/* ---- looking at it --------------------------------------------------- */

const struct seen_block *picture_block(const struct picture *picture,
				       uint32_t number)
{
	const struct seen_block *blocks =
		(const struct seen_block *)picture->blocks.at;

	return number < picture->blocks.used / sizeof(*blocks) ? &blocks[number]
							       : NULL;
}

bool picture_find(const struct picture *picture, struct room room,
		  uint32_t *number, size_t *offset)
{
	const struct array *places = &picture->places;
	const struct span *place =
		span_at(places, span_find(places, room.last));

	/* One test of both, as a tail torn so is too rare to meet. */
	if (place == NULL || room.last < place->start ||
	    ((room.end > place->end) | (room.last >= room.end)))
		return false;
	*number = place->of;
	*offset = (size_t)(room.last - place->start);
	return true;
}

/* As ledgers say, else by the owner of the first local pool. Chunks begin on
   lines, each in one block, and no byte is in two: so none begins before
   `from`, though ends are rounded up. */
void picture_each_claimed(const struct picture *picture,
			  const struct seen_block *seen,
			  void (*see)(void *with, const struct seen_block *seen,
				      struct span span),
			  void *with)
{
	const struct array *chunks = &picture->chunks;
	char *from = block_at(seen->block, seen->block->base);
	char *end = block_at(seen->block, block_low(seen->room));
	const struct span *span;

	for (size_t i = span_find(chunks, from);
	     (span = span_at(chunks, i)) != NULL && span->start < end; i++) {
		char *until = span->end < end ? span->end : end;

		see(with, seen,
		    (struct span){from, span->start, picture->rest});
		see(with, seen, (struct span){span->start, until, span->of});
		from = until;
	}
	see(with, seen, (struct span){from, end, picture->rest});
}
