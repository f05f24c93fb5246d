/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of a watched pool, found by address. All under the pool's mutex,
 * or exclusive.
 */
#ifndef TARN_OBJECTS_H
#define TARN_OBJECTS_H

#include "align.h"
#include "birth.h"

/* One request served. */
struct watch_object {
	void *object; /* NULL: empty */
	void *memory; /* its own, of upstream; NULL: it stands in a block */
	size_t size;  /* bytes of the memory, else of the object */
	size_t asked; /* bytes of the object, as its user knows them */
	size_t given; /* bytes that it counts as handed out */
	struct birth birth;
};

/*
 * Memcheck goes by this table from a pool to its objects. AddressSanitizer's
 * leak detector goes from the objects to the block around them too, back to the
 * pool itself, which then is never lost: from that the addresses are hidden.
 */
struct objects {
	uintptr_t mask;               /* [c] that hides addresses, or 0     */
	struct watch_object *entries; /* open addressing, half full at most */
	size_t capacity;              /* a power of two, or 0               */
	size_t count;
};

/* False: there is no memory. */
bool objects_add(struct objects *objects, struct watch_object object);

/* NULL: it is none of them. */
struct watch_object *objects_find(const struct objects *objects,
				  const void *object);

/* Another one may take its place. */
void objects_remove(struct objects *objects, const struct watch_object *object);

/* What the entry is of, its address shown; its object is NULL: of none. */
struct watch_object objects_show(const struct objects *objects, size_t i);

/* Forgets all. */
void objects_clear(struct objects *objects);

#endif
