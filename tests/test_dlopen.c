/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library loaded into a program that already runs threads, by a module
 * that is linked with it; unloaded while threads that used it live; loaded
 * again. This program itself is not linked with it.
 *
 * TARN_PLUGIN is the module's path.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr, RTLD_NOLOAD */
#endif

#include "util.h"

#include <dlfcn.h>
#include <string.h>

enum {
	OLD_THREADS = 2, /* that run before the module is loaded */
	LOAD_ROUNDS = 20,
	EXIT_AUTOMAKE_SKIP = 77
};

static const char *plugin_path(void)
{
	const char *path = getenv("TARN_PLUGIN");

	return path != NULL ? path : "tests/.libs/plugin.so";
}

struct plugin {
	void *handle;
	void *(*open)(void);
	int (*use)(void *pool);
	void (*close)(void *pool);
};

/* Copies: ISO C converts no object pointer to one to a function. */
static void find(void *handle, const char *name, void *function, size_t size)
{
	void *symbol = dlsym(handle, name);

	ck_assert_msg(symbol != NULL, "%s", dlerror());
	memcpy(function, &symbol, size);
}

static void plugin_load(struct plugin *plugin)
{
	plugin->handle = dlopen(plugin_path(), RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(plugin->handle != NULL, "%s", dlerror());
	find(plugin->handle, "plugin_open", &plugin->open, sizeof plugin->open);
	find(plugin->handle, "plugin_use", &plugin->use, sizeof plugin->use);
	find(plugin->handle, "plugin_close", &plugin->close,
	     sizeof plugin->close);
}

/* A thread that was there before the module, and stays after it is gone. */
struct old_thread {
	const struct plugin *plugin;
	void *pool;
	struct gate loaded;
	struct gate used;
	struct gate unloaded;
};

static int live_through(void *arg)
{
	struct old_thread *old = arg;
	int status;

	gate_wait(&old->loaded);
	status = old->plugin->use(old->pool);
	gate_wait(&old->used);
	gate_wait(&old->unloaded);
	return status;
}

struct user {
	const struct plugin *plugin;
	void *pool;
};

static int use_once(void *arg)
{
	struct user *user = arg;

	return user->plugin->use(user->pool);
}

static void wait_at(struct old_thread *old, size_t gate)
{
	size_t i;

	for (i = 0; i < OLD_THREADS; i++)
		gate_wait((struct gate *)((char *)&old[i] + gate));
}

/* The path of the library that the module brought. */
static void library_path(const struct plugin *plugin, char *path, size_t size)
{
	void *symbol = dlsym(plugin->handle, "tarn_version");
	Dl_info info;

	ck_assert_ptr_nonnull(symbol);
	ck_assert_int_ne(dladdr(symbol, &info), 0);
	ck_assert_uint_lt(strlen(info.dli_fname), size);
	strcpy(path, info.dli_fname);
}

START_TEST(dlclose_with_users_alive_they_exit_cleanly)
{
	struct plugin plugin;
	struct old_thread old[OLD_THREADS];
	struct worker workers[OLD_THREADS];
	struct user user = {.plugin = &plugin};
	char path[4096];
	void *still;
	size_t i;

	for (i = 0; i < OLD_THREADS; i++) {
		gate_init(&old[i].loaded, 2);
		gate_init(&old[i].used, 2);
		gate_init(&old[i].unloaded, 2);
		worker_start(&workers[i], live_through, &old[i], NULL);
	}
	plugin_load(&plugin);
	user.pool = plugin.open();
	ck_assert_ptr_nonnull(user.pool);
	for (i = 0; i < OLD_THREADS; i++) {
		old[i].plugin = &plugin;
		old[i].pool = user.pool;
	}
	wait_at(old, offsetof(struct old_thread, loaded));
	ck_assert_int_eq(workers_together(use_once, &user, 0, 2), 0);
	ck_assert_int_eq(plugin.use(user.pool), 0);
	wait_at(old, offsetof(struct old_thread, used));
	plugin.close(user.pool);
	library_path(&plugin, path, sizeof path);
	ck_assert_int_eq(dlclose(plugin.handle), 0);
	wait_at(old, offsetof(struct old_thread, unloaded));
	for (i = 0; i < OLD_THREADS; i++)
		ck_assert_int_eq(worker_join(&workers[i]), 0);
	still = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	ck_assert_msg(still != NULL, "the library was unloaded");
	dlclose(still);
}
END_TEST

START_TEST(dlopen_again_works_in_old_and_new_threads)
{
	size_t round;

	for (round = 0; round < rounds(LOAD_ROUNDS); round++) {
		struct plugin plugin;
		struct user user = {.plugin = &plugin};

		plugin_load(&plugin);
		user.pool = plugin.open();
		ck_assert_ptr_nonnull(user.pool);
		ck_assert_int_eq(plugin.use(user.pool), 0);
		ck_assert_int_eq(workers_together(use_once, &user, 0, 2), 0);
		ck_assert_int_eq(worker_run(use_once, &user), 0);
		plugin.close(user.pool);
		ck_assert_int_eq(dlclose(plugin.handle), 0);
	}
}
END_TEST

/* A pool outlives the module that made it: the library stays. */
START_TEST(dlopen_again_finds_the_same_library)
{
	struct plugin plugin;
	void *pool;

	plugin_load(&plugin);
	pool = plugin.open();
	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(plugin.use(pool), 0);
	ck_assert_int_eq(dlclose(plugin.handle), 0);
	plugin_load(&plugin);
	ck_assert_int_eq(plugin.use(pool), 0);
	plugin.close(pool);
	ck_assert_int_eq(dlclose(plugin.handle), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dlopen");
	TCase *tcase = suite_case(suite, "plugin");
	FILE *file = fopen(plugin_path(), "rb");

	if (file == NULL) {
		printf("no shared library was built: nothing to load\n");
		return EXIT_AUTOMAKE_SKIP;
	}
	fclose(file);
	tcase_add_test(tcase, dlclose_with_users_alive_they_exit_cleanly);
	tcase_add_test(tcase, dlopen_again_works_in_old_and_new_threads);
	tcase_add_test(tcase, dlopen_again_finds_the_same_library);
	return suite_run(suite);
}
