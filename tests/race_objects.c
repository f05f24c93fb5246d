/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that give objects and take them back, each as workers of a race
 * make it. What is given is filled and kept until the round's end; what goes
 * round among the workers is filled with the number of who put it there.
 */
#include "race.h"

enum {
	CACHED = 48 /* bytes of an object of a cache */
};

static const char *const TEXT = "the quick brown fox jumps over the lazy dog";

static void count_handed_out(struct work *work, const void *at, size_t size)
{
	if (at != NULL)
		work->handed_out += whole(size);
}

int run_palloc(struct work *work)
{
	size_t size = random_between(&work->random, 0, SMALL_MAX);
	void *at = tarn_palloc(work->scene->pool, size);

	EXPECT(is_aligned(at, TARN_ALIGNMENT));
	count_handed_out(work, at, size);
	return keep(work, at, size);
}

int run_pnalloc(struct work *work)
{
	size_t size = small_size(work);

	return keep(work, tarn_pnalloc(work->scene->pool, size), size);
}

int run_pcalloc(struct work *work)
{
	size_t count = random_between(&work->random, 1, 30);
	void *at = tarn_pcalloc(work->scene->pool, count, 20);

	EXPECT(at == NULL || all_bytes(at, count * 20, 0));
	count_handed_out(work, at, count * 20);
	return keep(work, at, count * 20);
}

int run_pmemalign(struct work *work)
{
	size_t alignment = (size_t)1 << random_between(&work->random, 0, 9);
	size_t size = small_size(work);
	void *at = tarn_pmemalign(work->scene->pool, alignment, size);

	EXPECT(is_aligned(at, alignment));
	return keep(work, at, size);
}

void prepare_prealloc(struct scene *scene)
{
	size_t i;

	for (i = 0; i < WORKERS; i++) {
		scene->works[i].handed = tarn_palloc(scene->pool, 100);
		if (scene->works[i].handed != NULL)
			memset(scene->works[i].handed, 0x5a, 100);
	}
}

int run_prealloc(struct work *work)
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

int run_large(struct work *work)
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

void prepare_pfree(struct scene *scene)
{
	size_t i;

	for (i = 0; i < SHARED; i++) {
		scene->large[i] = tarn_palloc(scene->pool, LARGE_MIN);
		scene->ready[FIGHT_LARGE] += scene->large[i] != NULL;
	}
}

/* All workers free the same objects: each of these goes to one of them. */
int run_pfree(struct work *work)
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

static int keep_text(struct work *work, char *text, const char *expected)
{
	EXPECT(text == NULL || strcmp(text, expected) == 0);
	return keep(work, text, strlen(expected) + 1);
}

int run_copy(struct work *work)
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

int run_format(struct work *work)
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

int run_local(struct work *work)
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

size_t sized_size(size_t i)
{
	return 16 + i * 40;
}

int free_sized(tarn_pool *pool, size_t i, void *object)
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

int run_pfree_sized(struct work *work)
{
	int status = 0;

	for (size_t i = 0; i < 6 && status == 0; i++)
		status = exchange_sized(
			work, random_between(&work->random, 0, SHARED - 1));
	return status;
}

void prepare_cache(struct scene *scene)
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

int run_cache(struct work *work)
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

int run_cache_create(struct work *work)
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
