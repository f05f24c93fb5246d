/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reuse: the commonest words in the last lines of an endless log.
 *
 * Lines come and go, and so do the words in them, for as long as the program
 * runs: one pool holds all of it, and does not grow once the window is full.
 *   lines    are of any size, and freed by it;
 *   words    are of one size, from a cache;
 *   a report is sorted in memory that a mark gives back;
 *   a line   is cut into words in scratch memory.
 */
#define _POSIX_C_SOURCE 200809L

#include <tarn.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES   200000u /* in all          */
#define WINDOW  1000u   /* that are counted */
#define BUCKETS 1024u
#define BEST    5u

struct word {
	struct word *next;
	unsigned count;
	char name[20];
};

struct line {
	struct line *newer;
	size_t length;
	char text[];
};

struct window {
	tarn_pool *pool;
	tarn_cache *words;
	struct word *table[BUCKETS];
	size_t word_count;
	struct line *oldest, *newest;
};

/* ---- words: a cache -------------------------------------------------- */

static int make_window(struct window *window)
{
	size_t alignment = _Alignof(struct word);

	window->pool = tarn_pool_create(NULL);
	if (!window->pool)
		return -1;
	window->words =
		tarn_cache_create(window->pool, sizeof(struct word), alignment);
	return window->words ? 0 : -1;
}

/* Where the word is linked, or would be. */
static struct word **find(struct window *window, const char *name)
{
	unsigned hash = 2166136261U; /* FNV-1a */
	struct word **at;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619U;
	at = &window->table[hash % BUCKETS];
	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static int count_word(struct window *window, const char *name)
{
	struct word **at = find(window, name);

	if (!*at) {
		*at = tarn_cache_alloc(window->words);
		if (!*at)
			return -1;
		(*at)->next = NULL;
		(*at)->count = 0;
		snprintf((*at)->name, sizeof((*at)->name), "%s", name);
		window->word_count++;
	}
	(*at)->count++;
	return 0;
}

static int forget_word(struct window *window, const char *name)
{
	struct word **at = find(window, name), *word = *at;

	if (word && --word->count == 0) {
		*at = word->next;
		tarn_cache_free(window->words, word);
		window->word_count--;
	}
	return word ? 0 : -1;
}

/* ---- a line cut into words: scratch ---------------------------------- */

static int each_word(struct window *window, const struct line *line,
		     int (*act)(struct window *, const char *))
{
	tarn_mark mark;
	tarn_pool *scratch = tarn_scratch_begin(window->pool, &mark);
	char *copy, *rest;
	int status = -1;

	if (!scratch)
		return -1;
	copy = tarn_pstrndup(scratch, line->text, line->length);
	if (copy) {
		status = 0;
		for (char *p = copy; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		for (char *name = strtok_r(copy, " .", &rest); name;
		     name = strtok_r(NULL, " .", &rest))
			status |= act(window, name);
	}
	tarn_scratch_end(scratch, mark);
	return status;
}

/* ---- lines: freed by their size -------------------------------------- */

static int add_line(struct window *window, const char *text)
{
	size_t length = strlen(text);
	struct line *line =
		tarn_palloc(window->pool, sizeof(*line) + length + 1);

	if (!line)
		return -1;
	line->newer = NULL;
	line->length = length;
	memcpy(line->text, text, length + 1);
	if (window->newest)
		window->newest->newer = line;
	else
		window->oldest = line;
	window->newest = line;
	return each_word(window, line, count_word);
}

static int drop_line(struct window *window)
{
	struct line *line = window->oldest;
	int status = each_word(window, line, forget_word);

	window->oldest = line->newer;
	return status | tarn_pfree_sized(window->pool, line,
					 sizeof(*line) + line->length + 1);
}

/* ---- a report: a mark ------------------------------------------------ */

static int by_count(const void *left, const void *right)
{
	const struct word *a = *(struct word *const *)left;
	const struct word *b = *(struct word *const *)right;

	return a->count != b->count ? (a->count < b->count ? 1 : -1)
				    : strcmp(a->name, b->name);
}

static int report(struct window *window, tarn_local *local)
{
	tarn_mark mark = tarn_local_mark(local);
	struct word **sorted =
		tarn_new_array(window->pool, struct word *, window->word_count);
	size_t n = 0;

	for (size_t i = 0; sorted && i < BUCKETS; i++)
		for (struct word *w = window->table[i]; w; w = w->next)
			sorted[n++] = w;
	if (sorted) {
		qsort(sorted, n, sizeof(struct word *), by_count);
		for (size_t i = 0; i < n && i < BEST; i++)
			printf("%s %u ", sorted[i]->name, sorted[i]->count);
	}
	tarn_local_rewind(local, mark);
	return sorted ? 0 : -1;
}

/* ---- the log --------------------------------------------------------- */

static unsigned draw(unsigned below)
{
	static unsigned state = 1;

	state = state * 1664525U + 1013904223U;
	return (state >> 16) % below;
}

/* Some words of one to four syllables, those in front the more often. */
static void make_line(char *text)
{
	static const char *const parts[] = {"ta",  "ne", "lo", "mi",
					    "sur", "ka", "be", "fo"};

	for (unsigned words = 1 + draw(12); words > 0; words--) {
		for (unsigned n = 1 + draw(4); n > 0; n--)
			text += strlen(strcpy(text, parts[draw(1 + draw(8))]));
		text += strlen(strcpy(text, words > 1 ? " " : "."));
	}
}

static int run(struct window *window)
{
	tarn_local *local = tarn_pool_local(window->pool);
	tarn_stats stats = TARN_STATS_INIT;
	int status = local ? 0 : -1;
	char text[256];

	for (unsigned i = 1; i <= LINES && status == 0; i++) {
		make_line(text);
		status = add_line(window, text);
		if (i > WINDOW)
			status |= drop_line(window);
		if (i % (LINES / 4) != 0)
			continue;
		status |= report(window, local);
		status |= tarn_pool_stats(window->pool, &stats);
		printf("of %zu words; %zu bytes held\n", window->word_count,
		       stats.held);
	}
	while (status == 0 && window->oldest)
		status = drop_line(window);
	return status | (window->word_count != 0);
}

int main(void)
{
	static struct window window;
	int status = make_window(&window) != 0 || run(&window) != 0;

	tarn_pool_destroy(window.pool);
	return status;
}
