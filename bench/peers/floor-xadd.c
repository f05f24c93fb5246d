/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floor: one cursor for all threads, moved by an atomic addition.
 */
#include "floor-cursor.h"

static const struct peer_info peer = {
	"atomic addition to one cursor", "", "floor", "native", NULL, NULL,
};

static inline void *peer_alloc(peer_local *local, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	/* ORDER: none is needed; the bytes are the adder's alone. */
	size_t at = atomic_fetch_add_explicit(&local->used, need,
					      memory_order_relaxed);

	return at + need <= FLOOR_ROOM * FLOOR_THREADS ? floor_memory + at
						       : NULL;
}

#include "../workloads.h"
