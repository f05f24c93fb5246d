/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Medians, quartiles, ratios, and what was disturbed: see driver.h.
 */
#include "driver.h"

#include <math.h>
#include <stdlib.h>

enum {
	REFERENCES = 15
};

/* How far the empty loop may be off. */
static const double disturbed_part = 0.05;

static double references[REFERENCES];
static size_t references_seen;

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(const double *values, size_t count, double at)
{
	double sorted[ROUNDS_MOST];
	size_t told = 0;

	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			sorted[told++] = values[i];
	if (told == 0)
		return NAN;
	qsort(sorted, told, sizeof(*sorted), compare_doubles);
	return sorted[(size_t)(at * (double)(told - 1) + 0.5)];
}

double ratio(const double *a, const double *b, size_t count)
{
	double ratios[ROUNDS_MOST];

	for (size_t i = 0; i < count; i++)
		ratios[i] = a[i] / b[i];
	return quantile(ratios, count, 0.5);
}

bool differ(const double *a, const double *b, size_t count)
{
	return quantile(a, count, 0.75) < quantile(b, count, 0.25) ||
	       quantile(b, count, 0.75) < quantile(a, count, 0.25);
}

double reference_ns(void)
{
	return quantile(references,
			references_seen < REFERENCES ? references_seen
						     : REFERENCES,
			0.5);
}

/* What it is held against follows a machine that changes its pace. */
bool is_disturbed(const struct figures *figures)
{
	double before = figures->values[METRIC_REFERENCE_BEFORE];
	double after = figures->values[METRIC_REFERENCE_AFTER];

	references[references_seen++ % REFERENCES] = before;
	return fabs(after / before - 1) > disturbed_part ||
	       fmax(before, after) > reference_ns() * (1 + 2 * disturbed_part);
}
