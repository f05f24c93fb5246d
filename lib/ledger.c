/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers: see ledger.h.
 *
 * Invariants: an entry only ever grows; a node is complete before it is the
 * newest.
 */
#include "ledger.h"

struct ledger_node {
	uint64_t older;         /* [c] as `newest` was before */
	_Atomic uint64_t entry; /* [a]                        */
};

_Static_assert(sizeof(struct ledger_node) == BLOCK_UNIT,
	       "it is at the end of a chunk, and that stays aligned");

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

/* The node that `newest` or `older` leads to, or NULL: it is an entry, or
   empty. Of a ledger that is kept. */
static struct ledger_node *node_of(uint64_t word)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it was made from one */
	return entry_is(word) ? NULL : (struct ledger_node *)(uintptr_t)word;
}

/* ---- the owner ------------------------------------------------------- */

static uint64_t ledger_newest(const struct ledger *ledger)
{
	/* ORDER ledger-node (relaxed): the owner reads what it wrote. */
	return atomic_load_explicit(&ledger->newest, memory_order_relaxed);
}

void ledger_reset(struct ledger *ledger)
{
	/* ORDER exclusive (relaxed). */
	if (ledger_newest(ledger) != LEDGER_OFF)
		atomic_store_explicit(&ledger->newest, LEDGER_EMPTY,
				      memory_order_relaxed);
}

size_t ledger_need(const struct ledger *ledger)
{
	uint64_t newest = ledger_newest(ledger);

	return newest == LEDGER_EMPTY || newest == LEDGER_OFF
		       ? 0
		       : sizeof(struct ledger_node);
}

static uint64_t entry_now(const _Atomic uint64_t *entry)
{
	/* ORDER ledger-entry (relaxed): one word, which publishes nothing.
	   Pairs with entry_set. */
	return atomic_load_explicit(entry, memory_order_relaxed);
}

static void entry_set(_Atomic uint64_t *entry, const char *start,
		      const char *end)
{
	/* ORDER ledger-entry (relaxed): see entry_now. */
	atomic_store_explicit(entry, entry_make(start, end),
			      memory_order_relaxed);
}

/* Adds a chunk to the newest entry, if it begins where that ends. */
static bool ledger_extend(struct ledger *ledger, struct chunk chunk)
{
	struct ledger_node *node = node_of(ledger_newest(ledger));
	_Atomic uint64_t *entry = node != NULL ? &node->entry : &ledger->newest;
	struct chunk old = entry_chunk(entry_now(entry));

	if (old.end != chunk.start)
		return false;
	entry_set(entry, old.start, chunk.end);
	return true;
}

/* An entry with a node, at the end of the chunk. */
static void ledger_add_node(struct ledger *ledger, struct chunk *chunk)
{
	struct ledger_node *node = (struct ledger_node *)chunk->end - 1;

	node->older = ledger_newest(ledger);
	atomic_init(&node->entry, entry_make(chunk->start, chunk->end));
	/* ORDER ledger-node (release): the node, complete; pairs with
	   ledger_each. */
	atomic_store_explicit(&ledger->newest, (uint64_t)(uintptr_t)node,
			      memory_order_release);
	chunk->end = (char *)node;
}

void ledger_note(struct ledger *ledger, struct chunk *chunk)
{
	uint64_t newest = ledger_newest(ledger);

	if (newest == LEDGER_OFF)
		return;
	if (newest == LEDGER_EMPTY)
		entry_set(&ledger->newest, chunk->start, chunk->end);
	else if (!ledger_extend(ledger, *chunk))
		ledger_add_node(ledger, chunk);
}

/* ---- any thread ------------------------------------------------------ */

void ledger_each(const struct ledger *ledger,
		 void (*see)(void *with, struct chunk chunk), void *with)
{
	/* ORDER ledger-node (acquire): the node, and those before it; pairs
	   with ledger_add_node. */
	uint64_t at =
		atomic_load_explicit(&ledger->newest, memory_order_acquire);
	const struct ledger_node *node;

	while ((node = node_of(at)) != NULL) {
		see(with, entry_chunk(entry_now(&node->entry)));
		at = node->older;
	}
	if (entry_is(at))
		see(with, entry_chunk(at));
}
