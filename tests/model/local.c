/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of what statistics see of a local pool whose owner allocates: two
 * threads read a figure that was true at some time, and never an older one
 * after a newer one.
 */
#include "local.h"

#include "models.h"

static struct local local;
static _Alignas(64) char chunks[2][64];

static void setup(void)
{
	local_init(&local, NULL, 4096,
		   (struct chunk){chunks[0], chunks[0] + 32});
}

/* A hit, a packed hit, and a new chunk. */
static void allocate(void)
{
	struct chunk chunk = {chunks[1], chunks[1] + 64};
	struct lost lost = {false, {NULL, NULL}, {NULL, NULL}};

	MODEL_ASSERT(tarn_local_palloc(&local.hot, 16) == chunks[0]);
	MODEL_ASSERT(local_take_chunk(&local, chunk, TARN_ALIGNMENT, 32,
				      &lost) == chunks[1]);
	MODEL_ASSERT(tarn_local_pnalloc(&local.hot, 5) == chunks[1] + 59);
}

static bool is_true(size_t figure)
{
	return figure == 0 || figure == 16 || figure == 48 || figure == 53;
}

static void look(void)
{
	MODEL_ASSERT(is_true(local_handed_out(&local)));
}

static void look_twice(void)
{
	size_t first = local_handed_out(&local);

	MODEL_ASSERT(is_true(first));
	MODEL_ASSERT(first <= local_handed_out(&local));
}

static void see_all(void)
{
	MODEL_ASSERT(local_handed_out(&local) == 53);
}

const struct model local_models[] = {
	{"local-figures", setup, {allocate, look, look}, see_all, 0, NULL},
	{"local-figures-again",
	 setup,
	 {allocate, look_twice},
	 see_all,
	 0,
	 NULL},
	{.name = NULL},
};
