/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one size, and memory for temporaries.
 */
#ifndef TARN_FUZZ_CACHES_H
#define TARN_FUZZ_CACHES_H

#include "model.h"

void caches_create(struct model *model, struct member *member);
void caches_alloc(struct model *model, struct member *member);

/* A use of scratch memory, within which the next bytes are calls. */
void caches_scratch(struct model *model, struct member *member);

#endif
