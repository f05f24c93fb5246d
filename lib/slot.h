/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots: small dense numbers, one for each thread that uses the library, held
 * while the thread lives and reused after; and the table by which a pool finds
 * what it keeps for a slot.
 */
#ifndef TARN_SLOT_H
#define TARN_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "config.h"

/*
 * Four constants that no slot has and that differ from one another, so that a
 * lookup with any of them matches nothing: a thread that has no slot yet, one
 * that is past its end, a table entry that is empty, a pool without an owner.
 */
#define SLOT_NONE    UINT32_C(0)
#define SLOT_GONE    UINT32_C(0xffffffff)
#define SLOT_EMPTY   UINT32_C(0xfffffffe)
#define SLOT_UNOWNED UINT32_C(0xfffffffd)

struct slot {
	uint32_t number;          /* [c] from 1                          */
	bool taken;               /* [l] slot mutex                      */
	unsigned rounds;          /* [o] of destructors seen             */
	struct block_cache cache; /* [o]                                 */
};

/* Hidden: a copy relocation would move what initial-exec code addresses. */
extern TARN_TLS uint32_t slot_number_self
	__attribute__((visibility("hidden")));
extern TARN_TLS struct slot *slot_self __attribute__((visibility("hidden")));

/* The calling thread's number, SLOT_NONE or SLOT_GONE included. */
static inline uint32_t slot_number(void)
{
	return slot_number_self;
}

/*
 * The calling thread's slot, taken now if it has none. NULL, errno untouched:
 * the thread is past its end, or the system has no key or memory for it.
 */
struct slot *slot_acquire(void);

/* The block cache of the calling thread's slot; takes a slot. May be NULL. */
static inline struct block_cache *slot_cache(void)
{
	struct slot *slot = slot_self != NULL ? slot_self : slot_acquire();

	return slot != NULL ? &slot->cache : NULL;
}

/* ---- the table keyed by slot --------------------------------------------------- */

/*
 * Open addressing, at most half full. Filled and grown by one thread at a time
 * (the pool's mutex), read by any without a lock. An entry never changes once
 * set, and an old table stays until destroy, for a reader may be in it.
 */
struct slot_entry {
	_Atomic uint32_t slot; /* [a] SLOT_EMPTY until set       */
	void *value;           /* [c] once the slot is set       */
};

struct slot_table {
	uint32_t shift; /* [c] 32 - log2 of the number of entries */
	uint32_t count; /* [l] the pool's mutex                   */
	struct slot_entry entries[];
};

/* Entries of the first table that a pool gets. */
#define SLOT_TABLE_LEAST 16

static inline uint32_t slot_table_capacity(const struct slot_table *table)
{
	return UINT32_C(1) << (32 - table->shift);
}

static inline size_t slot_table_size(uint32_t capacity)
{
	return sizeof(struct slot_table) + capacity * sizeof(struct slot_entry);
}

/* What is kept for `slot`, or NULL. Any thread may ask for its own slot. */
static inline void *slot_table_find(const struct slot_table *table,
				    uint32_t slot)
{
	/* Multiplied, not masked: the slots that meet in a pool may all be
	   multiples of a power of two. */
	uint32_t i = (slot * UINT32_C(0x9e3779b1)) >> table->shift;

	for (;; i = (i + 1) & (slot_table_capacity(table) - 1)) {
		/* ORDER table-entry (relaxed): the asker's own entry was set by
		   itself, by a thread before it in its slot (the slot mutex
		   orders them), or before the table was published. Pairs with
		   slot_table_insert. */
		uint32_t found = atomic_load_explicit(
			&table->entries[i].slot, memory_order_relaxed);

		if (found == slot)
			return table->entries[i].value;
		if (found == SLOT_EMPTY)
			return NULL;
	}
}

/* Whether one more entry needs a larger table. */
static inline bool slot_table_full(const struct slot_table *table)
{
	return 2 * (table->count + 1) > slot_table_capacity(table);
}

/* Makes slot_table_size(capacity) bytes a table with the entries of `old`,
   which may be NULL. */
struct slot_table *slot_table_init(void *memory, uint32_t capacity,
				   const struct slot_table *old);

/* Sets a new entry; the table is not full. */
void slot_table_insert(struct slot_table *table, uint32_t slot, void *value);

#endif
