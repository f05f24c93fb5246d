/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * std::pmr::monotonic_buffer_resource: bumps, frees at the end, for one thread.
 */
#include "pmr.h"

#define PEER_SHARED SHARED_MUTEX

static const struct peer_info peer = {
	"pmr monotonic",
	"of gcc " __VERSION__,
	"peer",
	"mutex",
	"first buffer 4 KiB; " WORKER_TUNED_GLIBC,
	NULL,
};

typedef resource_pool<std::pmr::monotonic_buffer_resource> peer_pool;
typedef peer_pool peer_local;

static inline peer_pool *peer_create()
{
	return worker_tuned ? new peer_pool(size_t{4096}) : new peer_pool();
}

#include "pmr-calls.h"

#include "../workloads.h"
