/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request: a pool for each request, the child of a listener's pool.
 *
 * The acceptor creates the child and hands it to a worker through a queue; the
 * worker allocates from it, while others do so from its siblings, and destroys
 * it. What the request opened is closed by a cleanup. A request that no worker
 * came to serve goes with the listener.
 */
#include <tarn.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define REQUESTS 400u
#define WORKERS  4u
#define WAITING  8u              /* requests in the queue, at most */
#define BODY     ((size_t)20000) /* bytes; above 4096, so a large allocation */

struct request {
	unsigned number;
	tarn_pool *pool;
};

static struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct request waiting[WAITING];
	unsigned first, count;
	int closed;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER,
	   .changed = PTHREAD_COND_INITIALIZER};

static tarn_pool *listener;
static atomic_uint served, failed, files_open, files_closed;
static atomic_size_t most_alive;

static void queue_put(struct request request)
{
	pthread_mutex_lock(&queue.mutex);
	while (queue.count == WAITING)
		pthread_cond_wait(&queue.changed, &queue.mutex);
	queue.waiting[(queue.first + queue.count++) % WAITING] = request;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.mutex);
}

static void queue_close(void)
{
	pthread_mutex_lock(&queue.mutex);
	queue.closed = 1;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.mutex);
}

/* Returns 0 once the queue is closed and empty. */
static int queue_get(struct request *request)
{
	int found;

	pthread_mutex_lock(&queue.mutex);
	while (queue.count == 0 && !queue.closed)
		pthread_cond_wait(&queue.changed, &queue.mutex);
	found = queue.count > 0;
	if (found) {
		*request = queue.waiting[queue.first];
		queue.first = (queue.first + 1) % WAITING;
		queue.count--;
		pthread_cond_broadcast(&queue.changed);
	}
	pthread_mutex_unlock(&queue.mutex);
	return found;
}

static void close_file(void *file)
{
	if (fclose(file) == 0)
		atomic_fetch_add(&files_closed, 1);
}

/* A file that is closed when the request's pool ends, or NULL. */
static FILE *open_file(tarn_pool *pool)
{
	FILE *file = tmpfile();

	if (file && !tarn_cleanup_add(pool, close_file, file)) {
		fclose(file);
		return NULL;
	}
	if (file)
		atomic_fetch_add(&files_open, 1);
	return file;
}

/* Writes a reply to a file and reads it back. Returns 0 if it is the same. */
static int serve(tarn_pool *pool, unsigned number)
{
	FILE *file = open_file(pool);
	char *head = tarn_psprintf(pool, "reply %u: ", number);
	char *body = tarn_palloc(pool, BODY + 1), *reply = NULL, *copy;
	size_t size;

	if (head && body) {
		memset(body, 'a' + (int)(number % 26), BODY);
		body[BODY] = '\0';
		reply = tarn_pstrcat(pool, head, body, "\n", (char *)NULL);
	}
	if (!file || !reply)
		return -1;
	size = strlen(reply);
	copy = tarn_palloc(pool, size);
	if (!copy || fwrite(reply, 1, size, file) != size)
		return -1;
	rewind(file);
	if (fread(copy, 1, size, file) != size)
		return -1;
	return memcmp(copy, reply, size);
}

static void note_alive(void)
{
	tarn_stats stats = TARN_STATS_INIT;
	size_t most = atomic_load(&most_alive);

	if (tarn_pool_stats(listener, &stats) != 0)
		atomic_fetch_add(&failed, 1);
	while (most < stats.children &&
	       !atomic_compare_exchange_weak(&most_alive, &most,
					     stats.children)) {
	}
}

static void *work(void *unused)
{
	struct request request;

	while (queue_get(&request)) {
		if (serve(request.pool, request.number) != 0)
			atomic_fetch_add(&failed, 1);
		note_alive();
		tarn_pool_destroy(request.pool);
		atomic_fetch_add(&served, 1);
	}
	return unused;
}

/*
 * The acceptor only creates the pool: the first thread that allocates from it,
 * the worker, is the one that finds its memory fastest.
 */
static void accept_all(void)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct request request = {
			.number = i,
			.pool = tarn_pool_create_child(listener, NULL)};

		if (request.pool)
			queue_put(request);
		else
			atomic_fetch_add(&failed, 1);
	}
	queue_close();
}

int main(void)
{
	pthread_t workers[WORKERS];
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *unserved;

	listener = tarn_pool_create(NULL);
	if (!listener)
		return 1;
	for (size_t i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i], NULL, work, NULL) != 0)
			return 1;
	accept_all();
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	if (tarn_pool_stats(listener, &stats) != 0 || stats.children != 0)
		atomic_fetch_add(&failed, 1);

	unserved = tarn_pool_create_child(listener, NULL);
	if (!unserved || !open_file(unserved))
		atomic_fetch_add(&failed, 1);
	tarn_pool_destroy(listener);

	printf("%u requests served by %u workers, at most %zu alive at once\n"
	       "%u files opened, %u closed, %u failures\n",
	       atomic_load(&served), WORKERS, atomic_load(&most_alive),
	       atomic_load(&files_open), atomic_load(&files_closed),
	       atomic_load(&failed));
	return served != REQUESTS || files_open != REQUESTS + 1 ||
	       files_closed != REQUESTS + 1 || failed != 0;
}
