/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory everywhere: the same walk over the whole API is done again and
 * again, each time with another call of upstream failing, once or from there
 * on. After each failed step the pools are as they were before it; once
 * upstream gives again the step succeeds; and nothing is left at the end.
 */
#include "counting.h"
#include "util.h"

#include <semaphore.h>

enum {
	KEYS = 40,
	CHILDREN = 3,
	USERS = 10,       /* threads beside the main one: their table grows */
	QUICK_STRIDE = 13 /* a quick run fails only every so manieth call     */
};

/* A thread that uses the pool each time it is told to. */
struct user {
	struct worker worker;
	sem_t go, done;
	tarn_pool *pool; /* NULL: not started, or to end                      */
	size_t size;     /* what to allocate; 0: only to have its local pool  */
	void *got;
	int error; /* 0, or that of the call                                  */
};

struct world {
	struct counting counting;
	tarn_pool *pool;
	tarn_pool *children[CHILDREN];
	size_t child_count;
	unsigned char *small, *large; /* objects that grow                    */
	size_t small_size, large_size;
	unsigned char *theirs; /* another thread's large object               */
	size_t theirs_size;
	void *to_free;
	void *freed_sized; /* small, to be freed with its size          */
	tarn_cache *cache;
	void *cached; /* its object                                         */
	size_t registered, ran; /* cleanups                                   */
	size_t keys;
	struct user users[USERS];
	size_t user_count; /* those with their part of the pool */
};

/* Makes one call. Whether it succeeded; if not, the world is as before. */
typedef bool step_fn(struct world *world);

struct step {
	step_fn *fn;
	size_t repeat;
};

/* ---- steps --------------------------------------------------------------- */

static bool step_palloc(struct world *world)
{
	char *object = tarn_palloc(world->pool, 100);

	if (object != NULL)
		memset(object, 1, 100);
	return object != NULL;
}

static bool step_pnalloc(struct world *world)
{
	char *bytes = tarn_pnalloc(world->pool, 301);

	if (bytes != NULL)
		memset(bytes, 2, 301);
	return bytes != NULL;
}

static bool step_pcalloc(struct world *world)
{
	return tarn_pcalloc(world->pool, 7, 99) != NULL;
}

static bool step_pmemalign(struct world *world)
{
	return tarn_pmemalign(world->pool, 64, 200) != NULL;
}

static bool step_pmemalign_page(struct world *world)
{
	return tarn_pmemalign(world->pool, 4096, 100) != NULL;
}

static bool step_local(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	return local != NULL && tarn_local_palloc(local, 500) != NULL;
}

static bool step_large(struct world *world)
{
	return tarn_palloc(world->pool, 10000) != NULL;
}

static bool step_large_aligned(struct world *world)
{
	return tarn_pmemalign(world->pool, 8192, 10000) != NULL;
}

static bool step_pfree(struct world *world)
{
	if (world->to_free != NULL)
		return tarn_pfree(world->pool, world->to_free) == 0 &&
		       (world->to_free = NULL, true);
	world->to_free = tarn_palloc(world->pool, 7000);
	return world->to_free != NULL;
}

static void number_bytes(unsigned char *bytes, size_t from, size_t to)
{
	for (; from < to; from++)
		bytes[from] = (unsigned char)from;
}

/* Makes *object larger by `more`; its bytes count up from 0. */
static bool grow(struct world *world, unsigned char **object, size_t *size,
		 size_t more)
{
	unsigned char *grown =
		tarn_prealloc(world->pool, *object, *size, *size + more);
	size_t i;

	for (i = 0; i < *size; i++)
		REQUIRE((grown != NULL ? grown : *object)[i] ==
			(unsigned char)i);
	if (grown == NULL)
		return false;
	*object = grown;
	*size += more;
	number_bytes(grown, i, *size);
	return true;
}

static bool step_grow_small(struct world *world)
{
	return grow(world, &world->small, &world->small_size, 250);
}

static bool step_grow_large(struct world *world)
{
	return grow(world, &world->large, &world->large_size, 5000);
}

static bool step_shrink_large(struct world *world)
{
	size_t size = world->large_size / 2;
	unsigned char *shrunk;

	if (world->large == NULL)
		return true;
	shrunk = tarn_prealloc(world->pool, world->large, world->large_size,
			       size);
	if (shrunk == NULL)
		return false;
	world->large = shrunk;
	world->large_size = size;
	return true;
}

static bool step_pmemdup(struct world *world)
{
	return tarn_pmemdup(world->pool, world, 900) != NULL;
}

static bool step_pstrdup(struct world *world)
{
	char *copy = tarn_pstrdup(world->pool, "a string to be copied");

	return copy != NULL && strcmp(copy, "a string to be copied") == 0;
}

static bool step_pstrndup(struct world *world)
{
	return tarn_pstrndup(world->pool, "a string to be cut", 8) != NULL;
}

static bool step_psprintf(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%0333d", 5);

	return text != NULL && strlen(text) == 333;
}

static bool step_psprintf_long(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%08000d", 5);

	return text != NULL && strlen(text) == 8000;
}

static bool step_pstrcat(struct world *world)
{
	char *text =
		tarn_pstrcat(world->pool, "one", "two", "three", (char *)NULL);

	return text != NULL && strcmp(text, "onetwothree") == 0;
}

static void count_run(void *data)
{
	struct world *world = data;

	world->ran++;
}

static bool step_cleanup(struct world *world)
{
	if (tarn_cleanup_add(world->pool, count_run, world) == NULL)
		return false;
	world->registered++;
	return true;
}

static const char keys[KEYS];

static bool step_data(struct world *world)
{
	const char *key = &keys[world->keys % KEYS];
	void *before = tarn_pool_data(world->pool, key);

	if (tarn_pool_set_data(world->pool, key, world) == 0) {
		world->keys++;
		return true;
	}
	ck_assert_ptr_eq(tarn_pool_data(world->pool, key), before);
	return false;
}

static bool step_child(struct world *world)
{
	tarn_pool *child;

	if (world->child_count == CHILDREN)
		return true;
	child = tarn_pool_create_child(world->pool, NULL);
	if (child == NULL)
		return false;
	world->children[world->child_count++] = child;
	return true;
}

static bool step_child_palloc(struct world *world)
{
	return world->child_count == 0 ||
	       tarn_palloc(world->children[0], 1000) != NULL;
}

static bool step_child_large(struct world *world)
{
	return world->child_count == 0 ||
	       tarn_palloc(world->children[world->child_count - 1], 9000) !=
		       NULL;
}

static bool step_child_destroy(struct world *world)
{
	if (world->child_count > 0)
		tarn_pool_destroy(world->children[--world->child_count]);
	return true;
}

static int use_pool_when_told(void *arg)
{
	struct user *user = arg;

	for (;;) {
		sem_wait(&user->go);
		if (user->pool == NULL)
			return 0;
		user->got = user->size == 0
				    ? (void *)tarn_pool_local(user->pool)
				    : tarn_palloc(user->pool, user->size);
		user->error = user->got != NULL ? 0 : errno;
		sem_post(&user->done);
	}
}

static bool tell(struct user *user, size_t size)
{
	user->size = size;
	sem_post(&user->go);
	sem_wait(&user->done);
	if (user->error != 0)
		errno = user->error;
	return user->error == 0;
}

/* One thread more than before uses the pool. */
static bool step_thread(struct world *world)
{
	struct user *user = &world->users[world->user_count];

	if (world->user_count == USERS)
		return true;
	if (user->pool == NULL) {
		user->pool = world->pool;
		sem_init(&user->go, 0, 0);
		sem_init(&user->done, 0, 0);
		worker_start(&user->worker, use_pool_when_told, user, NULL);
	}
	if (!tell(user, 0))
		return false;
	world->user_count++;
	return true;
}

static bool step_thread_palloc(struct world *world)
{
	return world->user_count == 0 || tell(&world->users[0], 200);
}

static bool step_thread_large(struct world *world)
{
	if (world->user_count == 0)
		return true;
	if (!tell(&world->users[0], 9000))
		return false;
	world->theirs = world->users[0].got;
	world->theirs_size = 9000;
	number_bytes(world->theirs, 0, world->theirs_size);
	return true;
}

/* Resizes what another thread allocated. */
static bool step_grow_theirs(struct world *world)
{
	return world->theirs == NULL ||
	       grow(world, &world->theirs, &world->theirs_size, 9000);
}

/* A small object and its free, by turns. */
static bool step_pfree_sized(struct world *world)
{
	if (world->freed_sized != NULL) {
		void *object = world->freed_sized;

		world->freed_sized = NULL;
		return tarn_pfree_sized(world->pool, object, 400) == 0;
	}
	world->freed_sized = tarn_palloc(world->pool, 400);
	return world->freed_sized != NULL;
}

static bool step_cache(struct world *world)
{
	if (world->cache == NULL)
		world->cache = tarn_cache_create(world->pool, 72, 16);
	return world->cache != NULL;
}

/* An object more, of which all but the last are freed. */
static bool step_cache_alloc(struct world *world)
{
	void *object;

	if (world->cache == NULL)
		return true;
	object = tarn_cache_alloc(world->cache);
	if (object == NULL)
		return false;
	memset(object, 3, 72);
	tarn_cache_free(world->cache, world->cached);
	world->cached = object;
	return true;
}

/* What failed within a mark goes with it. */
static bool step_mark(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);
	tarn_mark mark;
	bool served;
	int error;

	if (local == NULL)
		return false;
	mark = tarn_local_mark(local);
	served = tarn_palloc(world->pool, 3000) != NULL &&
		 tarn_palloc(world->pool, 9000) != NULL;
	error = errno;
	tarn_local_rewind(local, mark);
	errno = error;
	return served;
}

/* Over malloc, which the walk does not refuse. */
static bool step_scratch(struct world *world)
{
	tarn_mark mark;
	tarn_pool *scratch = tarn_scratch_begin(world->pool, &mark);
	bool served = scratch != NULL && tarn_palloc(scratch, 2000) != NULL;

	if (scratch != NULL)
		tarn_scratch_end(scratch, mark);
	return served;
}

static void end_users(struct world *world)
{
	size_t i;

	for (i = 0; i < USERS && world->users[i].pool != NULL; i++) {
		struct user *user = &world->users[i];

		user->pool = NULL;
		sem_post(&user->go);
		worker_join(&user->worker);
		sem_destroy(&user->go);
		sem_destroy(&user->done);
	}
}

static bool step_reset(struct world *world)
{
	tarn_pool_reset(world->pool);
	ck_assert_uint_eq(world->ran, world->registered);
	ck_assert_uint_eq(stats_of(world->pool).handed_out, 0);
	ck_assert_ptr_null(tarn_pool_data(world->pool, &keys[0]));
	world->child_count = 0;
	world->small = world->large = world->theirs = NULL;
	world->small_size = world->large_size = 0;
	world->to_free = world->freed_sized = NULL;
	world->cache = NULL;
	world->cached = NULL;
	return true;
}

static const struct step steps[] = {
	{step_palloc, 60},       {step_pnalloc, 30},
	{step_pcalloc, 20},      {step_pmemalign, 30},
	{step_local, 20},        {step_pmemalign_page, 6},
	{step_thread, USERS},    {step_large, 20},
	{step_grow_small, 30},   {step_grow_large, 6},
	{step_pfree, 7},         {step_shrink_large, 3},
	{step_pmemdup, 10},      {step_large_aligned, 3},
	{step_pstrdup, 60},      {step_pstrndup, 30},
	{step_psprintf, 30},     {step_psprintf_long, 3},
	{step_pstrcat, 30},      {step_cleanup, 150},
	{step_data, 60},         {step_child, 3},
	{step_child_palloc, 10}, {step_child_large, 3},
	{step_child_destroy, 1}, {step_thread_palloc, 9},
	{step_thread_large, 7},  {step_grow_theirs, 4},
	{step_pfree_sized, 20},  {step_cache, 1},
	{step_cache_alloc, 40},  {step_mark, 6},
	{step_scratch, 2},       {step_palloc, 60},
	{step_reset, 1},
};

/* ---- the walk ------------------------------------------------------------ */

/* What must be as before after a step that failed. */
struct snapshot {
	tarn_stats pool;
	tarn_stats children[CHILDREN];
	size_t live_blocks, live_bytes;
};

/* A first use makes its thread the owner, also one that fails. */
static tarn_stats stats_once_owned(const tarn_pool *pool)
{
	tarn_stats stats = stats_of(pool);

	if (stats.local_pools == 0)
		stats.local_pools = 1;
	return stats;
}

static void take_snapshot(const struct world *world, struct snapshot *snapshot)
{
	size_t i;

	memset(snapshot, 0, sizeof *snapshot);
	snapshot->pool = stats_once_owned(world->pool);
	for (i = 0; i < world->child_count; i++)
		snapshot->children[i] = stats_once_owned(world->children[i]);
	snapshot->live_blocks = world->counting.live_blocks;
	snapshot->live_bytes = world->counting.live_bytes;
}

/* A pool where memory was freed takes some for its bins and its depot, and a
   cache for its slabs, also where the call fails then. */
static bool takes_for_good(step_fn *fn)
{
	return fn == step_pfree_sized || fn == step_cache_alloc ||
	       fn == step_mark || fn == step_palloc;
}

static void forgive(struct snapshot *before, const struct snapshot *after)
{
	REQUIRE(after->pool.held >= before->pool.held);
	REQUIRE(after->live_bytes - before->live_bytes ==
		after->pool.held - before->pool.held);
	before->pool.held = after->pool.held;
	before->pool.blocks = after->pool.blocks;
	before->live_bytes = after->live_bytes;
	before->live_blocks = after->live_blocks;
}

/* Does a step once; after a failure that will not come again, once more. */
static void do_step(struct world *world, const struct step *step)
{
	size_t failures = world->counting.failures;
	struct snapshot before, after;

	take_snapshot(world, &before);
	errno = EXDEV;
	if (step->fn(world)) {
		REQUIRE(errno == EXDEV);
		return;
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_gt(world->counting.failures, failures);
	take_snapshot(world, &after);
	if (takes_for_good(step->fn))
		forgive(&before, &after);
	ck_assert_mem_eq(&before, &after, sizeof before);
	if (!world->counting.fail_for_ever)
		ck_assert(step->fn(world));
}

static void walk(struct world *world)
{
	size_t i, j;

	for (i = 0; i < sizeof steps / sizeof *steps; i++)
		for (j = 0; j < steps[i].repeat; j++)
			do_step(world, &steps[i]);
}

/* Makes the world's pool; whether it could be made. */
static bool create(struct world *world)
{
	tarn_options options = counting_options(&world->counting);

	options.name = "a pool of which each call of upstream fails in turn";
	errno = EXDEV;
	world->pool = tarn_pool_create(&options);
	if (world->pool != NULL) {
		ck_assert_int_eq(errno, EXDEV);
		return true;
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(world->counting.live_bytes, 0);
	return false;
}

/* Walks twice with call `n` failing; whether there was such a call. */
static bool walk_with_failure(size_t n, bool for_ever)
{
	static struct world world;
	bool failed;

	memset(&world, 0, sizeof world);
	counting_init(&world.counting);
	world.counting.fail_at = n;
	world.counting.fail_for_ever = for_ever;
	if (create(&world) || (!for_ever && create(&world))) {
		walk(&world);
		walk(&world);
		failed = world.counting.failures > 0;
		world.counting.fail_at = 0;
		world.counting.fail_for_ever = false;
		walk(&world);
		end_users(&world);
		tarn_pool_destroy(world.pool);
		ck_assert_uint_eq(world.ran, world.registered);
	} else {
		failed = true;
	}
	counting_finish(&world.counting);
	return failed;
}

START_TEST(oom_at_each_call_leaves_the_pool_as_it_was)
{
	size_t n = 1, stride = quick() ? QUICK_STRIDE : 1;

	while (walk_with_failure(n, _i == 1))
		n += stride;
	ck_assert_uint_gt(n, 20);
}
END_TEST

/* The same by a limit, from one too low for a pool to one that suffices. */
START_TEST(oom_at_each_limit_leaves_the_pool_usable)
{
	size_t limit, refused = 0, ended = 0;

	for (limit = 512; limit < 4000000; limit += limit / 20) {
		struct counting counting;
		tarn_options options;
		tarn_pool *pool;
		size_t size;

		counting_init(&counting);
		options = counting_options(&counting);
		options.limit = limit;
		pool = tarn_pool_create(&options);
		for (size = 1; pool != NULL && size < 1000000;
		     size += size / 3 + 1) {
			tarn_stats before = stats_of(pool), after;

			if (tarn_palloc(pool, size) != NULL)
				continue;
			ck_assert_int_eq(errno, ENOMEM);
			after = stats_of(pool);
			ck_assert_mem_eq(&before, &after, sizeof before);
			refused++;
		}
		ended += pool != NULL;
		ck_assert_uint_le(counting.peak_bytes, limit);
		tarn_pool_destroy(pool);
		counting_finish(&counting);
	}
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_gt(ended, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oom");
	TCase *tcase = suite_case(suite, "out of memory");

	tcase_add_loop_test(tcase, oom_at_each_call_leaves_the_pool_as_it_was,
			    0, 2);
	tcase_add_test(tcase, oom_at_each_limit_leaves_the_pool_usable);
	return suite_run(suite);
}
