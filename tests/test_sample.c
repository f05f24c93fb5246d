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
 */
#include "child.h"

#include <execinfo.h>
#include <glob.h>
#include <math.h>

#include "local.h"
#include "profile.h"
#include "sample.h"

enum {
	SEEDS = 8,
	SIZES = 1024, /* sites in a program, at most */
	THREADS = 4
};

static const double mean = 512 * 1024;
static const double most_deviation = 4.5;

static char path[64];
static uint64_t seed_now;
static size_t scale; /* how often a program does what it does */

/* ---- memory that fails --------------------------------------------------- */

/* Sizes that malloc does not grant: those from the one to below the other. */
static size_t refused_from, refused_to;

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

/* What a profile says of all objects of a size. */
struct figure {
	size_t size;
	size_t live, all; /* samples */
};

struct profile {
	struct figure figures[SIZES];
	size_t count;
};

static struct figure *figure_of(struct profile *profile, size_t size)
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
static void read_profile(struct profile *profile, const char *name)
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
static struct profile profile_of(child_fn *fn, size_t runs)
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
static void expect_all(struct profile *profile, size_t runs, size_t count,
		       size_t size)
{
	expect_samples(figure_of(profile, size)->all,
		       (double)runs * (double)count, size);
}

static void expect_live(struct profile *profile, size_t runs, size_t count,
			size_t size)
{
	expect_samples(figure_of(profile, size)->live,
		       (double)runs * (double)count, size);
}

static void expect_none_live(const struct profile *profile)
{
	for (size_t i = 0; i < profile->count; i++)
		ck_assert_uint_eq(profile->figures[i].live, 0);
}

static void begin(size_t full)
{
	scale = rounds(full);
}

/* ---- programs ----------------------------------------------------------- */

/* Sites of 16 bytes, 100 bytes, 4 KiB and 1 MiB, in one pool, mixed: 32 MiB of
   each, the last ones of them alive. */
static int known_sites(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 32; i++) {
		EXPECT(tarn_palloc(pool, 1 << 20) != NULL);
		for (size_t j = 0; j < 256; j++) {
			EXPECT(tarn_palloc(pool, 4096) != NULL);
			for (size_t k = 0; k < 256; k++)
				EXPECT(tarn_palloc(pool, 16) != NULL);
			for (size_t k = 0; k < 41; k++)
				EXPECT(tarn_palloc(pool, 100) != NULL);
		}
		if (i % 4 == 3)
			tarn_pool_reset(pool);
	}
	return 0;
}

START_TEST(known_sites_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(known_sites, SEEDS);
	expect_all(&profile, SEEDS, scale * 32, 1 << 20);
	expect_all(&profile, SEEDS, scale * 32 * 256, 4096);
	expect_all(&profile, SEEDS, scale * 32 * 256 * 256, 16);
	expect_all(&profile, SEEDS, scale * 32 * 256 * 41, 100);
	expect_none_live(&profile);
}
END_TEST

/* Objects that leave gaps between one another, inline. */
static int padded_sites(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	for (size_t i = 0; i < scale * 1000000; i++) {
		EXPECT(tarn_local_pmemalign(local, 8, 24) != NULL);
		EXPECT(tarn_local_pnalloc(local, 5) != NULL);
		EXPECT(tarn_local_pmemalign(local, 64, 33) != NULL);
		EXPECT(tarn_local_palloc(local, 17) != NULL);
		EXPECT(tarn_local_pmemalign(local, 16, 32) != NULL);
		if (i % 50000 == 0)
			tarn_pool_reset(pool);
	}
	return 0;
}

START_TEST(padded_sites_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(padded_sites, SEEDS);
	expect_all(&profile, SEEDS, scale * 1000000, 24);
	expect_all(&profile, SEEDS, scale * 1000000, 5);
	expect_all(&profile, SEEDS, scale * 1000000, 33);
	expect_all(&profile, SEEDS, scale * 1000000, 17);
	expect_all(&profile, SEEDS, scale * 1000000, 32);
}
END_TEST

/* Pools that end before a sample point is likely, the first request of each,
   the second, and one that needs a chunk. */
static int short_pools(void)
{
	for (size_t i = 0; i < scale * 100000; i++) {
		tarn_pool *pool = tarn_pool_create(NULL);

		EXPECT(tarn_palloc(pool, 150) != NULL);
		EXPECT(tarn_palloc(pool, 90) != NULL);
		EXPECT(tarn_pmemalign(pool, 128, 600) != NULL);
		EXPECT(tarn_palloc(pool, 1100) != NULL);
		tarn_pool_destroy(pool);
	}
	return 0;
}

START_TEST(short_pools_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(short_pools, SEEDS);
	expect_all(&profile, SEEDS, scale * 100000, 150);
	expect_all(&profile, SEEDS, scale * 100000, 90);
	expect_all(&profile, SEEDS, scale * 100000, 600);
	expect_all(&profile, SEEDS, scale * 100000, 1100);
	expect_none_live(&profile);
}
END_TEST

/* What is rewound is gone, and was allocated. */
static int marked(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);

	EXPECT(tarn_palloc(pool, 3) != NULL);
	for (size_t i = 0; i < scale * 10000; i++) {
		tarn_mark outer = tarn_local_mark(local), inner;

		EXPECT(tarn_local_palloc(local, 700) != NULL);
		EXPECT(tarn_local_pnalloc(local, 39) != NULL);
		for (size_t j = 0; j < 3; j++) {
			inner = tarn_local_mark(local);
			EXPECT(tarn_local_palloc(local, 1500) != NULL);
			EXPECT(tarn_palloc(pool, 6000) != NULL);
			tarn_local_rewind(local, inner);
		}
		EXPECT(tarn_local_palloc(local, 400) != NULL);
		tarn_local_rewind(local, outer);
	}
	/* All that is left of it is some room. */
	tarn_pool_reset(pool);
	return 0;
}

START_TEST(marked_estimate_is_true)
{
	struct profile profile;

	begin(4);
	profile = profile_of(marked, SEEDS);
	expect_all(&profile, SEEDS, scale * 10000, 700);
	expect_all(&profile, SEEDS, scale * 10000, 39);
	expect_all(&profile, SEEDS, scale * 30000, 1500);
	expect_all(&profile, SEEDS, scale * 30000, 6000);
	expect_all(&profile, SEEDS, scale * 10000, 400);
	expect_none_live(&profile);
}
END_TEST

/* As above; nothing is sampled at the end, though the pool is there. */
static int scratched(void)
{
	for (size_t i = 0; i < scale * 20000; i++) {
		tarn_mark mark, again;
		tarn_pool *pool = tarn_scratch_begin(NULL, &mark);
		tarn_pool *other;

		EXPECT(pool != NULL);
		EXPECT(tarn_palloc(pool, 2000) != NULL);
		EXPECT(tarn_pnalloc(pool, 3001) != NULL);
		other = tarn_scratch_begin(pool, &again);
		EXPECT(other != NULL && tarn_palloc(other, 1004) != NULL);
		tarn_scratch_end(other, again);
		tarn_scratch_end(pool, mark);
	}
	return 0;
}

START_TEST(scratched_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(scratched, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 2000);
	expect_all(&profile, SEEDS, scale * 20000, 3001);
	expect_all(&profile, SEEDS, scale * 20000, 1004);
	expect_none_live(&profile);
}
END_TEST

/* However often a room is cut near a mark, and a chunk claimed within it. */
static int marked_for_long(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *pool;
	tarn_local *local;

	options.first_block = 65536;
	pool = tarn_pool_create(&options);
	local = tarn_pool_local(pool);
	EXPECT(tarn_palloc(pool, 3) != NULL);
	for (size_t i = 0; i < scale * 20000; i++) {
		tarn_mark mark = tarn_local_mark(local);

		for (size_t j = 0; j < 40; j++)
			EXPECT(tarn_palloc(pool, 100) != NULL);
		tarn_local_rewind(local, mark);
	}
	EXPECT(tarn_pool_stats(pool, &stats) == 0);
	EXPECT(stats.handed_out == 16 && stats.held < 1 << 20);
	return 0;
}

START_TEST(marked_memory_is_bounded)
{
	begin(4);
	profile_of(marked_for_long, 1);
}
END_TEST

/* Freed by size, which the next request has again, and not freed. */
static int reused(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 20000; i++) {
		void *a = tarn_palloc(pool, 800), *b = tarn_palloc(pool, 900);
		void *c = tarn_pnalloc(pool, 205);

		EXPECT(a != NULL && b != NULL && c != NULL);
		EXPECT(tarn_palloc(pool, 300) != NULL);
		EXPECT(tarn_pfree_sized(pool, a, 800) == 0);
		EXPECT(tarn_pfree_aligned_sized(pool, c, 1, 205) == 0);
		if (i % 2 == 0)
			EXPECT(tarn_pfree_sized(pool, b, 900) == 0);
		a = tarn_palloc(pool, 7000);
		EXPECT(a != NULL && tarn_pfree(pool, a) == 0);
		/* It is small, and stays. */
		EXPECT(tarn_pfree(pool, b) == -1);
	}
	return 0;
}

START_TEST(reused_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(reused, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 800);
	expect_all(&profile, SEEDS, scale * 20000, 900);
	expect_all(&profile, SEEDS, scale * 20000, 205);
	expect_all(&profile, SEEDS, scale * 20000, 7000);
	expect_live(&profile, SEEDS, scale * 20000, 300);
	expect_live(&profile, SEEDS, scale * 10000, 900);
	ck_assert_uint_eq(figure_of(&profile, 800)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 205)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 7000)->live, 0);
}
END_TEST

static int cached(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_cache *cache = tarn_cache_create(pool, 333, 1);
	void *kept[64] = {NULL};

	for (size_t i = 0; i < scale * 50000; i++) {
		tarn_cache_free(cache, kept[i % 64]);
		kept[i % 64] = tarn_cache_alloc(cache);
		EXPECT(kept[i % 64] != NULL);
	}
	for (size_t i = 0; i < 64; i++)
		tarn_cache_free(cache, kept[i]);
	return 0;
}

START_TEST(cached_estimate_is_true)
{
	struct profile profile;

	begin(2);
	profile = profile_of(cached, SEEDS);
	expect_all(&profile, SEEDS, scale * 50000, 333);
	expect_none_live(&profile);
}
END_TEST

/* Large at first, and cut to what was needed: in place. */
static int resized(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < scale * 20000; i++) {
		void *a = tarn_palloc(pool, 4000), *b;

		EXPECT(tarn_prealloc(pool, a, 4000, 100) == a);
		a = tarn_palloc(pool, 5001);
		b = tarn_prealloc(pool, a, 5001, 9003);
		EXPECT(b != NULL);
		/* By upstream, or not at all. */
		EXPECT(tarn_prealloc(pool, b, 9003, (size_t)1 << 62) == NULL);
		b = tarn_prealloc(pool, b, 9003, 1002);
		EXPECT(b != NULL);
		EXPECT(tarn_prealloc(pool, b, 1002, 0) != NULL);
	}
	return 0;
}

START_TEST(resized_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(resized, SEEDS);
	expect_all(&profile, SEEDS, scale * 20000, 4000);
	expect_live(&profile, SEEDS, scale * 20000, 4000);
	expect_all(&profile, SEEDS, scale * 20000, 5001);
	expect_all(&profile, SEEDS, scale * 20000, 9003);
	expect_all(&profile, SEEDS, scale * 20000, 1002);
	ck_assert_uint_eq(figure_of(&profile, 5001)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 9003)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 1002)->live, 0);
}
END_TEST

/* ---- large objects and marks --------------------------------------------- */

/* Sizes that are sampled as good as always, and each in one place. */
#define MIB(count) ((size_t)(count) << 20)

/* An upstream that gives what came back last to whoever asks next. */
static struct {
	void *memory;
	size_t size;
	child_fn *before; /* called once, by the next release */
} again;

static void *again_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *memory = again.memory;

	(void)ctx;
	if (memory != NULL && again.size >= *size) {
		*size = again.size;
		again.memory = NULL;
		return memory;
	}
	memory = NULL;
	return posix_memalign(&memory, alignment < 64 ? 64 : alignment,
			      *size) == 0
		       ? memory
		       : NULL;
}

static void again_release(void *ctx, void *memory, size_t size)
{
	child_fn *before = again.before;

	(void)ctx;
	free(again.memory);
	again.memory = memory;
	again.size = size;
	again.before = NULL;
	if (before != NULL && before() != 0)
		abort();
}

static const tarn_upstream again_upstream = {again_alloc, NULL, again_release,
					     NULL};

static tarn_pool *pool_over(const tarn_upstream *upstream)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = upstream;
	return tarn_pool_create(&options);
}

/* One from before the mark, and one since, each of which grows within it. */
static int large_in_marks(const tarn_upstream *upstream)
{
	tarn_pool *pool = pool_over(upstream);
	tarn_local *local = tarn_pool_local(pool);
	void *before = tarn_palloc(pool, MIB(10)), *since;
	tarn_mark mark = tarn_local_mark(local);

	since = tarn_palloc(pool, MIB(11));
	EXPECT(before != NULL && since != NULL);
	EXPECT(tarn_prealloc(pool, before, MIB(10), MIB(30)) != NULL);
	EXPECT(tarn_prealloc(pool, since, MIB(11), MIB(31)) != NULL);
	tarn_local_rewind(local, mark);
	return 0;
}

static int resized_in_marks(void)
{
	return large_in_marks(NULL);
}

static int moved_in_marks(void)
{
	return large_in_marks(&again_upstream);
}

START_TEST(resized_large_objects_are_as_old_as_they_were)
{
	static child_fn *const programs[] = {resized_in_marks, moved_in_marks};
	struct profile profile = profile_of(programs[_i], 1);

	ck_assert_uint_eq(figure_of(&profile, MIB(10))->live, 0);
	ck_assert_uint_eq(figure_of(&profile, MIB(11))->live, 0);
	ck_assert_uint_eq(figure_of(&profile, MIB(30))->live, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(31))->all, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(31))->live, 0);
}
END_TEST

static tarn_pool *taken_over;

static int take_over(void *arg)
{
	void *object = tarn_palloc(taken_over, MIB(10));

	(void)arg;
	EXPECT(object != NULL && tarn_pfree(taken_over, object) == 0);
	return 0;
}

static int take_over_in_thread(void)
{
	return worker_run(take_over, NULL);
}

/* While a rewind is under way another thread has the memory, and frees it. */
static int rewound_and_taken(void)
{
	tarn_local *local;
	tarn_mark mark;

	taken_over = pool_over(&again_upstream);
	local = tarn_pool_local(taken_over);
	mark = tarn_local_mark(local);
	EXPECT(tarn_palloc(taken_over, MIB(11)) != NULL);
	again.before = take_over_in_thread;
	tarn_local_rewind(local, mark);
	EXPECT(again.before == NULL);
	return 0;
}

START_TEST(rewound_memory_is_another_threads_at_once)
{
	struct profile profile = profile_of(rewound_and_taken, 1);

	ck_assert_uint_eq(figure_of(&profile, MIB(10))->all, 1);
	ck_assert_uint_eq(figure_of(&profile, MIB(11))->all, 1);
	expect_none_live(&profile);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

static tarn_pool *shared;

static int share(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < scale * 100000; i++) {
		char *object = tarn_palloc(shared, 216);

		EXPECT(object != NULL && tarn_pnalloc(shared, 77) != NULL);
		memset(object, 1, 216);
		if (i % 2 == 0)
			EXPECT(tarn_pfree_sized(shared, object, 216) == 0);
	}
	return 0;
}

static int shared_pool(void)
{
	struct gate gate;
	struct worker workers[THREADS];
	int status = 0;

	shared = tarn_pool_create(NULL);
	gate_init(&gate, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		worker_start(&workers[i], share, NULL, &gate);
	for (size_t i = 0; i < THREADS; i++)
		status |= worker_join(&workers[i]);
	return status;
}

START_TEST(shared_pool_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(shared_pool, SEEDS);
	expect_all(&profile, SEEDS, scale * THREADS * 100000, 216);
	expect_all(&profile, SEEDS, scale * THREADS * 100000, 77);
	expect_live(&profile, SEEDS, scale * THREADS * 50000, 216);
}
END_TEST

/* A pool that ends for all its threads goes on being sampled by all. */
static int reset_shared(void)
{
	shared = tarn_pool_create(NULL);
	EXPECT(tarn_palloc(shared, 3) != NULL);
	for (size_t i = 0; i < 4; i++) {
		struct gate gate;
		struct worker worker;

		gate_init(&gate, 1);
		worker_start(&worker, share, NULL, &gate);
		EXPECT(worker_join(&worker) == 0);
		tarn_pool_reset(shared);
	}
	return 0;
}

START_TEST(reset_shared_pool_estimate_is_true)
{
	struct profile profile;

	begin(1);
	profile = profile_of(reset_shared, SEEDS);
	expect_all(&profile, SEEDS, scale * 4 * 100000, 216);
	expect_all(&profile, SEEDS, scale * 4 * 100000, 77);
	expect_none_live(&profile);
}
END_TEST

/* ---- contents ----------------------------------------------------------- */

/* What is allocated is nobody else's, in marks and out of them. */
/* An object, each byte of which is its number, within so many marks. */
struct kept {
	unsigned char *at;
	size_t size, depth;
};

/* Each byte of those from `whole` on, and where `all`, both ends of each. */
static int kept_look(const struct kept *kept, size_t count, size_t whole,
		     bool all)
{
	for (size_t i = whole; i < count; i++)
		EXPECT(kept[i].at[0] == (i & 0xff) &&
		       memcmp(kept[i].at, kept[i].at + 1, kept[i].size - 1) ==
			       0);
	for (size_t i = 0; all && i < count; i++)
		EXPECT(kept[i].at[0] == (i & 0xff) &&
		       kept[i].at[kept[i].size - 1] == (i & 0xff));
	return 0;
}

static int kept_contents(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	struct kept kept[512];
	tarn_mark marks[4];
	size_t count = 0, depth = 0;
	uint64_t state = seed_now;
	int status;

	for (size_t i = 0; i < scale * 200000; i++) {
		size_t size = random_between(&state, 1, 900), at = count;
		size_t what = random_between(&state, 0, 40);

		if (what == 0 && depth < 4) {
			marks[depth++] = tarn_local_mark(local);
		} else if (what == 1 && depth > 0) {
			tarn_local_rewind(local, marks[--depth]);
			while (count > 0 && kept[count - 1].depth > depth)
				count--;
		} else if (count < 512) {
			kept[count].at = what % 2 == 0
						 ? tarn_palloc(pool, size)
						 : tarn_pnalloc(pool, size);
			EXPECT(kept[count].at != NULL);
			kept[count].size = size;
			kept[count].depth = depth;
			memset(kept[count].at, (int)(count & 0xff), size);
			count++;
		} else if (depth == 0) {
			tarn_pool_reset(pool);
			count = 0;
		}
		status = kept_look(kept, count, at < 8 ? 0 : at - 8,
				   i % 64 == 0);
		if (status != 0)
			return status;
		if (count == 512 && depth > 0) {
			tarn_local_rewind(local, marks[0]);
			depth = 0;
			while (count > 0 && kept[count - 1].depth > 0)
				count--;
		}
	}
	return 0;
}

START_TEST(kept_contents_stay)
{
	begin(2);
	profile_of(kept_contents, SEEDS);
}
END_TEST

/* ---- cuts --------------------------------------------------------------- */

/* A local pool with all of `memory` but so many bytes at its end as room. */
static void local_begin(struct local *local, char *memory, size_t size,
			size_t packed)
{
	local_init(local, NULL, 4096, (struct chunk){memory, memory + size});
	local->hot.end -= packed;
	atomic_init(&local->given, size - packed);
}

static void expect_room(const struct local *local, const char *last,
			const char *end)
{
	ck_assert_ptr_eq(local->hot.last, last);
	ck_assert_ptr_eq(local->hot.end, end);
	ck_assert_uint_eq(local_handed_out(local), 0);
}

START_TEST(cut_room_is_on_a_line_and_whole_again)
{
	_Alignas(64) char memory[1024];
	struct local local;

	for (size_t bytes = 0; bytes < sizeof(memory); bytes++) {
		size_t line = bytes / 64 * 64;

		local_begin(&local, memory, sizeof(memory), 0);
		local_cut(&local, bytes);
		expect_room(&local, memory, memory + line);
		ck_assert_ptr_eq(local_cut_of(&local), memory + line);
		ck_assert_uint_eq(local_cut_of(&local)->left, bytes - line);
		local_join(&local);
		ck_assert_ptr_null(local_cut_of(&local));
		ck_assert_ptr_eq(local.chunk_end, memory + sizeof(memory));
		expect_room(&local, memory, memory + sizeof(memory));
		local_join(&local);
		expect_room(&local, memory, memory + sizeof(memory));
	}
}
END_TEST

START_TEST(cut_near_the_end_has_room_for_its_record)
{
	_Alignas(64) char memory[1024];
	struct local local;

	local_begin(&local, memory, sizeof(memory), 50);
	local_cut(&local, 970);
	expect_room(&local, memory, memory + 896);
	ck_assert_uint_eq(local_cut_of(&local)->left, 74);
	local_join(&local);
	expect_room(&local, memory, memory + 974);
	/* Not even so. */
	local_begin(&local, memory, 32, 1);
	local_cut(&local, 20);
	expect_room(&local, memory, memory);
	ck_assert_ptr_null(local_cut_of(&local));
	local_begin(&local, memory + 16, 100, 0);
	local_cut(&local, 20);
	expect_room(&local, memory + 16, memory + 16);
	ck_assert_uint_eq(local_cut_of(&local)->left, 20);
}
END_TEST

START_TEST(cut_room_with_objects_between_is_the_larger_part)
{
	_Alignas(64) char memory[1024];
	struct local local;
	struct room lost;

	local_begin(&local, memory, sizeof(memory), 0);
	local_cut(&local, 256);
	local.hot.end -= 10;
	lost = local_join(&local);
	ck_assert_ptr_eq(local.hot.last, memory + 256);
	ck_assert_ptr_eq(local.hot.end, memory + 1024);
	ck_assert_uint_eq(local_handed_out(&local), 10);
	/* What was left is a tail. */
	ck_assert_ptr_eq(lost.last, lost.end);
	local_begin(&local, memory, sizeof(memory), 0);
	local_cut(&local, 900);
	local.hot.end -= 10;
	local_join(&local);
	ck_assert_ptr_eq(local.hot.last, memory);
	ck_assert_ptr_eq(local.hot.end, memory + 896 - 10);
	ck_assert_uint_eq(local_handed_out(&local), 10);
}
END_TEST

/* ---- files -------------------------------------------------------------- */

/* A site that is not this call's, and memory that is not there. */
static int sites_that_fail(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct profile_site *site = profile_here(100, NULL);

	EXPECT(site != NULL && profile_here(100, NULL) != NULL);
	profile_add(site);
	refused_from = 0;
	refused_to = 4096;
	EXPECT(tarn_palloc(pool, 64 << 20) != NULL);
	refused_from = 4096;
	refused_to = 65536;
	EXPECT(tarn_palloc(pool, 32 << 20) != NULL);
	refused_to = 0;
	EXPECT(tarn_palloc(pool, 33 << 20) != NULL);
	EXPECT(tarn_pfree(pool, NULL) == -1);
	return 0;
}

START_TEST(memory_that_fails_leaves_samples_out)
{
	struct profile profile = profile_of(sites_that_fail, 1);

	ck_assert_uint_eq(figure_of(&profile, 100)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 33 << 20)->live, 1);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->all, 0);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->all, 0);
}
END_TEST

/* So many calls deep, by one or the other of two at each step: which compilers
   take for one if they can. */
static struct profile_site *site_of(size_t depth, size_t turns);
static struct profile_site *volatile site_found;
static volatile int site_turn;

static __attribute__((noinline)) void turn_left(size_t depth, size_t turns)
{
	site_found = site_of(depth, turns);
	site_turn = 1;
}

static __attribute__((noinline)) void turn_right(size_t depth, size_t turns)
{
	site_found = site_of(depth, turns);
	site_turn = 2;
}

static __attribute__((noinline)) struct profile_site *site_of(size_t depth,
							      size_t turns)
{
	if (depth == 0)
		site_found = profile_here(200, NULL);
	else if (turns % 2 == 0)
		turn_left(depth - 1, turns / 2);
	else
		turn_right(depth - 1, turns / 2);
	return site_found;
}

enum {
	DEEPEST = 11
};

static int many_sites(void)
{
	static struct profile_site *sites[DEEPEST + 1][1 << DEEPEST];

	/* One call for both rounds. */
	for (volatile int round = 0; round < 2; round++)
		for (size_t depth = 0; depth <= DEEPEST; depth++)
			for (size_t i = 0; i < (size_t)1 << depth; i++) {
				struct profile_site *site = site_of(depth, i);

				EXPECT(site != NULL);
				EXPECT(round == 0 || sites[depth][i] == site);
				sites[depth][i] = site;
			}
	return 0;
}

/* Of as many stacks of a size some are in the same list; each is found. */
START_TEST(site_of_each_stack_is_its_own)
{
	profile_of(many_sites, 1);
}
END_TEST

/* The caller is the outermost that there is. */
static int called_from_nowhere(void)
{
	void *frames[64];
	int depth = backtrace(frames, 64);

	EXPECT(depth > 0);
	EXPECT(profile_here(100, frames[depth - 1]) != NULL);
	return 0;
}

START_TEST(stack_of_the_library_alone_has_one_frame)
{
	profile_of(called_from_nowhere, 1);
}
END_TEST

static int allocate_while_it_ends(void *pool)
{
	EXPECT(tarn_palloc(pool, 64 << 20) == NULL && errno == EBUSY);
	return 0;
}

static void have_another_allocate(void *pool)
{
	struct gate gate;
	struct worker worker;

	gate_init(&gate, 1);
	worker_start(&worker, allocate_while_it_ends, pool, &gate);
	if (worker_join(&worker) != 0)
		abort();
}

static int refused_at_the_end(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_cleanup_add(pool, have_another_allocate, pool) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(request_that_is_refused_is_not_sampled)
{
	struct profile profile = profile_of(refused_at_the_end, 1);

	ck_assert_uint_eq(profile.count, 0);
}
END_TEST

static int forks(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	pid_t pid;
	int status;

	EXPECT(tarn_palloc(pool, 64 << 20) != NULL);
	pid = child_fork();
	if (pid == 0) {
		status = tarn_palloc(pool, 32 << 20) == NULL;
		exit(status);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

START_TEST(forked_file_is_the_parents)
{
	struct profile profile = profile_of(forks, 1);

	ck_assert_uint_eq(profile.count, 1);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->live, 1);
}
END_TEST

START_TEST(forked_process_has_a_file_of_its_own)
{
	struct profile profile = {.count = 0};
	char words[sizeof(path) + sizeof("sample=.%p")];
	glob_t found;

	snprintf(words, sizeof(words), "sample=%s.%%p", path);
	child_silent(words, forks);
	snprintf(words, sizeof(words), "%s.*", path);
	ck_assert_int_eq(glob(words, 0, NULL, &found), 0);
	ck_assert_uint_eq(found.gl_pathc, 2);
	for (size_t i = 0; i < 2; i++) {
		read_profile(&profile, found.gl_pathv[i]);
		unlink(found.gl_pathv[i]);
	}
	globfree(&found);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->live, 1);
	ck_assert_uint_ge(figure_of(&profile, 64 << 20)->live, 1);
}
END_TEST

/* Pools that are watched are sampled, too. */
static int with_junk(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local);
	tarn_cache *cache = tarn_cache_create(pool, 64 << 20, 1);
	void *object = tarn_palloc(pool, 32 << 20);

	EXPECT(object != NULL);
	EXPECT(tarn_pfree_sized(pool, object, 32 << 20) == 0);
	EXPECT(tarn_pmemalign(pool, 3, 1) == NULL && errno == EINVAL);
	tarn_cache_free(cache, tarn_cache_alloc(cache));
	EXPECT(tarn_palloc(pool, 33 << 20) != NULL);
	tarn_local_rewind(local, mark);
	EXPECT(tarn_palloc(pool, 34 << 20) != NULL);
	return 0;
}

START_TEST(watched_pools_are_sampled)
{
	struct profile profile = {.count = 0};
	char words[sizeof(path) + sizeof("junk,sample=")];

	snprintf(words, sizeof(words), "junk,sample=%s", path);
	child_silent(words, with_junk);
	read_profile(&profile, path);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 33 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 34 << 20)->live, 1);
}
END_TEST

static int nothing(void)
{
	tarn_pool_destroy(tarn_pool_create(NULL));
	return 0;
}

START_TEST(file_that_cannot_be_is_told)
{
	child_says("sample=/nowhere/x", nothing,
		   "tarn: TARN_DEBUG: sample=/nowhere/x: "
		   "No such file or directory\n");
	if (access("/dev/full", W_OK) == 0)
		child_says("sample=/dev/full", nothing,
			   "tarn: TARN_DEBUG: the profile cannot be "
			   "written\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sample");
	TCase *estimates = suite_case(suite, "estimates");
	TCase *files = suite_case(suite, "files");
	int status;

	snprintf(path, sizeof(path), "/tmp/test_sample.%ld", (long)getpid());
	tcase_add_test(estimates, known_sites_estimate_is_true);
	tcase_add_test(estimates, padded_sites_estimate_is_true);
	tcase_add_test(estimates, short_pools_estimate_is_true);
	tcase_add_test(estimates, marked_estimate_is_true);
	tcase_add_test(estimates, marked_memory_is_bounded);
	tcase_add_test(estimates, scratched_estimate_is_true);
	tcase_add_test(estimates, reused_estimate_is_true);
	tcase_add_test(estimates, cached_estimate_is_true);
	tcase_add_test(estimates, resized_estimate_is_true);
	tcase_add_test(estimates, shared_pool_estimate_is_true);
	tcase_add_test(estimates, reset_shared_pool_estimate_is_true);
	tcase_add_loop_test(
		files, resized_large_objects_are_as_old_as_they_were, 0, 2);
	tcase_add_test(files, rewound_memory_is_another_threads_at_once);
	tcase_add_test(files, kept_contents_stay);
	tcase_add_test(files, cut_room_is_on_a_line_and_whole_again);
	tcase_add_test(files, cut_near_the_end_has_room_for_its_record);
	tcase_add_test(files, cut_room_with_objects_between_is_the_larger_part);
	tcase_add_test(files, memory_that_fails_leaves_samples_out);
	tcase_add_test(files, site_of_each_stack_is_its_own);
	tcase_add_test(files, stack_of_the_library_alone_has_one_frame);
	tcase_add_test(files, request_that_is_refused_is_not_sampled);
	tcase_add_test(files, forked_file_is_the_parents);
	tcase_add_test(files, forked_process_has_a_file_of_its_own);
	tcase_add_test(files, watched_pools_are_sampled);
	tcase_add_test(files, file_that_cannot_be_is_told);
	status = suite_run(suite);
	unlink(path);
	return status;
}
