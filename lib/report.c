/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports: pools and their descendants, while other threads use them. The text
 * is made in memory, under mutexes, and written when all of them are given
 * back: to write may take long, fail, or call the program.
 *
 * A child is looked at under its parent's mutex. It can be destroyed, or begin
 * or end a reset, only under the same: so what is not busy stays as it is.
 */
#include "config.h"

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aside.h"
#include "describe.h"
#include "watch.h"

/* ---- a tree of pools ------------------------------------------------- */

/* The pool and all below, parents first, the newest children first. Holds the
   mutexes of all above the one it is at. Unchecked: they are any number. */
static void put_tree(struct report *report, tarn_pool *pool) MUTEX_UNCHECKED
{
	tarn_pool *at = pool;
	size_t depth = 0;

	for (;;) {
		bool busy = at != pool && pool_is_busy(at);

		describe_pool(report, at, depth, busy);
		if (!busy) {
			mutex_lock(&at->mutex);
			if (at->children != NULL) {
				at = at->children;
				depth++;
				continue;
			}
			mutex_unlock(&at->mutex);
		}
		for (; at != pool && at->older == NULL; depth--) {
			at = at->parent;
			mutex_unlock(&at->mutex);
		}
		if (at == pool)
			return;
		at = at->older;
	}
}

/* ---- reports --------------------------------------------------------- */

static void report_begin(struct report *report, int format)
{
	*report = (struct report){.text.json = format == TARN_REPORT_JSON};
	if (report->text.json)
		text_put(&report->text, "{\"tarn\":\"%s\",\"pools\":[",
			 PACKAGE_VERSION);
}

/* Writes it, and ends it in any case; 0, or an error number. */
static int report_end(struct report *report, FILE *file)
{
	const struct array *bytes = &report->text.bytes;
	int error = ENOMEM;

	if (report->text.json)
		text_put(&report->text, "]}\n");
	if (!bytes->failed && !picture_is_failed(&report->picture)) {
		errno = EIO;
		error = fwrite(bytes->at, 1, bytes->used, file) ==
						bytes->used &&
					fflush(file) == 0
				? 0
				: errno;
	}
	free(bytes->at);
	picture_end(&report->picture);
	return error;
}

int tarn_pool_report(const tarn_pool *const_pool, FILE *file, int format)
{
	tarn_pool *pool = (tarn_pool *)const_pool;
	struct report report;
	struct aside aside;
	int error;
	WATCH_CALL(pool, WATCH_HIDDEN);

	if (format != TARN_REPORT_TEXT && format != TARN_REPORT_JSON) {
		errno = EINVAL;
		return -1;
	}
	aside = aside_begin(true);
	report_begin(&report, format);
	put_tree(&report, pool);
	error = report_end(&report, file);
	if (error != 0)
		aside.error = error;
	aside_end(aside);
	return error != 0 ? -1 : 0;
}

/* Those below one that is told come with it. A parent from before a fork is
   not: it is the parent process's to tell. */
static void report_one(void *with, tarn_pool *pool) MUTEX_HELD(debug_mutex)
{
	const tarn_pool *parent = pool->parent;

	if ((parent == NULL || parent->watch->forks != debug_forks()) &&
	    !pool_is_busy(pool))
		put_tree(with, pool);
}

void report_all_locked(void)
{
	FILE *file = debug_report_file();
	struct report report;

	if (file == NULL)
		return;
	report_begin(&report, TARN_REPORT_JSON);
	watch_each_locked(report_one, &report);
	if (report_end(&report, file) != 0)
		debug_say("TARN_DEBUG: the report cannot be written");
	fclose(file);
}
