/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG: see debug.h.
 */
#include "debug.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "host.h"
#include "trace.h"

/* Bytes: of a line that is written, and of a word's file name. */
enum {
	DEBUG_LINE = 512,
	DEBUG_FILE = 4096
};

unsigned debug_watched;

struct mutex debug_mutex = MUTEX_INITIALIZER;
static uint32_t debug_fork_count MUTEX_GUARDED(debug_mutex);

static const struct debug_word {
	const char *name;
	unsigned flag;
} debug_words[] = {{"guard", WATCH_GUARD},    {"junk", WATCH_JUNK},
		   {"owner", WATCH_OWNER},    {"zero", WATCH_ZERO},
		   {"leaks", WATCH_LEAKS},    {"trace=", WATCH_TRACE},
		   {"report=", WATCH_REPORT}, {"sample=", WATCH_SAMPLE}};

/* Words that go on with the name of a file. */
#define DEBUG_FILES (WATCH_TRACE | WATCH_REPORT | WATCH_SAMPLE)

/* One that is written at exit. */
struct debug_file {
	int file; /* -1: none */
	bool by_process;
	char pattern[DEBUG_FILE];
};

static struct debug_file debug_report = {.file = -1};
static struct debug_file debug_sample = {.file = -1};

/* The tools are told nothing, and memory is laid out as without them. */
static const char debug_unwatched[] = "unwatched";

/* ---- speaking -------------------------------------------------------- */

/* In one piece, and whatever the program does with stdio. */
static bool debug_put(const char *line, size_t length)
{
	return write(STDERR_FILENO, line, length) == (ssize_t)length;
}

static void debug_write(const char *format, va_list args)
{
	char line[DEBUG_LINE] = "tarn: ";
	size_t most = sizeof(line) - 1, length = strlen(line);
	struct aside aside = aside_begin(true);

	vsnprintf(line + length, most - length, format, args);
	length = strlen(line);
	line[length++] = '\n';
	/* There is nobody to tell that it failed. */
	(void)debug_put(line, length);
	aside_end(aside);
}

void debug_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	debug_write(format, args);
	va_end(args);
}

_Noreturn void debug_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	debug_write(format, args);
	va_end(args);
	abort();
}

/* ---- words ----------------------------------------------------------- */

static bool debug_create(struct debug_file *at)
{
	at->file = trace_create(at->pattern, &at->by_process);
	return at->file >= 0;
}

static bool debug_open_at_exit(struct debug_file *at, const char *pattern)
{
	memcpy(at->pattern, pattern, strlen(pattern) + 1);
	return debug_create(at);
}

static bool debug_open_file(unsigned flag, const char *pattern)
{
	if (flag == WATCH_TRACE)
		return trace_open(pattern);
	return debug_open_at_exit(
		flag == WATCH_REPORT ? &debug_report : &debug_sample, pattern);
}

static void debug_open(const struct debug_word *word, const char *name,
		       size_t length)
{
	char file[DEBUG_FILE];
	const char *reason;

	if (length >= sizeof(file))
		length = sizeof(file) - 1;
	memcpy(file, name, length);
	file[length] = '\0';
	if (debug_open_file(word->flag, file)) {
		debug_watched |= word->flag;
		return;
	}
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): not of what open sets */
	reason = strerror(errno);
	debug_say("TARN_DEBUG: %s%s: %s", word->name, file, reason);
}

static void debug_take_word(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(debug_words) / sizeof(*debug_words);
	     i++) {
		const struct debug_word *known = &debug_words[i];
		size_t named = strlen(known->name);

		if (length < named || memcmp(word, known->name, named) != 0)
			continue;
		if ((known->flag & DEBUG_FILES) != 0 && length > named) {
			debug_open(known, word + named, length - named);
			return;
		}
		if (length == named && (known->flag & DEBUG_FILES) == 0) {
			debug_watched |= known->flag;
			return;
		}
	}
	debug_say("TARN_DEBUG: ignored, since unknown: %.*s", (int)length,
		  word);
}

static void debug_take_words(const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, ",");

		if (length == strlen(debug_unwatched) &&
		    memcmp(text, debug_unwatched, length) == 0)
			debug_watched &= ~WATCH_TOOLS;
		else if (length != 0)
			debug_take_word(text, length);
		text += length + (text[length] == ',');
	}
}

void debug_configure(void)
{
	const char *text = host_getenv("TARN_DEBUG");
	struct aside aside = aside_begin(true);

	debug_watched = mark_tools();
	if (text != NULL)
		debug_take_words(text);
	aside_end(aside);
}

static FILE *debug_take_file(struct debug_file *at)
{
	int file = at->file;

	at->file = -1;
	return file < 0 ? NULL : fdopen(file, "w");
}

FILE *debug_report_file(void)
{
	return debug_take_file(&debug_report);
}

FILE *debug_sample_file(void)
{
	return debug_take_file(&debug_sample);
}

/* ---- fork ------------------------------------------------------- */

uint32_t debug_forks(void)
{
	return debug_fork_count;
}

/* The parent's file is the parent's to write. */
static void debug_file_after_fork(struct debug_file *at)
{
	if (at->file < 0)
		return;
	close(at->file);
	at->file = -1;
	if (at->by_process)
		debug_create(at);
}

void debug_after_fork(void)
{
	struct aside aside = aside_begin(true);

	debug_fork_count++;
	if ((debug_watched & WATCH_TRACE) != 0)
		trace_after_fork_locked();
	debug_file_after_fork(&debug_report);
	debug_file_after_fork(&debug_sample);
	aside_end(aside);
	mutex_unlock(&debug_mutex);
}
