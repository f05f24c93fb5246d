/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream that knows each block it gave and ends the program when another
 * comes back. It is as unfriendly as one may be: it leaves errno changed, moves
 * what it resizes, gives more than asked, fails, and gives what is misaligned.
 */
#ifndef TARN_FUZZ_UPSTREAM_H
#define TARN_FUZZ_UPSTREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "tarn.h"

struct upstream {
	tarn_upstream functions; /* what to give to a pool                */
	pthread_mutex_t lock;    /* of all below                          */
	struct upstream_block *blocks;
	size_t live_bytes;
	size_t failures; /* requests refused so far                       */
	size_t fail_in;  /* so many more requests are served ...          */
	size_t fail;     /* ... and then so many refused                  */
	size_t raise;    /* bytes given beyond what was asked             */
	bool crooked;    /* gives misaligned memory, which is a refusal   */
};

void upstream_init(struct upstream *upstream, bool resizes);

/* Requires that every block came back. */
void upstream_finish(struct upstream *upstream);

/* Whether [ptr, ptr + size) lies in one block that is out. */
bool upstream_contains(struct upstream *upstream, const void *ptr, size_t size);

#endif
