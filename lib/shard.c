/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard of the large list: see shard.h.
 *
 * Invariants, under the mutex: each entry is found from its object's hash
 * without passing an empty one; count + reserved <= 3/4 capacity. Upstream is
 * never called under the mutex.
 */
#include "shard.h"

#include <string.h>

/* Objects that a rewind takes out at a time, since upstream is not called under
   a mutex: what a few hundred bytes of stack hold. */
enum {
	SHARD_BATCH = 16
};

/* ---- one table ------------------------------------------------------- */

static size_t shard_start(const struct large_shard *shard, const void *object)
	MUTEX_HELD(shard->mutex)
{
	return (size_t)(shard_hash(object) >> 24) & (shard->capacity - 1);
}

static size_t shard_next(const struct large_shard *shard, size_t i)
	MUTEX_HELD(shard->mutex)
{
	return (i + 1) & (shard->capacity - 1);
}

static struct large_entry *shard_find_locked(const struct large_shard *shard,
					     const void *object)
	MUTEX_HELD(shard->mutex)
{
	size_t i = shard_start(shard, object);

	while (shard->entries[i].object != NULL) {
		if (shard->entries[i].object == object)
			return &shard->entries[i];
		i = shard_next(shard, i);
	}
	return NULL;
}

static void shard_place_locked(struct large_shard *shard,
			       struct large_entry entry)
	MUTEX_HELD(shard->mutex)
{
	size_t i = shard_start(shard, entry.object);

	while (shard->entries[i].object != NULL)
		i = shard_next(shard, i);
	shard->entries[i] = entry;
}

static void shard_count_locked(struct large_shard *shard,
			       const struct large_entry *entry)
	MUTEX_HELD(shard->mutex)
{
	shard_set_count(shard, shard_count(shard) + 1);
	shard->size += entry->size;
	shard->held += entry->held;
}

static void shard_uncount_locked(struct large_shard *shard,
				 const struct large_entry *entry)
	MUTEX_HELD(shard->mutex)
{
	shard_set_count(shard, shard_count(shard) - 1);
	shard->size -= entry->size;
	shard->held -= entry->held;
}

/* Whether an entry that hashes to `start` may go from `i` to `hole`. */
static bool shard_may_move(const struct large_shard *shard, size_t start,
			   size_t hole, size_t i) MUTEX_HELD(shard->mutex)
{
	size_t mask = shard->capacity - 1;

	return ((i - start) & mask) >= ((i - hole) & mask);
}

static void shard_unplace_locked(struct large_shard *shard,
				 const struct large_entry *entry)
	MUTEX_HELD(shard->mutex)
{
	size_t hole = (size_t)(entry - shard->entries);

	for (size_t i = shard_next(shard, hole);
	     shard->entries[i].object != NULL; i = shard_next(shard, i)) {
		size_t start = shard_start(shard, shard->entries[i].object);

		if (shard_may_move(shard, start, hole, i)) {
			shard->entries[hole] = shard->entries[i];
			hole = i;
		}
	}
	shard->entries[hole].object = NULL;
}

static bool shard_full_locked(const struct large_shard *shard)
	MUTEX_HELD(shard->mutex)
{
	return shard_count(shard) + shard->reserved + 1 >
	       shard->capacity / 4 * 3;
}

/* Makes `memory` the table; returns the old one's, or NULL. */
static void *shard_rehash_locked(struct large_shard *shard, void *memory,
				 size_t capacity, size_t *held)
	MUTEX_HELD(shard->mutex)
{
	struct large_entry *old = shard->entries;
	size_t old_capacity = shard->capacity, old_held = shard->table_held;

	memset(memory, 0, capacity * sizeof(*old));
	shard->entries = memory;
	shard->capacity = capacity;
	shard->table_held = *held;
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].object != NULL)
			shard_place_locked(shard, old[i]);
	*held = old_held;
	return old == shard->few ? NULL : old;
}

/* ---- one shard ------------------------------------------------------- */

/* One try to double the table, with the mutex released meanwhile. */
static bool shard_grow(struct large_shard *shard, const struct large_use *use)
	MUTEX_HELD(shard->mutex)
{
	size_t capacity = shard->capacity * 2, size;
	size_t held = capacity * sizeof(struct large_entry);
	void *memory;

	size = held;
	mutex_unlock(&shard->mutex);
	memory = block_take(use->cache, use->source, size, &held,
			    TARN_ALIGNMENT);
	mutex_lock(&shard->mutex);
	if (memory == NULL)
		return false;
	if (shard->capacity < capacity)
		memory = shard_rehash_locked(shard, memory, capacity, &held);
	if (memory != NULL) {
		mutex_unlock(&shard->mutex);
		block_give(use->cache, use->source, memory, held);
		mutex_lock(&shard->mutex);
	}
	return true;
}

bool shard_reserve(struct large_shard *shard, const struct large_use *use)
{
	bool reserved = true;

	mutex_lock(&shard->mutex);
	while (reserved && shard_full_locked(shard))
		reserved = shard_grow(shard, use);
	if (reserved)
		shard->reserved++;
	mutex_unlock(&shard->mutex);
	return reserved;
}

bool shard_add(struct large_shard *shard, const struct large_use *use,
	       const struct large_entry *entry)
{
	bool added = true;

	mutex_lock(&shard->mutex);
	while (added && shard_full_locked(shard))
		added = shard_grow(shard, use);
	if (added) {
		shard_place_locked(shard, *entry);
		shard_count_locked(shard, entry);
	}
	mutex_unlock(&shard->mutex);
	return added;
}

bool shard_detach(struct large_shard *shard, const void *object,
		  struct large_entry *entry)
{
	struct large_entry *found;

	mutex_lock(&shard->mutex);
	found = shard_find_locked(shard, object);
	if (found != NULL) {
		*entry = *found;
		shard_unplace_locked(shard, found);
	}
	mutex_unlock(&shard->mutex);
	return found != NULL;
}

/* Unchecked: there is a second mutex only where `from` is another shard. */
void shard_attach(struct large_shard *home, struct large_shard *from,
		  const struct large_entry *was,
		  const struct large_entry *entry) MUTEX_UNCHECKED
{
	mutex_lock(&home->mutex);
	if (from != home) {
		mutex_lock(&from->mutex);
		home->reserved--;
	}
	shard_uncount_locked(from, was);
	shard_place_locked(home, *entry);
	shard_count_locked(home, entry);
	if (from != home)
		mutex_unlock(&from->mutex);
	mutex_unlock(&home->mutex);
}

void shard_put_back(struct large_shard *from, const struct large_entry *entry)
{
	mutex_lock(&from->mutex);
	shard_place_locked(from, *entry);
	mutex_unlock(&from->mutex);
}

bool shard_remove(struct large_shard *shard, const void *object,
		  struct large_entry *entry)
{
	struct large_entry *found;

	/* Small objects that a program frees too cost no mutex. */
	if (shard_count(shard) == 0)
		return false;
	mutex_lock(&shard->mutex);
	found = shard_find_locked(shard, object);
	if (found != NULL) {
		*entry = *found;
		shard_unplace_locked(shard, found);
		shard_uncount_locked(shard, entry);
	}
	mutex_unlock(&shard->mutex);
	return found != NULL;
}

bool shard_look(struct large_shard *shard, const void *object,
		struct large_entry *entry)
{
	const struct large_entry *found;

	mutex_lock(&shard->mutex);
	found = shard_find_locked(shard, object);
	if (found != NULL)
		*entry = *found;
	mutex_unlock(&shard->mutex);
	return found != NULL;
}

bool shard_swap_birth(struct large_shard *shard, const void *object,
		      struct large_entry *entry)
{
	struct large_entry *found;

	mutex_lock(&shard->mutex);
	found = shard_find_locked(shard, object);
	if (found != NULL) {
		struct birth birth = found->birth;

		found->birth = entry->birth;
		entry->birth = birth;
	}
	mutex_unlock(&shard->mutex);
	return found != NULL;
}

/* Takes out up to SHARD_BATCH of them; what moves into the place of one taken
   out is looked at there. */
static size_t shard_take_since(struct large_shard *shard, uint32_t slot,
			       uint32_t depth, struct large_entry *batch)
{
	size_t taken = 0;

	mutex_lock(&shard->mutex);
	for (size_t i = 0; i < shard->capacity && taken < SHARD_BATCH;) {
		struct large_entry *entry = &shard->entries[i];

		if (entry->object == NULL ||
		    !birth_is_since(entry->birth, slot, depth)) {
			i++;
			continue;
		}
		batch[taken++] = *entry;
		shard_uncount_locked(shard, entry);
		shard_unplace_locked(shard, entry);
	}
	mutex_unlock(&shard->mutex);
	return taken;
}

void shard_rewind_slow(struct large_shard *shard, const struct large_use *use,
		       uint32_t slot, uint32_t depth)
{
	struct large_entry batch[SHARD_BATCH];
	size_t taken;

	do {
		taken = shard_take_since(shard, slot, depth, batch);
		for (size_t i = 0; i < taken; i++)
			entry_give(&batch[i], use);
	} while (taken == SHARD_BATCH);
}

void shard_reset(struct large_shard *shard, const struct large_use *use)
{
	mutex_exclusive(&shard->mutex);
	for (size_t i = 0; shard_count(shard) != 0 && i < shard->capacity;
	     i++) {
		struct large_entry *entry = &shard->entries[i];

		if (entry->object != NULL)
			entry_give(entry, use);
	}
	if (shard->entries != shard->few)
		block_give(use->cache, use->source, shard->entries,
			   shard->table_held);
	shard_empty(shard);
}

/* ---- figures --------------------------------------------------------- */

void shard_sum_locked(const struct large_shard *shard,
		      struct large_figures *figures) MUTEX_HELD(shard->mutex)
{
	figures->size += shard->size;
	figures->held += shard->held;
	figures->count += shard_count(shard);
	figures->overhead += shard->table_held;
}

void shard_each_locked(const struct large_shard *shard,
		       void (*see)(void *with, const struct large_entry *entry),
		       void *with) MUTEX_HELD(shard->mutex)
{
	for (size_t i = 0; i < shard->capacity; i++)
		if (shard->entries[i].object != NULL)
			see(with, &shard->entries[i]);
}
