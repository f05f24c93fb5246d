/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The depot: see depot.h. Invariant, under the mutex: `bytes` is the sum of all
 * pieces and runs here, and each byte is in one of them alone.
 */
#include "depot.h"

#include <limits.h>
#include <string.h>

/* Much lies here when it is this part of what the pool holds, and so many
   bytes at least. */
static const size_t depot_held_part = 8;
static const size_t depot_least_much = 4096;

/* A join pays when as much has come since the last one as makes this part of
   what lies here: so a piece is sorted a few times, however long it lies. */
static const size_t depot_fresh_part = 2;

/* Bytes: the smallest pieces that are worth a claim. */
static const size_t depot_least_piece = 256;

/* Bytes: lists that a join makes are about as large as those of a thread. */
static const size_t depot_list_bytes = 1024;

/* How many runs of the same power of two are looked at for one that suits. */
static const int depot_looks = 16;

/* ---- under the mutex ------------------------------------------------- */

static unsigned depot_bin(size_t size)
{
	return (unsigned)align_min(
		(size_t)(63 - __builtin_clzll((unsigned long long)size)),
		DEPOT_RUNS - 1);
}

static void depot_put_run_locked(struct depot *depot, char *start, size_t size)
	MUTEX_HELD(depot->mutex)
{
	struct run *run = (struct run *)start;
	struct run **bin = &depot->runs[depot_bin(size)];

	run->size = size;
	run->next = *bin;
	*bin = run;
}

static void depot_put_locked(struct depot *depot, char *start, size_t size)
	MUTEX_HELD(depot->mutex)
{
	struct unit *unit = (struct unit *)start;
	unsigned kind = depot_class((uintptr_t)start, size);

	if (size < UNIT_LEAST)
		return;
	depot->bytes += size;
	if (kind == DEPOT_CLASSES) {
		depot_put_run_locked(depot, start, size);
		return;
	}
	unit->next = NULL;
	shelf_put(&depot->shelves[kind], unit);
}

/* One among the first of a list, and the one before. */
static struct run *depot_find_run(struct run *run, const struct wanted *wanted,
				  int looks, struct run **before)
{
	*before = NULL;
	for (; run != NULL && looks > 0; looks--) {
		struct chunk part = run_part(run, wanted);

		if (part.start != part.end)
			return run;
		*before = run;
		run = run->next;
	}
	return NULL;
}

/* Of `looks` runs of each size at most. */
static bool depot_get_locked(struct depot *depot, const struct wanted *wanted,
			     int looks, struct chunk *chunk)
	MUTEX_HELD(depot->mutex)
{
	for (unsigned bin = depot_bin(wanted->size); bin < DEPOT_RUNS; bin++) {
		struct run *before;
		struct run *run = depot_find_run(depot->runs[bin], wanted,
						 looks, &before);
		char *end;

		if (run == NULL)
			continue;
		*chunk = run_part(run, wanted);
		end = (char *)run + run->size;
		depot->bytes -= run->size;
		run_unlink(&depot->runs[bin], before, run);
		depot_put_locked(depot, chunk->end, (size_t)(end - chunk->end));
		depot_put_locked(depot, (char *)run,
				 (size_t)(chunk->start - (char *)run));
		return true;
	}
	return false;
}

/* The first piece on a shelf of at least `need` bytes a piece. */
static bool depot_get_unit_locked(struct depot *depot, size_t need,
				  struct chunk *chunk) MUTEX_HELD(depot->mutex)
{
	for (unsigned kind = (unsigned)(align_up(need, 16) / 16) - 1;
	     kind < DEPOT_EIGHTS; kind++) {
		struct unit *list = shelf_get(&depot->shelves[kind]);

		if (list == NULL)
			continue;
		if (list->next != NULL)
			shelf_put(&depot->shelves[kind], list->next);
		depot->bytes -= depot_class_size(kind);
		*chunk = (struct chunk){(char *)list,
					(char *)list + depot_class_size(kind)};
		return true;
	}
	return false;
}

/* ---- joining --------------------------------------------------------- */

/* Takes all that lies here, as one list of runs. */
static struct run *depot_empty_locked(struct depot *depot)
	MUTEX_HELD(depot->mutex)
{
	struct run *all = NULL;

	for (unsigned bin = 0; bin < DEPOT_RUNS; bin++)
		for (struct run *run = depot->runs[bin], *next; run != NULL;
		     run = next) {
			next = run->next;
			run->next = all;
			all = run;
		}
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		for (struct unit *list = shelf_get(&depot->shelves[kind]);
		     list != NULL; list = shelf_get(&depot->shelves[kind]))
			for (struct unit *unit = list, *next; unit != NULL;
			     unit = next) {
				struct run *run = (struct run *)unit;

				next = unit->next;
				run->size = depot_class_size(kind);
				run->next = all;
				all = run;
			}
	memset(depot->runs, 0, sizeof(depot->runs));
	depot->bytes = depot->fresh = 0;
	return all;
}

/* Adds a piece to the newest list of its class, or begins another one. */
static void depot_return_locked(struct depot *depot, struct run *run,
				size_t *filled) MUTEX_HELD(depot->mutex)
{
	struct unit *unit = (struct unit *)run, *list;
	size_t size = run->size;
	unsigned kind = depot_class((uintptr_t)run, size);

	if (kind == DEPOT_CLASSES) {
		depot_put_locked(depot, (char *)run, size);
	} else if (filled[kind] == 0 ||
		   filled[kind] + size > depot_list_bytes) {
		depot_put_locked(depot, (char *)run, size);
		filled[kind] = size;
	} else {
		list = shelf_get(&depot->shelves[kind]);
		unit->next = list;
		shelf_put(&depot->shelves[kind], unit);
		depot->bytes += size;
		filled[kind] += size;
	}
}

static void depot_join_locked(struct depot *depot) MUTEX_HELD(depot->mutex)
{
	struct run *run = run_join(depot_empty_locked(depot));
	size_t filled[DEPOT_CLASSES] = {0};

	while (run != NULL) {
		struct run *next = run->next;

		depot_return_locked(depot, run, filled);
		run = next;
	}
}

/* In a pool that holds `held` bytes. */
static bool depot_has_much_locked(const struct depot *depot, size_t held)
	MUTEX_HELD(depot->mutex)
{
	return depot->bytes >=
	       align_max(held / depot_held_part, depot_least_much);
}

/* A piece as a chunk, though it is one of a class, where much lies. */
static bool depot_cut_locked(struct depot *depot, const struct wanted *wanted,
			     size_t held, struct chunk *chunk)
	MUTEX_HELD(depot->mutex)
{
	return wanted->most != 0 && depot_has_much_locked(depot, held) &&
	       depot_get_unit_locked(depot,
				     align_max(wanted->size, depot_least_piece),
				     chunk);
}

/* ---- any thread ------------------------------------------------------ */

void depot_init(struct depot *depot, bool lasting)
{
	mutex_init(&depot->mutex);
	depot->lasting = lasting;
	depot_reset(depot);
}

void depot_reset(struct depot *depot)
{
	mutex_exclusive(&depot->mutex);
	depot->bytes = depot->fresh = 0;
	memset(depot->runs, 0, sizeof(depot->runs));
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		shelf_init(&depot->shelves[kind]);
}

void depot_put(struct depot *depot, char *start, size_t size)
{
	mutex_lock(&depot->mutex);
	depot_put_locked(depot, start, size);
	depot->fresh += size;
	mutex_unlock(&depot->mutex);
}

void depot_put_lists(struct depot *depot, struct unit **lists, size_t bytes)
{
	mutex_lock(&depot->mutex);
	for (unsigned kind = 0; kind < DEPOT_CLASSES; kind++)
		if (lists[kind] != NULL) {
			shelf_put(&depot->shelves[kind], lists[kind]);
			lists[kind] = NULL;
		}
	depot->bytes += bytes;
	depot->fresh += bytes;
	mutex_unlock(&depot->mutex);
}

struct unit *depot_get_list(struct depot *depot, unsigned kind, size_t *bytes)
{
	struct unit *list;

	*bytes = 0;
	if (!shelf_has(&depot->shelves[kind]))
		return NULL;
	mutex_lock(&depot->mutex);
	list = shelf_get(&depot->shelves[kind]);
	for (struct unit *unit = list; unit != NULL; unit = unit->next)
		*bytes += depot_class_size(kind);
	depot->bytes -= *bytes;
	mutex_unlock(&depot->mutex);
	return list;
}

bool depot_get(struct depot *depot, const struct wanted *wanted,
	       struct chunk *chunk)
{
	bool found;

	mutex_lock(&depot->mutex);
	found = depot_get_locked(depot, wanted, depot_looks, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

bool depot_get_any(struct depot *depot, const struct wanted *wanted,
		   struct chunk *chunk)
{
	bool found;

	mutex_lock(&depot->mutex);
	if (depot->fresh != 0)
		depot_join_locked(depot);
	found = (wanted->most != 0 &&
		 depot_get_unit_locked(depot, wanted->size, chunk)) ||
		depot_get_locked(depot, wanted, INT_MAX, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

bool depot_get_piece(struct depot *depot, const struct wanted *wanted,
		     size_t held, struct chunk *chunk, bool *join)
{
	bool found;

	mutex_lock(&depot->mutex);
	*join = depot_has_much_locked(depot, held) &&
		depot->fresh >= depot->bytes / depot_fresh_part;
	found = !*join && depot_cut_locked(depot, wanted, held, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

bool depot_join(struct depot *depot, const struct wanted *wanted, size_t held,
		struct chunk *chunk)
{
	bool found;

	mutex_lock(&depot->mutex);
	depot_join_locked(depot);
	found = depot_get_locked(depot, wanted, depot_looks, chunk) ||
		depot_cut_locked(depot, wanted, held, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

size_t depot_bytes(struct depot *depot)
{
	size_t bytes;

	mutex_lock(&depot->mutex);
	bytes = depot->bytes;
	mutex_unlock(&depot->mutex);
	return bytes;
}
