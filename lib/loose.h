/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loose memory: what was freed in a pool while there was no memory for a depot,
 * near a limit, in a list that needs none; and the depot, which is made as soon
 * as there is, if need be out of what is loose.
 */
#ifndef TARN_LOOSE_H
#define TARN_LOOSE_H

#include "depot.h"
#include "pool.h"

/* The pool's depot, made now if it has none; NULL, errno untouched: there is no
   memory. */
struct depot *loose_depot_locked(tarn_pool *pool) MUTEX_HELD(pool->mutex);

/* Freed near a limit, where there is no memory for a depot. */
void loose_put_locked(tarn_pool *pool, char *start, size_t size)
	MUTEX_HELD(pool->mutex);

/* Memory where there is no depot; false: there is one now, or none. Once there
   is one, by whichever thread, nothing is loose. */
bool loose_claim(tarn_pool *pool, const struct wanted *wanted,
		 struct chunk *chunk);

#endif
