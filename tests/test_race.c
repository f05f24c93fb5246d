/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Races: one test for each pair of calls that may run together, as the table
 * in tarn.h says, each from every state that a pool may be in, and one of all
 * calls at random. ThreadSanitizer looks at the accesses; here the results are
 * looked at: no two objects overlap, each holds what its thread wrote, each
 * cleanup ran once, and the statistics agree with both.
 *
 * Not here: calls that exclude each other, save those that the library says it
 * detects (the misuse cases at the end).
 */
#include "counting.h"
#include "util.h"

#include <unistd.h>

enum {
	STEPS = 48,            /* calls of a worker in a round              */
	WORKERS = 4,           /* most workers in a round                   */
	SHARED = 24,           /* things that all workers fight for         */
	OBJECTS = STEPS * 8,   /* most objects a worker keeps               */
	SMALL_MAX = 600,       /* bytes of a small object                   */
	LARGE_MIN = 4097,      /* bytes: just above the default large_above */
	LARGE_MAX = 20000,     /* bytes                                     */
	CACHED = 48,           /* bytes of an object of a cache             */
	ROUNDS = 4,            /* of a pair, from each state; half in step  */
	MIXED_ROUNDS = 100,    /* of all calls at random, from each state   */
	SAMPLED_ROUNDS = 120,  /* of statistics beside allocations          */
	SAMPLED_OBJECTS = 4000 /* allocations of a worker in such a round   */
};

/* ---- what workers share, and what each did ----------------------------- */

/* What a pool is like when the workers meet it. */
struct state {
	const char *name;
	tarn_options options;
	bool counted; /* over an upstream that counts and checks       */
	bool child;   /* child of another pool, whose others are busy */
	bool used;    /* by its creator: it owns the pool's own local */
	bool reset;   /* used by two threads, and reset               */
};

struct object {
	const tarn_pool *pool;
	unsigned char *at;
	size_t size;
	unsigned char fill;
};

struct scene;

/* What all workers take from: of each thing, one of them gets hold. */
enum fight {
	FIGHT_LARGE,
	FIGHT_CLEANUP,
	FIGHTS
};

/* One worker's part in a round. */
struct work {
	struct scene *scene;
	const struct operation *operation; /* NULL: one at random each step */
	bool exact;                        /* at random among those that are */
	uint64_t random;
	tarn_local *local;
	tarn_pool *child;  /* this worker's child of the pool */
	tarn_pool *other;  /* this worker's pool elsewhere    */
	tarn_cache *cache; /* this worker's in the pool        */
	unsigned char *handed;
	size_t objects_count;
	size_t cleanups_left; /* registered, to run at destroy     */
	size_t cleanups_now;  /* ran by tarn_cleanup_run           */
	size_t large_left;    /* large allocations kept            */
	size_t keys_set;      /* of the shared ones                */
	size_t large_maybe;   /* kept where the library chose      */
	size_t handed_out;    /* by calls that say it to the byte  */
	size_t since_mark;    /* cleanups registered within marks  */
	size_t since_mark_ran;
	bool had_void; /* a mark that was void: what followed it stays */
	unsigned number;
	bool fought[FIGHTS];
	bool won[FIGHTS][SHARED];
	struct object *objects; /* OBJECTS of them */
};

struct scene {
	const struct state *state;
	tarn_pool *parent;
	tarn_pool *pool;
	tarn_pool *child; /* of all workers */
	void *buffer;
	void *large[SHARED];
	tarn_cleanup *cleanups[SHARED];
	tarn_cache *cache;              /* of all workers */
	_Atomic(void *) cached[SHARED]; /* its objects    */
	_Atomic(void *) sized[SHARED];  /* to be freed with their sizes */
	atomic_size_t cleanup_runs[SHARED];
	atomic_size_t runs; /* of the workers' own cleanups in the pool */
	size_t ready[FIGHTS];
	size_t handed_out; /* before the workers came */
	size_t in_step; /* how many wait for each other at each call; 0: none */
	atomic_size_t arrived;
	struct counting counting;
	struct work works[WORKERS];
};

struct operation {
	const char *name;
	int (*run)(struct work *work);
	/* Has the main thread make what run needs; NULL: nothing. */
	void (*prepare)(struct scene *scene);
	bool exact; /* what it leaves handed out is known to the byte */
};

static const char shared_keys[SHARED];
static const char *const TEXT = "the quick brown fox jumps over the lazy dog";

/* Whether a refusal is right: only where there is a limit. */
static bool may_refuse(const struct work *work)
{
	return work->scene->state->options.limit != 0 && errno == ENOMEM;
}

/* Fills an object and notes it for the end; NULL if refused. */
static int keep_in(struct work *work, const tarn_pool *pool, void *at,
		   size_t size)
{
	struct object *object = &work->objects[work->objects_count];

	if (at == NULL)
		return may_refuse(work) ? 0 : __LINE__;
	if (size == 0)
		return 0;
	EXPECT(work->objects_count < OBJECTS);
	object->pool = pool;
	object->at = at;
	object->size = size;
	object->fill = (unsigned char)(work->number << 6 |
				       (work->objects_count & 0x3f));
	memset(at, object->fill, size);
	work->objects_count++;
	return 0;
}

static int keep(struct work *work, void *at, size_t size)
{
	return keep_in(work, work->scene->pool, at, size);
}

static bool all_bytes(const unsigned char *at, size_t size, unsigned char byte)
{
	return size == 0 ||
	       (at[0] == byte && memcmp(at, at + 1, size - 1) == 0);
}

/* Of a call whose requests are whole alignments. */
static size_t whole(size_t size)
{
	return (size + TARN_ALIGNMENT - 1) & ~(size_t)(TARN_ALIGNMENT - 1);
}

static void count_handed_out(struct work *work, const void *at, size_t size)
{
	if (at != NULL)
		work->handed_out += whole(size);
}

static size_t small_size(struct work *work)
{
	return random_between(&work->random, 1, SMALL_MAX);
}

static void count_run(void *data)
{
	atomic_fetch_add((atomic_size_t *)data, 1);
}

/* ---- the calls --------------------------------------------------------- */

static int run_palloc(struct work *work)
{
	size_t size = random_between(&work->random, 0, SMALL_MAX);
	void *at = tarn_palloc(work->scene->pool, size);

	EXPECT(is_aligned(at, TARN_ALIGNMENT));
	count_handed_out(work, at, size);
	return keep(work, at, size);
}

static int run_pnalloc(struct work *work)
{
	size_t size = small_size(work);

	return keep(work, tarn_pnalloc(work->scene->pool, size), size);
}

static int run_pcalloc(struct work *work)
{
	size_t count = random_between(&work->random, 1, 30);
	void *at = tarn_pcalloc(work->scene->pool, count, 20);

	EXPECT(at == NULL || all_bytes(at, count * 20, 0));
	count_handed_out(work, at, count * 20);
	return keep(work, at, count * 20);
}

static int run_pmemalign(struct work *work)
{
	size_t alignment = (size_t)1 << random_between(&work->random, 0, 9);
	size_t size = small_size(work);
	void *at = tarn_pmemalign(work->scene->pool, alignment, size);

	EXPECT(is_aligned(at, alignment));
	return keep(work, at, size);
}

static void prepare_prealloc(struct scene *scene)
{
	size_t i;

	for (i = 0; i < WORKERS; i++) {
		scene->works[i].handed = tarn_palloc(scene->pool, 100);
		if (scene->works[i].handed != NULL)
			memset(scene->works[i].handed, 0x5a, 100);
	}
}

static int run_prealloc(struct work *work)
{
	size_t old_size = small_size(work);
	size_t new_size = random_between(&work->random, 1, LARGE_MAX);
	unsigned char *old = work->handed;
	unsigned char *at;

	work->handed = NULL;
	if (old != NULL) {
		old_size = 100;
	} else {
		old = tarn_palloc(work->scene->pool, old_size);
		if (old == NULL)
			return keep(work, NULL, 0);
		memset(old, 0x5a, old_size);
	}
	at = tarn_prealloc(work->scene->pool, old, old_size, new_size);
	if (at == NULL) {
		EXPECT(may_refuse(work));
		return keep(work, old, old_size);
	}
	EXPECT(is_aligned(at, TARN_ALIGNMENT));
	EXPECT(all_bytes(at, old_size < new_size ? old_size : new_size, 0x5a));
	work->large_maybe += new_size >= LARGE_MIN;
	return keep(work, at, new_size);
}

static int run_large(struct work *work)
{
	tarn_pool *pool = work->scene->pool;
	size_t size = random_between(&work->random, LARGE_MIN, LARGE_MAX);
	unsigned char *at = tarn_palloc(pool, size);

	if (at == NULL)
		return keep(work, NULL, 0);
	EXPECT(tarn_pfree(pool, at + TARN_ALIGNMENT) == -1 && errno == ENOENT);
	if ((random_next(&work->random) & 3) != 0) {
		memset(at, 0xee, size);
		EXPECT(tarn_pfree(pool, at) == 0);
		return 0;
	}
	work->large_left++;
	return keep(work, at, size);
}

static void prepare_pfree(struct scene *scene)
{
	size_t i;

	for (i = 0; i < SHARED; i++) {
		scene->large[i] = tarn_palloc(scene->pool, LARGE_MIN);
		scene->ready[FIGHT_LARGE] += scene->large[i] != NULL;
	}
}

/* All workers free the same objects: each of these goes to one of them. */
static int run_pfree(struct work *work)
{
	struct scene *scene = work->scene;
	size_t i;

	for (i = 0; i < SHARED && !work->fought[FIGHT_LARGE]; i++) {
		bool won = tarn_pfree(scene->pool, scene->large[i]) == 0;

		EXPECT(won || errno == ENOENT);
		work->won[FIGHT_LARGE][i] = won;
	}
	work->fought[FIGHT_LARGE] = true;
	EXPECT(tarn_pfree(scene->pool, work) == -1 && errno == ENOENT);
	return 0;
}

static char *formatted(tarn_pool *pool, const char *format, ...)
	TARN_FORMAT(2, 3);

static char *formatted(tarn_pool *pool, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = tarn_pvsprintf(pool, format, args);
	va_end(args);
	return text;
}

static int keep_text(struct work *work, char *text, const char *expected)
{
	EXPECT(text == NULL || strcmp(text, expected) == 0);
	return keep(work, text, strlen(expected) + 1);
}

static int run_copy(struct work *work)
{
	tarn_pool *pool = work->scene->pool;
	size_t length = random_between(&work->random, 0, strlen(TEXT));
	char expected[128];
	void *copy = tarn_pmemdup(pool, TEXT, length + 1);
	int status;

	EXPECT(is_aligned(copy, TARN_ALIGNMENT));
	EXPECT(copy == NULL || memcmp(copy, TEXT, length + 1) == 0);
	status = keep(work, copy, length + 1);
	if (status == 0)
		status = keep_text(work, tarn_pstrdup(pool, TEXT), TEXT);
	snprintf(expected, sizeof expected, "%.*s", (int)length, TEXT);
	if (status == 0)
		status = keep_text(work, tarn_pstrndup(pool, TEXT, length),
				   expected);
	return status;
}

static int run_format(struct work *work)
{
	tarn_pool *pool = work->scene->pool;
	unsigned number = (unsigned)random_next(&work->random);
	char expected[128];
	int status;

	snprintf(expected, sizeof expected, "%u-%s", number, TEXT);
	status = keep_text(work, tarn_psprintf(pool, "%u-%s", number, TEXT),
			   expected);
	if (status == 0)
		status = keep_text(work, formatted(pool, "%u-%s", number, TEXT),
				   expected);
	snprintf(expected, sizeof expected, "%s%s%s", TEXT, "", "end");
	if (status == 0)
		status = keep_text(
			work, tarn_pstrcat(pool, TEXT, "", "end", (char *)NULL),
			expected);
	return status;
}

static int run_local(struct work *work)
{
	tarn_local *local = tarn_pool_local(work->scene->pool);
	size_t size = small_size(work);
	void *at;
	int status;

	if (local == NULL)
		return keep(work, NULL, 0);
	EXPECT(work->local == NULL || work->local == local);
	EXPECT(tarn_local_pool(local) == work->scene->pool);
	work->local = local;
	at = tarn_local_palloc(local, size);
	EXPECT(is_aligned(at, TARN_ALIGNMENT));
	status = keep(work, at, size);
	at = tarn_local_pmemalign(local, 64, size);
	EXPECT(is_aligned(at, 64));
	if (status == 0)
		status = keep(work, at, size);
	if (status == 0)
		status = keep(work, tarn_local_pnalloc(local, 7), 7);
	at = tarn_local_new(local, double);
	EXPECT(is_aligned(at, _Alignof(double)));
	return status != 0 ? status : keep(work, at, sizeof(double));
}

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

static int run_child(struct work *work)
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

static int run_child_reset(struct work *work)
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

static void prepare_child_shared(struct scene *scene)
{
	scene->child = tarn_pool_create_child(scene->pool, NULL);
}

/* All workers use one child, and make children of it. */
static int run_child_shared(struct work *work)
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

static int run_data(struct work *work)
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

static void prepare_cleanup(struct scene *scene)
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

static int run_cleanup(struct work *work)
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

static int run_stats(struct work *work)
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

static int run_report(struct work *work)
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

static int run_trim(struct work *work)
{
	(void)work;
	tarn_trim();
	return 0;
}

static size_t sized_size(size_t i)
{
	return 16 + i * 40;
}

static int free_sized(tarn_pool *pool, size_t i, void *object)
{
	return i % 2 != 0 ? tarn_pfree_aligned_sized(pool, object, 8,
						     sized_size(i))
			  : tarn_pfree_sized(pool, object, sized_size(i));
}

/* Objects of two calls go round, each freed with its size by whom took it. */
static int exchange_sized(struct work *work, size_t i)
{
	tarn_pool *pool = work->scene->pool;
	size_t size = sized_size(i);
	_Atomic(void *) *place = &work->scene->sized[i];
	unsigned char *object = i % 2 != 0 ? tarn_pmemalign(pool, 8, size)
					   : tarn_palloc(pool, size),
		      *other;

	EXPECT(object != NULL || may_refuse(work));
	if (object != NULL)
		memset(object, (int)(1 + work->number), size);
	other = atomic_exchange(place, object);
	EXPECT(other == NULL || (other[0] >= 1 && other[0] <= WORKERS &&
				 all_bytes(other, size, other[0])));
	EXPECT(free_sized(pool, i, other) == 0);
	return 0;
}

static int run_pfree_sized(struct work *work)
{
	int status = 0;

	for (size_t i = 0; i < 6 && status == 0; i++)
		status = exchange_sized(
			work, random_between(&work->random, 0, SHARED - 1));
	return status;
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

static int run_mark(struct work *work)
{
	/* Where marks are void, which takes a limit. */
	work->large_maybe += 2;
	return run_mark_within(work, (unsigned)work->number % 2);
}

static int run_scratch(struct work *work)
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

static void prepare_cache(struct scene *scene)
{
	if (scene->cache == NULL)
		scene->cache = tarn_cache_create(scene->pool, CACHED, 16);
}

/* Puts an object in the place of one that any worker took, and frees that. */
static int exchange_cached(struct work *work, tarn_cache *cache,
			   _Atomic(void *) *place)
{
	unsigned char *object = tarn_cache_alloc(cache), *other;

	/* Of a watched pool each is large. */
	work->large_maybe++;
	EXPECT(object != NULL || may_refuse(work));
	if (object != NULL)
		memset(object, (int)(1 + work->number), CACHED);
	other = atomic_exchange(place, object);
	EXPECT(other == NULL || (other[0] >= 1 && other[0] <= WORKERS &&
				 all_bytes(other, CACHED, other[0])));
	tarn_cache_free(cache, other);
	return 0;
}

static int run_cache(struct work *work)
{
	struct scene *scene = work->scene;
	int status = 0;

	work->large_maybe++;
	for (size_t i = 0; i < 4 && status == 0 && scene->cache != NULL; i++)
		status =
			exchange_cached(work, scene->cache,
					&scene->cached[random_between(
						&work->random, 0, SHARED - 1)]);
	return status;
}

static int run_cache_create(struct work *work)
{
	_Atomic(void *) own = NULL;

	if (work->cache == NULL) {
		work->cache = tarn_cache_create(work->scene->pool, CACHED, 8);
		work->large_maybe++;
	}
	if (work->cache == NULL)
		return keep(work, NULL, 0);
	EXPECT(exchange_cached(work, work->cache, &own) == 0);
	tarn_cache_free(work->cache, own);
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

static int run_other(struct work *work)
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

static int run_other_reset(struct work *work)
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

static int run_constants(struct work *work)
{
	(void)work;
	EXPECT(strcmp(tarn_version(), header_version) == 0);
	EXPECT(tarn_upstream_malloc() == tarn_upstream_malloc());
	EXPECT(tarn_upstream_mmap() != tarn_upstream_malloc());
	return 0;
}

static const struct operation OPERATIONS[] = {
	{"palloc", run_palloc, NULL, true},
	{"pnalloc", run_pnalloc, NULL, false},
	{"pcalloc", run_pcalloc, NULL, true},
	{"pmemalign", run_pmemalign, NULL, false},
	{"prealloc", run_prealloc, prepare_prealloc, false},
	{"large palloc and pfree", run_large, NULL, false},
	{"pmemdup, pstrdup, pstrndup", run_copy, NULL, false},
	{"psprintf, pvsprintf, pstrcat", run_format, NULL, false},
	{"pool_local and the owner's calls", run_local, NULL, false},
	{"child's create and destroy", run_child, NULL, false},
	{"child's reset", run_child_reset, NULL, false},
	{"use of a common child", run_child_shared, prepare_child_shared,
	 false},
	{"set_data and data", run_data, NULL, false},
	{"cleanup add, cancel, run", run_cleanup, prepare_cleanup, false},
	{"sized frees of common objects", run_pfree_sized, NULL, true},
	{"mark and rewind", run_mark, NULL, true},
	{"scratch begin and end", run_scratch, NULL, true},
	{"cache alloc and free", run_cache, prepare_cache, false},
	{"cache create", run_cache_create, NULL, false},
	{"stats", run_stats, NULL, true},
	{"report", run_report, NULL, true},
	{"trim", run_trim, NULL, true},
	{"another pool's create and destroy", run_other, NULL, true},
	{"another pool's reset", run_other_reset, NULL, true},
	{"version and upstreams", run_constants, NULL, true},
	/* Last, for the random mix leaves it out: while one worker frees what
	   another one freed, a third may be given that very address. */
	{"pfree of common objects", run_pfree, prepare_pfree, false},
};

enum {
	OPERATION_COUNT = sizeof OPERATIONS / sizeof *OPERATIONS,
	MIXED_COUNT = OPERATION_COUNT - 1,
	PAIR_COUNT = OPERATION_COUNT * (OPERATION_COUNT + 1) / 2
};

static const struct state STATES[] = {
	{.name = "new", .options = TARN_OPTIONS_INIT},
	{.name = "over a counted upstream",
	 .options = TARN_OPTIONS_INIT,
	 .counted = true},
	{.name = "used by its creator",
	 .options = TARN_OPTIONS_INIT,
	 .used = true},
	{.name = "reset", .options = TARN_OPTIONS_INIT, .reset = true},
	{.name = "child of a busy pool",
	 .options = TARN_OPTIONS_INIT,
	 .child = true},
	{.name = "in the caller's buffer",
	 .options = {.struct_size = sizeof(tarn_options), .buffer_size = 2048}},
	{.name = "with small blocks",
	 .options = {.struct_size = sizeof(tarn_options),
		     .first_block = 512,
		     .max_block = 1024}},
	{.name = "with a limit",
	 .options = {.struct_size = sizeof(tarn_options), .limit = 64 * 1024}},
	{.name = "with a limit, counted, reset",
	 .options = {.struct_size = sizeof(tarn_options),
		     .first_block = 512,
		     .limit = 64 * 1024},
	 .counted = true,
	 .reset = true},
};

enum {
	STATE_COUNT = sizeof STATES / sizeof *STATES
};

/* ---- a round ----------------------------------------------------------- */

static int use_scene(void *arg)
{
	struct scene *scene = arg;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		size_t size = 30 * i + 1;
		void *at = tarn_palloc(scene->pool, size);

		EXPECT(at != NULL);
		memset(at, 0x77, size);
	}
	EXPECT(tarn_palloc(scene->pool, LARGE_MIN) != NULL);
	EXPECT(tarn_pool_create_child(scene->pool, NULL) != NULL);
	return 0;
}

static void scene_open(struct scene *scene, const struct state *state)
{
	tarn_options options = state->options;

	memset(scene, 0, sizeof *scene);
	scene->state = state;
	if (state->counted) {
		counting_init(&scene->counting);
		options.upstream = &scene->counting.upstream;
	}
	if (options.buffer_size != 0)
		options.buffer = scene->buffer = malloc(options.buffer_size);
	if (state->child) {
		scene->parent = tarn_pool_create(NULL);
		ck_assert_ptr_nonnull(scene->parent);
		scene->pool = tarn_pool_create_child(scene->parent, &options);
	} else {
		scene->pool = tarn_pool_create(&options);
	}
	ck_assert_ptr_nonnull(scene->pool);
	if (state->used)
		ck_assert_ptr_nonnull(tarn_palloc(scene->pool, 1));
	if (state->reset) {
		ck_assert_int_eq(use_scene(scene), 0);
		ck_assert_int_eq(worker_run(use_scene, scene), 0);
		tarn_pool_reset(scene->pool);
	}
}

/* Waits until all are at step `i`, where this round goes in step. */
static void step_wait(struct scene *scene, size_t i)
{
	unsigned spins = 0;

	if (scene->in_step == 0)
		return;
	atomic_fetch_add(&scene->arrived, 1);
	while (atomic_load(&scene->arrived) < scene->in_step * (i + 1))
		if (++spins % UTIL_GATE_SPINS == 0)
			sched_yield();
}

static const struct operation *pick_operation(struct work *work)
{
	const struct operation *operation;

	do
		operation = &OPERATIONS[random_between(&work->random, 0,
						       MIXED_COUNT - 1)];
	while (work->exact && !operation->exact);
	return operation;
}

static int work_main(void *arg)
{
	struct work *work = arg;
	const struct operation *operation = work->operation;
	int status = 0;
	size_t i;

	for (i = 0; i < STEPS && status == 0; i++) {
		step_wait(work->scene, i);
		if (work->operation == NULL)
			operation = pick_operation(work);
		errno = 0;
		status = operation->run(work);
	}
	/* Of one that failed, nobody is to wait for the other steps. */
	atomic_fetch_add(&work->scene->arrived, WORKERS * STEPS);
	return status;
}

static int object_compare(const void *a, const void *b)
{
	const struct object *left = a;
	const struct object *right = b;

	return (left->at > right->at) - (left->at < right->at);
}

/* All objects hold what was written, and none touches another. */
static void verify_objects(struct scene *scene, size_t workers)
{
	static struct object all[WORKERS * OBJECTS];
	size_t changed = 0;
	size_t overlapping = 0;
	size_t count = 0;
	size_t i;

	for (i = 0; i < workers; i++) {
		struct work *work = &scene->works[i];

		memcpy(all + count, work->objects,
		       work->objects_count * sizeof *all);
		count += work->objects_count;
	}
	qsort(all, count, sizeof *all, object_compare);
	for (i = 0; i < count; i++) {
		changed += !all_bytes(all[i].at, all[i].size, all[i].fill);
		overlapping +=
			i > 0 && all[i - 1].at + all[i - 1].size > all[i].at;
	}
	ck_assert_uint_eq(changed, 0);
	ck_assert_uint_eq(overlapping, 0);
}

static bool anyone_fought(const struct scene *scene, size_t workers,
			  enum fight fight)
{
	size_t i;

	for (i = 0; i < workers; i++)
		if (scene->works[i].fought[fight])
			return true;
	return false;
}

static size_t held_by(const tarn_pool *pool)
{
	return pool != NULL ? stats_of(pool).held : 0;
}

/* The pool and its children are within the limit together. */
static void verify_limit(const struct scene *scene, size_t workers)
{
	size_t limit = scene->state->options.limit;
	size_t held = held_by(scene->pool) + held_by(scene->child);
	size_t i;

	for (i = 0; i < workers; i++)
		held += held_by(scene->works[i].child);
	if (limit != 0)
		ck_assert_uint_le(held, limit);
}

/* The statistics of the quiet pool say what the workers did. */
static void verify_stats(const struct scene *scene, size_t workers)
{
	tarn_stats stats = stats_of(scene->pool);
	size_t asked = 0;
	size_t left[FIGHTS] = {0};
	size_t large_maybe = 0;
	size_t children = scene->child != NULL;
	size_t i, j;

	for (i = 0; i < FIGHTS; i++)
		if (!anyone_fought(scene, workers, (enum fight)i))
			left[i] = scene->ready[i];
	for (i = 0; i < workers; i++) {
		const struct work *work = &scene->works[i];

		for (j = 0; j < work->objects_count; j++)
			if (work->objects[j].pool == scene->pool)
				asked += work->objects[j].size;
		left[FIGHT_CLEANUP] += work->cleanups_left + work->since_mark -
				       work->since_mark_ran;
		left[FIGHT_LARGE] += work->large_left;
		large_maybe += work->large_maybe;
		children += work->child != NULL;
	}
	for (i = 0; i < SHARED; i++)
		if (scene->sized[i] != NULL)
			asked += sized_size(i);
	ck_assert_uint_ge(stats.handed_out, asked);
	ck_assert_uint_le(stats.handed_out,
			  stats.held + scene->state->options.buffer_size);
	ck_assert_uint_eq(stats.cleanups, left[FIGHT_CLEANUP]);
	ck_assert_uint_ge(stats.large_count, left[FIGHT_LARGE]);
	/* At the limit, a thread without a local is served from this list, and
	   so are caches where pools are watched. */
	if (scene->state->options.limit == 0 && !watched())
		ck_assert_uint_le(stats.large_count,
				  left[FIGHT_LARGE] + large_maybe);
	ck_assert_uint_ge(stats.large, left[FIGHT_LARGE] * LARGE_MIN);
	ck_assert_uint_eq(stats.children, children);
	ck_assert_uint_le(stats.local_pools, workers + 2);
}

/* Whether all that the workers left handed out is known. */
static bool is_exact(const struct scene *scene, size_t workers)
{
	for (size_t i = 0; i < workers; i++) {
		const struct work *work = &scene->works[i];

		if (work->had_void ||
		    !(work->exact ||
		      (work->operation != NULL && work->operation->exact)))
			return false;
	}
	return true;
}

/* Frees the objects that went round: each takes its bytes from the figure, by
   whichever thread it was allocated; and what is left is what the workers
   know of. */
static void verify_handed_out(struct scene *scene, size_t workers)
{
	size_t left = stats_of(scene->pool).handed_out, wrong = 0;
	size_t known = scene->handed_out;

	for (size_t i = 0; i < SHARED; i++) {
		if (scene->sized[i] == NULL)
			continue;
		left -= i % 2 != 0 ? sized_size(i) : whole(sized_size(i));
		wrong += free_sized(scene->pool, i, scene->sized[i]) != 0;
	}
	ck_assert_uint_eq(wrong, 0);
	/* Zones between objects come and go with them. */
	if (watched())
		return;
	ck_assert_uint_eq(stats_of(scene->pool).handed_out, left);
	for (size_t i = 0; i < workers; i++)
		known += scene->works[i].handed_out;
	if (is_exact(scene, workers))
		ck_assert_uint_eq(left, known);
}

/* Each key had one value, whoever set it: unset once, it is gone. */
static void verify_data(tarn_pool *pool)
{
	size_t left = 0;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		left += tarn_pool_set_data(pool, &shared_keys[i], NULL) != 0;
		left += tarn_pool_data(pool, &shared_keys[i]) != NULL;
	}
	ck_assert_uint_eq(left, 0);
}

/* Whether thing `i` went to one of those who fought for it, and to one only;
   and, of a cleanup, ran once if it was to run. */
static bool fight_was_fair(struct scene *scene, size_t workers,
			   enum fight fight, size_t i)
{
	bool there = fight == FIGHT_LARGE ? scene->large[i] != NULL
					  : scene->cleanups[i] != NULL;
	size_t wins = 0;
	size_t runs = 0;
	size_t j;

	for (j = 0; j < workers; j++) {
		wins += scene->works[j].won[fight][i];
		if (j % 2 == 0)
			runs += scene->works[j].won[FIGHT_CLEANUP][i];
	}
	return wins == (there && anyone_fought(scene, workers, fight)) &&
	       atomic_load(&scene->cleanup_runs[i]) == runs;
}

static void verify_fights(struct scene *scene, size_t workers)
{
	size_t unfair = 0;
	size_t i;

	for (i = 0; i < SHARED; i++) {
		unfair += !fight_was_fair(scene, workers, FIGHT_LARGE, i);
		unfair += !fight_was_fair(scene, workers, FIGHT_CLEANUP, i);
	}
	ck_assert_uint_eq(unfair, 0);
}

/* Whether, after the end, cleanup `i` ran if nobody had fought for it, and
   else no more than then. */
static bool cleanup_ran_right(struct scene *scene, size_t workers, size_t i)
{
	if (anyone_fought(scene, workers, FIGHT_CLEANUP))
		return fight_was_fair(scene, workers, FIGHT_CLEANUP, i);
	return atomic_load(&scene->cleanup_runs[i]) ==
	       (scene->cleanups[i] != NULL);
}

/* Destroys all, and verifies that each cleanup ran once, and memory is back. */
static void scene_close(struct scene *scene, size_t workers)
{
	size_t runs = 0;
	size_t wrong = 0;
	size_t i;

	for (i = 0; i < workers; i++) {
		runs += scene->works[i].cleanups_left +
			scene->works[i].cleanups_now;
		tarn_pool_destroy(scene->works[i].other);
	}
	tarn_pool_destroy(scene->pool);
	tarn_pool_destroy(scene->parent);
	ck_assert_uint_eq(atomic_load(&scene->runs), runs);
	/* Those within marks that were void ran now. */
	for (i = 0; i < workers; i++)
		wrong += scene->works[i].since_mark !=
			 scene->works[i].since_mark_ran;
	for (i = 0; i < SHARED; i++)
		wrong += !cleanup_ran_right(scene, workers, i);
	ck_assert_uint_eq(wrong, 0);
	if (scene->state->counted)
		counting_finish(&scene->counting);
	free(scene->buffer);
}

/* Makes what the operations of the first `workers` need, each once. */
static void scene_prepare(struct scene *scene, size_t workers)
{
	size_t i, j;

	for (i = 0; i < OPERATION_COUNT; i++) {
		const struct operation *operation = &OPERATIONS[i];
		bool needed = false;

		for (j = 0; j < workers; j++)
			needed |= scene->works[j].operation == operation ||
				  (scene->works[j].operation == NULL &&
				   i < MIXED_COUNT);
		if (needed && operation->prepare != NULL)
			operation->prepare(scene);
	}
}

/* Workers with these operations, in a pool in that state, that begin each call
   together if `in_step`, else only the first; all verified. Those without one
   take any, or if `exact` those that are. */
static void race(const struct state *state,
		 const struct operation *const *operations, size_t workers,
		 bool in_step, bool exact, uint64_t *random)
{
	static struct object objects[WORKERS][OBJECTS];
	static struct scene scene;
	size_t i;
	int status;

	scene_open(&scene, state);
	scene.in_step = in_step ? workers : 0;
	for (i = 0; i < workers; i++) {
		scene.works[i].scene = &scene;
		scene.works[i].objects = objects[i];
		scene.works[i].operation = operations[i];
		scene.works[i].exact = exact;
		scene.works[i].number = (unsigned)i;
		scene.works[i].random = random_next(random);
	}
	scene_prepare(&scene, workers);
	scene.handed_out = stats_of(scene.pool).handed_out;
	status = workers_together(work_main, scene.works, sizeof *scene.works,
				  workers);
	ck_assert_msg(status == 0, "a worker failed in line %d, pool %s",
		      status, state->name);
	verify_objects(&scene, workers);
	verify_limit(&scene, workers);
	verify_stats(&scene, workers);
	verify_handed_out(&scene, workers);
	verify_fights(&scene, workers);
	verify_data(scene.pool);
	scene_close(&scene, workers);
}

/* ---- the pairs --------------------------------------------------------- */

/* The pair of that index, in the order (0,0) (0,1) (1,1) (0,2) and on. */
static void pair_at(int index, const struct operation *pair[2])
{
	int second = 0;

	while (index > second) {
		index -= second + 1;
		second++;
	}
	pair[0] = &OPERATIONS[index];
	pair[1] = &OPERATIONS[second];
}

START_TEST(pair_together_verified)
{
	uint64_t random = seed("pair") + (uint64_t)_i;
	const struct operation *pair[2];
	size_t state, round;

	pair_at(_i, pair);
	printf("%s | %s\n", pair[0]->name, pair[1]->name);
	fflush(stdout);
	for (state = 0; state < STATE_COUNT; state++)
		for (round = 0; round < rounds(ROUNDS); round++)
			race(&STATES[state], pair, 2, (state + round) % 2 != 0,
			     false, &random);
}
END_TEST

START_TEST(mixed_together_verified)
{
	static const struct operation *const AT_RANDOM[WORKERS] = {NULL};
	uint64_t random = seed("mixed") + (uint64_t)_i;
	size_t round;

	for (round = 0; round < rounds(MIXED_ROUNDS); round++)
		race(&STATES[_i], AT_RANDOM, WORKERS, false, round % 2 != 0,
		     &random);
}
END_TEST

/* ---- growth ------------------------------------------------------------ */

enum {
	GROWERS = 8,
	GROWTH_ROUNDS = 30,
	GROWTH_BLOCK = 64 * 1024,  /* bytes: the first block         */
	GROWTH_OBJECT = 2048,      /* bytes: of a grower's request   */
	GROWTH_MICROSECONDS = 500, /* of upstream: others come meanwhile */
	FILL_LIMIT = 1024 * 1024,  /* bytes                          */
	FILL_OBJECT = 64           /* bytes                          */
};

/* Alive until all have allocated: a slot has no heir among them. */
struct growers {
	tarn_pool *pool;
	bool together;
	struct gate resident;
	struct gate done;
	atomic_size_t entered;
	atomic_size_t next; /* whose turn it is */
};

static int grow(void *arg)
{
	struct growers *growers = arg;
	void *first = tarn_palloc(growers->pool, 1);
	size_t number = atomic_fetch_add(&growers->entered, 1);
	void *at;

	gate_wait(&growers->resident);
	while (!growers->together && atomic_load(&growers->next) != number)
		sched_yield();
	at = tarn_palloc(growers->pool, GROWTH_OBJECT);
	atomic_fetch_add(&growers->next, 1);
	gate_wait(&growers->done);
	return first != NULL && at != NULL ? 0 : __LINE__;
}

static void *slow_alloc(void *ctx, size_t *size, size_t alignment)
{
	usleep(GROWTH_MICROSECONDS);
	return counting_alloc(ctx, size, alignment);
}

/* Requests of all growers, together or one after the other, of a pool that has
   room for some of them. Returns how many blocks it has then. */
static size_t blocks_after_growth(bool together)
{
	struct growers growers = {.together = together};
	struct counting counting;
	tarn_stats stats;
	size_t i;

	counting_init(&counting);
	counting.upstream.alloc = slow_alloc;
	growers.pool = counting_pool(&counting, GROWTH_BLOCK);
	/* The creator claims what is left of the first block. */
	for (i = 0; i < GROWTH_BLOCK / GROWTH_OBJECT - 2; i++)
		ck_assert_ptr_nonnull(tarn_palloc(growers.pool, GROWTH_OBJECT));
	gate_init(&growers.resident, GROWERS);
	gate_init(&growers.done, GROWERS);
	ck_assert_int_eq(workers_together(grow, &growers, 0, GROWERS), 0);
	stats = stats_of(growers.pool);
	ck_assert_uint_eq(stats.local_pools, GROWERS + 1);
	tarn_pool_destroy(growers.pool);
	counting_finish(&counting);
	return stats.blocks;
}

START_TEST(growth_eight_miss_together_as_many_blocks_as_in_turn)
{
	size_t in_turn = blocks_after_growth(false);
	size_t round;

	ck_assert_uint_gt(in_turn, 1);
	for (round = 0; round < rounds(GROWTH_ROUNDS); round++)
		ck_assert_uint_eq(blocks_after_growth(true), in_turn);
}
END_TEST

struct filler {
	tarn_pool *pool;
	size_t objects;
};

static int fill(void *arg)
{
	struct filler *filler = arg;

	while (tarn_palloc(filler->pool, FILL_OBJECT) != NULL)
		filler->objects++;
	EXPECT(errno == ENOMEM);
	return 0;
}

START_TEST(growth_to_limit_together_uses_it)
{
	size_t round;

	for (round = 0; round < rounds(GROWTH_ROUNDS); round++) {
		tarn_options options = TARN_OPTIONS_INIT;
		tarn_stats stats;
		struct filler fillers[2];

		options.limit = FILL_LIMIT;
		fillers[0].pool = tarn_pool_create(&options);
		fillers[0].objects = 0;
		fillers[1] = fillers[0];
		ck_assert_ptr_nonnull(fillers[0].pool);
		ck_assert_int_eq(
			workers_together(fill, fillers, sizeof *fillers, 2), 0);
		stats = stats_of(fillers[0].pool);
		ck_assert_uint_le(stats.held, FILL_LIMIT);
		/* Zones between objects take their part. */
		ck_assert_uint_ge(
			(fillers[0].objects + fillers[1].objects) * FILL_OBJECT,
			watched() ? FILL_LIMIT / 4 : FILL_LIMIT / 10 * 9);
		tarn_pool_destroy(fillers[0].pool);
	}
}
END_TEST

/* ---- statistics beside allocations ------------------------------------- */

struct sampled {
	tarn_pool *pool;
	atomic_size_t *running;
	uint64_t random;
	bool large; /* now and then one of these */
};

static int allocate_many(void *arg)
{
	struct sampled *sampled = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		size_t size = random_between(&sampled->random, 1, SMALL_MAX);

		if (sampled->large && i % 64 == 0)
			size = LARGE_MIN;
		if (tarn_palloc(sampled->pool, size) == NULL)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* Whether each figure grew, where all that runs is allocation. */
static bool has_grown(const tarn_stats *before, const tarn_stats *after)
{
	return after->held >= before->held &&
	       after->handed_out >= before->handed_out &&
	       after->large >= before->large &&
	       after->blocks >= before->blocks &&
	       after->local_pools >= before->local_pools &&
	       after->large_count >= before->large_count;
}

/* Samples until no worker runs. Asserts but once, which costs more than many a
   sample: they must be close to hit a moment. */
static void sample(const tarn_pool *pool, atomic_size_t *running)
{
	tarn_stats before = TARN_STATS_INIT;
	tarn_stats after = TARN_STATS_INIT;
	size_t wrong = 0;
	bool last;

	do {
		last = atomic_load(running) == 0;
		wrong += tarn_pool_stats(pool, &after) != 0;
		wrong += !has_grown(&before, &after);
		before = after;
	} while (!last);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_le(after.handed_out, after.held);
	ck_assert_uint_le(after.large, after.held);
}

/* One worker or two; mostly without large objects, for the sake of which a
   sample takes many mutexes. Small blocks: each third request is a miss. */
static void sample_round(size_t round, uint64_t *random)
{
	tarn_options options = TARN_OPTIONS_INIT;
	size_t count = 1 + round % 2;
	atomic_size_t running = count;
	struct sampled sampled[2];
	struct worker workers[2];
	tarn_pool *pool;
	size_t i;

	options.first_block = options.max_block = 1024;
	pool = tarn_pool_create(&options);
	ck_assert_ptr_nonnull(pool);
	for (i = 0; i < count; i++) {
		sampled[i] = (struct sampled){
			pool, &running, random_next(random), round % 4 == 3};
		worker_start(&workers[i], allocate_many, &sampled[i], NULL);
	}
	sample(pool, &running);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	tarn_pool_destroy(pool);
}

START_TEST(stats_beside_allocation_grow_only)
{
	uint64_t random = seed("stats");
	size_t round;

	for (round = 0; round < rounds(SAMPLED_ROUNDS); round++)
		sample_round(round, &random);
}
END_TEST

/* One large object at a time, at one address and at another. */
static int one_large_at_a_time(void *arg)
{
	struct sampled *sampled = arg;
	int status = 0;
	size_t i;

	for (i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		void *at = tarn_palloc(sampled->pool,
				       LARGE_MIN + i % 8 * LARGE_MIN);

		if (at == NULL || tarn_pfree(sampled->pool, at) != 0)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* A figure is one that was true: two objects never were. */
START_TEST(stats_beside_one_large_at_most_one)
{
	size_t round;

	for (round = 0; round < rounds(SAMPLED_ROUNDS); round++) {
		tarn_pool *pool = tarn_pool_create(NULL);
		atomic_size_t running = 1;
		struct sampled sampled = {pool, &running, 1, true};
		tarn_stats stats = TARN_STATS_INIT;
		struct worker worker;
		size_t wrong = 0;

		/* The creator owns the pool's own local: a worker's large
		   objects are then listed by address. */
		ck_assert_ptr_nonnull(pool);
		ck_assert_ptr_nonnull(tarn_palloc(pool, 1));
		worker_start(&worker, one_large_at_a_time, &sampled, NULL);
		while (atomic_load(&running) != 0) {
			wrong += tarn_pool_stats(pool, &stats) != 0;
			wrong += stats.large_count > 1 ||
				 stats.large > 16 * LARGE_MIN;
		}
		ck_assert_uint_eq(wrong, 0);
		ck_assert_int_eq(worker_join(&worker), 0);
		ck_assert_uint_eq(stats_of(pool).large_count, 0);
		tarn_pool_destroy(pool);
	}
}
END_TEST

enum {
	FEW_MOST = 520 /* bytes of an object of few_at_a_time */
};

/* One small object at a time, freed with its size, by turns by each call, and
   sometimes two within a mark. */
static int few_at_a_time(void *arg)
{
	struct sampled *sampled = arg;
	tarn_pool *pool = sampled->pool;
	tarn_local *local = tarn_pool_local(pool);
	int status = local != NULL ? 0 : __LINE__;

	for (size_t i = 0; i < SAMPLED_OBJECTS && status == 0; i++) {
		size_t size = FEW_MOST - i % 8 * 72;
		bool aligned = i % 2 != 0, within = i / 16 % 4 == 3;
		tarn_mark mark = {{NULL}};
		void *at;

		if (within)
			mark = tarn_local_mark(local);
		at = aligned ? tarn_pmemalign(pool, 8, size)
			     : tarn_palloc(pool, size);
		if (within && tarn_palloc(pool, size) == NULL)
			status = __LINE__;
		if (within)
			tarn_local_rewind(local, mark);
		else if (at == NULL ||
			 (aligned ? tarn_pfree_aligned_sized(pool, at, 8, size)
				  : tarn_pfree_sized(pool, at, size)) != 0)
			status = __LINE__;
	}
	atomic_fetch_sub(sampled->running, 1);
	return status;
}

/* The same of small ones, and none that was there before is missed. */
START_TEST(stats_beside_few_small_at_most_these)
{
	size_t most = watched() ? SIZE_MAX / 2 : 2 * whole(FEW_MOST);

	for (size_t round = 0; round < rounds(SAMPLED_ROUNDS); round++) {
		tarn_options options = TARN_OPTIONS_INIT;
		tarn_stats stats = TARN_STATS_INIT;
		struct sampled sampled = {.random = 1};
		atomic_size_t running = 1;
		struct worker worker;
		size_t before, wrong = 0;

		options.first_block = options.max_block = 1024;
		sampled.pool = tarn_pool_create(&options);
		sampled.running = &running;
		ck_assert_ptr_nonnull(sampled.pool);
		/* By turns the worker's local pool is another one. */
		if (round % 2 != 0)
			ck_assert_ptr_nonnull(tarn_palloc(sampled.pool, 100));
		before = stats_of(sampled.pool).handed_out;
		worker_start(&worker, few_at_a_time, &sampled, NULL);
		while (atomic_load(&running) != 0) {
			wrong += tarn_pool_stats(sampled.pool, &stats) != 0;
			wrong += stats.handed_out < before ||
				 stats.handed_out > before + most;
		}
		ck_assert_uint_eq(wrong, 0);
		ck_assert_int_eq(worker_join(&worker), 0);
		if (!watched())
			ck_assert_uint_eq(stats_of(sampled.pool).handed_out,
					  before);
		tarn_pool_destroy(sampled.pool);
	}
}
END_TEST

/* ---- misuse that is detected ------------------------------------------- */

/* How a pool is ended. */
static void (*const ENDS[])(tarn_pool *) = {tarn_pool_reset, tarn_pool_destroy};

enum {
	END_COUNT = sizeof ENDS / sizeof *ENDS
};

/* A reset or destroy that is held in the midst of it, by a cleanup. */
struct held {
	tarn_pool *pool;
	void (*end)(tarn_pool *);
	struct gate inside;
	struct gate leave;
	size_t runs;
	int error;
};

static void hold(void *data)
{
	struct held *held = data;

	held->runs++;
	gate_wait(&held->inside);
	gate_wait(&held->leave);
}

static int end_pool(void *arg)
{
	struct held *held = arg;

	errno = 0;
	held->end(held->pool);
	held->error = errno;
	return 0;
}

/* What is a miss for every thread is refused. */
static int others_refused(tarn_pool *pool)
{
	errno = 0;
	EXPECT(tarn_palloc(pool, LARGE_MIN) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pmemalign(pool, 4096, LARGE_MIN) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_create_child(pool, NULL) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pfree_sized(pool, pool, 16) == -1 && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pfree_aligned_sized(pool, pool, 8, LARGE_MIN) == -1 &&
	       errno == EBUSY);
	errno = 0;
	tarn_pool_reset(pool);
	EXPECT(errno == EBUSY);
	errno = 0;
	tarn_pool_destroy(pool);
	EXPECT(errno == EBUSY);
	return 0;
}

/* And so is all that a thread new to the pool asks for. */
static int newcomer_refused(void *arg)
{
	tarn_pool *pool = arg;

	errno = 0;
	EXPECT(tarn_palloc(pool, 16) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pnalloc(pool, 16) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_local(pool) == NULL && errno == EBUSY);
	errno = 0;
	EXPECT(tarn_cleanup_add(pool, count_run, pool) == NULL &&
	       errno == EBUSY);
	errno = 0;
	EXPECT(tarn_pool_set_data(pool, pool, pool) == -1 && errno == EBUSY);
	return others_refused(pool);
}

/* And what a thread asks for once the room that it has is used up. */
static int resident_refused(tarn_pool *pool)
{
	size_t i;

	errno = 0;
	for (i = 0; i < SAMPLED_OBJECTS; i++)
		if (tarn_palloc(pool, 16) == NULL)
			break;
	EXPECT(i < SAMPLED_OBJECTS && errno == EBUSY);
	return others_refused(pool);
}

static int palloc_in(void *arg)
{
	return tarn_palloc(arg, 16) != NULL ? 0 : __LINE__;
}

START_TEST(exclusive_meets_use_of_other_thread_refused)
{
	struct held held = {.end = ENDS[_i]};
	struct worker worker;

	held.pool = tarn_pool_create(NULL);
	ck_assert_ptr_nonnull(held.pool);
	ck_assert_ptr_nonnull(tarn_palloc(held.pool, 16));
	gate_init(&held.inside, 2);
	gate_init(&held.leave, 2);
	ck_assert_ptr_nonnull(tarn_cleanup_add(held.pool, hold, &held));
	worker_start(&worker, end_pool, &held, NULL);
	gate_wait(&held.inside);
	ck_assert_int_eq(worker_run(newcomer_refused, held.pool), 0);
	ck_assert_int_eq(resident_refused(held.pool), 0);
	gate_wait(&held.leave);
	ck_assert_int_eq(worker_join(&worker), 0);
	ck_assert_uint_eq(held.runs, 1);
	ck_assert_int_eq(held.error, 0);
	if (held.end == tarn_pool_reset) {
		ck_assert_int_eq(worker_run(palloc_in, held.pool), 0);
		ck_assert_ptr_nonnull(tarn_palloc(held.pool, LARGE_MIN));
		tarn_pool_destroy(held.pool);
	}
}
END_TEST

/* A cleanup that does what it may and, in vain, what it may not. */
struct inside {
	tarn_pool *pool;
	size_t runs;
	size_t late_runs;
	int status;
};

static void count_late(void *data)
{
	struct inside *inside = data;

	inside->late_runs++;
}

static int use_inside(struct inside *inside)
{
	tarn_pool *child = tarn_pool_create_child(inside->pool, NULL);

	EXPECT(child != NULL);
	EXPECT(tarn_cleanup_add(child, count_late, inside) != NULL);
	EXPECT(tarn_cleanup_add(inside->pool, count_late, inside) != NULL);
	EXPECT(tarn_palloc(inside->pool, 1) != NULL);
	EXPECT(tarn_palloc(inside->pool, LARGE_MIN) != NULL);
	errno = 0;
	tarn_pool_reset(inside->pool);
	EXPECT(errno == EBUSY);
	errno = 0;
	tarn_pool_destroy(inside->pool);
	EXPECT(errno == EBUSY);
	return 0;
}

static void run_inside(void *data)
{
	struct inside *inside = data;

	inside->runs++;
	inside->status = use_inside(inside);
}

START_TEST(exclusive_from_own_cleanup_refused)
{
	struct inside inside = {.status = -1};

	inside.pool = tarn_pool_create(NULL);
	ck_assert_ptr_nonnull(inside.pool);
	ck_assert_ptr_nonnull(
		tarn_cleanup_add(inside.pool, run_inside, &inside));
	errno = 0;
	ENDS[_i](inside.pool);
	ck_assert_int_eq(inside.status, 0);
	ck_assert_uint_eq(inside.runs, 1);
	ck_assert_uint_eq(inside.late_runs, 2);
	if (ENDS[_i] == tarn_pool_reset)
		tarn_pool_destroy(inside.pool);
	ck_assert_uint_eq(inside.runs, 1);
	ck_assert_uint_eq(inside.late_runs, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("race");
	TCase *tcase = suite_case(suite, "pairs");

	tcase_add_loop_test(tcase, pair_together_verified, 0, PAIR_COUNT);
	tcase = suite_case(suite, "mixed");
	tcase_add_loop_test(tcase, mixed_together_verified, 0, STATE_COUNT);
	tcase = suite_case(suite, "growth");
	tcase_add_test(tcase,
		       growth_eight_miss_together_as_many_blocks_as_in_turn);
	tcase_add_test(tcase, growth_to_limit_together_uses_it);
	tcase = suite_case(suite, "stats");
	tcase_add_test(tcase, stats_beside_allocation_grow_only);
	tcase_add_test(tcase, stats_beside_one_large_at_most_one);
	tcase_add_test(tcase, stats_beside_few_small_at_most_these);
	tcase = suite_case(suite, "misuse");
	tcase_add_loop_test(tcase, exclusive_meets_use_of_other_thread_refused,
			    0, END_COUNT);
	tcase_add_loop_test(tcase, exclusive_from_own_cleanup_refused, 0,
			    END_COUNT);
	return suite_run(suite);
}
