/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ledgers: which chunks a local pool claimed since a reset, for reports. Only
 * its owner writes, at claims; any thread reads.
 *
 * Nobody pays for what can be known without: the first local pool of a pool
 * keeps no ledger, for what nobody else claimed is its own; the first chunk of
 * any other stands in the ledger's one word, and a chunk that goes on where one
 * ended, in the entry of that one. Any other takes a node of 16 bytes, at the
 * end of the chunk itself.
 */
#ifndef TARN_LEDGER_H
#define TARN_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cursor.h"

struct ledger {
	_Atomic uint64_t newest; /* [a] an entry, odd; else a node, or: */
};

/* Nothing claimed yet; none is kept. Neither is an entry or a node. */
#define LEDGER_EMPTY UINT64_C(0)
#define LEDGER_OFF   UINT64_C(2)

static inline void ledger_init(struct ledger *ledger)
{
	atomic_init(&ledger->newest, LEDGER_EMPTY);
}

/* Before the pool is known to any other thread. */
static inline void ledger_turn_off(struct ledger *ledger)
{
	atomic_init(&ledger->newest, LEDGER_OFF);
}

/* Nothing is claimed any more. Exclusive. */
void ledger_reset(struct ledger *ledger);

/* Bytes that the next claim has to bring beside. Owner. */
size_t ledger_need(const struct ledger *ledger);

/* Notes a chunk just claimed; if need be takes its end. Owner. */
void ledger_note(struct ledger *ledger, struct chunk *chunk);

/* Calls see(with, chunk) for each, in any order; ends are rounded up to a line.
   Of a ledger that is kept. Any thread, but not beside a reset. */
void ledger_each(const struct ledger *ledger,
		 void (*see)(void *with, struct chunk chunk), void *with);

#endif
