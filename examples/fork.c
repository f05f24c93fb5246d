/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork: a server that loads its configuration and then makes workers by fork.
 *
 * A worker goes on with the pool that it inherited, as with all memory: what it
 * allocates from it is its own, and what it destroys ends in it alone. Two
 * things want care. A thread of the parent is inside a pool at the fork, as the
 * logger here always is: that pool is not for the workers. And a cleanup runs
 * in each process that destroys the pool: one that is for the parent, as to
 * unlink a file, has to know which process it is in.
 */
#define _POSIX_C_SOURCE 200809L

#include <tarn.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define RULES   200u

struct config {
	const char *rules[RULES];
};

/* ---- a file that is the parent's ------------------------------------- */

struct owned_file {
	pid_t owner;
	char name[];
};

static void remove_file(void *data)
{
	const struct owned_file *file = data;

	if (file->owner == getpid())
		unlink(file->name);
}

/* Returns the name of a new file, which ends with the parent's pool. */
static const char *make_file(tarn_pool *pool)
{
	static const char name[] = "/tmp/tarn-fork-XXXXXX";
	struct owned_file *file =
		tarn_palloc(pool, sizeof(*file) + sizeof(name));
	int fd;

	if (!file)
		return NULL;
	file->owner = getpid();
	memcpy(file->name, name, sizeof(name));
	fd = mkstemp(file->name);
	if (fd < 0)
		return NULL;
	close(fd);
	if (tarn_cleanup_add(pool, remove_file, file))
		return file->name;
	unlink(file->name);
	return NULL;
}

/* ---- a thread that is always in its pool ----------------------------- */

static tarn_pool *lines;
static atomic_int stop;

static void *log_lines(void *unused)
{
	unsigned line = 0;

	while (!atomic_load(&stop)) {
		tarn_psprintf(lines, "line %u", line);
		if (++line % 1000 == 0)
			tarn_pool_reset(lines); /* no other thread uses it */
	}
	return unused;
}

/* ---- the server ------------------------------------------------------ */

static struct config *load(tarn_pool *pool)
{
	struct config *config = tarn_new(pool, struct config);

	for (unsigned i = 0; config && i < RULES; i++) {
		config->rules[i] = tarn_psprintf(pool, "rule %u", i);
		if (!config->rules[i])
			return NULL;
	}
	return config;
}

/* In the child: returns 0, having used and destroyed what it inherited. */
static int work(tarn_pool *pool, const struct config *config, int number)
{
	tarn_pool *own = tarn_pool_create_child(pool, NULL);
	char *mine = tarn_psprintf(pool, "worker %d", number);
	int status = !own || !mine;

	for (unsigned i = 0; status == 0 && i < RULES; i++) {
		char *rule = tarn_psprintf(own, "rule %u", i);

		status = !rule || strcmp(rule, config->rules[i]) != 0;
	}
	tarn_pool_destroy(pool); /* and `own`; the file stays */
	return status;
}

static int run_workers(tarn_pool *pool, const struct config *config)
{
	int failed = 0, status;

	for (int i = 0; i < WORKERS; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(work(pool, config, i));
		failed += child < 0;
	}
	while (wait(&status) > 0)
		failed += status != 0;
	return failed;
}

int main(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct config *config = pool ? load(pool) : NULL;
	const char *name = config ? make_file(pool) : NULL;
	char copy[64];
	pthread_t logger;
	int failed, stayed;

	lines = tarn_pool_create(NULL);
	snprintf(copy, sizeof(copy), "%s", name ? name : "");
	if (!name || !lines ||
	    pthread_create(&logger, NULL, log_lines, NULL) != 0)
		return 1;
	failed = run_workers(pool, config);
	atomic_store(&stop, 1);
	pthread_join(logger, NULL);
	stayed = access(copy, F_OK) == 0;
	tarn_pool_destroy(lines);
	tarn_pool_destroy(pool);
	printf("%d workers, %d failed; the file %s, and is %s\n", WORKERS,
	       failed, stayed ? "stayed" : "was removed by a worker",
	       access(copy, F_OK) == 0 ? "left behind" : "removed now");
	failed += !stayed || access(copy, F_OK) == 0;
	return failed;
}
