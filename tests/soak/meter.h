/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream that is as unfriendly as one may be: it fails by chance, sleeps,
 * is a cancellation point, gives more than was asked, moves at each resize,
 * leaves another errno, and overwrites what it takes back. It knows each block
 * by a word in front of it, and counts what is out.
 */
#ifndef TARN_SOAK_METER_H
#define TARN_SOAK_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tarn.h"

struct meter {
	tarn_upstream upstream; /* what to give to a pool */
	size_t fail_once_in;    /* 0: never fails         */
	size_t raise;           /* most bytes beyond what was asked; a multiple
				   of 16 */
	bool cancels;           /* whether it is a cancellation point */
	_Atomic uint64_t random;
	atomic_size_t blocks, bytes; /* out */
};

/* One that never fails, raises or cancels. */
void meter_init(struct meter *meter, uint64_t seed);

/* Requires that all came back. */
void meter_finish(struct meter *meter);

#endif
