/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The large list: see large.h.
 *
 * Invariants: an object is in the home shard or in the one of its address.
 * Upstream is never called under a mutex.
 */
#include "large.h"

#include <errno.h>

/* Shards: enough that two threads seldom meet, few enough for 8 KiB. */
#define LARGE_SHARD_BITS 5
#define LARGE_SHARDS     ((size_t)1 << LARGE_SHARD_BITS)

/* ---- one object ----------------------------------------------------- */

/* An object alone in what is held for it: touches behind it are reported. */
static void entry_watch(const struct large_entry *entry,
			const struct source *source, size_t size)
{
	mark_close(source->watched, entry->object, entry->held);
	mark_give(source->watched, source, entry->object, size);
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
	return &shards[shard_hash(object) >> (64 - LARGE_SHARD_BITS)];
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
	if (!shard_add(large_choose(large, use, entry.object), use, &entry)) {
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
		shard_put_back(from, &was);
		errno = error;
		return NULL;
	}
	entry = was;
	object = entry_resize(&entry, use, align_up(size, TARN_ALIGNMENT));
	shard_attach(&large->home, from, &was, &entry);
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
