/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that make a pool, and those that look at it: options, data,
 * statistics.
 */
#ifndef TARN_FUZZ_LIVES_H
#define TARN_FUZZ_LIVES_H

#include "model.h"

/* A pool or a child, with the options that the next bytes are. */
void lives_create(struct model *model);

/* Options of other versions of the library, and what cannot be. */
void lives_odd_options(struct model *model, struct member *member);

void lives_set_data(struct model *model, struct member *member);
void lives_stats(struct model *model, struct member *member);
void lives_trim(struct model *model, struct member *member);

#endif
