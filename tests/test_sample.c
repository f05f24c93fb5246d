/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG=sample=FILE: what a profile estimates is true, for requests of
 * every kind, whoever serves them and whatever becomes of them.
 *
 * Each request of `size` bytes is sampled with probability 1 - exp(-size /
 * 512 KiB), so that the samples of n of them are n * p, up to a few times the
 * square root of n * p * (1 - p). The bounds are four and a half of these, and
 * n is such that an estimator which leans to one side by an eighth is out of
 * them. Programs of known sites are told apart by their sizes; seeds are given,
 * so that a result is the same each time.
 *
 * The tests are sample_*.c; here profiles are made, read and compared.
 */
#include "test_sample.h"

#include <math.h>

static const double mean = 512 * 1024;
static const double most_deviation = 4.5;

char path[64];
uint64_t seed_now;
size_t scale; /* how often a program does what it does */

/* ---- memory that fails -------------------------------------------------- */

/* Sizes that malloc does not grant: those from the one to below the other. */
size_t refused_from, refused_to;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (size < refused_from || size >= refused_to)
		return __real_malloc(size);
	errno = ENOMEM;
	return NULL;
}

/* ---- profiles ----------------------------------------------------------- */

struct figure *figure_of(struct profile *profile, size_t size)
{
	size_t i = 0;

	while (i < profile->count && profile->figures[i].size != size)
		i++;
	ck_assert_uint_lt(i, SIZES);
	if (i == profile->count)
		profile->figures[profile->count++].size = size;
	return &profile->figures[i];
}

static void read_site(struct profile *profile, const char *line)
{
	size_t live, live_bytes, all, all_bytes;
	struct figure *figure;

	ck_assert_int_eq(sscanf(line, "%zu: %zu [%zu: %zu] @ 0x", &live,
				&live_bytes, &all, &all_bytes),
			 4);
	/* One whose object was not listed has none. */
	if (all == 0)
		return;
	ck_assert_uint_eq(all_bytes % all, 0);
	ck_assert_uint_eq(live_bytes, live * (all_bytes / all));
	ck_assert_uint_le(live, all);
	figure = figure_of(profile, all_bytes / all);
	figure->live += live;
	figure->all += all;
}

/* Adds what the file says to the profile. */
void read_profile(struct profile *profile, const char *name)
{
	FILE *file = fopen(name, "r");
	char line[4096];
	size_t totals[4];

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_int_eq(
		sscanf(line, "heap profile: %zu: %zu [%zu: %zu] @ heap_v2/524",
		       &totals[0], &totals[1], &totals[2], &totals[3]),
		4);
	while (fgets(line, sizeof(line), file) != NULL && line[0] != '\n')
		read_site(profile, line);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	ck_assert_str_eq(line, "MAPPED_LIBRARIES:\n");
	/* Where the system tells them. */
	if (access("/proc/self/maps", R_OK) == 0)
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	fclose(file);
}

static child_fn *program;

static int run_program(void)
{
	sample_seed(seed_now);
	return program();
}

/* The samples of so many runs of a program, whose seeds differ. */
struct profile profile_of(child_fn *fn, size_t runs)
{
	struct profile profile = {.count = 0};
	char words[sizeof(path) + sizeof("sample=")];

	snprintf(words, sizeof(words), "sample=%s", path);
	program = fn;
	for (seed_now = 1; seed_now <= runs; seed_now++) {
		child_silent(words, run_program);
		read_profile(&profile, path);
	}
	return profile;
}

/* Whether so many of these requests were sampled as are to be. */
static void expect_samples(size_t samples, double count, size_t size)
{
	double odds = -expm1(-(double)size / mean);
	double expected = count * odds;
	double bound =
		most_deviation * sqrt(expected * (1 - odds)) + 1e-9 * expected;

	printf("%7zu bytes: %6zu samples, %9.1f expected, %+.1f deviations\n",
	       size, samples, expected,
	       ((double)samples - expected) /
		       sqrt(expected * (1 - odds) + 1e-9));
	fflush(stdout);
	ck_assert_msg(fabs((double)samples - expected) <= bound,
		      "%zu bytes: %zu samples, and not %.1f", size, samples,
		      expected);
}

/* `count` requests of `size` bytes in each run. */
void expect_all(struct profile *profile, size_t runs, size_t count, size_t size)
{
	expect_samples(figure_of(profile, size)->all,
		       (double)runs * (double)count, size);
}

void expect_live(struct profile *profile, size_t runs, size_t count,
		 size_t size)
{
	expect_samples(figure_of(profile, size)->live,
		       (double)runs * (double)count, size);
}

void expect_none_live(const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		ck_assert_uint_eq(profile->figures[i].live, 0);
}

void begin(size_t full)
{
	scale = rounds(full);
}

/* ---- the suite ---------------------------------------------------------- */

int main(void)
{
	Suite *suite = suite_create("sample");
	int status;

	snprintf(path, sizeof(path), "/tmp/test_sample.%ld", (long)getpid());
	add_estimate_tests(suite);
	add_mark_tests(suite);
	add_room_tests(suite);
	add_file_tests(suite);
	status = suite_run(suite);
	unlink(path);
	return status;
}
