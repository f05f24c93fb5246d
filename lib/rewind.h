/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks of a thread in a pool, and the way back to them.
 */
#ifndef TARN_REWIND_H
#define TARN_REWIND_H

#include "pool.h"

#endif
