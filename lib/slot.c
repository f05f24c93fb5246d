/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots: see slot.h.
 *
 * Invariants: a number is taken from its thread's first use until the last
 * round of its destructors, so that no two threads alive share one; the slot
 * mutex, taken on both occasions, orders what a dead thread wrote before what
 * its heir reads. A forked child keeps the vanished threads' slots as taken,
 * for ever: what they were writing may be torn.
 */
#include "slot.h"

#include <errno.h>
#include <stdlib.h>

#include "debug.h"
#include "mutex.h"

struct mutex slot_caches_mutex = MUTEX_INITIALIZER;
uint32_t slot_caches_forks;

static struct mutex slot_mutex = MUTEX_INITIALIZER;

static struct {
	struct slot **slots; /* [l] by index                  */
	uint32_t count;      /* [l] slots made                */
	uint32_t capacity;   /* [l] of `slots`                */
	uint32_t lowest;     /* [l] no slot below it is free  */
} slot_registry MUTEX_GUARDED(slot_mutex);

/* ---- thread exit and fork -------------------------------------------- */

static void slot_free_locked(struct slot *slot) MUTEX_HELD(slot_mutex)
{
	slot->taken = false;
	if (slot->index < slot_registry.lowest)
		slot_registry.lowest = slot->index;
}

static void slot_release(struct thread *thread)
{
	struct slot *slot = slot_of(thread);

	if (slot->end != NULL)
		slot->end(slot);
	slot_leave(slot);
	block_cache_leave(&slot->cache);
	mutex_lock(&slot_mutex);
	thread_end(thread);
	slot_free_locked(slot);
	mutex_unlock(&slot_mutex);
}

static void slot_before_fork(void) MUTEX_TAKEN(slot_caches_mutex)
	MUTEX_TAKEN(slot_mutex) MUTEX_TAKEN(debug_mutex)
{
	mutex_lock(&slot_caches_mutex);
	mutex_lock(&slot_mutex);
	block_cache_lock();
	mutex_lock(&debug_mutex);
}

static void slot_after_fork(void) MUTEX_DROPPED(slot_caches_mutex)
	MUTEX_DROPPED(slot_mutex) MUTEX_DROPPED(debug_mutex)
{
	mutex_unlock(&debug_mutex);
	block_cache_unlock();
	mutex_unlock(&slot_mutex);
	mutex_unlock(&slot_caches_mutex);
}

static void slot_after_fork_child(void) MUTEX_DROPPED(slot_caches_mutex)
	MUTEX_DROPPED(slot_mutex) MUTEX_DROPPED(debug_mutex)
{
	debug_after_fork();
	block_cache_unlock();
	mutex_unlock(&slot_mutex);
	slot_caches_forks++;
	mutex_unlock(&slot_caches_mutex);
}

static void slot_setup(void)
{
	debug_configure();
	block_cache_configure();
}

const struct thread_calls thread_calls = {slot_setup, slot_release,
					  slot_before_fork, slot_after_fork,
					  slot_after_fork_child};

/* ---- taking a slot --------------------------------------------------- */

/*
 * A thread that uses the library for the first time in one of its last
 * destructors ends without slot_release. Only as often as the registry doubles,
 * so that it costs a thread nothing.
 */
static void slot_sweep_locked(void) MUTEX_HELD(slot_mutex)
{
	for (uint32_t i = 0; i < slot_registry.count; i++)
		if (thread_is_lost(&slot_registry.slots[i]->thread))
			slot_free_locked(slot_registry.slots[i]);
}

static bool slot_grow_locked(void) MUTEX_HELD(slot_mutex)
{
	uint32_t capacity =
		slot_registry.capacity != 0 ? slot_registry.capacity * 2 : 16;
	struct slot **slots =
		realloc(slot_registry.slots, capacity * sizeof(*slots));

	if (slots == NULL)
		return false;
	slot_registry.slots = slots;
	slot_registry.capacity = capacity;
	return true;
}

static struct slot *slot_make_locked(void) MUTEX_HELD(slot_mutex)
{
	struct slot *slot;

	if (slot_registry.count == slot_registry.capacity &&
	    !slot_grow_locked())
		return NULL;
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return NULL;
	slot->index = slot_registry.count++;
	slot_registry.slots[slot->index] = slot;
	return slot;
}

/* The lowest slot that no thread has, or NULL. */
static struct slot *slot_find_free_locked(void) MUTEX_HELD(slot_mutex)
{
	while (slot_registry.lowest < slot_registry.count &&
	       slot_registry.slots[slot_registry.lowest]->taken)
		slot_registry.lowest++;
	return slot_registry.lowest < slot_registry.count
		       ? slot_registry.slots[slot_registry.lowest]
		       : NULL;
}

static struct slot *slot_lowest_locked(void) MUTEX_HELD(slot_mutex)
{
	struct slot *slot = slot_find_free_locked();

	if (slot == NULL && slot_registry.count == slot_registry.capacity) {
		slot_sweep_locked();
		slot = slot_find_free_locked();
	}
	return slot != NULL ? slot : slot_make_locked();
}

static struct slot *slot_take(void)
{
	struct thread *thread = thread_self();
	struct slot *slot;

	/* Some systems free a thread's variables before its last destructors,
	   and give it new ones. */
	if (thread != NULL)
		return slot_of(thread);
	mutex_lock(&slot_mutex);
	slot = slot_lowest_locked();
	/* It stays free where the system has not what it takes. */
	if (slot != NULL && !thread_begin(&slot->thread))
		slot = NULL;
	if (slot != NULL)
		slot->taken = true;
	mutex_unlock(&slot_mutex);
	return slot;
}

struct slot *slot_acquire(void)
{
	struct slot *slot = NULL;
	int error = errno;

	if (slot_name() == SLOT_GONE)
		return NULL;
	if (thread_setup())
		slot = slot_take();
	if (slot != NULL)
		slot_enter(slot);
	errno = error;
	return slot;
}

/* ---- the table ------------------------------------------------------- */

_Static_assert((sizeof(struct slot_entry) & (sizeof(struct slot_entry) - 1)) ==
		       0,
	       "a mask of offsets needs entries of a power of two");

struct slot_table *slot_table_init(void *memory, uint32_t capacity,
				   const struct slot_table *old)
{
	struct slot_table *table = memory;

	table->mask = (capacity - 1) * (uint32_t)sizeof(struct slot_entry);
	table->count = 0;
	for (uint32_t i = 0; i < capacity; i++)
		atomic_init(&table->entries[i].slot, SLOT_EMPTY);
	for (uint32_t i = 0; old != NULL && i < slot_table_capacity(old); i++) {
		const struct slot_entry *entry = &old->entries[i];
		/* ORDER table-entry (relaxed): entries are set under the mutex
		   that the caller holds. */
		uint32_t name = atomic_load_explicit(&entry->slot,
						     memory_order_relaxed);

		if (name != SLOT_EMPTY)
			slot_table_insert(table, name, entry->value);
	}
	return table;
}

void slot_table_insert(struct slot_table *table, uint32_t name, void *value)
{
	struct slot_entry *entry;
	uint32_t at = name;

	/* ORDER table-entry (relaxed): entries are set under the mutex that
	   the caller holds; only the slot's own thread, or its heir, reads the
	   value. Pairs with slot_table_find. */
	do {
		entry = (struct slot_entry *)slot_table_entry(table, at);
		at += sizeof(*entry);
	} while (atomic_load_explicit(&entry->slot, memory_order_relaxed) !=
		 SLOT_EMPTY);
	entry->value = value;
	atomic_store_explicit(&entry->slot, name, memory_order_relaxed);
	table->count++;
}
