/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn by its ordinary calls.
 */
#include "tarn.h"

static const struct peer_info peer = {
	"tarn_palloc", PACKAGE_VERSION, "tarn", "native", NULL, NULL,
};

typedef tarn_pool peer_local;

static peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return tarn_palloc(local, size);
}

#define TARN_POOL(local) local
#include "tarn-calls.h"

#include "../workloads.h"
