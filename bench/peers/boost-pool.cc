/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boost::pool: objects of one size.
 */
#include <boost/pool/pool.hpp>
#include <boost/version.hpp>

#include "../worker.h"

#define PEER_SHARED SHARED_MUTEX
#define PEER_FIXED
#define PEER_GIVES

enum {
	FIRST_OBJECTS = 32 /* in a pool's first block, as boost::pool has it */
};

static const struct peer_info peer = {
	"boost::pool", BOOST_LIB_VERSION,          "optional", "mutex",
	NULL,          "objects of one size only",
};

typedef boost::pool<> peer_pool;
typedef boost::pool<> peer_local;

static void peer_begin()
{
}

static inline peer_pool *peer_create()
{
	return new peer_pool(WORKER_FIXED_SIZE, FIRST_OBJECTS);
}

/*
 * Blocks double, and after a purge Boost 1.81 goes on from the last one, unlike
 * 1.74: a pool that is emptied time and again would come to ask for GiBs.
 */
static inline void peer_reset(peer_pool *pool)
{
	pool->purge_memory();
	pool->set_next_size(FIRST_OBJECTS);
}

static inline peer_local *peer_use(peer_pool *pool, int)
{
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t)
{
	return local->malloc();
}

static inline void *peer_take(peer_local *local, size_t)
{
	return local->malloc();
}

static inline void peer_give(peer_local *local, void *object, size_t)
{
	local->free(object);
}

#include "../workloads.h"
