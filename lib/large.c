/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The large list: see large.h.
 *
 * Invariants, under a shard's mutex: each entry is found from its object's
 * hash without passing an empty one; count + reserved <= 3/4 capacity. An
 * object is in the home shard or in the one of its address. Upstream is never
 * called under a mutex.
 */
#include "large.h"

#include <errno.h>
#include <string.h>

/* Shards: enough that two threads seldom meet, few enough for 8 KiB. */
#define LARGE_SHARD_BITS 5
#define LARGE_SHARDS     ((size_t)1 << LARGE_SHARD_BITS)

/* Objects that a rewind takes out at a time, since upstream is not called under
   a mutex: what a few hundred bytes of stack hold. */
enum {
	LARGE_BATCH = 16
};

/* ---- one object ----------------------------------------------------- */

/* An object alone in what is held for it: touches behind it are reported. */
static void entry_watch(const struct large_entry *entry,
			const struct source *source, size_t size)
{
	mark_close(source->watched, entry->object, entry->held);
	mark_give(source->watched, source, entry->object, size);
}

static void entry_give(const struct large_entry *entry,
		       const struct large_use *use)
{
	if (use->source->watched != 0)
		mark_take(use->source->watched, use->source, entry->object,
			  entry->size);
	block_give(use->cache, use->source, entry->object, entry->held);
}

/* Takes memory for an object of entry->size bytes. */
static bool entry_take(struct large_entry *entry, const struct large_use *use,
		       size_t alignment)
{
	unsigned watched = use->source->watched;
	size_t need;

	if (!align_sum(align_max(entry->size, 1), mark_zone(watched), &need)) {
		errno = ENOMEM;
		return false;
	}
	/* Before a guard an object of bytes ends to the byte. */
	if ((watched & WATCH_GUARD) == 0)
		alignment = align_max(alignment, TARN_ALIGNMENT);
	entry->held = need;
	entry->object = block_take(use->cache, use->source, need, &entry->held,
				   alignment);
	return entry->object != NULL;
}

/* ---- one table ------------------------------------------------------- */

static uint64_t large_hash(const void *object)
{
	return (uint64_t)((uintptr_t)object / TARN_ALIGNMENT) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

/* Tables use the hash's middle, shards its top. */
static size_t shard_start(const struct large_shard *shard, const void *object)
	MUTEX_HELD(shard->mutex)
{
	return (size_t)(large_hash(object) >> 24) & (shard->capacity - 1);
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

/* Promises a place, so that a later shard_add cannot fail. */
static bool shard_reserve(struct large_shard *shard,
			  const struct large_use *use)
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

static bool shard_add(struct large_shard *shard, const struct large_use *use,
		      struct large_entry entry)
{
	bool added = true;

	mutex_lock(&shard->mutex);
	while (added && shard_full_locked(shard))
		added = shard_grow(shard, use);
	if (added) {
		shard_place_locked(shard, entry);
		shard_count_locked(shard, &entry);
	}
	mutex_unlock(&shard->mutex);
	return added;
}

/* Takes an object out of the table; it stays counted, its place kept. */
static bool shard_detach(struct large_shard *shard, const void *object,
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

static bool shard_remove(struct large_shard *shard, const void *object,
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

static bool shard_look(struct large_shard *shard, const void *object,
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

/* Exchanges the births of an object and of `entry`. */
static bool shard_swap_birth(struct large_shard *shard, const void *object,
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

/* Takes out up to LARGE_BATCH of them; what moves into the place of one taken
   out is looked at there. */
static size_t shard_take_since(struct large_shard *shard, uint32_t slot,
			       uint32_t depth, struct large_entry *batch)
{
	size_t taken = 0;

	mutex_lock(&shard->mutex);
	for (size_t i = 0; i < shard->capacity && taken < LARGE_BATCH;) {
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

static void shard_rewind(struct large_shard *shard, const struct large_use *use,
			 uint32_t slot, uint32_t depth)
{
	struct large_entry batch[LARGE_BATCH];
	size_t taken;

	/* What this thread listed it sees counted. */
	if (shard_count(shard) == 0)
		return;
	do {
		taken = shard_take_since(shard, slot, depth, batch);
		for (size_t i = 0; i < taken; i++)
			entry_give(&batch[i], use);
	} while (taken == LARGE_BATCH);
}

static void shard_reset(struct large_shard *shard, const struct large_use *use)
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

/* ---- the shards ------------------------------------------------------ */

static struct large_shard *large_shards(const struct large *large,
					unsigned watched)
{
	/* ORDER shards-publish (acquire): the shards made ready; pairs with
	   large_make_shards. */
	struct large_shard *shards =
		atomic_load_explicit(&large->shards, memory_order_acquire);

	if (!TARN_LIKELY(watched == 0) && shards != NULL)
		mark_acquire(watched, shards);
	return shards;
}

static struct large_shard *large_shard_of(struct large_shard *shards,
					  const void *object)
{
	return &shards[large_hash(object) >> (64 - LARGE_SHARD_BITS)];
}

/* Under the home shard's mutex one thread publishes; a second gives back. */
static struct large_shard *large_make_shards(struct large *large,
					     const struct large_use *use)
{
	size_t size = LARGE_SHARDS * sizeof(struct large_shard), held = size;
	struct large_shard *shards =
		block_take(use->cache, use->source, size, &held, BLOCK_LINE);
	struct large_shard *published;

	if (shards == NULL)
		return NULL;
	for (size_t i = 0; i < LARGE_SHARDS; i++)
		shard_init(&shards[i]);
	mutex_lock(&large->home.mutex);
	published = large_shards(large, use->source->watched);
	if (published == NULL) {
		large->shards_held = held;
		if (!TARN_LIKELY(use->source->watched == 0))
			mark_release(use->source->watched, shards);
		/* ORDER shards-publish (release): the shards made ready; pairs
		   with large_shards. */
		atomic_store_explicit(&large->shards, shards,
				      memory_order_release);
	}
	mutex_unlock(&large->home.mutex);
	if (published == NULL)
		return shards;
	block_give(use->cache, use->source, shards, held);
	return published;
}

/* The shard to list a new object in: home too, where none can be made. */
static struct large_shard *large_choose(struct large *large,
					const struct large_use *use,
					const void *object)
{
	struct large_shard *shards;

	if (use->at_home)
		return &large->home;
	shards = large_shards(large, use->source->watched);
	if (shards == NULL) {
		int error = errno;

		shards = large_make_shards(large, use);
		errno = error;
	}
	return shards != NULL ? large_shard_of(shards, object) : &large->home;
}

/* Applies `take` to the two shards where an object may be, the likelier one
   first. Returns the one that had it, or NULL. */
static inline __attribute__((always_inline)) struct large_shard *large_find(
	struct large *large, const struct large_use *use, const void *object,
	struct large_entry *entry,
	bool (*take)(struct large_shard *, const void *, struct large_entry *))
{
	struct large_shard *shards = large_shards(large, use->source->watched);
	struct large_shard *other = NULL;

	if (use->at_home && take(&large->home, object, entry))
		return &large->home;
	if (shards != NULL)
		other = large_shard_of(shards, object);
	if (other != NULL && take(other, object, entry))
		return other;
	return !use->at_home && take(&large->home, object, entry) ? &large->home
								  : NULL;
}

/* ---- requests -------------------------------------------------------- */

void *large_alloc(struct large *large, const struct large_use *use,
		  struct birth birth, size_t alignment, size_t size)
{
	struct large_entry entry;

	entry.birth = birth;
	if (!align_up_checked(size, align_min(alignment, BLOCK_LINE),
			      &entry.size)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!entry_take(&entry, use, alignment))
		return NULL;
	if (!shard_add(large_choose(large, use, entry.object), use, entry)) {
		block_give(use->cache, use->source, entry.object, entry.held);
		return NULL;
	}
	if (use->source->watched != 0)
		entry_watch(&entry, use->source, size);
	return entry.object;
}

bool large_free(struct large *large, const struct large_use *use, void *object)
{
	struct large_entry entry;

	if (object == NULL ||
	    large_find(large, use, object, &entry, shard_remove) == NULL)
		return false;
	entry_give(&entry, use);
	return true;
}

bool large_size(struct large *large, const struct large_use *use,
		const void *object, size_t *size)
{
	struct large_entry entry;

	if (large_find(large, use, object, &entry, shard_look) == NULL)
		return false;
	*size = entry.size;
	return true;
}

struct birth large_birth(struct large *large, const struct large_use *use,
			 const void *object)
{
	struct large_entry entry = {.birth = BIRTH_NONE};

	large_find(large, use, object, &entry, shard_look);
	return entry.birth;
}

/* By upstream, where what is held does not suit; NULL: it cannot. */
static void *entry_resize(struct large_entry *entry,
			  const struct large_use *use, size_t size)
{
	size_t held = size;
	void *object;

	if (size <= entry->held && size >= entry->held / 2) {
		entry->size = size;
		return entry->object;
	}
	object = source_resize(use->source, entry->object, entry->held, &held);
	if (object != NULL)
		*entry = (struct large_entry){object, size, held, entry->birth};
	return object;
}

/* Lists at home what was detached from `from`, in one step for statistics.
   Unchecked: there is a second mutex only where `from` is another shard. */
static void large_attach(struct large *large, struct large_shard *from,
			 const struct large_entry *was,
			 struct large_entry entry) MUTEX_UNCHECKED
{
	struct large_shard *home = &large->home;

	mutex_lock(&home->mutex);
	if (from != home) {
		mutex_lock(&from->mutex);
		home->reserved--;
	}
	shard_uncount_locked(from, was);
	shard_place_locked(home, entry);
	shard_count_locked(home, &entry);
	if (from != home)
		mutex_unlock(&from->mutex);
	mutex_unlock(&home->mutex);
}

static void large_put_back(struct large_shard *from, struct large_entry entry)
{
	mutex_lock(&from->mutex);
	shard_place_locked(from, entry);
	mutex_unlock(&from->mutex);
}

/* While upstream works the object is in no table, but counted: so there is a
   place for it at home, whatever comes of it. */
void *large_resize(struct large *large, const struct large_use *use,
		   void *object, size_t size)
{
	struct large_entry was, entry;
	struct large_shard *from;
	int error = errno;

	from = large_find(large, use, object, &was, shard_detach);
	if (from == NULL)
		return NULL;
	if (from != &large->home && !shard_reserve(&large->home, use)) {
		large_put_back(from, was);
		errno = error;
		return NULL;
	}
	entry = was;
	object = entry_resize(&entry, use, align_up(size, TARN_ALIGNMENT));
	large_attach(large, from, &was, entry);
	return object;
}

void large_inherit(struct large *large, const struct large_use *use,
		   const void *from, const void *object)
{
	struct large_entry entry = {.birth = BIRTH_NONE};

	large_find(large, use, from, &entry, shard_swap_birth);
	large_find(large, use, object, &entry, shard_swap_birth);
}

void large_rewind(struct large *large, const struct large_use *use,
		  uint32_t slot, uint32_t depth)
{
	struct large_shard *shards = large_shards(large, use->source->watched);

	shard_rewind(&large->home, use, slot, depth);
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		shard_rewind(&shards[i], use, slot, depth);
}

/* ---- exclusive calls, and figures ------------------------------------ */

void large_reset(struct large *large, const struct large_use *use)
{
	struct large_shard *shards = large_shards(large, use->source->watched);

	shard_reset(&large->home, use);
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		shard_reset(&shards[i], use);
}

void large_clear(struct large *large, const struct large_use *use)
{
	struct large_shard *shards = large_shards(large, use->source->watched);

	large_reset(large, use);
	if (shards == NULL)
		return;
	for (size_t i = 0; i < LARGE_SHARDS; i++)
		mutex_finish(&shards[i].mutex);
	block_give(use->cache, use->source, shards, large->shards_held);
}

static void shard_sum_locked(const struct large_shard *shard,
			     struct large_figures *figures)
	MUTEX_HELD(shard->mutex)
{
	figures->size += shard->size;
	figures->held += shard->held;
	figures->count += shard_count(shard);
	figures->overhead += shard->table_held;
}

/* All mutexes at once, or an object that moves would count twice or never.
   Unchecked: they are as many as there are shards. */
static struct large_shard *large_lock(struct large *large,
				      unsigned watched) MUTEX_UNCHECKED
{
	struct large_shard *shards;

	mutex_lock(&large->home.mutex);
	shards = large_shards(large, watched);
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		mutex_lock(&shards[i].mutex);
	return shards;
}

static void large_unlock(struct large *large,
			 struct large_shard *shards) MUTEX_UNCHECKED
{
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		mutex_unlock(&shards[i].mutex);
	mutex_unlock(&large->home.mutex);
}

struct large_figures large_figures(struct large *large,
				   unsigned watched) MUTEX_UNCHECKED
{
	struct large_figures figures = {0, 0, 0, 0};
	struct large_shard *shards = large_lock(large, watched);

	shard_sum_locked(&large->home, &figures);
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		shard_sum_locked(&shards[i], &figures);
	figures.overhead += shards != NULL ? large->shards_held : 0;
	large_unlock(large, shards);
	return figures;
}

static void shard_each_locked(const struct large_shard *shard,
			      void (*see)(void *with,
					  const struct large_entry *entry),
			      void *with) MUTEX_HELD(shard->mutex)
{
	for (size_t i = 0; i < shard->capacity; i++)
		if (shard->entries[i].object != NULL)
			see(with, &shard->entries[i]);
}

void large_each(struct large *large, unsigned watched,
		void (*see)(void *with, const struct large_entry *entry),
		void *with) MUTEX_UNCHECKED
{
	struct large_shard *shards = large_lock(large, watched);

	shard_each_locked(&large->home, see, with);
	for (size_t i = 0; shards != NULL && i < LARGE_SHARDS; i++)
		shard_each_locked(&shards[i], see, with);
	large_unlock(large, shards);
}
