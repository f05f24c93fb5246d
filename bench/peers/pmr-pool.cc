/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * std::pmr::synchronized_pool_resource: any thread may allocate and free.
 */
#include "pmr.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_FREES
#define PEER_GIVES
/* It searches the pools of all threads: 79 us an object in W7-passed. */
#define PEER_GIVES_OWN

static const struct peer_info peer = {
	"pmr synchronized pool",
	"of gcc " __VERSION__,
	"peer",
	"native",
	WORKER_TUNED_GLIBC,
	NULL,
};

typedef resource_pool<std::pmr::synchronized_pool_resource> peer_pool;
typedef peer_pool peer_local;

static inline peer_pool *peer_create()
{
	return new peer_pool();
}

#include "pmr-calls.h"

static inline void peer_free(peer_local *local, void *object, size_t size)
{
	local->resource.deallocate(object, size);
}

static inline void *peer_take(peer_local *local, size_t size)
{
	return local->resource.allocate(size);
}

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	local->resource.deallocate(object, size);
}

#include "../workloads.h"
