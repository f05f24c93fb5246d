/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows 12 and 13: objects of one size, from a cache of a pool, against those of
 * mimalloc.
 */
#include "bars.h"

#include <sched.h>
#include <stdio.h>

enum {
	SIZE = 32, /* bytes */
	PAIRS = 20000,
	QUEUE = 1000
};

/* ---- by one thread ------------------------------------------------------- */

/* All loops are the same but for the calls in them. `arg` is a tarn_cache, or
   a struct peer. */
#define LIFO(name, type, alloc, give)                                          \
	static bool name(const void *arg, double *ns)                          \
	{                                                                      \
		type *from = *(type *const *)arg;                              \
		struct watch start = watch_start();                            \
                                                                               \
		for (int i = 0; i < PAIRS; i++) {                              \
			void *object = alloc(from);                            \
                                                                               \
			touch(object);                                         \
			give(from, object);                                    \
		}                                                              \
		*ns = watch_ns(&start) / PAIRS;                                \
		return watch_calm(&start);                                     \
	}

/* The oldest of many is freed each time. */
#define FIFO(name, type, alloc, give)                                          \
	static bool name(const void *arg, double *ns)                          \
	{                                                                      \
		type *from = *(type *const *)arg;                              \
		void *queue[QUEUE];                                            \
		struct watch start;                                            \
		bool calm;                                                     \
                                                                               \
		for (int i = 0; i < QUEUE; i++)                                \
			queue[i] = alloc(from);                                \
		start = watch_start();                                         \
		for (int i = 0; i < PAIRS / QUEUE; i++)                        \
			for (int k = 0; k < QUEUE; k++) {                      \
				give(from, queue[k]);                          \
				queue[k] = alloc(from);                        \
				touch(queue[k]);                               \
			}                                                      \
		*ns = watch_ns(&start) / PAIRS;                                \
		calm = watch_calm(&start);                                     \
		for (int i = 0; i < QUEUE; i++)                                \
			give(from, queue[i]);                                  \
		return calm;                                                   \
	}

#define PEER_ALLOC(peer)        (peer)->alloc(SIZE)
#define PEER_GIVE(peer, object) (peer)->free(object)

LIFO(lifo_cache, tarn_cache, tarn_cache_alloc, tarn_cache_free)
LIFO(lifo_peer, const struct peer, PEER_ALLOC, PEER_GIVE)
FIFO(fifo_cache, tarn_cache, tarn_cache_alloc, tarn_cache_free)
FIFO(fifo_peer, const struct peer, PEER_ALLOC, PEER_GIVE)

/* ---- made by one thread, freed by another -------------------------------- */

enum {
	RING = 4096,     /* objects under way at most        */
	PART = 64,       /* of them go over together         */
	TURN = 8 * RING, /* from a drained ring to the next  */
	HANDED = 10 * RING
};

/* The most that a pool held, of the moments at which a ring went over. */
struct most {
	const tarn_pool *pool;
	size_t held;
};

struct hand_over {
	tarn_cache *cache; /* or NULL: */
	const struct peer *peer;
	struct most *most; /* or NULL: only timed */
	size_t count;
	struct gate gate;
	_Alignas(128) atomic_size_t made; /* parts */
	_Alignas(128) atomic_size_t freed;
	_Alignas(128) void *ring[RING];
	bool calm[2];
	double start[2], end[2];
};

static void hand_make(struct hand_over *run, void **part)
{
	for (int i = 0; i < PART; i++) {
		part[i] = run->cache != NULL ? tarn_cache_alloc(run->cache)
					     : run->peer->alloc(SIZE);
		touch(part[i]);
	}
}

static void hand_free(struct hand_over *run, void **part)
{
	for (int i = 0; i < PART; i++)
		if (run->cache != NULL)
			tarn_cache_free(run->cache, part[i]);
		else
			run->peer->free(part[i]);
}

/* How far the maker must not, and how far it has to be ahead for part `i`. With
   what is held in view, all go over in turn now and then, and only then is the
   most under way for sure. */
static size_t hand_ahead(const struct hand_over *run, unsigned self, size_t i)
{
	size_t left = run->count / PART - i;
	bool turn = run->most != NULL && i % (TURN / PART) == 0;

	if (self == 0)
		return turn ? 1 : RING / PART;
	if (!turn)
		return 1;
	return left < RING / PART ? left : RING / PART;
}

static void hand_wait(struct hand_over *run, unsigned self, size_t i)
{
	size_t ahead = hand_ahead(run, self, i);
	unsigned spins = 0;

	if (self == 0)
		while (i - atomic_load_explicit(&run->freed,
						memory_order_acquire) >=
		       ahead)
			spin(&spins);
	else
		while (atomic_load_explicit(&run->made, memory_order_acquire) -
			       i <
		       ahead)
			spin(&spins);
}

static void look(struct most *most)
{
	size_t held = pool_held(most->pool);

	if (held > most->held)
		most->held = held;
}

static void hand_thread(void *arg, unsigned self)
{
	struct hand_over *run = arg;
	struct watch start;

	gate_wait(&run->gate);
	start = watch_start();
	run->start[self] = start.ns;
	for (size_t i = 0; i < run->count / PART; i++) {
		void **part = run->ring + i * PART % RING;

		hand_wait(run, self, i);
		if (self == 0)
			hand_make(run, part);
		else
			hand_free(run, part);
		atomic_store_explicit(self == 0 ? &run->made : &run->freed,
				      i + 1, memory_order_release);
		if (self == 0 && run->most != NULL &&
		    (i + 1) % (RING / PART) == 0)
			look(run->most);
	}
	run->end[self] = clock_ns();
	run->calm[self] = watch_calm(&start);
}

/* ns: from the first start to the last end, for an object. */
static bool hand_run(tarn_cache *cache, const struct peer *peer,
		     struct most *most, size_t count, double *ns)
{
	static struct hand_over run;

	run.cache = cache;
	run.peer = peer;
	run.most = most;
	run.count = count;
	run.gate = (struct gate){0, 2};
	run.made = run.freed = 0;
	pair_run(hand_thread, &run, 1);
	*ns = (fmax(run.end[0], run.end[1]) -
	       fmin(run.start[0], run.start[1])) /
	      (double)count;
	return run.calm[0] && run.calm[1];
}

static bool hand_cache(const void *arg, double *ns)
{
	return hand_run(*(tarn_cache *const *)arg, NULL, NULL, HANDED, ns);
}

static bool hand_peer(const void *arg, double *ns)
{
	return hand_run(NULL, *(const struct peer *const *)arg, NULL, HANDED,
			ns);
}

/* ---- the rows ------------------------------------------------------------ */

static tarn_cache *make_cache(tarn_pool *pool)
{
	tarn_cache *cache = tarn_cache_create(pool, SIZE, TARN_ALIGNMENT);

	if (cache == NULL)
		die("tarn_cache_create");
	return cache;
}

void row_cache(void)
{
	const struct peer *peer = peer_mimalloc();
	tarn_pool *pool;
	tarn_cache *cache;

	if (peer == NULL)
		return;
	pool = make_pool(NULL);
	cache = make_cache(pool);
	report_times("freed at once",
		     (struct side[]){{lifo_peer, &peer}, {lifo_cache, &cache}},
		     true, 0.5);
	report_times("a queue of 1,000",
		     (struct side[]){{fifo_peer, &peer}, {fifo_cache, &cache}},
		     true, 0.7);
	report_times("freed by another thread",
		     (struct side[]){{hand_peer, &peer}, {hand_cache, &cache}},
		     true, 0.7);
	tarn_pool_destroy(pool);
}

/* How full the lists of both threads and those between them are, differs from
   moment to moment; the most of them must not grow with the objects that went
   over. */
void row_cache_held(void)
{
	size_t count = operations(2000000) / 2;
	tarn_pool *pool = make_pool(NULL);
	tarn_cache *cache = make_cache(pool);
	struct most half = {pool, 0}, all;
	char what[64];
	double ns;

	hand_run(cache, NULL, &half, count / 2, &ns);
	all = half;
	hand_run(cache, NULL, &all, count - count / 2, &ns);
	snprintf(what, sizeof(what), "most held in %zu, and in a half", count);
	report_bytes(what, all.held, half.held, 1.25);
	report_bytes("most held, and under way at most", all.held,
		     (size_t)RING * SIZE, 2.5);
	tarn_pool_destroy(pool);
}
