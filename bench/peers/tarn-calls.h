/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that a peer makes of tarn by the pool, TARN_POOL(local). Where its
 * objects are aligned otherwise than by tarn_palloc, TARN_OTHERWISE says how.
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

static inline void *peer_take(peer_local *local, size_t size)
{
	return peer_alloc(local, size);
}

#ifdef TARN_OTHERWISE

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	tarn_pfree_aligned_sized(TARN_POOL(local), object, TARN_OTHERWISE,
				 size);
}

#else

#define PEER_RESIZES

static inline void peer_give(peer_local *local, void *object, size_t size)
{
	tarn_pfree_sized(TARN_POOL(local), object, size);
}

static inline void *peer_resize(peer_local *local, void *old, size_t old_size,
				size_t size)
{
	return tarn_prealloc(TARN_POOL(local), old, old_size, size);
}

#endif

static inline void peer_cleanup(peer_local *local, size_t *count)
{
	tarn_cleanup_add(TARN_POOL(local), tarn_count, count);
}

#endif
