/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evict: a store of documents that may hold a megabyte and no more.
 *
 * The store's pool has the limit. Each document has a pool of its own, the
 * child of that one, so that to evict it is to destroy a pool: its memory is no
 * longer held then, and another document may have it, whatever its size. A
 * document that finds no memory has the one evicted that was wanted longest
 * ago, and tries again, until it fits or nothing is left to evict.
 */
#include <tarn.h>

#include <stdio.h>
#include <string.h>

#define LIMIT  ((size_t)1 << 20)
#define KEYS   500u
#define WANTED 5000u

struct document {
	struct document *newer, *older;
	tarn_pool *pool;
	unsigned key;
	size_t size;
	char *text;
};

static struct store {
	tarn_pool *pool;
	struct document *newest, *oldest;
	struct document *by_key[KEYS];
	unsigned found, made, evicted, refused;
} store;

/* ---- in the order of use --------------------------------------------- */

static void take_out(struct document *document)
{
	if (document->newer)
		document->newer->older = document->older;
	else
		store.newest = document->older;
	if (document->older)
		document->older->newer = document->newer;
	else
		store.oldest = document->newer;
}

static void put_first(struct document *document)
{
	document->newer = NULL;
	document->older = store.newest;
	if (store.newest)
		store.newest->newer = document;
	else
		store.oldest = document;
	store.newest = document;
}

/* ---- documents ------------------------------------------------------- */

/* From 100 to 41,600 bytes: small ones are many. */
static size_t size_of(unsigned key)
{
	return 100 + (size_t)key * key / 6;
}

/* Returns the document, or NULL: it does not fit now. */
static struct document *make(unsigned key)
{
	const tarn_options options = {.struct_size = sizeof(options),
				      .name = "document",
				      .first_block = 1024};
	tarn_pool *pool = tarn_pool_create_child(store.pool, &options);
	struct document *document =
		pool ? tarn_new(pool, struct document) : NULL;
	char *text = document ? tarn_pnalloc(pool, size_of(key)) : NULL;

	if (!text) {
		tarn_pool_destroy(pool); /* with what there is of it */
		return NULL;
	}
	memset(text, 'a' + (int)(key % 26), size_of(key));
	document->pool = pool;
	document->key = key;
	document->size = size_of(key);
	document->text = text;
	return document;
}

/* Returns 0, or -1: there is none. */
static int evict_oldest(void)
{
	struct document *document = store.oldest;

	if (!document)
		return -1;
	take_out(document);
	store.by_key[document->key] = NULL;
	tarn_pool_destroy(document->pool);
	store.evicted++;
	return 0;
}

static const struct document *get(unsigned key)
{
	struct document *document = store.by_key[key];

	if (document) {
		store.found++;
		take_out(document);
	} else {
		while (!(document = make(key)))
			if (evict_oldest() != 0)
				return NULL;
		store.made++;
		store.by_key[key] = document;
	}
	put_first(document);
	return document;
}

/* Called for each request that the limit refuses, of the store's pool or of a
   document's, which has this from its parent. */
static void count_refused(tarn_pool *pool, size_t size, void *count)
{
	(void)pool, (void)size;
	++*(unsigned *)count;
}

/* ---- many that are wanted -------------------------------------------- */

/* What all pools hold, together. */
static size_t held(void)
{
	tarn_stats stats = TARN_STATS_INIT;
	size_t sum = 0;

	if (tarn_pool_stats(store.pool, &stats) == 0)
		sum = stats.held;
	for (struct document *each = store.oldest; each; each = each->newer)
		if (tarn_pool_stats(each->pool, &stats) == 0)
			sum += stats.held;
	return sum;
}

static unsigned draw(unsigned below)
{
	static unsigned state = 1;

	state = state * 1664525U + 1013904223U;
	return (state >> 16) % below;
}

static int run(void)
{
	for (unsigned i = 0; i < WANTED; i++) {
		unsigned key = draw(1 + draw(KEYS)); /* some more often */
		const struct document *document = get(key);

		if (!document || document->text[0] != 'a' + (int)(key % 26) ||
		    held() > LIMIT)
			return -1;
	}
	return 0;
}

int main(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	int status;

	options.name = "store";
	options.limit = LIMIT;
	options.on_oom = count_refused;
	options.on_oom_data = &store.refused;
	store.pool = tarn_pool_create(&options);
	status = store.pool ? run() : -1;
	printf("%u found, %u made, %u evicted, %u requests refused\n"
	       "%zu bytes held, of %zu\n",
	       store.found, store.made, store.evicted, store.refused,
	       store.pool ? held() : 0, LIMIT);
	tarn_pool_destroy(store.pool); /* and all documents */
	return status != 0 || store.evicted == 0 || store.refused == 0;
}
