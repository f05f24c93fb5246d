/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The models there are, by file. Each array ends with a model without a name.
 * And what they share.
 */
#ifndef MODELS_H
#define MODELS_H

#include <tarn.h>

#include "model.h"

/* Memory whose end the checker sees. */
extern const tarn_upstream model_upstream;

extern const struct model litmus_models[];
extern const struct model cursor_models[];
extern const struct model pool_models[];
extern const struct model local_models[];
extern const struct model cleanup_models[];
extern const struct model depot_models[];
extern const struct model large_models[];
extern const struct model reuse_models[];
extern const struct model cache_models[];

#endif
