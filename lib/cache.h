/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: objects of one size, see tarn_cache_create.
 */
#ifndef TARN_CACHE_H
#define TARN_CACHE_H

#include "pool.h"

#endif
