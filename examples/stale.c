/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stale: a program with a use after reset, or with a reset that comes too
 * early, to see what each tool tells of them.
 *
 *	stale           is right
 *	stale kept      keeps a line of a pool that is reset then
 *	stale early     resets a pool while another thread still uses it
 */
#include <tarn.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char *const batches[2][2] = {
	{"a short line", "the longest line of both"},
	{"nothing much", "some more of the same"}};

/* Returns the longest line, which lives in `pool`; `batch` is reset between. */
static const char *longest(tarn_pool *pool, tarn_pool *batch, int wrong)
{
	const char *best = "";

	for (size_t i = 0; i < 4; i++) {
		const char *line = tarn_pstrdup(batch, batches[i / 2][i % 2]);

		if (line && strlen(line) > strlen(best)) /* the late read */
			best = wrong ? line : tarn_pstrdup(pool, line);
		if (i == 1)
			tarn_pool_reset(batch); /* the end of the first batch */
	}
	return best;
}

static void *note(void *batch)
{
	return tarn_pstrdup(batch, "a note"); /* the other thread's request */
}

static int note_aside(tarn_pool *batch, int wrong)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, note, batch) != 0)
		return -1;
	if (!wrong)
		pthread_join(thread, NULL);
	tarn_pool_reset(batch); /* the early reset */
	return wrong ? pthread_join(thread, NULL) : 0;
}

int main(int argc, char **argv)
{
	const char *wrong = argc > 1 ? argv[1] : "";
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool = tarn_pool_create(NULL), *batch;
	int status = 1;

	options.name = "batch";
	batch = pool ? tarn_pool_create_child(pool, &options) : NULL;
	if (batch && note_aside(batch, strcmp(wrong, "early") == 0) == 0) {
		puts(longest(pool, batch, strcmp(wrong, "kept") == 0));
		status = 0;
	}
	tarn_pool_destroy(pool);
	return status;
}
