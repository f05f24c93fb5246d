/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floors: a bump and nothing else, the least that an allocation can cost
 * behind a call into a shared library, and behind a call that has to find out
 * which thread it is. Neither grows; their memory is there before the clock
 * starts.
 */
#ifndef TARN_BENCH_FLOOR_H
#define TARN_BENCH_FLOOR_H

#include <stddef.h>

struct floor_room {
	char *last;
	char *end;
};

/* Every object aligned to 16, as those of a pool. */
static inline void *floor_bump(struct floor_room *room, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	char *object = room->last;

	if (__builtin_expect((size_t)(room->end - object) < need, 0))
		return NULL;
	room->last = object + need;
	return object;
}

void *floor_call(struct floor_room *room, size_t size);
void *floor_tls(size_t size);

/* The calling thread's, as floor_tls knows it. */
struct floor_room *floor_tls_room(void);

#endif
