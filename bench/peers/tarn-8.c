/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn with objects aligned to 8, as APR and protobuf align theirs.
 */
#include "tarn.h"

static const struct peer_info peer = {
	"tarn_pmemalign(8)",
	PACKAGE_VERSION,
	"tarn",
	"native",
	NULL,
	"objects aligned to 8, as those of APR and protobuf",
};

typedef tarn_pool peer_local;

static peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return tarn_pmemalign(local, 8, size);
}

#define TARN_POOL(local) local
#define TARN_OTHERWISE   8
#include "tarn-calls.h"

#include "../workloads.h"
