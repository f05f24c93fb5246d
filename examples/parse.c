/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse: several threads parse a text into one tree, in one pool.
 *
 * The text has a list on each line, as (add (neg x) 7). Each thread takes the
 * next line that nobody has, parses it by its own tarn_local, and puts the list
 * where that line's is wanted; when all are joined, these are linked, and the
 * tree is as if one thread had made it. Nobody frees a node, after an error
 * either: the pool does.
 *
 * It makes the text itself, and writes the tree, which has to be the same text.
 */
#define _POSIX_C_SOURCE 200809L

#include <tarn.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4u
#define LINES   20000u
#define DEEP    16u /* lists in one another, at most */

/* An atom, or a list of its children. */
struct node {
	struct node *next;
	struct node *child;
	char *atom; /* NULL: a list */
};

/* What the threads share. */
static struct job {
	tarn_pool *pool;
	const char *lines[LINES + 1]; /* each ends where the next one begins */
	struct node *lists[LINES];
	atomic_uint next, failed;
} job;

/* ---- one line, by one thread ----------------------------------------- */

struct parser {
	tarn_local *local;
	const char *at, *end;
};

static struct node *parse_open(struct parser *parser)
{
	struct node *list = tarn_local_new(parser->local, struct node);

	if (list)
		*list = (struct node){0};
	parser->at++;
	return list;
}

/* The atom at hand; packed, as strings are. */
static struct node *parse_atom(struct parser *parser)
{
	size_t size = strcspn(parser->at, "() \n");
	struct node *node = tarn_local_new(parser->local, struct node);
	char *atom = tarn_local_pnalloc(parser->local, size + 1);

	if (!node || !atom)
		return NULL;
	memcpy(atom, parser->at, size);
	atom[size] = '\0';
	parser->at += size;
	*node = (struct node){.atom = atom};
	return node;
}

/* Returns the list that is the line, or NULL: an error, or no memory. */
static struct node *parse_line(struct parser *parser)
{
	struct node *line = NULL, *node;
	struct node **last[DEEP + 1]; /* in each list that is open */
	unsigned deep = 0;

	last[0] = &line;
	while (parser->at < parser->end) {
		if (*parser->at == ' ' || *parser->at == ')') {
			if (*parser->at++ == ')' && deep-- == 0)
				return NULL;
			continue;
		}
		node = *parser->at == '(' ? parse_open(parser)
					  : parse_atom(parser);
		if (!node)
			return NULL;
		*last[deep] = node;
		last[deep] = &node->next;
		if (!node->atom && ++deep > DEEP)
			return NULL;
		if (!node->atom)
			last[deep] = &node->child;
	}
	return deep == 0 && line && !line->next ? line : NULL;
}

static void *parse_lines(void *unused)
{
	struct parser parser = {.local = tarn_pool_local(job.pool)};
	unsigned i;

	while ((i = atomic_fetch_add(&job.next, 1)) < LINES) {
		parser.at = job.lines[i];
		parser.end = job.lines[i + 1] - 1;
		if (parser.local)
			job.lists[i] = parse_line(&parser);
		if (!job.lists[i])
			atomic_fetch_add(&job.failed, 1);
	}
	return unused;
}

/* ---- all of them ----------------------------------------------------- */

/* Returns the root, whose children are the lists, or NULL. */
static struct node *parse(void)
{
	struct node *root = tarn_new(job.pool, struct node);
	struct node **last;
	pthread_t threads[THREADS];
	unsigned n = 0;

	while (n < THREADS &&
	       pthread_create(&threads[n], NULL, parse_lines, NULL) == 0)
		n++;
	parse_lines(NULL); /* this thread, too */
	while (n > 0)
		pthread_join(threads[--n], NULL);
	if (!root || job.failed != 0)
		return NULL;
	*root = (struct node){0};
	last = &root->child;
	for (unsigned i = 0; i < LINES; i++) {
		*last = job.lists[i];
		last = &job.lists[i]->next;
	}
	return root;
}

/* ---- a text, and the tree as text ------------------------------------ */

static unsigned draw(unsigned below)
{
	static unsigned state = 1;

	state = state * 1664525U + 1013904223U;
	return (state >> 16) % below;
}

static void make_line(FILE *file)
{
	unsigned deep = 1;

	fprintf(file, "(f%u", draw(100));
	while (deep > 0) {
		unsigned what = draw(8);

		if (what == 0 && deep < DEEP) {
			fprintf(file, " (f%u", draw(100));
			deep++;
		} else if (what < 3) {
			fputc(')', file);
			deep--;
		} else {
			fprintf(file, " %u", draw(1000000));
		}
	}
	fputc('\n', file);
}

/* The text, of malloc's. */
static char *make_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	for (unsigned i = 0; file && i < LINES; i++)
		make_line(file);
	return file && fclose(file) == 0 ? text : NULL;
}

static void find_lines(const char *text)
{
	job.lines[0] = text;
	for (unsigned i = 0; i < LINES; i++)
		job.lines[i + 1] = strchr(job.lines[i], '\n') + 1;
}

/* Returns how many nodes there are. */
static size_t write_line(FILE *file, const struct node *node)
{
	const struct node *open[DEEP];
	size_t deep = 0, count = 0;

	for (;;) {
		count++;
		fputs(node->atom ? node->atom : "(", file);
		if (node->child) {
			open[deep++] = node;
			node = node->child;
			continue;
		}
		if (!node->atom)
			fputc(')', file);
		while (deep > 0 && !node->next) {
			node = open[--deep];
			fputc(')', file);
		}
		if (deep == 0)
			break;
		node = node->next;
		fputc(' ', file);
	}
	fputc('\n', file);
	return count;
}

/* Returns how many nodes there are, if they are what the text says; or 0. */
static size_t compare(const struct node *root, const char *text)
{
	char *written = NULL;
	size_t size, count = 1;
	FILE *file = open_memstream(&written, &size);

	for (const struct node *list = root->child; file && list;
	     list = list->next)
		count += write_line(file, list);
	if (!file || fclose(file) != 0 || strcmp(written, text) != 0)
		count = 0;
	free(written);
	return count;
}

int main(void)
{
	char *text = make_text();
	tarn_stats stats = TARN_STATS_INIT;
	struct node *root;
	size_t count = 0;

	job.pool = tarn_pool_create(NULL);
	if (text && job.pool) {
		find_lines(text);
		root = parse();
		count = root ? compare(root, text) : 0;
		tarn_pool_stats(job.pool, &stats);
	}
	printf("%zu nodes by %zu threads, %zu bytes held\n", count,
	       stats.local_pools, stats.held);
	tarn_pool_destroy(job.pool);
	free(text);
	return count == 0;
}
