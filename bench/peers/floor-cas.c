/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floor: one cursor for all threads, moved by compare and swap.
 */
#include "floor-cursor.h"

static const struct peer_info peer = {
	"compare and swap of one cursor", "", "floor", "native", NULL, NULL,
};

static inline void *peer_alloc(peer_local *local, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	size_t at = atomic_load_explicit(&local->used, memory_order_relaxed);

	do {
		if (at + need > FLOOR_ROOM * FLOOR_THREADS)
			return NULL;
		/* ORDER: none is needed; the bytes are the swapper's alone. */
	} while (!atomic_compare_exchange_weak_explicit(
		&local->used, &at, at + need, memory_order_relaxed,
		memory_order_relaxed));
	return floor_memory + at;
}

#include "../workloads.h"
