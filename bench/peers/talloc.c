/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * talloc: each object is the child of its pool, and freed with it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <talloc.h>

#include "../worker.h"

#define PEER_SHARED SHARED_MUTEX
#define PEER_LIVES
#define PEER_HANDED
#define PEER_FREES

static const struct peer_info peer = {
	"talloc",
	WORKER_TEXT(TALLOC_VERSION_MAJOR) "." WORKER_TEXT(TALLOC_VERSION_MINOR),
	"peer",
	"mutex",
	"talloc_pool of 16 KiB: memory in one piece",
	NULL,
};

typedef void peer_pool;
typedef void peer_local;

enum {
	TALLOC_POOL = 16384
};

static void peer_begin(void)
{
}

static inline peer_pool *peer_create(void)
{
	return worker_tuned ? talloc_pool(NULL, TALLOC_POOL) : talloc_new(NULL);
}

static inline void peer_reset(peer_pool *pool)
{
	talloc_free_children(pool);
}

static inline void peer_destroy(peer_pool *pool)
{
	talloc_free(pool);
}

static inline peer_local *peer_use(peer_pool *pool, int thread)
{
	(void)thread;
	return pool;
}

static inline void *peer_alloc(peer_local *local, size_t size)
{
	return talloc_size(local, size);
}

static inline void peer_free(peer_local *local, void *object, size_t size)
{
	(void)local;
	(void)size;
	talloc_free(object);
}

#include "../workloads.h"
