/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reuse: small memory that was freed before its pool ends.
 *
 * Each thread has bins, a list of free pieces for each size, which only it
 * touches; while they hold anything its room is set aside, so that each request
 * is a miss and looks there first. What it has too much of goes to the pool's
 * depot, where every thread looks before it claims. What no bin suits lies
 * there as runs: memory of any size, which serves as a chunk. When much is free
 * in pieces, the depot sorts them all by address and joins neighbours.
 */
#ifndef TARN_REUSE_H
#define TARN_REUSE_H

#include "pool.h"

/* An object from freed memory or NULL, errno untouched: a claim is due. Owner
   of `local`, no mark open. `size` is not 0. */
void *reuse_take(tarn_pool *pool, struct local *local, size_t alignment,
		 size_t size);

/* Room for a request from freed memory, at least `need` bytes; false, errno
   untouched: there is none. `hard`: there is no other memory. */
bool reuse_claim(tarn_pool *pool, size_t need, size_t want, bool hard,
		 struct chunk *chunk);

/* Takes [start, start + size) back, of any place and size; too small a piece
   is lost. `local` may be NULL: the thread has none. */
void reuse_give(tarn_pool *pool, struct local *local, char *start, size_t size);

/* As reuse_give, straight to the depot: a chunk, or what is one no more. */
void reuse_give_run(tarn_pool *pool, char *start, size_t size);

/* Forgets all that was freed. Exclusive. */
void reuse_reset(tarn_pool *pool);

#endif
