/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls about a pool as a whole, each as workers of a race make it:
 * children and other pools, data, cleanups, marks, figures. Each cleanup is
 * counted when it is registered and when it runs.
 */
#include "race.h"

const char shared_keys[SHARED];

/* A cleanup that `use` registered, and its runs. */
struct ran {
	size_t expected;
	atomic_size_t runs;
};

static bool ran_once(struct ran *ran)
{
	return atomic_load(&ran->runs) == ran->expected;
}

/* Uses `pool` as far as its limit lets. */
static int use(struct work *work, tarn_pool *pool, struct ran *ran)
{
	size_t size = small_size(work);
	unsigned char *small = tarn_palloc(pool, size);
	void *large = tarn_palloc(pool, LARGE_MIN);

	EXPECT((small != NULL && large != NULL) || may_refuse(work));
	if (small != NULL)
		memset(small, 0x11, size);
	if (large != NULL)
		memset(large, 0x22, LARGE_MIN);
	EXPECT(small == NULL || all_bytes(small, size, 0x11));
	if (ran != NULL) {
		ran->expected =
			tarn_cleanup_add(pool, count_run, &ran->runs) != NULL;
		EXPECT(ran->expected != 0 || may_refuse(work));
	}
	return 0;
}

int run_child(struct work *work)
{
	tarn_pool *child = tarn_pool_create_child(work->scene->pool, NULL);
	tarn_pool *grandchild;
	struct ran ran = {0};
	int status;

	if (child == NULL)
		return keep(work, NULL, 0);
	grandchild = tarn_pool_create_child(child, NULL);
	EXPECT(grandchild != NULL || may_refuse(work));
	status = use(work, child, &ran);
	if (status == 0 && grandchild != NULL)
		status = use(work, grandchild, NULL);
	tarn_pool_destroy(child);
	EXPECT(status != 0 || ran_once(&ran));
	return status;
}

int run_child_reset(struct work *work)
{
	struct ran ran = {0};
	int status;

	if (work->child == NULL)
		work->child = tarn_pool_create_child(work->scene->pool, NULL);
	if (work->child == NULL)
		return keep(work, NULL, 0);
	status = use(work, work->child, &ran);
	tarn_pool_reset(work->child);
	EXPECT(status != 0 || ran_once(&ran));
	return status;
}

void prepare_child_shared(struct scene *scene)
{
	scene->child = tarn_pool_create_child(scene->pool, NULL);
}

/* All workers use one child, and make children of it. */
int run_child_shared(struct work *work)
{
	tarn_pool *shared = work->scene->child;
	size_t size = small_size(work);
	tarn_pool *child;
	int status;

	if (shared == NULL)
		return keep(work, NULL, 0);
	status = keep_in(work, shared, tarn_palloc(shared, size), size);
	child = tarn_pool_create_child(shared, NULL);
	if (child == NULL)
		return keep(work, NULL, 0);
	if (status == 0)
		status = use(work, child, NULL);
	tarn_pool_destroy(child);
	return status;
}

int run_data(struct work *work)
{
	const char *shared = &shared_keys[work->keys_set++ % SHARED];
	tarn_pool *pool = work->scene->pool;
	struct work *works = work->scene->works;
	struct work *found;

	EXPECT(tarn_pool_set_data(pool, shared, work) == 0 || may_refuse(work));
	found = tarn_pool_data(pool, shared);
	EXPECT(found != NULL || may_refuse(work));
	EXPECT(found == NULL || (found >= works && found < works + WORKERS));
	EXPECT(tarn_pool_set_data(pool, work, &work->number) == 0 ||
	       may_refuse(work));
	EXPECT(tarn_pool_data(pool, work) == &work->number || may_refuse(work));
	EXPECT(tarn_pool_set_data(pool, work, NULL) == 0);
	EXPECT(tarn_pool_data(pool, work) == NULL);
	return 0;
}

void prepare_cleanup(struct scene *scene)
{
	size_t i;

	for (i = 0; i < SHARED; i++) {
		scene->cleanups[i] = tarn_cleanup_add(scene->pool, count_run,
						      &scene->cleanup_runs[i]);
		scene->ready[FIGHT_CLEANUP] += scene->cleanups[i] != NULL;
	}
}

/* Cancels or runs what all workers cancel and run: one of them does. */
static int fight_for_cleanups(struct work *work)
{
	struct scene *scene = work->scene;
	bool run = work->number % 2 == 0;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		tarn_cleanup *cleanup = scene->cleanups[i];
		bool won = cleanup != NULL &&
			   (run ? tarn_cleanup_run(cleanup)
				: tarn_cleanup_cancel(cleanup)) == 0;

		EXPECT(won || cleanup == NULL || errno == ENOENT);
		work->won[FIGHT_CLEANUP][i] = won;
	}
	work->fought[FIGHT_CLEANUP] = true;
	return 0;
}

int run_cleanup(struct work *work)
{
	atomic_size_t *runs = &work->scene->runs;
	tarn_pool *pool = work->scene->pool;
	tarn_cleanup *left = tarn_cleanup_add(pool, count_run, runs);
	tarn_cleanup *cancelled = tarn_cleanup_add(pool, count_run, runs);
	tarn_cleanup *ran = tarn_cleanup_add(pool, count_run, runs);

	EXPECT((left != NULL && cancelled != NULL && ran != NULL) ||
	       may_refuse(work));
	work->cleanups_left += left != NULL;
	if (cancelled != NULL) {
		EXPECT(tarn_cleanup_cancel(cancelled) == 0);
		EXPECT(tarn_cleanup_cancel(cancelled) == -1 && errno == ENOENT);
	}
	if (ran != NULL) {
		work->cleanups_now++;
		EXPECT(tarn_cleanup_run(ran) == 0);
		EXPECT(tarn_cleanup_run(ran) == -1 && errno == ENOENT);
	}
	return work->fought[FIGHT_CLEANUP] ? 0 : fight_for_cleanups(work);
}

int run_stats(struct work *work)
{
	size_t limit = work->scene->state->options.limit;
	tarn_stats stats = TARN_STATS_INIT;
	tarn_stats none = {0};

	EXPECT(tarn_pool_stats(work->scene->pool, &stats) == 0);
	EXPECT(stats.limit == limit);
	EXPECT(limit == 0 || stats.held <= limit);
	EXPECT(stats.local_pools <= WORKERS + 2);
	EXPECT(stats.children <= 2 * WORKERS + 1);
	EXPECT(tarn_pool_stats(work->scene->pool, &none) == -1 &&
	       errno == EINVAL);
	return 0;
}

int run_report(struct work *work)
{
	FILE *file = fopen("/dev/null", "w");
	int status = -1;

	if (file != NULL) {
		status = tarn_pool_report(work->scene->pool, file,
					  work->number % 2 != 0
						  ? TARN_REPORT_TEXT
						  : TARN_REPORT_JSON);
		fclose(file);
	}
	EXPECT(status == 0);
	return 0;
}

int run_trim(struct work *work)
{
	(void)work;
	tarn_trim();
	return 0;
}

/* Of a cleanup within a mark: what it allocates goes with the rewind, too. */
static void use_at_rewind(void *data)
{
	struct work *work = data;
	unsigned char *at = tarn_palloc(work->scene->pool, 100);

	if (at != NULL)
		memset(at, 0x66, 100);
	work->since_mark_ran++;
}

/* Registers some, of which one is cancelled and one run. */
static int add_since_mark(struct work *work)
{
	tarn_pool *pool = work->scene->pool;
	size_t ran = work->since_mark_ran;

	for (size_t i = 0; i < 4; i++) {
		tarn_cleanup *cleanup =
			tarn_cleanup_add(pool, use_at_rewind, work);

		EXPECT(cleanup != NULL || may_refuse(work));
		work->since_mark += cleanup != NULL && i != 1;
		if (cleanup == NULL || i % 2 == 0)
			continue;
		EXPECT((i == 1 ? tarn_cleanup_cancel(cleanup)
			       : tarn_cleanup_run(cleanup)) == 0);
		EXPECT(work->since_mark_ran == (ran += i == 3));
	}
	return 0;
}

static int use_since_mark(struct work *work)
{
	tarn_pool *pool = work->scene->pool;
	size_t size = small_size(work);
	unsigned char *small = tarn_palloc(pool, size);
	unsigned char *large = tarn_palloc(pool, LARGE_MIN);
	int status;

	EXPECT((small != NULL && large != NULL) || may_refuse(work));
	if (small != NULL)
		memset(small, 0x33, size);
	if (large != NULL)
		memset(large, 0x44, LARGE_MIN);
	status = add_since_mark(work);
	EXPECT(small == NULL || all_bytes(small, size, 0x33));
	EXPECT(large == NULL || all_bytes(large, LARGE_MIN, 0x44));
	return status;
}

/* All that is left of it is what was there before, and within it another
   one. */
static int run_mark_within(struct work *work, unsigned within)
{
	tarn_local *local = tarn_pool_local(work->scene->pool);
	size_t before = work->since_mark - work->since_mark_ran, left;
	tarn_mark mark;
	int status;

	if (local == NULL)
		return keep(work, NULL, 0);
	mark = tarn_local_mark(local);
	status = use_since_mark(work);
	if (status == 0 && within != 0)
		status = run_mark_within(work, within - 1);
	tarn_local_rewind(local, mark);
	left = work->since_mark - work->since_mark_ran;
	if (mark.reserved[0] != NULL) {
		EXPECT(status != 0 || left == before);
		return status;
	}
	EXPECT(work->scene->state->options.limit != 0);
	work->had_void = true;
	return status;
}

int run_mark(struct work *work)
{
	/* Where marks are void, which takes a limit. */
	work->large_maybe += 2;
	return run_mark_within(work, (unsigned)work->number % 2);
}

int run_scratch(struct work *work)
{
	size_t size = small_size(work);
	tarn_mark mark;
	tarn_pool *scratch = tarn_scratch_begin(work->scene->pool, &mark);
	unsigned char *object;

	EXPECT(scratch != NULL && scratch != work->scene->pool);
	object = tarn_palloc(scratch, size);
	EXPECT(object != NULL);
	memset(object, 0x55, size);
	sched_yield();
	EXPECT(all_bytes(object, size, 0x55));
	tarn_scratch_end(scratch, mark);
	return 0;
}

/* Another pool, a sibling where this one is a child. */
static tarn_pool *other_create(struct work *work)
{
	tarn_options options = TARN_OPTIONS_INIT;

	if (work->scene->parent != NULL)
		return tarn_pool_create_child(work->scene->parent, NULL);
	if ((random_next(&work->random) & 3) == 0)
		options.upstream = tarn_upstream_mmap();
	return tarn_pool_create(&options);
}

int run_other(struct work *work)
{
	tarn_pool *other = other_create(work);
	struct ran ran = {0};
	int status;

	EXPECT(other != NULL);
	status = use(work, other, &ran);
	if (work->scene->parent != NULL && status == 0)
		status = use(work, work->scene->parent, NULL);
	tarn_pool_destroy(other);
	EXPECT(status != 0 || ran_once(&ran));
	return status;
}

int run_other_reset(struct work *work)
{
	struct ran ran = {0};
	int status;

	if (work->other == NULL)
		work->other = other_create(work);
	EXPECT(work->other != NULL);
	status = use(work, work->other, &ran);
	tarn_pool_reset(work->other);
	EXPECT(status != 0 || ran_once(&ran));
	return status;
}

#define WORD(number)                 #number
#define VERSION(major, minor, patch) WORD(major) "." WORD(minor) "." WORD(patch)

static const char header_version[] =
	VERSION(TARN_VERSION_MAJOR, TARN_VERSION_MINOR, TARN_VERSION_PATCH);

int run_constants(struct work *work)
{
	(void)work;
	EXPECT(strcmp(tarn_version(), header_version) == 0);
	EXPECT(tarn_upstream_malloc() == tarn_upstream_malloc());
	EXPECT(tarn_upstream_mmap() != tarn_upstream_malloc());
	return 0;
}
