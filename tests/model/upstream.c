/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the pools of models have their memory from. */
#include "models.h"

static void *upstream_alloc(void *ctx, size_t *size, size_t alignment)
{
	(void)ctx;
	(void)alignment;
	return model_alloc(*size);
}

static void upstream_release(void *ctx, void *memory, size_t size)
{
	(void)ctx;
	model_free(memory, size);
}

const tarn_upstream model_upstream = {upstream_alloc, NULL, upstream_release,
				      NULL};
