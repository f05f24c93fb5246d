/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the calls that the next bytes are: also from within a cleanup.
 */
#ifndef TARN_FUZZ_STEPS_H
#define TARN_FUZZ_STEPS_H

#include "model.h"

/* So many calls, or as many as there are bytes for. */
void steps_run(struct model *model, size_t count);

#endif
