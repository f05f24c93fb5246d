/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cindex: index the identifiers in a tree of C headers with several threads and
 * one pool.
 *
 * cindex [-j threads] [-n rounds] [-t top] [directory]
 *
 * Each file's text and table of words come from the pool, and go in one call.
 * Makes the same index with malloc and free, in turn, and times both.
 */
#define _XOPEN_SOURCE 700
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tarn.h>
#include <time.h>
#include <unistd.h>

#define SUMS 262144 /* buckets of the table of all words */
#define BEST 1000   /* words that can be printed, at most */

struct word {
	struct word *next;
	char *name;
	uint64_t hash;
	unsigned count, files;
};

struct file {
	struct file *next;
	const char *path;
	size_t size, buckets;
	struct word **words; /* a hash table, made by one thread */
};

static tarn_pool *tree; /* holds the list of files, and what is reported */
static struct file *files, *_Atomic todo;
static size_t threads, file_count, byte_count;
static void (*action)(struct file *); /* on each file to do */
static atomic_size_t done;
static tarn_pool *pool; /* holds the index; NULL: malloc and free */
static _Thread_local tarn_local *local; /* this thread's part of a pool */

static void *must(void *object)
{
	if (!object)
		err(1, "memory");
	return object;
}

static void *take(size_t alignment, size_t size)
{
	return must(local ? tarn_local_pmemalign(local, alignment, size)
			  : malloc(size));
}

static void free_file(struct file *file)
{
	for (size_t i = 0; i < file->buckets; i++)
		for (struct word *w; (w = file->words[i]);) {
			file->words[i] = w->next;
			free(w->name);
			free(w);
		}
	free(file->words);
}

/* The word of that name in a table, added if it is new. */
static struct word *enter(struct word **table, size_t buckets, uint64_t hash,
			  const char *name)
{
	struct word **at = &table[hash % buckets];
	size_t size = strlen(name) + 1;

	while (*at && ((*at)->hash != hash || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	if (!*at) {
		*at = take(_Alignof(struct word), sizeof(**at));
		**at = (struct word){NULL, take(1, size), hash, 0, 0};
		memcpy((*at)->name, name, size);
	}
	return *at;
}

/* Past a comment, a literal, a directive's own word, or one character. */
static char *skip(char *p)
{
	char quote = *p;

	if (p[0] == '/' && p[1] == '*') {
		char *end = strstr(p + 2, "*/");

		return end ? end + 2 : strchr(p, '\0');
	}
	if (p[0] == '/' && p[1] == '/')
		return p + strcspn(p, "\n");
	if (*p++ == '#') {
		p += strspn(p, " \t");
		return p + strcspn(p, strncmp(p, "include", 7) ? " \t\n(/"
							       : ">\"\n");
	}
	if (quote == '"' || quote == '\'')
		while (*p && *p != '\n' && *p++ != quote)
			p += p[-1] == '\\' && *p;
	return p;
}

static void scan(struct file *file, char *p)
{
	for (char after, *name = p; *name; name = p) {
		uint64_t hash = 14695981039346656037U; /* FNV-1a */

		for (; isalnum((unsigned char)*p) || *p == '_'; p++)
			hash = (hash ^ (unsigned char)*p) * 1099511628211U;
		after = *p;
		*p = '\0';
		if (p > name && !isdigit((unsigned char)*name))
			enter(file->words, file->buckets, hash, name)->count++;
		*p = after;
		if (p == name)
			p = skip(p);
	}
}

static void index_file(struct file *file)
{
	size_t table = file->buckets * sizeof(*file->words);
	char *text = take(1, file->size + 1);
	int fd = open(file->path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, text, file->size);

	if (size < 0)
		err(1, "%s", file->path);
	close(fd);
	text[size] = '\0';
	file->words = memset(take(sizeof(void *), table), 0, table);
	scan(file, text);
	if (pool)
		tarn_pfree(pool, text); /* a small one stays until the end */
	else
		free(text);
	if (++done % 64 == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "%zu of %zu files\r", done, file_count);
}

static void *work(void *unused)
{
	local = pool ? must(tarn_pool_local(pool)) : NULL;
	for (struct file *file = todo; file; file = todo)
		if (atomic_compare_exchange_weak(&todo, &file, file->next))
			action(file);
	return unused;
}

/* Has the threads take the files off a list until it is empty. */
static void each_file(void (*function)(struct file *))
{
	pthread_t *ids = must(tarn_new_array(tree, pthread_t, threads));

	action = function;
	todo = files;
	done = 0;
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, NULL) != 0)
			errx(1, "cannot create a thread");
	for (size_t i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

/* The same for the same index, in whatever order its threads made it. */
static uint64_t digest(void)
{
	uint64_t sum = 0;

	for (struct file *f = files; f; f = f->next)
		for (size_t i = 0; i < f->buckets; i++)
			for (struct word *w = f->words[i]; w; w = w->next)
				sum += w->hash * (w->count + 1) * (uintptr_t)f;
	return sum;
}

static void report(size_t top)
{
	static const char keywords[] =
		" auto break case char const continue default defined do "
		"double else enum extern float for goto if inline int long "
		"register restrict return short signed sizeof static struct "
		"switch typedef union unsigned void volatile while ";
	static struct word best[BEST + 1];
	struct word *w, *sum, **sums;
	size_t tokens = 0, words = 0, n;
	tarn_stats stats = TARN_STATS_INIT;

	local = must(tarn_pool_local(tree));
	sums = must(tarn_pcalloc(tree, SUMS, sizeof(*sums)));
	for (struct file *file = files; file; file = file->next)
		for (size_t i = 0; i < file->buckets; i++)
			for (w = file->words[i]; w; w = w->next) {
				sum = enter(sums, SUMS, w->hash, w->name);
				sum->count += w->count;
				tokens += w->count;
				words += sum->files++ == 0;
			}
	for (size_t i = 0; i < SUMS; i++)
		for (w = sums[i]; w; w = w->next) {
			for (n = BEST; n && best[n - 1].count < w->count; n--)
				best[n] = best[n - 1];
			best[n] = *w;
		}
	for (n = 0; top > 0 && (w = &best[n])->name; n++) {
		if (strstr(keywords, tarn_psprintf(tree, " %s ", w->name)))
			continue;
		printf("%9u in %5u files: %s\n", w->count, w->files, w->name);
		top--;
	}
	tarn_pool_stats(pool, &stats);
	printf("\n%zu files, %zu bytes, %zu words, %zu distinct, %zu threads\n"
	       "pool: %zu bytes held, %zu handed out, %zu blocks\n",
	       file_count, byte_count, tokens, words, threads, stats.held,
	       stats.handed_out, stats.blocks);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void compare(size_t rounds, size_t top)
{
	double *times = must(tarn_new_array(tree, double, 2 * rounds));
	uint64_t digests[2];

	for (size_t at, i = 0; i < 2 * rounds; i++) {
		double *t = times + i % 2 * rounds, seconds = -now();

		pool = i % 2 ? NULL : must(tarn_pool_create(NULL));
		each_file(index_file);
		seconds += now();
		digests[i % 2] = digest();
		if (digests[0] != digests[i % 2])
			errx(1, "pool and malloc differ");
		if (i == 2 * rounds - 2)
			report(top);
		seconds -= now();
		tarn_pool_destroy(pool);
		if (!pool)
			each_file(free_file); /* what a pool spares */
		seconds += now();
		for (at = i / 2; at > 0 && t[at - 1] > seconds; at--)
			t[at] = t[at - 1];
		t[at] = seconds;
	}
	printf("%.3f s with the pool, %.3f s with malloc (median of %zu)\n",
	       times[rounds / 2], times[rounds + rounds / 2], rounds);
}

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	const char *dot = strrchr(path + ftw->base, '.');
	struct file *file;

	if (type == FTW_DNR)
		warn("%s", path);
	if (type != FTW_F || !S_ISREG(st->st_mode) || !dot ||
	    strcmp(dot, ".h") != 0)
		return 0;
	file = must(tarn_new(tree, struct file));
	*file = (struct file){files, must(tarn_pstrdup(tree, path)),
			      (size_t)st->st_size, st->st_size / 64 + 1, NULL};
	files = file;
	file_count++;
	byte_count += file->size;
	return 0;
}

int main(int argc, char **argv)
{
	size_t rounds = 5, top = 20;

	threads = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	for (int c; (c = getopt(argc, argv, "j:n:t:")) != -1;) {
		size_t *value = c == 'j' ? &threads : c == 'n' ? &rounds : &top;
		*value = c == '?' ? 0 : (unsigned)strtoul(optarg, NULL, 10);
	}
	if (!threads || !rounds || !top || optind + 1 < argc)
		errx(1, "usage: [-j threads] [-n rounds] [-t top] [directory]");
	const char *directory = optind < argc ? argv[optind] : "/usr/include";
	tree = must(tarn_pool_create(NULL));
	if (chdir(directory) != 0 || nftw(".", visit, 16, FTW_PHYS) != 0)
		err(1, "%s", directory);
	if (!files)
		errx(1, "%s: no C headers", directory);
	compare(rounds, top);
	tarn_pool_destroy(tree);
}
