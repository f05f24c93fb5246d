/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks and rewinds, and who allocated what since which mark.
 */
#ifndef TARN_FUZZ_MARKS_H
#define TARN_FUZZ_MARKS_H

#include "model.h"

/* The calling thread's number, no other's ever. */
unsigned marks_thread(void);

/* Marks of the calling thread that are open in the pool. */
size_t marks_level(const struct member *member);

/* Whether the calling thread may free or resize the object. */
bool marks_may_free(const struct object *object);

void marks_take(struct model *model, struct member *member);
void marks_rewind(struct model *model, struct member *member);

/* That a cleanup is the one that the running rewind has to run now. */
void marks_check_turn(const struct handler *handler);

/* The calling thread's are never rewound: it ends, or has other memory now. */
void marks_end_thread(struct model *model);

#endif
