/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units: pieces of memory that nobody has, linked through themselves, and
 * shelves, on which whole lists of them lie for the next thread. After
 * Bonwick's magazines: a thread works on a list of its own without a lock, and
 * goes to the shelf, under a mutex, once for many units.
 */
#ifndef TARN_UNIT_H
#define TARN_UNIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* At the front of a free piece, which may begin anywhere. The second word is of
   the first of a list. */
struct unit {
	struct unit *next;
	struct unit *older; /* the list below this one on a shelf */
} __attribute__((packed));

/* Bytes: no smaller piece is a unit, though its words were; classes of units
   begin here, on every machine. */
#define UNIT_LEAST ((size_t)16)
_Static_assert(sizeof(struct unit) <= UNIT_LEAST, "a unit is in its own piece");

struct shelf {
	_Atomic(struct unit *) newest; /* [l] the owner's mutex; NULL: empty */
};

static inline void shelf_init(struct shelf *shelf)
{
	atomic_init(&shelf->newest, NULL);
}

/* Whether there may be a list: a hint, to spare the mutex. */
static inline bool shelf_has(const struct shelf *shelf)
{
	/* ORDER shelf (relaxed): a hint; lists are read under the mutex. Pairs
	   with shelf_put. */
	return atomic_load_explicit(&shelf->newest, memory_order_relaxed) !=
	       NULL;
}

/* Under the mutex: lays down a list, which is not empty. */
static inline void shelf_put(struct shelf *shelf, struct unit *list)
{
	/* ORDER shelf (relaxed): the mutex orders what lists are of. Pairs
	   with shelf_has. */
	list->older =
		atomic_load_explicit(&shelf->newest, memory_order_relaxed);
	atomic_store_explicit(&shelf->newest, list, memory_order_relaxed);
}

/* Under the mutex: takes the newest list, or NULL. */
static inline struct unit *shelf_get(struct shelf *shelf)
{
	/* ORDER shelf (relaxed): as shelf_put. */
	struct unit *list =
		atomic_load_explicit(&shelf->newest, memory_order_relaxed);

	if (list != NULL)
		atomic_store_explicit(&shelf->newest, list->older,
				      memory_order_relaxed);
	return list;
}

#endif
