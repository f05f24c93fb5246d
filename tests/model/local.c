/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of what others see of a local pool whose owner allocates: two threads
 * read a figure that was true at some time, and never an older one after a
 * newer one; and of its ledger what was claimed.
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

/* ---- the ledger ------------------------------------------------------ */

static struct ledger ledger;
static _Alignas(64) char lines[5][64];

static void setup_ledger(void)
{
	ledger_init(&ledger);
}

/* A first chunk, another one, which has a node, and what goes on there. */
static void claim(void)
{
	struct chunk first = {lines[0], lines[1]};
	struct chunk second = {lines[2], lines[4]};
	struct chunk third = {lines[4], lines[5]};

	MODEL_ASSERT(ledger_need(&ledger) == 0);
	ledger_note(&ledger, &first);
	MODEL_ASSERT(first.start == lines[0]);
	MODEL_ASSERT(ledger_need(&ledger) == 16);
	ledger_note(&ledger, &second);
	MODEL_ASSERT(second.end == lines[4] - 16);
	ledger_note(&ledger, &third);
	MODEL_ASSERT(third.end == lines[5]);
}

static void see_claimed(void *with, struct chunk chunk)
{
	size_t *bytes = with;

	MODEL_ASSERT(chunk.start == lines[0] || chunk.start == lines[2]);
	*bytes += (size_t)(chunk.end - chunk.start);
}

static size_t claimed(void)
{
	size_t bytes = 0;

	ledger_each(&ledger, see_claimed, &bytes);
	return bytes;
}

static void look_claimed(void)
{
	size_t first = claimed();

	MODEL_ASSERT(first == 0 || first == 64 || first == 192 || first == 256);
	MODEL_ASSERT(first <= claimed());
}

static void see_all_claimed(void)
{
	MODEL_ASSERT(claimed() == 256);
}

const struct model local_models[] = {
	{"local-figures", setup, {allocate, look, look}, see_all, 0, NULL},
	{"local-figures-again",
	 setup,
	 {allocate, look_twice},
	 see_all,
	 0,
	 NULL},
	{"local-ledger",
	 setup_ledger,
	 {claim, look_claimed},
	 see_all_claimed,
	 0,
	 NULL},
	{.name = NULL},
};
