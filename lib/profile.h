/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Profiles: which calls allocated what was sampled, and how much of it is
 * there, as text that pprof reads. Nothing here knows of pools.
 */
#ifndef TARN_PROFILE_H
#define TARN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "debug.h"

/* Bytes from one sample point to the next, on average. */
#define PROFILE_MEAN ((size_t)512 << 10)

/* A call, by its stack, and the one size of what was sampled there: so that a
   reader knows how likely each of them was. */
struct profile_site;

/* The site of the call under way, which returns to `caller`; NULL: there is no
   memory for it. The debug mutex is taken by these three. */
struct profile_site *profile_here(size_t size, const void *caller);

/* An object of it was sampled; it is free again. */
void profile_add(struct profile_site *site);
void profile_remove(struct profile_site *site);

/* Writes all of it; false: it failed. */
bool profile_write_locked(FILE *file) MUTEX_HELD(debug_mutex);

#endif
