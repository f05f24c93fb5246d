/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of test_cursor share: a chain of blocks, and claims from it.
 */
#ifndef TARN_TESTS_CURSOR_TESTS_H
#define TARN_TESTS_CURSOR_TESTS_H

#include "util.h"

#include "cursor.h"

enum {
	FIRST = 4096 /* bytes of the first block */
};

/* A chain on malloc, without a cache, with a limit that counts. */
struct chain {
	struct limit limit;
	struct source source;
	struct cursor cursor;
	struct chunk first; /* its first chunk */
};

static inline void chain_new(struct chain *chain, size_t limit)
{
	size_t size = FIRST;
	void *memory;

	limit_init(&chain->limit, limit, NULL);
	chain->source = source_of(tarn_upstream_malloc(), &chain->limit);
	memory = block_take(NULL, &chain->source, size, &size, TARN_ALIGNMENT);
	ck_assert_ptr_nonnull(memory);
	chain->cursor.first_size = FIRST;
	chain->cursor.max_block = BLOCK_MOST;
	chain->first = cursor_init(&chain->cursor,
				   block_init(memory, size, BLOCK_HEADER), size,
				   BLOCK_LINE);
}

static inline void chain_end(struct chain *chain)
{
	struct block *first = chain->cursor.first;

	cursor_clear(&chain->cursor, NULL, &chain->source);
	block_give(NULL, &chain->source, block_memory(first), first->size);
	ck_assert_uint_eq(chain->limit.used, 0);
	limit_finish(&chain->limit);
}

static inline bool claim_for(struct chain *chain, struct claimer *claimer,
			     size_t need, size_t want, struct chunk *chunk)
{
	struct claim ask = {need, want, false, false, claimer, 0};

	return cursor_claim(&chain->cursor, NULL, &chain->source, &ask, chunk);
}

static inline bool claim(struct chain *chain, size_t need, size_t want,
			 struct chunk *chunk)
{
	return claim_for(chain, NULL, need, want, chunk);
}

#endif
