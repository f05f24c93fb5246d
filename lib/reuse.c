/* SPDX-License-Identifier: BSD-2-Clause */
#include "reuse.h"

void *reuse_take(tarn_pool *pool, struct local *local, size_t alignment,
		 size_t size)
{
	(void)pool, (void)local, (void)alignment, (void)size;
	return NULL;
}

bool reuse_claim(tarn_pool *pool, size_t need, size_t want, bool hard,
		 struct chunk *chunk)
{
	(void)pool, (void)need, (void)want, (void)hard, (void)chunk;
	return false;
}

void reuse_give(tarn_pool *pool, struct local *local, char *start, size_t size)
{
	(void)pool, (void)local, (void)start, (void)size;
}

void reuse_give_run(tarn_pool *pool, char *start, size_t size)
{
	(void)pool, (void)start, (void)size;
}

void reuse_reset(tarn_pool *pool)
{
	(void)pool;
}
