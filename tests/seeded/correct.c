/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No bugs: every tool has to be silent about these, whatever they do to each
 * byte that they may use.
 */
#include <stdlib.h>
#include <string.h>

#include "crew.h"

enum {
	THREADS = 8,
	ROUNDS = 4,
	SIZES = 200, /* bytes: sizes below this are tried ...          */
	APART = 7,   /* bytes: ... that far apart                      */
	LARGE = 9001 /* bytes: beyond the default large_above, and odd */
};

/* ---- every byte of every object ---------------------------------------- */

static void fill(char *object, size_t size)
{
	must(object);
	memset(object, 'x', size);
	if (size != 0)
		sink = (unsigned char)object[size - 1];
}

static void fill_calls(tarn_pool *pool, size_t size)
{
	char *zero = must(tarn_pcalloc(pool, 1, size));

	for (size_t i = 0; i < size; i++)
		expect(zero[i] == 0, "not zero");
	fill(zero, size);
	fill(tarn_palloc(pool, size), size);
	fill(tarn_pnalloc(pool, size), size);
	for (size_t alignment = 1; alignment <= 256; alignment *= 2)
		fill(tarn_pmemalign(pool, alignment, size), size);
}

static void fill_local(tarn_local *local, size_t size)
{
	fill(tarn_local_palloc(local, size), size);
	fill(tarn_local_pnalloc(local, size), size);
	for (size_t alignment = 1; alignment <= 256; alignment *= 2)
		fill(tarn_local_pmemalign(local, alignment, size), size);
}

/* Grown a byte at a time, shrunk, and grown again. */
static void fill_resized(tarn_pool *pool, size_t most)
{
	char *object = must(tarn_palloc(pool, 1));
	size_t size = 1;

	fill(object, size);
	for (; size < most; size++) {
		object = must(tarn_prealloc(pool, object, size, size + 1));
		expect(object[size - 1] == 'x', "not kept");
		fill(object, size + 1);
	}
	object = must(tarn_prealloc(pool, object, size, size / 2));
	fill(object, size / 2);
	object = must(tarn_prealloc(pool, object, size / 2, LARGE));
	fill(object, LARGE);
	object = must(tarn_prealloc(pool, object, LARGE, 3 * LARGE));
	fill(object, 3 * LARGE);
	object = must(tarn_prealloc(pool, object, 3 * LARGE, 20));
	fill(object, 20);
}

static void fill_strings(tarn_pool *pool)
{
	char *text = must(tarn_psprintf(pool, "%s %d", "text", 12));

	expect(strcmp(text, "text 12") == 0, "psprintf");
	text = must(tarn_pstrcat(pool, text, ", ", "13", NULL));
	expect(strcmp(text, "text 12, 13") == 0, "pstrcat");
	text = must(tarn_pstrdup(pool, text));
	fill(text, strlen(text) + 1);
	text = must(tarn_pstrndup(pool, "abcdef", 3));
	expect(strcmp(text, "abc") == 0, "pstrndup");
	fill(tarn_pmemdup(pool, "abcdef", 5), 5);
}

static void fill_large(tarn_pool *pool)
{
	char *object = must(tarn_palloc(pool, LARGE));

	fill(object, LARGE);
	expect(tarn_pfree(pool, object) == 0, "pfree");
	fill(tarn_pmemalign(pool, 4096, LARGE), LARGE);
	fill(tarn_pcalloc(pool, 3, LARGE), (size_t)3 * LARGE);
}

static void use(tarn_pool *pool)
{
	tarn_local *local = must(tarn_pool_local(pool));

	for (size_t size = 0; size < SIZES; size += APART) {
		fill_calls(pool, size);
		fill_local(local, size);
	}
	fill_resized(pool, SIZES);
	fill_strings(pool);
	fill_large(pool);
}

static void note(void *data)
{
	++*(int *)data;
}

static void use_and_reset(tarn_pool *pool)
{
	for (int round = 0; round < ROUNDS; round++) {
		tarn_pool *child = must(tarn_pool_create_child(pool, NULL));
		int *runs = must(tarn_pcalloc(pool, 1, sizeof(*runs)));

		must(tarn_cleanup_add(pool, note, runs));
		use(pool);
		use(child);
		tarn_pool_reset(pool);
	}
	use(pool);
}

static void alone(void)
{
	tarn_pool *pool = open_pool();

	use_and_reset(pool);
	tarn_pool_destroy(pool);
}

static void mapped(void)
{
	tarn_pool *pool = open_pool_over(tarn_upstream_mmap());

	use_and_reset(pool);
	tarn_pool_destroy(pool);
}

/* ---- memory that goes back to its owner, who uses all of it ------------- */

static void buffer(void)
{
	static char outer[16384];
	char inner[4096];
	tarn_options options = TARN_OPTIONS_INIT;

	for (int round = 0; round < ROUNDS; round++) {
		tarn_pool *pool;

		options.buffer = round % 2 ? outer : inner;
		options.buffer_size = round % 2 ? sizeof(outer) : sizeof(inner);
		pool = must(tarn_pool_create(&options));
		use_and_reset(pool);
		tarn_pool_destroy(pool);
		fill(inner, sizeof(inner));
		fill(outer, sizeof(outer));
	}
}

/* Memory that a list keeps, so that no tool sees it freed and taken. */
struct region {
	struct region *next;
	size_t size;
};

static struct region *regions;

static void *list_alloc(void *ctx, size_t *size, size_t alignment)
{
	char *ptr = must(
		aligned_alloc(alignment, (*size + alignment - 1) & -alignment));

	(void)ctx;
	fill(ptr, *size);
	return ptr;
}

static void list_release(void *ctx, void *ptr, size_t size)
{
	struct region *region = ptr;

	(void)ctx;
	fill(ptr, size);
	region->next = regions;
	region->size = size;
	regions = region;
}

static void upstream(void)
{
	static const tarn_upstream list = {list_alloc, NULL, list_release,
					   NULL};
	tarn_pool *pool = open_pool_over(&list);

	use_and_reset(pool);
	tarn_pool_destroy(pool);
	for (struct region *region; (region = regions);) {
		regions = region->next;
		fill((char *)region, region->size);
		free(region);
	}
}

/* ---- many threads, ordered --------------------------------------------- */

static void *use_worker(void *pool)
{
	use(pool);
	return NULL;
}

static void use_together(tarn_pool *pool)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = start(use_worker, pool);
	use(pool);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
}

/* By a join; the threads of one round have the slots of the last one's. */
static void joined(void)
{
	tarn_pool *pool = open_pool();

	for (int round = 0; round < ROUNDS; round++) {
		use_together(pool);
		tarn_pool_reset(pool);
	}
	use_together(pool);
	tarn_pool_destroy(pool);
}

/* By a mutex: whoever holds it has the pool to itself. */
struct guarded {
	pthread_mutex_t mutex;
	tarn_pool *pool;
};

static void *mutex_worker(void *data)
{
	struct guarded *guarded = data;

	for (int round = 0; round < ROUNDS; round++) {
		pthread_mutex_lock(&guarded->mutex);
		fill_strings(guarded->pool);
		tarn_pool_reset(guarded->pool);
		fill_large(guarded->pool);
		pthread_mutex_unlock(&guarded->mutex);
	}
	return NULL;
}

static void locked(void)
{
	struct guarded guarded = {PTHREAD_MUTEX_INITIALIZER, open_pool()};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = start(mutex_worker, &guarded);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	tarn_pool_destroy(guarded.pool);
}

/* By a reference count, in the pool: the last one destroys it. */
struct counted {
	tarn_pool *pool;
	atomic_int users;
};

static void *count_worker(void *data)
{
	struct counted *counted = data;

	fill_strings(counted->pool);
	fill_calls(counted->pool, 100);
	/* ORDER users (acq_rel): each use is before the destroy. */
	if (atomic_fetch_sub_explicit(&counted->users, 1,
				      memory_order_acq_rel) == 1)
		tarn_pool_destroy(counted->pool);
	return NULL;
}

static void counted(void)
{
	pthread_t threads[ROUNDS * THREADS];

	for (int i = 0; i < ROUNDS * THREADS; i += THREADS) {
		tarn_pool *pool = open_pool();
		struct counted *c = must(tarn_palloc(pool, sizeof(*c)));

		c->pool = pool;
		atomic_init(&c->users, THREADS);
		for (int j = 0; j < THREADS; j++)
			threads[i + j] = start(count_worker, c);
	}
	for (int i = 0; i < ROUNDS * THREADS; i++)
		join(threads[i]);
}

/* Each thread its own child of one pool, reset and destroyed as it likes. */
static void *child_worker(void *parent)
{
	for (int round = 0; round < ROUNDS; round++) {
		tarn_pool *child = must(tarn_pool_create_child(parent, NULL));

		fill_calls(parent, 30);
		fill_strings(child);
		tarn_pool_reset(child);
		fill_large(child);
		tarn_pool_destroy(child);
	}
	return NULL;
}

static void children(void)
{
	tarn_pool *pool = open_pool();
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = start(child_worker, pool);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	tarn_pool_destroy(pool);
}

/* Made by one thread, used by the next, destroyed by a third. */
static void handed(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		tarn_pool *pool = open_pool();

		join(start(use_worker, pool));
		join(start(mutex_worker,
			   &(struct guarded){PTHREAD_MUTEX_INITIALIZER, pool}));
		tarn_pool_destroy(pool);
	}
}

/* ---- used again --------------------------------------------------------- */

enum {
	AGAIN = 200 /* objects */
};

struct shared {
	tarn_pool *pool;
	tarn_cache *cache;
	char *objects[AGAIN], *units[AGAIN];
};

/* Takes, in a mark of its own, and in scratch, what ends with them. */
static void use_marks(tarn_pool *pool)
{
	tarn_local *local = must(tarn_pool_local(pool));
	tarn_mark outer = tarn_local_mark(local), inner, mark;
	tarn_pool *scratch = must(tarn_scratch_begin(pool, &mark));

	fill_calls(pool, SIZES);
	fill(tarn_palloc(scratch, LARGE), LARGE);
	inner = tarn_local_mark(local);
	fill_local(local, SIZES);
	fill(tarn_palloc(pool, LARGE), LARGE);
	fill_calls(scratch, SIZES);
	tarn_local_rewind(local, inner);
	tarn_local_rewind(local, outer);
	tarn_scratch_end(scratch, mark);
}

static void *again_worker(void *data)
{
	struct shared *shared = data;

	for (size_t i = 0; i < AGAIN; i++) {
		shared->objects[i] = tarn_palloc(shared->pool, i + 1);
		fill(shared->objects[i], i + 1);
		shared->units[i] = tarn_cache_alloc(shared->cache);
		fill(shared->units[i], SIZES);
	}
	use_marks(shared->pool);
	return NULL;
}

/* What another thread took. */
static void *back_worker(void *data)
{
	struct shared *shared = data;

	for (size_t i = 0; i < AGAIN; i++) {
		fill(shared->objects[i], i + 1);
		expect(tarn_pfree_sized(shared->pool, shared->objects[i],
					i + 1) == 0,
		       "pfree_sized");
		fill(shared->units[i], SIZES);
		tarn_cache_free(shared->cache, shared->units[i]);
	}
	use_marks(shared->pool);
	return NULL;
}

static void again(void)
{
	static struct shared shared[THREADS];
	pthread_t threads[THREADS];
	tarn_pool *pool = open_pool();
	tarn_cache *cache = must(tarn_cache_create(pool, SIZES, 16));

	for (int round = 0; round < 2 * ROUNDS; round++) {
		for (size_t i = 0; i < THREADS; i++) {
			shared[i].pool = pool;
			shared[i].cache = cache;
			threads[i] = start(round % 2 == 0 ? again_worker
							  : back_worker,
					   &shared[i]);
		}
		for (int i = 0; i < THREADS; i++)
			join(threads[i]);
	}
	tarn_trim();
	tarn_pool_destroy(pool);
}

/* ---- alive at exit ----------------------------------------------------- */

/* Volatile, or a compiler sees that nobody reads them. */
static tarn_pool *volatile living[2];
static char **volatile pointers[2];

/* All that is malloc's hangs on what is in the pools. */
static void living_pools(void)
{
	living[0] = open_pool();
	living[1] = open_pool_over(tarn_upstream_mmap());
	for (int i = 0; i < 2; i++) {
		use(living[i]);
		pointers[i] = must(tarn_new_array(living[i], char *, 100));
		for (int j = 0; j < 100; j++)
			pointers[i][j] = must(malloc(10));
	}
	pointers[0] = pointers[1] = NULL;
}

const struct seed correct[] = {
	{"unknown_word", alone},
	{"alone", alone},
	{"mapped", mapped},
	{"buffer", buffer},
	{"upstream", upstream},
	{"joined", joined},
	{"locked", locked},
	{"counted", counted},
	{"children", children},
	{"handed", handed},
	{"again", again},
	{"living_pools", living_pools},
	{NULL, NULL},
};
