/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers: see ledger.h.
 *
 * Invariants: an entry only ever grows; those of a page are set from the first
 * on; a page is complete before it is the newest.
 */
#include "ledger.h"

struct ledger_page {
	uint64_t older; /* [c] as `newest` was before */
	_Atomic uint64_t entries[LEDGER_ENTRIES]; /* [a] 0: not set */
};

_Static_assert(sizeof(struct ledger_page) == BLOCK_LINE,
	       "a page is taken as a line");

/*
 * An entry is one word, so that it is read whole: from the top 42 bits of where
 * it begins and 21 of its length, both in lines, and an odd bit. That is 128
 * MiB; of a longer chunk, in a caller's buffer, it has the front.
 */
enum {
	ENTRY_START = 22,
	ENTRY_LENGTH = 1
};

static const size_t entry_most = ((size_t)1 << 21) - 1; /* lines */

static uint64_t entry_make(const char *start, const char *end)
{
	size_t lines = align_up((size_t)(end - start), BLOCK_LINE) / BLOCK_LINE;

	return (uint64_t)((uintptr_t)start / BLOCK_LINE) << ENTRY_START |
	       (uint64_t)align_min(lines, entry_most) << ENTRY_LENGTH | 1;
}

static struct chunk entry_chunk(uint64_t entry)
{
	uintptr_t start = (uintptr_t)(entry >> ENTRY_START) * BLOCK_LINE;
	size_t lines = (size_t)(entry >> ENTRY_LENGTH) & entry_most;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it was made from one */
	char *at = (char *)start;

	return (struct chunk){at, at + lines * BLOCK_LINE};
}

static bool entry_is(uint64_t word)
{
	return (word & 1) != 0;
}

/* The page that `newest` or `older` leads to, or NULL. */
static struct ledger_page *page_of(uint64_t word)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it was made from one */
	return entry_is(word) || word == LEDGER_OFF
		       ? NULL
		       : (struct ledger_page *)(uintptr_t)word;
}

/* ---- the owner ------------------------------------------------------- */

static uint64_t ledger_newest(const struct ledger *ledger)
{
	/* ORDER ledger-page (relaxed): the owner reads what it wrote. */
	return atomic_load_explicit(&ledger->newest, memory_order_relaxed);
}

static uint64_t page_entry(const struct ledger_page *page, size_t i)
{
	/* ORDER ledger-entry (relaxed): one word, which publishes nothing.
	   Pairs with word_extend and ledger_append. */
	return atomic_load_explicit(&page->entries[i], memory_order_relaxed);
}

void ledger_reset(struct ledger *ledger)
{
	/* ORDER exclusive (relaxed). */
	if (ledger_newest(ledger) != LEDGER_OFF)
		atomic_store_explicit(&ledger->newest, LEDGER_EMPTY,
				      memory_order_relaxed);
}

/* Entries set. */
static size_t page_count(const struct ledger_page *page)
{
	size_t count = 0;

	while (count < LEDGER_ENTRIES && page_entry(page, count) != 0)
		count++;
	return count;
}

size_t ledger_need(const struct ledger *ledger)
{
	uint64_t newest = ledger_newest(ledger);
	const struct ledger_page *page = page_of(newest);

	if (page != NULL ? page_count(page) < LEDGER_ENTRIES
			 : !entry_is(newest))
		return 0;
	return sizeof(*page);
}

/* Adds a chunk to the entry at whose end it begins; false: it does not. */
static bool word_extend(_Atomic uint64_t *word, struct chunk chunk)
{
	/* ORDER ledger-entry (relaxed): see page_entry. */
	struct chunk old =
		entry_chunk(atomic_load_explicit(word, memory_order_relaxed));

	if (old.end != chunk.start)
		return false;
	atomic_store_explicit(word, entry_make(old.start, chunk.end),
			      memory_order_relaxed);
	return true;
}

/* The same with the newest entries. */
static bool ledger_extend(struct ledger *ledger, struct chunk chunk)
{
	struct ledger_page *page = page_of(ledger_newest(ledger));
	size_t count;

	if (page == NULL)
		return entry_is(ledger_newest(ledger)) &&
		       word_extend(&ledger->newest, chunk);
	count = page_count(page);
	for (size_t i = 0; i < count; i++)
		if (word_extend(&page->entries[i], chunk))
			return true;
	return false;
}

/* Into a page at the front of the chunk, of which it is the first. */
static void ledger_begin_page(struct ledger *ledger, struct chunk *chunk)
{
	struct ledger_page *page = (struct ledger_page *)chunk->start;

	page->older = ledger_newest(ledger);
	atomic_init(&page->entries[0], entry_make(chunk->start, chunk->end));
	for (size_t i = 1; i < LEDGER_ENTRIES; i++)
		atomic_init(&page->entries[i], 0);
	/* ORDER ledger-page (release): the page, complete; pairs with
	   ledger_each. */
	atomic_store_explicit(&ledger->newest, (uint64_t)(uintptr_t)page,
			      memory_order_release);
	chunk->start += sizeof(*page);
}

void ledger_note(struct ledger *ledger, struct chunk *chunk)
{
	uint64_t newest = ledger_newest(ledger);
	struct ledger_page *page = page_of(newest);
	_Atomic uint64_t *word = NULL;

	if (newest == LEDGER_OFF || ledger_extend(ledger, *chunk))
		return;
	if (newest == LEDGER_EMPTY)
		word = &ledger->newest;
	else if (page != NULL && page_count(page) < LEDGER_ENTRIES)
		word = &page->entries[page_count(page)];
	/* ORDER ledger-entry (relaxed): see page_entry. */
	if (word != NULL)
		atomic_store_explicit(word,
				      entry_make(chunk->start, chunk->end),
				      memory_order_relaxed);
	else
		ledger_begin_page(ledger, chunk);
}

/* ---- any thread ------------------------------------------------------ */

void ledger_each(const struct ledger *ledger,
		 void (*see)(void *with, struct chunk chunk), void *with)
{
	/* ORDER ledger-page (acquire): the page, and those before it; pairs
	   with ledger_begin_page. */
	uint64_t at =
		atomic_load_explicit(&ledger->newest, memory_order_acquire);
	const struct ledger_page *page;

	while ((page = page_of(at)) != NULL) {
		size_t count = page_count(page);

		for (size_t i = 0; i < count; i++)
			see(with, entry_chunk(page_entry(page, i)));
		at = page->older;
	}
	if (entry_is(at))
		see(with, entry_chunk(at));
}
