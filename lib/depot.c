/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The depot: see depot.h. Invariant, under the mutex: `bytes` is the sum of all
 * pieces and runs here, and each byte is in one of them alone.
 */
#include "depot.h"

#include <string.h>

/* A join pays when what lies here is this part of what the pool holds, and as
   much of it has come since the last one as makes this part of it: so a piece
   is sorted a few times, however long it lies. */
static const size_t depot_held_part = 8;
static const size_t depot_fresh_part = 2;

/* Bytes: joins of less are not worth their time. */
static const size_t depot_least_join = 4096;

/* Bytes: lists that a join makes are about as large as those of a thread. */
static const size_t depot_list_bytes = 1024;

/* How many runs of the same power of two are looked at for one that suits. */
static const int depot_looks = 16;

/* ---- pieces ---------------------------------------------------------- */

struct piece depot_trim(char *start, size_t size, size_t grain)
{
	size_t front = -(uintptr_t)start & (grain - 1);
	struct piece piece = {start + front, 0, DEPOT_CLASSES};

	if (size >= front + UNIT_LEAST)
		piece.size = align_down(size - front, grain);
	return piece;
}

static size_t piece_grain(struct piece piece)
{
	uintptr_t bits = (uintptr_t)piece.start | piece.size;

	if ((bits & 15) == 0)
		return 16;
	return (bits & 7) == 0 ? 8 : 4;
}

struct piece depot_piece(char *start, size_t size)
{
	struct piece piece = depot_trim(start, size, 4);

	if (piece_grain(piece) != 16 && piece.size > DEPOT_FINE)
		piece = depot_trim(start, size, 16);
	if (piece.size <= DEPOT_SMALL && piece.size != 0)
		piece.kind = depot_class(piece_grain(piece), piece.size);
	return piece;
}

/* ---- under the mutex ------------------------------------------------- */

static unsigned run_bin(size_t size)
{
	return (unsigned)align_min(
		(size_t)(63 - __builtin_clzll((unsigned long long)size)),
		DEPOT_RUNS - 1);
}

static void depot_put_run_locked(struct depot *depot, struct piece piece)
	MUTEX_HELD(depot->mutex)
{
	struct run *run = (struct run *)piece.start;
	struct run **bin = &depot->runs[run_bin(piece.size)];

	run->size = piece.size;
	run->next = *bin;
	*bin = run;
}

static void depot_put_locked(struct depot *depot, struct piece piece)
	MUTEX_HELD(depot->mutex)
{
	struct unit *unit = (struct unit *)piece.start;

	if (piece.size == 0)
		return;
	depot->bytes += piece.size;
	if (piece.kind == DEPOT_CLASSES) {
		depot_put_run_locked(depot, piece);
		return;
	}
	unit->next = NULL;
	shelf_put(&depot->shelves[piece.kind], unit);
}

/* The front of a run that is in no list any more; what is left is put back. */
static struct chunk depot_cut_locked(struct depot *depot, struct run *run,
				     size_t take) MUTEX_HELD(depot->mutex)
{
	char *start = (char *)run;
	size_t size = run->size;

	depot->bytes -= size;
	if (size - take < BLOCK_LINE)
		take = size;
	depot_put_locked(depot, depot_piece(start + take, size - take));
	return (struct chunk){start, start + take};
}

/* Of at least `need` bytes, among the first of a list, and the one before. */
static struct run *run_find(struct run *run, size_t need, struct run **before)
{
	*before = NULL;
	for (int i = 0; run != NULL && i < depot_looks; i++) {
		if (run->size >= need)
			return run;
		*before = run;
		run = run->next;
	}
	return NULL;
}

static bool depot_get_run_locked(struct depot *depot, size_t need, size_t want,
				 struct chunk *chunk) MUTEX_HELD(depot->mutex)
{
	for (unsigned bin = run_bin(need); bin < DEPOT_RUNS; bin++) {
		struct run *before;
		struct run *run = run_find(depot->runs[bin], need, &before);

		if (run == NULL)
			continue;
		run_unlink(&depot->runs[bin], before, run);
		*chunk = depot_cut_locked(
			depot, run,
			align_min(align_max(need, want), run->size));
		return true;
	}
	return false;
}

/* The first unit of a list of at least `need` bytes a piece. */
static bool depot_get_piece_locked(struct depot *depot, size_t need,
				   struct chunk *chunk) MUTEX_HELD(depot->mutex)
{
	for (unsigned kind = depot_class(16, align_up(need, 16));
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

static struct run *runs_merge(struct run *a, struct run *b)
{
	struct run front = {NULL, 0}, *end = &front;

	while (a != NULL && b != NULL) {
		struct run **lower = (uintptr_t)a < (uintptr_t)b ? &a : &b;

		end->next = *lower;
		end = *lower;
		*lower = end->next;
	}
	end->next = a != NULL ? a : b;
	return front.next;
}

/* By address: a merge sort from below, sorted[i] has 2^i runs or none. */
static struct run *runs_sort(struct run *runs)
{
	struct run *sorted[64] = {NULL}, *all = NULL;

	while (runs != NULL) {
		struct run *some = runs;
		size_t i = 0;

		runs = runs->next;
		some->next = NULL;
		for (; sorted[i] != NULL; i++) {
			some = runs_merge(sorted[i], some);
			sorted[i] = NULL;
		}
		sorted[i] = some;
	}
	for (size_t i = 0; i < 64; i++)
		all = runs_merge(sorted[i], all);
	return all;
}

/* Adds a piece to the newest list of its class, or begins another one. */
static void depot_return_locked(struct depot *depot, struct piece piece,
				size_t *filled) MUTEX_HELD(depot->mutex)
{
	struct unit *unit = (struct unit *)piece.start, *list;

	if (piece.size == 0 || piece.kind == DEPOT_CLASSES ||
	    filled[piece.kind] == 0 ||
	    filled[piece.kind] + piece.size > depot_list_bytes) {
		depot_put_locked(depot, piece);
		if (piece.size != 0 && piece.kind != DEPOT_CLASSES)
			filled[piece.kind] = piece.size;
		return;
	}
	list = shelf_get(&depot->shelves[piece.kind]);
	unit->next = list;
	shelf_put(&depot->shelves[piece.kind], unit);
	depot->bytes += piece.size;
	filled[piece.kind] += piece.size;
}

struct run *depot_join_runs(struct run *runs)
{
	runs = runs_sort(runs);
	for (struct run *run = runs; run != NULL; run = run->next)
		while (run->next != NULL &&
		       (char *)run + run->size == (char *)run->next) {
			run->size += run->next->size;
			run->next = run->next->next;
		}
	return runs;
}

static void depot_join_locked(struct depot *depot) MUTEX_HELD(depot->mutex)
{
	struct run *run = depot_join_runs(depot_empty_locked(depot));
	size_t filled[DEPOT_CLASSES] = {0};

	while (run != NULL) {
		struct run *next = run->next;

		depot_return_locked(depot, depot_piece((char *)run, run->size),
				    filled);
		run = next;
	}
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

void depot_put(struct depot *depot, struct piece piece)
{
	mutex_lock(&depot->mutex);
	depot_put_locked(depot, piece);
	depot->fresh += piece.size;
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

bool depot_get_run(struct depot *depot, size_t need, size_t want,
		   struct chunk *chunk)
{
	bool found;

	mutex_lock(&depot->mutex);
	found = depot_get_run_locked(depot, need, want, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

bool depot_get_any(struct depot *depot, size_t need, struct chunk *chunk)
{
	bool found;

	mutex_lock(&depot->mutex);
	if (depot->fresh != 0)
		depot_join_locked(depot);
	found = depot_get_piece_locked(depot, need, chunk) ||
		depot_get_run_locked(depot, need, need, chunk);
	mutex_unlock(&depot->mutex);
	return found;
}

bool depot_may_join(struct depot *depot, size_t held)
{
	size_t bytes, fresh;

	mutex_lock(&depot->mutex);
	bytes = depot->bytes;
	fresh = depot->fresh;
	mutex_unlock(&depot->mutex);
	return bytes >= align_max(held / depot_held_part, depot_least_join) &&
	       fresh >= bytes / depot_fresh_part;
}

void depot_join(struct depot *depot)
{
	mutex_lock(&depot->mutex);
	depot_join_locked(depot);
	mutex_unlock(&depot->mutex);
}
