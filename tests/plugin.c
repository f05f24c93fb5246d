/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that uses the library, for test_dlopen.c to load: only by it does
 * the library come into that program. Statuses are as in util.h.
 */
#include <tarn.h>

#include <string.h>

void *plugin_open(void);
int plugin_use(void *pool);
void plugin_close(void *pool);

enum {
	PLUGIN_OBJECTS = 100,
	PLUGIN_SMALL = 48,   /* bytes */
	PLUGIN_LARGE = 10000 /* bytes: above the default large_above */
};

/* Returns a pool, or NULL. */
void *plugin_open(void)
{
	return tarn_pool_create(NULL);
}

/* Uses a pool of plugin_open, in any thread. */
int plugin_use(void *pool)
{
	tarn_local *local = tarn_pool_local(pool);
	char *large = tarn_palloc(pool, PLUGIN_LARGE);
	char *objects[PLUGIN_OBJECTS];
	size_t i;

	if (local == NULL || large == NULL)
		return __LINE__;
	memset(large, 'l', PLUGIN_LARGE);
	for (i = 0; i < PLUGIN_OBJECTS; i++) {
		objects[i] = i % 2 ? tarn_palloc(pool, PLUGIN_SMALL)
				   : tarn_local_palloc(local, PLUGIN_SMALL);
		if (objects[i] == NULL)
			return __LINE__;
		memset(objects[i], (int)i, PLUGIN_SMALL);
	}
	for (i = 0; i < PLUGIN_OBJECTS; i++)
		if (objects[i][0] != (char)i ||
		    objects[i][PLUGIN_SMALL - 1] != (char)i)
			return __LINE__;
	return tarn_pfree(pool, large) == 0 ? 0 : __LINE__;
}

/* Destroys a pool of plugin_open. */
void plugin_close(void *pool)
{
	tarn_pool_destroy(pool);
}
