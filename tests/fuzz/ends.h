/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanups, and the calls that run them: of one, reset, destroy.
 */
#ifndef TARN_FUZZ_ENDS_H
#define TARN_FUZZ_ENDS_H

#include "model.h"

void ends_add(struct model *model, struct member *member);
void ends_cancel(struct model *model, struct member *member);
void ends_run(struct model *model, struct member *member);
void ends_reset(struct model *model, struct member *member);
void ends_destroy(struct model *model, struct member *member);

/* Destroys every pool that is left. */
void ends_all(struct model *model);

#endif
