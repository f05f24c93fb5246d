/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the floors share as peers: memory that is there at once, a part for
 * each thread, and a reset that begins each part anew.
 */
#ifndef TARN_BENCH_PEERS_FLOOR_H
#define TARN_BENCH_PEERS_FLOOR_H

#include <sys/mman.h>

#include "../floor.h"
#include "../worker.h"

#define PEER_FLOOR
#define PEER_SHARED SHARED_NATIVE

/* Bytes for each thread: more than any case's objects take. */
#define FLOOR_ROOM ((size_t)16 << 20)

enum {
	FLOOR_THREADS = 65
};

static char *floor_memory;

/* Of the threads that use the floor. */
static struct floor_room *floor_rooms[FLOOR_THREADS];

static char *floor_at(int thread)
{
	return floor_memory + FLOOR_ROOM * (size_t)thread;
}

static inline void peer_begin(void)
{
	floor_memory =
		mmap(NULL, FLOOR_ROOM * FLOOR_THREADS, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (floor_memory == MAP_FAILED)
		worker_die("mmap");
}

/* Has thread number `thread` bump through `room`. */
static inline void floor_enter(struct floor_room *room, int thread)
{
	room->last = floor_at(thread);
	room->end = room->last + FLOOR_ROOM;
	floor_rooms[thread] = room;
}

static inline void floor_reset(void)
{
	for (int i = 0; i < FLOOR_THREADS; i++)
		if (floor_rooms[i] != NULL)
			floor_rooms[i]->last = floor_at(i);
}

#endif
