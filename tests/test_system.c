/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A system that refuses: the same walk over the whole API, by several threads,
 * is done again and again, each time with another of the library's calls of
 * the system failing, once or from there on. After each failed step the pools
 * are as they were before it and what they gave is untouched; once the system
 * gives again all of it works; and nothing is left at the end.
 *
 * Each walk is in a process of its own, since slots belong to the process.
 * There a check that fails tells its line and ends the process.
 */
#include "system.h"

#include "cache.h"
#include "counting.h"
#include "util.h"

#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	USERS = 3,         /* threads, the main one included                */
	OBJECTS = 400,     /* the most that a walk keeps in a pool          */
	KINDS = 4,         /* of pools                                      */
	SAMPLE = 257,      /* about every so manieth byte is checked        */
	QUICK_STRIDE = 29, /* a quick run fails every so manieth call only  */
	CALLS_LEAST = 80,  /* that a walk makes                             */
	EXIT_UNREACHED = 3 /* of a walk with fewer calls                    */
};

#define LIMIT ((size_t)16 << 20)

/* The number of the call that failed in this walk's process. */
static size_t failing_call;

/* In the process of a walk, on any thread. */
#define HOLDS(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr,                                        \
				"test_system.c:%d: not %s; failing call "      \
				"%zu\n",                                       \
				__LINE__, #condition, failing_call);           \
			_exit(EXIT_FAILURE);                                   \
		}                                                              \
	} while (0)

struct object {
	tarn_pool *pool;
	unsigned char *bytes; /* NULL: none */
	size_t size;
};

/* Objects with a place of their own; the others follow. */
enum {
	GROWS_SMALL,
	GROWS_LARGE,
	GROWS_THEIRS, /* another thread's each time */
	TO_FREE,
	FREED_SIZED,
	FREED_THEIRS, /* by the thread that comes next */
	OTHERS
};

enum {
	CACHED = 200, /* bytes of an object of the cache           */
	SIZED = 333   /* bytes of one that is freed with its size  */
};

struct world {
	int kind;
	tarn_pool *pool, *child;
	struct object objects[OBJECTS];
	size_t count;
	tarn_cleanup *cleanup; /* NULL, or to be cancelled or run */
	tarn_cache *cache;
	unsigned char *cached;  /* its objects, linked */
	tarn_mark mark;         /* of the thread whose turn it is */
	size_t marked;          /* bytes handed out then */
	size_t since_mark;      /* cleanups registered since */
	size_t registered, ran; /* cleanups, those cancelled not counted */
	size_t keys;
	size_t ooms; /* calls of the handler */
};

/* Makes one call. Whether it succeeded; if not, the world is as before. */
typedef bool step_fn(struct world *world);

/* ---- objects ------------------------------------------------------------- */

/* The next byte of an object to look at: the further on, the fewer. */
static size_t sample_after(size_t i)
{
	return i + SAMPLE + i / 8;
}

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + 7);
}

static void fill(const struct object *object)
{
	for (size_t i = 0; i < object->size; i = sample_after(i))
		object->bytes[i] = byte_at(i);
}

/* The first `size` bytes. */
static bool is_filled(const struct object *object, size_t size)
{
	for (size_t i = 0; object->bytes != NULL && i < size;
	     i = sample_after(i))
		if (object->bytes[i] != byte_at(i))
			return false;
	return true;
}

static bool keep(struct world *world, tarn_pool *pool, void *ptr, size_t size)
{
	struct object *object = &world->objects[world->count];

	if (ptr == NULL)
		return false;
	HOLDS(world->count < OBJECTS);
	*object = (struct object){pool, ptr, size};
	fill(object);
	world->count++;
	return true;
}

static void forget(struct world *world, const tarn_pool *pool)
{
	for (size_t i = 0; i < world->count; i++)
		if (world->objects[i].pool == pool)
			world->objects[i].bytes = NULL;
}

static bool resize(struct world *world, int place, size_t size)
{
	struct object *object = &world->objects[place];
	unsigned char *moved =
		tarn_prealloc(world->pool, object->bytes, object->size, size);

	if (moved == NULL)
		return false;
	if (object->bytes == NULL)
		object->size = 0;
	object->bytes = moved;
	HOLDS(is_filled(object, object->size < size ? object->size : size));
	*object = (struct object){world->pool, moved, size};
	fill(object);
	return true;
}

/* ---- steps --------------------------------------------------------------- */

static bool step_palloc(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 100), 100);
}

static bool step_palloc_much(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 3000), 3000);
}

static bool step_pnalloc(struct world *world)
{
	return keep(world, world->pool, tarn_pnalloc(world->pool, 301), 301);
}

static bool step_pcalloc(struct world *world)
{
	return keep(world, world->pool, tarn_pcalloc(world->pool, 7, 99),
		    7 * 99);
}

static bool step_pmemalign(struct world *world)
{
	void *ptr = tarn_pmemalign(world->pool, 64, 200);

	HOLDS(is_aligned(ptr, 64));
	return keep(world, world->pool, ptr, 200);
}

static bool step_pmemalign_wide(struct world *world)
{
	void *ptr = tarn_pmemalign(world->pool, 65536, 10000);

	HOLDS(is_aligned(ptr, 65536));
	return keep(world, world->pool, ptr, 10000);
}

static bool step_large(struct world *world)
{
	return keep(world, world->pool, tarn_palloc(world->pool, 10000), 10000);
}

static bool step_local(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	if (local == NULL)
		return false;
	HOLDS(tarn_local_pool(local) == world->pool);
	return keep(world, world->pool, tarn_local_palloc(local, 500), 500);
}

static bool step_grow_small(struct world *world)
{
	return resize(world, GROWS_SMALL,
		      world->objects[GROWS_SMALL].size + 250);
}

static bool step_grow_large(struct world *world)
{
	return resize(world, GROWS_LARGE,
		      world->objects[GROWS_LARGE].size + 9000);
}

static bool step_shrink_large(struct world *world)
{
	return resize(world, GROWS_LARGE,
		      world->objects[GROWS_LARGE].size / 3 + 1);
}

static bool step_grow_theirs(struct world *world)
{
	return resize(world, GROWS_THEIRS,
		      world->objects[GROWS_THEIRS].size + 20000);
}

/* Beyond 2 MiB, of which mmap has an opinion; and freed at once. */
static bool step_huge(struct world *world)
{
	struct object *object = &world->objects[TO_FREE];

	if (object->bytes == NULL && !resize(world, TO_FREE, 3000000))
		return false;
	HOLDS(tarn_pfree(world->pool, object->bytes) == 0);
	object->bytes = NULL;
	return true;
}

static bool step_pfree_foreign(struct world *world)
{
	int error = errno;

	HOLDS(tarn_pfree(world->pool, world) == -1 && errno == ENOENT);
	errno = error;
	return true;
}

static bool step_pmemdup(struct world *world)
{
	void *copy = tarn_pmemdup(world->pool, world, 900);

	HOLDS(copy == NULL || memcmp(copy, world, 900) == 0);
	return keep(world, world->pool, copy, 900);
}

static bool step_pstrdup(struct world *world)
{
	char *copy = tarn_pstrdup(world->pool, "a string to be copied");

	HOLDS(copy == NULL || strcmp(copy, "a string to be copied") == 0);
	return copy != NULL;
}

static bool step_pstrndup(struct world *world)
{
	char *copy = tarn_pstrndup(world->pool, "a string to be cut", 8);

	HOLDS(copy == NULL || strcmp(copy, "a string") == 0);
	return copy != NULL;
}

static bool step_psprintf(struct world *world)
{
	char *text = tarn_psprintf(world->pool, "%0777d", 5);

	HOLDS(text == NULL || strlen(text) == 777);
	return text != NULL;
}

static bool step_pstrcat(struct world *world)
{
	char *text =
		tarn_pstrcat(world->pool, "one", "two", "three", (char *)NULL);

	HOLDS(text == NULL || strcmp(text, "onetwothree") == 0);
	return text != NULL;
}

static void count_run(void *data)
{
	struct world *world = data;

	world->ran++;
}

static bool step_cleanup_add(struct world *world)
{
	world->cleanup = tarn_cleanup_add(world->pool, count_run, world);
	world->registered += world->cleanup != NULL;
	return world->cleanup != NULL;
}

static bool step_cleanup_cancel(struct world *world)
{
	if (world->cleanup == NULL)
		return true;
	HOLDS(tarn_cleanup_cancel(world->cleanup) == 0);
	world->cleanup = NULL;
	world->registered--;
	return true;
}

static bool step_cleanup_run(struct world *world)
{
	size_t ran = world->ran;

	if (world->cleanup == NULL)
		return true;
	HOLDS(tarn_cleanup_run(world->cleanup) == 0);
	HOLDS(world->ran == ran + 1);
	world->cleanup = NULL;
	return true;
}

static const char keys[OBJECTS];

static bool step_data(struct world *world)
{
	const char *key = &keys[world->keys % OBJECTS];

	if (tarn_pool_set_data(world->pool, key, world) != 0) {
		HOLDS(tarn_pool_data(world->pool, key) == NULL);
		return false;
	}
	HOLDS(tarn_pool_data(world->pool, key) == world);
	world->keys++;
	return true;
}

static bool step_child(struct world *world)
{
	tarn_options options = TARN_OPTIONS_INIT;

	if (world->child != NULL)
		return true;
	options.name = "a child";
	options.limit = world->kind % 2 != 0 ? LIMIT / 2 : 0;
	world->child = tarn_pool_create_child(world->pool, &options);
	return world->child != NULL;
}

static bool step_child_palloc(struct world *world)
{
	return world->child == NULL ||
	       keep(world, world->child, tarn_palloc(world->child, 900), 900);
}

static bool step_child_large(struct world *world)
{
	return world->child == NULL ||
	       keep(world, world->child, tarn_palloc(world->child, 9000), 9000);
}

static bool step_child_destroy(struct world *world)
{
	forget(world, world->child);
	tarn_pool_destroy(world->child);
	world->child = NULL;
	return true;
}

/* A thread's own pool, which what it keeps has end with its use. */
static bool step_scratch(struct world *world)
{
	tarn_mark mark;
	tarn_pool *pool = tarn_scratch_begin(world->pool, &mark);
	bool done;

	if (pool == NULL)
		return false;
	done = tarn_palloc(pool, 1000) != NULL &&
	       tarn_pool_set_data(pool, world, world) == 0;
	tarn_scratch_end(pool, mark);
	return done;
}

static bool step_pfree_sized(struct world *world)
{
	struct object *object = &world->objects[FREED_SIZED];

	if (object->bytes == NULL && !resize(world, FREED_SIZED, SIZED))
		return false;
	HOLDS(is_filled(object, SIZED));
	HOLDS(tarn_pfree_sized(world->pool, object->bytes, SIZED) == 0);
	object->bytes = NULL;
	return true;
}

static bool step_leave_aligned(struct world *world)
{
	struct object *object = &world->objects[FREED_THEIRS];

	if (object->bytes != NULL)
		return true;
	*object = (struct object){world->pool,
				  tarn_pmemalign(world->pool, 8, SIZED), SIZED};
	if (object->bytes == NULL)
		return false;
	fill(object);
	return true;
}

static bool step_pfree_aligned(struct world *world)
{
	struct object *object = &world->objects[FREED_THEIRS];

	HOLDS(is_filled(object, SIZED));
	HOLDS(tarn_pfree_aligned_sized(world->pool, object->bytes, 8, SIZED) ==
	      0);
	object->bytes = NULL;
	return true;
}

static bool step_cache(struct world *world)
{
	if (world->cache == NULL)
		world->cache = tarn_cache_create(world->pool, CACHED, 8);
	return world->cache != NULL;
}

/* Begins with the one before, and is filled beyond that. */
static bool step_cache_alloc(struct world *world)
{
	unsigned char *object;

	if (world->cache == NULL)
		return true;
	object = tarn_cache_alloc(world->cache);
	if (object == NULL)
		return false;
	memcpy(object, &world->cached, sizeof world->cached);
	memset(object + sizeof world->cached, 0x5c,
	       CACHED - sizeof world->cached);
	world->cached = object;
	return true;
}

static bool step_cache_free(struct world *world)
{
	unsigned char *object = world->cached;

	if (object == NULL)
		return true;
	for (size_t i = sizeof object; i < CACHED; i++)
		HOLDS(object[i] == 0x5c);
	memcpy(&world->cached, object, sizeof world->cached);
	tarn_cache_free(world->cache, object);
	return true;
}

/* Void where there is no memory for it: then all that follows it stays. */
static bool step_mark(struct world *world)
{
	tarn_local *local = tarn_pool_local(world->pool);

	world->mark = (tarn_mark){{NULL}};
	world->since_mark = 0;
	if (local == NULL)
		return false;
	world->mark = tarn_local_mark(local);
	HOLDS(world->mark.reserved[0] != NULL || system_failures() > 0);
	world->marked = stats_of(world->pool).handed_out;
	return true;
}

static bool step_since_mark(struct world *world)
{
	struct object object = {world->pool, tarn_palloc(world->pool, 3000),
				3000};

	if (object.bytes == NULL)
		return false;
	fill(&object);
	return true;
}

static bool step_large_since_mark(struct world *world)
{
	struct object object = {world->pool, tarn_palloc(world->pool, 20000),
				20000};

	if (object.bytes == NULL)
		return false;
	fill(&object);
	return true;
}

static bool step_cleanup_since_mark(struct world *world)
{
	if (tarn_cleanup_add(world->pool, count_run, world) == NULL)
		return false;
	world->registered++;
	world->since_mark++;
	return true;
}

static bool step_rewind(struct world *world)
{
	size_t ran = world->ran;

	if (world->mark.reserved[0] == NULL)
		return true;
	tarn_local_rewind(tarn_pool_local(world->pool), world->mark);
	HOLDS(world->ran == ran + world->since_mark);
	HOLDS(stats_of(world->pool).handed_out == world->marked);
	for (size_t i = 0; i < world->count; i++)
		HOLDS(is_filled(&world->objects[i], world->objects[i].size));
	return true;
}

/* In one object: there is not a byte less. */
static bool step_rest_of_limit(struct world *world)
{
	return tarn_palloc(world->pool, LIMIT - stats_of(world->pool).held) !=
	       NULL;
}

static bool step_trim(struct world *world)
{
	(void)world;
	tarn_trim();
	return true;
}

static bool step_reset(struct world *world)
{
	tarn_pool_reset(world->pool);
	HOLDS(world->ran == world->registered);
	HOLDS(stats_of(world->pool).handed_out == 0);
	HOLDS(tarn_pool_data(world->pool, &keys[0]) == NULL);
	memset(world->objects, 0, sizeof world->objects);
	world->count = OTHERS;
	world->child = NULL;
	world->cache = NULL;
	world->cached = NULL;
	world->cleanup = NULL;
	world->keys = 0;
	return true;
}

static const struct step {
	step_fn *fn;
	size_t repeat;
} steps[] = {
	{step_palloc, 5},
	{step_local, 2},
	{step_pnalloc, 2},
	{step_palloc_much, 4},
	{step_pcalloc, 2},
	{step_pmemalign, 2},
	{step_large, 6},
	{step_pmemalign_wide, 1},
	{step_grow_small, 4},
	{step_grow_large, 3},
	{step_shrink_large, 1},
	{step_grow_theirs, 2},
	{step_huge, 1},
	{step_pfree_foreign, 1},
	{step_pmemdup, 2},
	{step_pstrdup, 2},
	{step_pstrndup, 2},
	{step_psprintf, 3},
	{step_pstrcat, 2},
	{step_cleanup_add, 3},
	{step_cleanup_run, 1},
	{step_cleanup_add, 2},
	{step_data, 3},
	{step_cleanup_cancel, 1},
	{step_child, 1},
	{step_child_palloc, 4},
	{step_child_large, 2},
	{step_scratch, 2},
	{step_pfree_aligned, 1},
	{step_leave_aligned, 1},
	{step_pfree_sized, 3},
	{step_palloc_much, 1},
	{step_mark, 1},
	{step_since_mark, 4},
	{step_large_since_mark, 2},
	{step_cleanup_since_mark, 2},
	{step_rewind, 1},
	{step_cache, 1},
	{step_cache_alloc, 30},
	{step_cache_free, 20},
	{step_trim, 1},
	{step_cache_alloc, 5},
};

static void count_oom(tarn_pool *pool, size_t size, void *data)
{
	struct world *world = data;

	HOLDS(pool == world->pool || pool == world->child);
	HOLDS(size > 0);
	world->ooms++;
}

/* Over malloc or mmap, without a limit or with one. */
static bool step_create(struct world *world)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.name = "a pool in a system that refuses";
	options.upstream = world->kind / 2 == 0 ? tarn_upstream_malloc()
						: tarn_upstream_mmap();
	options.limit = world->kind % 2 != 0 ? LIMIT : 0;
	options.on_oom = count_oom;
	options.on_oom_data = world;
	world->pool = tarn_pool_create(&options);
	return world->pool != NULL;
}

/* ---- who makes a step ---------------------------------------------------- */

struct user {
	struct worker worker;
	sem_t go, done;
	struct world *world;
	step_fn *fn; /* NULL: to end */
	bool succeeded;
	int error;
};

static void user_step(struct user *user)
{
	errno = EXDEV;
	user->succeeded = user->fn(user->world);
	user->error = errno;
}

/* Watched until its very end. */
static int use_when_told(void *arg)
{
	struct user *user = arg;

	system_watched = true;
	for (;;) {
		while (sem_wait(&user->go) != 0)
			continue;
		if (user->fn == NULL)
			return 0;
		user_step(user);
		sem_post(&user->done);
	}
}

/* The first one is the main thread. */
static struct user users[USERS];

static void users_begin(struct world *world)
{
	users[0].world = world;
	for (int i = 1; i < USERS; i++) {
		users[i].world = world;
		sem_init(&users[i].go, 0, 0);
		sem_init(&users[i].done, 0, 0);
		worker_start(&users[i].worker, use_when_told, &users[i], NULL);
	}
}

static void users_end(void)
{
	for (int i = 1; i < USERS; i++) {
		users[i].fn = NULL;
		sem_post(&users[i].go);
		worker_join(&users[i].worker);
		sem_destroy(&users[i].go);
		sem_destroy(&users[i].done);
	}
}

static bool done_by(struct user *user, step_fn *fn)
{
	user->fn = fn;
	if (user == &users[0]) {
		system_watched = true;
		user_step(user);
		system_watched = false;
	} else {
		sem_post(&user->go);
		while (sem_wait(&user->done) != 0)
			continue;
	}
	return user->succeeded;
}

/* ---- the walk ------------------------------------------------------------ */

/* What must be as before after a step that failed. */
struct snapshot {
	tarn_stats pool, child;
	size_t places; /* that the cache has for threads and slabs */
};

/* A first use makes its thread the owner, also one that fails. */
static tarn_stats stats_once_owned(const tarn_pool *pool)
{
	tarn_stats stats = stats_of(pool);

	if (stats.local_pools == 0)
		stats.local_pools = 1;
	return stats;
}

static size_t places_of(const tarn_cache *cache)
{
	const struct slot_table *table = cache->table;

	return cache->depot.capacity +
	       (table != NULL ? slot_table_capacity(table) + table->count : 0);
}

static struct snapshot snapshot_of(const struct world *world)
{
	struct snapshot snapshot;

	memset(&snapshot, 0, sizeof snapshot);
	if (world->pool != NULL)
		snapshot.pool = stats_once_owned(world->pool);
	if (world->child != NULL)
		snapshot.child = stats_once_owned(world->child);
	if (world->cache != NULL)
		snapshot.places = places_of(world->cache);
	return snapshot;
}

/* A cache keeps a place that it had made, also where the call failed then. */
static void forgive_places(struct snapshot *after,
			   const struct snapshot *before)
{
	if (after->places == before->places)
		return;
	HOLDS(after->places > before->places);
	HOLDS(after->pool.handed_out > before->pool.handed_out);
	after->places = before->places;
	after->pool.handed_out = before->pool.handed_out;
}

/* What a system cannot give back: without a key no thread has a local pool. */
static bool is_hopeless(step_fn *fn)
{
	return (fn == step_local || fn == step_mark) &&
	       (system_state.failures[CALL_KEY_CREATE] != 0 ||
		system_state.failures[CALL_ATFORK] != 0);
}

static void check_failed(struct world *world, const struct user *user,
			 const struct snapshot *before, size_t ooms)
{
	struct snapshot after = snapshot_of(world);

	HOLDS(user->error == ENOMEM);
	HOLDS(system_failures() > 0);
	forgive_places(&after, before);
	HOLDS(memcmp(before, &after, sizeof after) == 0);
	/* A pool that was not made has no handler, and scratch has none. */
	HOLDS(world->ooms ==
	      ooms + (world->pool != NULL && user->fn != step_scratch));
	for (size_t i = 0; i < world->count; i++)
		HOLDS(is_filled(&world->objects[i], world->objects[i].size));
}

/* Does a step once; after a failure that will not come again, once more. */
static bool do_step(struct world *world, struct user *user, step_fn *fn)
{
	struct snapshot before = snapshot_of(world);
	size_t ooms = world->ooms;

	if (!done_by(user, fn)) {
		check_failed(world, user, &before, ooms);
		if (system_state.for_ever || is_hopeless(fn))
			return false;
		HOLDS(done_by(user, fn));
	}
	HOLDS(user->error == EXDEV);
	return true;
}

/* The limit counts what is held, and nothing that failed on the way. */
static void check_limit(void)
{
	size_t fail_at = system_state.fail_at;

	system_state.fail_at = 0;
	/* Afterwards the pool has all the tables that the rest needs. */
	HOLDS(done_by(&users[0], step_large) && done_by(&users[0], step_reset));
	HOLDS(done_by(&users[0], step_rest_of_limit));
	HOLDS(!done_by(&users[0], step_large) && users[0].error == ENOMEM);
	system_state.fail_at = fail_at;
}

/* By each thread after the other, twice. */
static void walk_pool(struct world *world)
{
	for (int round = 0; round < 2 * USERS; round++) {
		struct user *user = &users[round % USERS];

		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			for (size_t j = 0; j < steps[i].repeat; j++)
				do_step(world, user, steps[i].fn);
		do_step(world, user, step_child_destroy);
		if (round >= USERS)
			HOLDS(do_step(world, user, step_reset));
	}
}

static void destroy(struct world *world)
{
	system_watched = true;
	errno = EXDEV;
	tarn_pool_destroy(world->pool);
	HOLDS(errno == EXDEV);
	system_watched = false;
	HOLDS(world->ran == world->registered);
}

/* A pool's life, in that of the threads that use it. */
static void walk(struct world *world, int kind, bool calm)
{
	*world = (struct world){.kind = kind, .count = OTHERS};
	users_begin(world);
	if (do_step(world, &users[0], step_create)) {
		walk_pool(world);
		if (kind % 2 != 0)
			check_limit();
		destroy(world);
		world->pool = NULL;
	}
	users_end();
	HOLDS(!calm || world->ran > 0);
}

/* All that is left is the registry of slots, of which one is a thread's. */
static void check_nothing_left(struct world *world)
{
	HOLDS(do_step(world, &users[0], step_trim));
	HOLDS(system_state.mapped == 0);
	/* A profile's sites stay to the end; pools have records by calloc. */
	if (sampled())
		return;
	HOLDS(system_state.blocks == 0);
	HOLDS(system_state.lasting <= USERS + 1);
}

/* A process: walks with the failure, and then without. */
static void walk_and_exit(int kind)
{
	static struct world world;
	size_t failures;

	walk(&world, kind, false);
	failures = system_failures();
	system_state.fail_at = 0;
	system_state.for_ever = false;
	walk(&world, kind, true);
	check_nothing_left(&world);
	exit(failures != 0 ? EXIT_SUCCESS : EXIT_UNREACHED);
}

/* Whether there was such a call. */
static bool walk_with_failure(int kind, size_t n, bool for_ever,
			      enum system_call only)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		failing_call = n;
		system_state.fail_at = n;
		system_state.for_ever = for_ever;
		system_state.only = only;
		walk_and_exit(kind);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
		WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_SUCCESS ||
				      WEXITSTATUS(status) == EXIT_UNREACHED),
		"a pool of kind %d, call %zu of %s failing %s: status %#x",
		kind, n, only == CALLS ? "all" : system_names[only],
		for_ever ? "for ever" : "once", (unsigned)status);
	return WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* ---- tests --------------------------------------------------------------- */

START_TEST(system_at_each_call_refusing_leaves_the_pool_as_it_was)
{
	size_t n = 1, stride = quick() ? QUICK_STRIDE : 1;

	while (walk_with_failure(_i / 2, n, _i % 2 != 0, CALLS))
		n += stride;
	ck_assert_uint_gt(n, CALLS_LEAST);
}
END_TEST

/* And each of them is made: else its name above would say nothing. */
START_TEST(system_refusing_one_kind_of_call_leaves_the_pool_as_it_was)
{
	enum system_call only = (enum system_call)_i;
	int made = 0;

	for (int kind = 0; kind < KINDS; kind++) {
		made += walk_with_failure(kind, 1, false, only);
		made += walk_with_failure(kind, 1, true, only);
	}
	ck_assert_int_gt(made, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("system");
	TCase *tcase = suite_case(suite, "a system that refuses");

	tcase_add_loop_test(
		tcase, system_at_each_call_refusing_leaves_the_pool_as_it_was,
		0, 2 * KINDS);
	tcase_add_loop_test(
		tcase,
		system_refusing_one_kind_of_call_leaves_the_pool_as_it_was, 0,
		CALLS);
	return suite_run(suite);
}
