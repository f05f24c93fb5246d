/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks of a thread in a pool, and the way back to them.
 *
 * A mark is what the room was, and which chunk was the last one claimed; while
 * one is open the chunks that the thread claims are listed, through headers at
 * their front, and what else it makes that has to end at a rewind bears a
 * birth. So a rewind of what one chunk sufficed for is a few stores.
 */
#ifndef TARN_REWIND_H
#define TARN_REWIND_H

#include "pool.h"

/* Whether `ptr`, small memory, was allocated within a mark that is open, and so
   is the rewind's to free. Owner of `local`. */
bool rewind_covers(const struct local *local, const void *ptr);

#endif
