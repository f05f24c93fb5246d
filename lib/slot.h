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
#include <stddef.h>
#include <stdint.h>

#include "block.h"
#include "mutex.h"
#include "thread.h"

/*
 * The name of the n-th slot: n with its bits spread over the word, so that its
 * low bits are the hash that the table needs; no two n have the same name.
 */
#define SLOT_NAME(n) __builtin_bswap32((uint32_t)(n)*UINT32_C(0x9e3779b1))

/*
 * Names that no slot has and that differ from one another, so that a lookup
 * with any of them matches nothing: a thread that has no slot yet, one that is
 * past its end, a table entry that is empty, a pool without an owner, and what
 * resets a pool that ended.
 */
#define SLOT_NONE      SLOT_NAME(0)
#define SLOT_GONE      SLOT_NAME(UINT32_MAX)
#define SLOT_EMPTY     SLOT_NAME(UINT32_MAX - 1)
#define SLOT_UNOWNED   SLOT_NAME(UINT32_MAX - 2)
#define SLOT_DESTROYED SLOT_NAME(UINT32_MAX - 3)

/* A pool for temporaries, see scratch.c. What looks for leaks finds it by its
   memory, since a pool does not stand at the front of that. */
struct slot_scratch {
	struct tarn_pool *pool; /* NULL: none                                */
	void *memory;
	size_t size; /* bytes: of the first block of the next one            */
};

/* Scratch pools of a thread: one is never the other's conflict. */
#define SLOT_SCRATCH 2

struct slot;
typedef void slot_end_fn(struct slot *slot);

struct slot {
	uint32_t index;           /* [c] in the registry                 */
	bool taken;               /* [l] slot mutex                      */
	struct thread thread;     /* whose it is, see thread.h           */
	struct block_cache cache; /* [o]                                 */
	slot_end_fn *end;         /* [o] of `scratch`; NULL: never any   */
	struct slot_scratch scratch[SLOT_SCRATCH]; /* [o] */
};

/* Of the list of all caches, see cache.c: held around fork, too, and taken
   before all others. */
extern struct mutex slot_caches_mutex TARN_HIDDEN;

/* [l] slot_caches_mutex: how many forks led to this process */
extern uint32_t slot_caches_forks TARN_HIDDEN;

static inline struct slot *slot_of(struct thread *thread)
{
	return (struct slot *)((char *)thread - offsetof(struct slot, thread));
}

/* slot_self, slot_name; and slot_enter, slot_leave, for who has one now, or
   none any more. */
#ifdef _WIN32
#include "slot_fiber.h"
#else
#include "slot_thread.h"
#endif

/* slot_get, for a thread that has none. */
struct slot *slot_acquire(void);

/*
 * The calling thread's slot, taken now if it has none. NULL, errno untouched:
 * the thread is past its end, or the system has no key, mutex or memory for
 * it.
 */
static inline struct slot *slot_get(void)
{
	struct slot *slot = slot_self();

	return TARN_LIKELY(slot != NULL) ? slot : slot_acquire();
}

/* The block cache of the calling thread's slot, or NULL as for slot_get. */
static inline struct block_cache *slot_cache(void)
{
	struct slot *slot = slot_get();

	return slot != NULL ? &slot->cache : NULL;
}

/* ---- the table keyed by slot ------------------------------------------ */

/*
 * Open addressing, at most half full. Filled and grown by one thread at a time
 * (the pool's mutex), read by any without a lock. An entry never changes once
 * set, and an old table stays until destroy, for a reader may be in it.
 */
struct slot_entry {
	_Atomic uint32_t slot; /* [a] name; SLOT_EMPTY until set */
	void *value;           /* [c] once the slot is set       */
};

struct slot_table {
	uint32_t mask;  /* [c] of a name: the offset of its entry, in bytes */
	uint32_t count; /* [l] the pool's mutex                             */
	struct slot_entry entries[];
};

/* Entries of the first table that a pool gets. */
#define SLOT_TABLE_LEAST 16

static inline uint32_t slot_table_capacity(const struct slot_table *table)
{
	return table->mask / (uint32_t)sizeof(struct slot_entry) + 1;
}

static inline size_t slot_table_size(uint32_t capacity)
{
	return sizeof(struct slot_table) + capacity * sizeof(struct slot_entry);
}

static inline const struct slot_entry *
slot_table_entry(const struct slot_table *table, uint32_t offset)
{
	return (const struct slot_entry *)((const char *)table->entries +
					   (offset & table->mask));
}

/* slot_table_find, where the first entry is not the one. */
static inline void *slot_table_find_next(const struct slot_table *table,
					 uint32_t name)
{
	for (uint32_t at = name;;) {
		const struct slot_entry *entry = slot_table_entry(
			table, at += (uint32_t)sizeof(struct slot_entry));
		/* ORDER table-entry (relaxed): see slot_table_find. */
		uint32_t found = atomic_load_explicit(&entry->slot,
						      memory_order_relaxed);

		if (found == name)
			return entry->value;
		if (found == SLOT_EMPTY)
			return NULL;
	}
}

/* What is kept for the slot of this name, or NULL. Its own thread asks. */
static inline void *slot_table_find(const struct slot_table *table,
				    uint32_t name)
{
	const struct slot_entry *entry = slot_table_entry(table, name);

	/* ORDER table-entry (relaxed): the asker's own entry was set by itself,
	   by a thread before it in its slot (the slot mutex orders them), or
	   before the table was published. Pairs with slot_table_insert. */
	if (TARN_LIKELY(atomic_load_explicit(&entry->slot,
					     memory_order_relaxed) == name)) {
		/* A set entry has a value: spares the hit a test.
		   COVERAGE: never, hence spared */
		if (entry->value == NULL)
			__builtin_unreachable();
		return entry->value;
	}
	return slot_table_find_next(table, name);
}

/* What is kept for one of the slots, from number *at on, and whose it is; *at
   is then behind it. NULL: for no more. While none is inserted. */
static inline void *slot_table_next(const struct slot_table *table,
				    uint32_t *at, uint32_t *name)
{
	while (table != NULL && *at < slot_table_capacity(table)) {
		const struct slot_entry *entry = &table->entries[(*at)++];

		/* ORDER table-entry (relaxed): by who inserts, or under the
		   same mutex. Pairs with slot_table_insert. */
		*name = atomic_load_explicit(&entry->slot,
					     memory_order_relaxed);
		if (*name != SLOT_EMPTY)
			return entry->value;
	}
	return NULL;
}

/* The number of a slot by its name. */
static inline uint32_t slot_number(uint32_t name)
{
	/* Times the factor of SLOT_NAME this is 1, modulo 2^32. */
	return __builtin_bswap32(name) * UINT32_C(0xe8b2f51);
}

/* Whether one more entry needs a larger table. */
static inline bool slot_table_full(const struct slot_table *table)
{
	return 2 * (table->count + 1) > slot_table_capacity(table);
}

/* The capacity of a table that has room for one more, where `old`, or NULL, has
   none; 0: it has. Who inserts. */
static inline uint32_t slot_table_larger(const struct slot_table *old)
{
	if (old == NULL)
		return SLOT_TABLE_LEAST;
	return slot_table_full(old) ? slot_table_capacity(old) * 2 : 0;
}

/* Makes slot_table_size(capacity) bytes a table with the entries of `old`,
   which may be NULL. */
struct slot_table *slot_table_init(void *memory, uint32_t capacity,
				   const struct slot_table *old);

/* Sets a new entry; the table is not full. */
void slot_table_insert(struct slot_table *table, uint32_t name, void *value);

#endif
