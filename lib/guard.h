/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An upstream whose memory ends where an inaccessible page begins, and is
 * inaccessible itself for a while after its release.
 */
#ifndef TARN_GUARD_H
#define TARN_GUARD_H

#include "prefix.h"
#include "tarn.h"

extern const tarn_upstream guard_upstream TARN_HIDDEN;

#endif
