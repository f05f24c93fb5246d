/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protobuf's Arena: any thread may allocate, one resets.
 */
#include <google/protobuf/arena.h>

#include "../worker.h"

#define PEER_SHARED SHARED_NATIVE
#define PEER_LIVES
#define PEER_HANDED
#define PEER_HELD

using google::protobuf::Arena;
using google::protobuf::ArenaOptions;

static const struct peer_info peer = {
	"protobuf Arena",
	WORKER_TEXT(GOOGLE_PROTOBUF_VERSION),
	"peer",
	"native",
	"first block 4 KiB, blocks up to 256 KiB; " WORKER_TUNED_GLIBC,
	NULL,
};

typedef Arena peer_pool;
typedef Arena peer_local;

static void peer_begin()
{
	if (worker_tuned)
		worker_tune_glibc();
}

static inline peer_pool *peer_create()
{
	ArenaOptions options;

	if (worker_tuned) {
		options.start_block_size = 4096;
		options.max_block_size = 256 << 10;
	}
	return new Arena(options);
}

static inline void peer_reset(peer_pool *pool)
{
	pool->Reset();
}

static inline void peer_destroy(peer_pool *pool)
{
	delete pool;
}

static inline peer_local *peer_use(peer_pool *pool, int)
{
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return Arena::CreateArray<char>(local, size);
}

static inline size_t peer_held(peer_pool *pool)
{
	return pool->SpaceAllocated();
}

#include "../workloads.h"
