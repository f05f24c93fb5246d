/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that a peer makes of tarn by the pool, TARN_POOL(local).
 */
#ifndef TARN_BENCH_PEERS_TARN_CALLS_H
#define TARN_BENCH_PEERS_TARN_CALLS_H

static inline void peer_free(peer_local *local, void *object, size_t size)
{
	(void)size;
	tarn_pfree(TARN_POOL(local), object);
}

static inline void *peer_pack(peer_local *local, size_t size)
{
	return tarn_pnalloc(TARN_POOL(local), size);
}

static inline void *peer_zero(peer_local *local, size_t size)
{
	return tarn_pcalloc(TARN_POOL(local), 1, size);
}

static inline void *peer_align(peer_local *local, size_t align, size_t size)
{
	return tarn_pmemalign(TARN_POOL(local), align, size);
}

static inline void *peer_resize(peer_local *local, void *old, size_t old_size,
				size_t size)
{
	return tarn_prealloc(TARN_POOL(local), old, old_size, size);
}

static inline void peer_cleanup(peer_local *local, size_t *count)
{
	tarn_cleanup_add(TARN_POOL(local), tarn_count, count);
}

#endif
