/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows 19 and 20: tarn::memory_resource beside the resource of the standard
 * library that bumps and frees at the end, too, but for one thread alone.
 */
#include "bars.h"

#include "bars_pmr.h"

enum {
	RESOURCE_FEW = 1000, /* objects a round */
	RESOURCE_MANY = 20000,
	RESOURCE_PAIR = 50000 /* of each thread */
};

struct resource {
	enum pmr_kind kind;
	void (*fill)(struct pmr *pmr, size_t count);
	size_t count;
	struct pmr *pmr; /* of all rounds; NULL: each has its own */
};

/* ---- row 19: one thread -------------------------------------------------- */

static bool resource_round(const void *arg, double *ns)
{
	const struct resource *resource = arg;
	struct watch start = watch_start();
	struct pmr *pmr = resource->pmr != NULL ? resource->pmr
						: pmr_create(resource->kind);

	resource->fill(pmr, resource->count);
	if (resource->pmr != NULL)
		pmr_release(pmr);
	else
		pmr_destroy(pmr);
	*ns = watch_ns(&start) / (double)resource->count;
	return watch_calm(&start);
}

/* Each round fills what the one before it released, or one of its own. */
static void report_resource(const char *what, struct resource ours, bool own,
			    double bar)
{
	struct resource theirs = ours;

	ours.kind = PMR_TARN;
	theirs.kind = PMR_MONOTONIC;
	ours.pmr = own ? NULL : pmr_create(ours.kind);
	theirs.pmr = own ? NULL : pmr_create(theirs.kind);
	report_times(what,
		     (struct side[]){{resource_round, &theirs},
				     {resource_round, &ours}},
		     true, bar);
	pmr_destroy(ours.pmr);
	pmr_destroy(theirs.pmr);
}

void row_resource(void)
{
	static const struct {
		const char *few, *many;
		void (*fill)(struct pmr *pmr, size_t count);
	} fills[] = {
		{"1,000 objects of 8..128 bytes", "20,000", pmr_objects},
		{"a list of 1,000", "of 20,000", pmr_list},
		{"a map of 1,000", "of 20,000", pmr_map},
		{"a table of 1,000 texts", "of 20,000", pmr_table},
	};

	for (size_t i = 0; i < sizeof(fills) / sizeof(*fills); i++) {
		struct resource few = {.fill = fills[i].fill,
				       .count = RESOURCE_FEW};
		struct resource many = {.fill = fills[i].fill,
					.count = RESOURCE_MANY};

		report_resource(fills[i].few, few, false, 1.05);
		report_resource(fills[i].many, many, false, 1.05);
		report_resource("1,000, each round its own", few, true, NO_BAR);
		report_resource("20,000, each round its own", many, true,
				NO_BAR);
	}
}

/* ---- row 20: two threads ------------------------------------------------- */

struct resource_pair {
	struct pmr *pmr;
	struct gate gate;
	double ns[2];
	bool calm[2];
};

static void resource_thread(void *arg, unsigned self)
{
	struct resource_pair *pair = arg;
	struct watch start;

	gate_wait(&pair->gate);
	start = watch_start();
	pmr_objects(pair->pmr, RESOURCE_PAIR);
	pair->ns[self] = watch_ns(&start) / RESOURCE_PAIR;
	pair->calm[self] = watch_calm(&start);
}

/* What an object takes of each of the two threads. */
static bool resource_pair(const void *arg, double *ns)
{
	struct resource_pair pair = {.pmr = *(struct pmr *const *)arg,
				     .gate = {0, 2}};

	pair_run(resource_thread, &pair, 1);
	pmr_release(pair.pmr);
	*ns = (pair.ns[0] + pair.ns[1]) / 2;
	return pair.calm[0] && pair.calm[1];
}

void row_resource_pair(void)
{
	struct pmr *theirs = pmr_create(PMR_MUTEX);
	struct pmr *ours = pmr_create(PMR_TARN);

	report_times("objects of 8..128 bytes, against under a mutex",
		     (struct side[]){{resource_pair, &theirs},
				     {resource_pair, &ours}},
		     true, 1.0 / 20);
	pmr_destroy(ours);
	pmr_destroy(theirs);
}
