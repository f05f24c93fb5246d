/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn by its inline calls, for hot loops.
 */
#include "tarn.h"

static const struct peer_info peer = {
	"tarn_local_palloc",
	PACKAGE_VERSION,
	"tarn",
	"native",
	NULL,
	"each thread asks once for its own part of the pool",
};

typedef tarn_local peer_local;

static peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return tarn_pool_local(pool);
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return tarn_local_palloc(local, size);
}

#define TARN_POOL(local) tarn_local_pool(local)
#include "tarn-calls.h"

#include "../workloads.h"
