/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory everywhere: the same walk over the whole API is done again and
 * again, each time with another call of upstream failing, once or from there
 * on. After each failed step the pools are as they were before it; once
 * upstream gives again the step succeeds; and nothing is left at the end.
 */
#include "cache.h"
#include "counting.h"
#include "util.h"

#include <semaphore.h>

enum {
	KEYS = 40,
	CHILDREN = 3,
	USERS = 10,         /* threads beside the main one: their table grows */
	SMALL_BLOCK = 1024, /* bytes: of which many a step needs one          */
	QUICK_STRIDE = 13   /* a quick run fails only every so manieth call   */
};

struct world;

/* Makes one call. Whether it succeeded; if not, the world is as before. */
typedef bool step_fn(struct world *world);

/* A thread that makes a step each time it is told to. */
struct user {
	struct worker worker;
	sem_t go, done;
	struct world *world; /* NULL: not started                             */
	step_fn *fn;         /* NULL: to end                                  */
	bool served;
	int error; /* as the step left it                                     */
};

/* Who makes a step; the users by their numbers. */
enum {
	MAIN = -1,
	FIRST,
	SECOND,
	THIRD
};

struct world {
	struct counting counting;
	size_t small_block; /* bytes: the walk is that of reuse; 0: it is not */
	size_t forgiven, forgiven_caches;
	tarn_pool *pool;
	tarn_pool *children[CHILDREN];
	size_t child_count;
	unsigned char *small, *large; /* objects that grow                    */
	size_t small_size, large_size;
	unsigned char *theirs; /* another thread's large object               */
	size_t theirs_size;
	void *to_free;
	void *freed_sized;   /* small, to be freed with its size            */
	void *freed_aligned; /* and with its alignment                      */
	tarn_mark mark;      /* void: none                                  */
	size_t marked;       /* bytes handed out then                       */
	size_t wrong;        /* figures, found by any thread                */
	tarn_cache *cache;
	void *cached;           /* its objects, linked                        */
	size_t registered, ran; /* cleanups                                   */
	size_t keys;
	tarn_local *local; /* the main thread's; NULL: not known yet          */
	struct user users[USERS];
	tarn_local *locals[USERS]; /* theirs */
	size_t user_count;         /* those with their part of the pool */
};

struct step {
	step_fn *fn;
	size_t repeat;
	int who;
};

/* ---- steps --------------------------------------------------------------- */

static bool step_palloc(struct world *world)
{
	char *object = tarn_palloc(world->pool, 100);

	if (object != NULL)
		memset(object, 1, 100);
	return object != NULL;
}

static bool step_palloc_much(struct world *world)
{
	return tarn_palloc(world->pool, 3000) != NULL;
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

static int step_when_told(void *arg)
{
	struct user *user = arg;

	for (;;) {
		sem_wait(&user->go);
		if (user->fn == NULL)
			return 0;
		errno = EXDEV;
		user->served = user->fn(user->world);
		user->error = errno;
		sem_post(&user->done);
	}
}

static bool tell(struct user *user, step_fn *fn)
{
	user->fn = fn;
	sem_post(&user->go);
	sem_wait(&user->done);
	errno = user->error;
	return user->served;
}

/* Has its local pool, and nothing of it. */
static bool enter(struct world *world)
{
	world->locals[world->user_count] = tarn_pool_local(world->pool);
	return world->locals[world->user_count] != NULL;
}

/* One thread more than before uses the pool. */
static bool step_thread(struct world *world)
{
	struct user *user = &world->users[world->user_count];

	if (world->user_count == USERS)
		return true;
	if (user->world == NULL) {
		user->world = world;
		sem_init(&user->go, 0, 0);
		sem_init(&user->done, 0, 0);
		worker_start(&user->worker, step_when_told, user, NULL);
	}
	if (!tell(user, enter))
		return false;
	world->user_count++;
	return true;
}

/* Another thread's, which the main one resizes. */
static bool step_theirs(struct world *world)
{
	unsigned char *theirs = tarn_palloc(world->pool, 9000);

	if (theirs == NULL)
		return false;
	world->theirs = theirs;
	world->theirs_size = 9000;
	number_bytes(theirs, 0, world->theirs_size);
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

static bool step_pfree_aligned(struct world *world)
{
	if (world->freed_aligned != NULL) {
		void *object = world->freed_aligned;

		world->freed_aligned = NULL;
		return tarn_pfree_aligned_sized(world->pool, object, 8, 333) ==
		       0;
	}
	world->freed_aligned = tarn_pmemalign(world->pool, 8, 333);
	return world->freed_aligned != NULL;
}

static bool step_cache(struct world *world)
{
	if (world->cache == NULL)
		world->cache = tarn_cache_create(world->pool, 72, 16);
	return world->cache != NULL;
}

static bool step_cache_alloc(struct world *world)
{
	void *object;

	if (world->cache == NULL)
		return true;
	object = tarn_cache_alloc(world->cache);
	if (object == NULL)
		return false;
	memset(object, 3, 72);
	memcpy(object, &world->cached, sizeof world->cached);
	world->cached = object;
	return true;
}

static bool step_cache_free(struct world *world)
{
	void *object = world->cached;

	if (object == NULL)
		return true;
	memcpy(&world->cached, object, sizeof world->cached);
	tarn_cache_free(world->cache, object);
	return true;
}

static bool step_trim(struct world *world)
{
	(void)world;
	tarn_trim();
	return true;
}

/* One without memory is void, and says no more. */
static bool step_mark(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	if (local == NULL)
		return false;
	world->mark = tarn_local_mark(local);
	world->wrong += errno != EXDEV;
	world->marked = stats_of(world->pool).handed_out;
	if (world->mark.reserved[0] != NULL)
		return true;
	errno = ENOMEM;
	return false;
}

static bool step_rewind(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	tarn_local_rewind(local, world->mark);
	world->wrong += world->mark.reserved[0] != NULL &&
			stats_of(world->pool).handed_out != world->marked;
	return true;
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

	for (i = 0; i < USERS && world->users[i].world != NULL; i++) {
		struct user *user = &world->users[i];

		user->fn = NULL;
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
	world->to_free = world->freed_sized = world->freed_aligned = NULL;
	world->cache = NULL;
	world->cached = NULL;
	return true;
}

static const struct step steps[] = {
	{step_palloc, 60, MAIN},
	{step_pnalloc, 30, MAIN},
	{step_pcalloc, 20, MAIN},
	{step_pmemalign, 30, MAIN},
	{step_local, 20, MAIN},
	{step_pmemalign_page, 6, MAIN},
	{step_thread, USERS, MAIN},
	{step_large, 20, MAIN},
	{step_grow_small, 30, MAIN},
	{step_grow_large, 6, MAIN},
	{step_pfree, 7, MAIN},
	{step_shrink_large, 3, MAIN},
	{step_pmemdup, 10, MAIN},
	{step_large_aligned, 3, MAIN},
	{step_pstrdup, 60, MAIN},
	{step_pstrndup, 30, MAIN},
	{step_psprintf, 30, MAIN},
	{step_psprintf_long, 3, MAIN},
	{step_pstrcat, 30, MAIN},
	{step_cleanup, 150, MAIN},
	{step_data, 60, MAIN},
	{step_child, 3, MAIN},
	{step_child_palloc, 10, MAIN},
	{step_child_large, 3, MAIN},
	{step_child_destroy, 1, MAIN},
	{step_palloc_much, 9, FIRST},
	{step_palloc, 9, FIRST},
	{step_theirs, 7, FIRST},
	{step_grow_theirs, 4, MAIN},
	{step_mark, 1, SECOND},
	{step_palloc_much, 5, SECOND},
	{step_large, 3, SECOND},
	{step_rewind, 1, SECOND},
	{step_pfree_sized, 20, MAIN},
	{step_pfree_aligned, 21, MAIN},
	{step_pfree_aligned, 2, FIRST},
	{step_cache, 1, MAIN},
	{step_cache_alloc, 60, MAIN},
	{step_cache_alloc, 40, FIRST},
	{step_cache_free, 70, MAIN},
	{step_cache_free, 20, SECOND},
	{step_trim, 1, MAIN},
	{step_cache_alloc, 40, SECOND},
	{step_mark, 1, MAIN},
	{step_palloc_much, 5, MAIN},
	{step_pnalloc, 9, MAIN},
	{step_large, 3, MAIN},
	{step_cleanup, 3, MAIN},
	{step_rewind, 1, MAIN},
	{step_scratch, 2, MAIN},
	{step_palloc, 60, MAIN},
	{step_reset, 1, MAIN},
	{NULL, 0, MAIN},
};

/* The part of it that marks, caches and freed memory need. */
static const struct step reusing_steps[] = {
	{step_palloc, 5, MAIN},
	{step_thread, 3, MAIN},
	{step_grow_small, 4, MAIN},
	{step_pfree_sized, 4, MAIN},
	{step_pfree_aligned, 5, MAIN},
	{step_palloc_much, 3, FIRST},
	{step_pfree_sized, 4, FIRST},
	{step_palloc_much, 2, THIRD},
	{step_mark, 1, SECOND},
	{step_palloc_much, 3, SECOND},
	{step_pnalloc, 4, SECOND},
	{step_large, 2, SECOND},
	{step_cleanup, 3, SECOND},
	{step_rewind, 1, SECOND},
	{step_pfree_aligned, 1, SECOND},
	{step_cache, 1, MAIN},
	{step_cache_alloc, 60, MAIN},
	{step_cache_alloc, 20, FIRST},
	{step_cache_alloc, 20, SECOND},
	{step_cache_free, 50, MAIN},
	{step_cache_free, 20, SECOND},
	{step_trim, 1, MAIN},
	{step_cache_alloc, 40, SECOND},
	{step_mark, 1, MAIN},
	{step_palloc_much, 3, MAIN},
	{step_pnalloc, 4, MAIN},
	{step_large, 2, MAIN},
	{step_rewind, 1, MAIN},
	{step_palloc_much, 3, MAIN},
	{step_reset, 1, MAIN},
	{NULL, 0, MAIN},
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

/* What a thread takes for good in its first call that needs it, a cache in the
   first of each thread and where it has many slabs, also if the call fails. */
struct lasting {
	const struct local_side *side; /* for marks and freed memory */
	size_t magazines;              /* of the cache, and places for them */
	size_t slabs;                  /* that it has places for            */
	/* Open: what is cut off counts as handed out, and a failure cuts anew.
	 */
	uint32_t marks;
};

static struct lasting lasting_of(const struct world *world, int who)
{
	tarn_local *local = who == MAIN ? world->local : world->locals[who];
	struct lasting lasting = {0};

	if (local != NULL) {
		lasting.side = ((const struct local *)local)->side;
		lasting.marks = local_depth((const struct local *)local);
	}
	if (world->cache != NULL) {
		const struct slot_table *table = world->cache->table;

		lasting.magazines = table != NULL ? slot_table_capacity(table) +
							    table->count
						  : 0;
		lasting.slabs = world->cache->depot.capacity;
	}
	return lasting;
}

static void forgive(struct world *world, struct snapshot *before,
		    const struct snapshot *after)
{
	world->forgiven++;
	REQUIRE(after->pool.held >= before->pool.held);
	REQUIRE(after->live_bytes - before->live_bytes ==
		after->pool.held - before->pool.held);
	before->pool.held = after->pool.held;
	before->pool.blocks = after->pool.blocks;
	before->live_bytes = after->live_bytes;
	before->live_blocks = after->live_blocks;
}

/* Which is handed out. */
static void forgive_cache(struct world *world, struct snapshot *before,
			  const struct snapshot *after)
{
	world->forgiven_caches++;
	REQUIRE(after->pool.handed_out > before->pool.handed_out);
	before->pool.handed_out = after->pool.handed_out;
	forgive(world, before, after);
}

static bool done(struct world *world, const struct step *step)
{
	bool served;

	errno = EXDEV;
	served = step->who == MAIN ? step->fn(world)
				   : tell(&world->users[step->who], step->fn);
	REQUIRE(world->wrong == 0);
	REQUIRE(errno == (served ? EXDEV : ENOMEM));
	/* Which a first call made its thread's, also one that failed. */
	if (world->local == NULL)
		world->local = tarn_pool_local(world->pool);
	return served;
}

/* Does a step once; after a failure that will not come again, once more. */
static void do_step(struct world *world, const struct step *step)
{
	size_t failures = world->counting.failures;
	struct lasting had = lasting_of(world, step->who), has;
	struct snapshot before, after;

	/* Where that thread could not enter the pool. */
	if (step->who >= (int)world->user_count)
		return;
	take_snapshot(world, &before);
	if (done(world, step))
		return;
	ck_assert_uint_gt(world->counting.failures, failures);
	take_snapshot(world, &after);
	has = lasting_of(world, step->who);
	if (had.side == NULL && has.side != NULL)
		forgive(world, &before, &after);
	if (has.magazines > had.magazines || has.slabs > had.slabs)
		forgive_cache(world, &before, &after);
	if (sampled() && has.marks != 0)
		before.pool.handed_out = after.pool.handed_out;
	ck_assert_mem_eq(&before, &after, sizeof before);
	if (!world->counting.fail_for_ever)
		ck_assert(done(world, step));
}

static void walk(struct world *world)
{
	const struct step *step =
		world->small_block != 0 ? reusing_steps : steps;
	size_t i;

	for (; step->fn != NULL; step++)
		for (i = 0; i < step->repeat; i++)
			do_step(world, step);
}

/* Makes the world's pool; whether it could be made. */
static bool create(struct world *world)
{
	tarn_options options = counting_options(&world->counting);

	if (world->small_block != 0)
		options.first_block = options.max_block = world->small_block;
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
static bool walk_with_failure(struct world *world, size_t n, bool for_ever)
{
	bool failed;

	counting_init(&world->counting);
	world->counting.fail_at = n;
	world->counting.fail_for_ever = for_ever;
	if (create(world) || (!for_ever && create(world))) {
		walk(world);
		walk(world);
		failed = world->counting.failures > 0;
		world->counting.fail_at = 0;
		world->counting.fail_for_ever = false;
		walk(world);
		end_users(world);
		tarn_pool_destroy(world->pool);
		ck_assert_uint_eq(world->ran, world->registered);
	} else {
		failed = true;
	}
	counting_finish(&world->counting);
	return failed;
}

START_TEST(oom_at_each_call_leaves_the_pool_as_it_was)
{
	static struct world world;
	size_t n = 1, stride = quick() ? QUICK_STRIDE : 1;

	memset(&world, 0, sizeof world);
	while (walk_with_failure(&world, n, _i == 1)) {
		memset(&world, 0, sizeof world);
		n += stride;
	}
	ck_assert_uint_gt(n, 20);
}
END_TEST

/* Walks so, with each call failing in turn. */
static void walk_in_small_blocks(struct world *world, size_t size,
				 bool for_ever, size_t *forgiven,
				 size_t *forgiven_caches)
{
	size_t n = 1;
	bool failed = true;

	for (; failed; n++) {
		memset(world, 0, sizeof *world);
		world->small_block = size;
		failed = walk_with_failure(world, n, for_ever);
		*forgiven += world->forgiven;
		*forgiven_caches += world->forgiven_caches;
	}
	ck_assert_uint_gt(n, 20);
}

/* Of blocks so small that what lasts takes one, and the rest of the call
   another one. */
START_TEST(oom_at_each_call_of_reuse_leaves_all_but_what_lasts)
{
	static struct world world;
	size_t size = SMALL_BLOCK, forgiven = 0, forgiven_caches = 0;

	walk_in_small_blocks(&world, size, _i == 1, &forgiven,
			     &forgiven_caches);
	if (watched())
		return;
	ck_assert_uint_gt(forgiven, 0);
	/* Where a call fails but once a smaller slab is made; else a block has
	   to end between what lasts of a cache and its slab. */
	while (_i == 1 && !sampled() && forgiven_caches == 0) {
		ck_assert_uint_lt(size, 4 * SMALL_BLOCK);
		walk_in_small_blocks(&world, size += 64, true, &forgiven,
				     &forgiven_caches);
	}
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
	tcase_add_loop_test(tcase,
			    oom_at_each_call_of_reuse_leaves_all_but_what_lasts,
			    0, 2);
	tcase_add_test(tcase, oom_at_each_limit_leaves_the_pool_usable);
	return suite_run(suite);
}
