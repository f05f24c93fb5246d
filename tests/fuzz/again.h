/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What threads do to use memory again: free it by size, also what another one
 * had, caches, marks, scratch.
 */
#ifndef TARN_FUZZ_AGAIN_H
#define TARN_FUZZ_AGAIN_H

#include "actor.h"

void again_free_sized(struct actor *actor);

/* Gives an object to whoever takes it. */
void again_hand(struct actor *actor);

/* Takes one that another thread had, to free it or to look after it. */
void again_take(struct actor *actor);

/* A cache of its own, made while others use the pool. */
void again_create(struct actor *actor);

/* From that, or from one that is shared. */
void again_alloc(struct actor *actor);

/* Calls within a mark, or a use of scratch memory. */
void again_mark(struct actor *actor);
void again_scratch(struct actor *actor);

/* A cache for all of them, made between two phases. */
void again_share(struct scene *scene, struct input *in, size_t pool);

/* The caches of a pool, which have ended. */
void again_forget(struct scene *scene, size_t pool);

#endif
