/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sites and files: each stack is a site of its own, what has no memory or is
 * refused is no sample, and a process, forked or not, writes its own file or
 * says why it cannot.
 */
#include "config.h"

#include "test_sample.h"

#include <glob.h>

#ifdef HAVE_BACKTRACE
#include <execinfo.h>
#endif

/* ---- sites -------------------------------------------------------------- */

/* A site that is not this call's, and memory that is not there. */
static int sites_that_fail(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct profile_site *site = profile_here(100, NULL);

	EXPECT(site != NULL && profile_here(100, NULL) != NULL);
	profile_add(site);
	refused_from = 0;
	refused_to = 4096;
	EXPECT(tarn_palloc(pool, 64 << 20) != NULL);
	refused_from = 4096;
	refused_to = 65536;
	EXPECT(tarn_palloc(pool, 32 << 20) != NULL);
	refused_to = 0;
	EXPECT(tarn_palloc(pool, 33 << 20) != NULL);
	EXPECT(tarn_pfree(pool, NULL) == -1);
	return 0;
}

START_TEST(memory_that_fails_leaves_samples_out)
{
	struct profile profile = profile_of(sites_that_fail, 1);

	ck_assert_uint_eq(figure_of(&profile, 100)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 33 << 20)->live, 1);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->all, 0);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->all, 0);
}
END_TEST

/* So many calls deep, by one or the other of two at each step: which compilers
   take for one if they can. */
static struct profile_site *site_of(size_t depth, size_t turns);
static struct profile_site *volatile site_found;
static volatile int site_turn;

static __attribute__((noinline)) void turn_left(size_t depth, size_t turns)
{
	site_found = site_of(depth, turns);
	site_turn = 1;
}

static __attribute__((noinline)) void turn_right(size_t depth, size_t turns)
{
	site_found = site_of(depth, turns);
	site_turn = 2;
}

static __attribute__((noinline)) struct profile_site *site_of(size_t depth,
							      size_t turns)
{
	if (depth == 0)
		site_found = profile_here(200, NULL);
	else if (turns % 2 == 0)
		turn_left(depth - 1, turns / 2);
	else
		turn_right(depth - 1, turns / 2);
	return site_found;
}

enum {
	DEEPEST = 11
};

static int many_sites(void)
{
	static struct profile_site *sites[DEEPEST + 1][1 << DEEPEST];

	/* One call for both rounds. */
	for (volatile int round = 0; round < 2; round++)
		for (size_t depth = 0; depth <= DEEPEST; depth++)
			for (size_t i = 0; i < (size_t)1 << depth; i++) {
				struct profile_site *site = site_of(depth, i);

				EXPECT(site != NULL);
				EXPECT(round == 0 || sites[depth][i] == site);
				sites[depth][i] = site;
			}
	return 0;
}

/* Of as many stacks of a size some are in the same list; each is found. */
START_TEST(site_of_each_stack_is_its_own)
{
	profile_of(many_sites, 1);
}
END_TEST

#ifdef HAVE_BACKTRACE
static int walk(void **frames, int most)
{
	return backtrace(frames, most);
}
#else
static int walk(void **frames, int most)
{
	(void)frames;
	(void)most;
	return 0;
}
#endif

/* The caller that no other one called; any, where a stack is the caller alone,
   as on ARM, whose C has no tables to unwind it by. */
static const void *outermost(void)
{
	static const char any = 0;
	void *frames[64] = {NULL};
	int depth = walk(frames, 64);

	return depth > 0 ? frames[depth - 1] : &any;
}

static int called_from_nowhere(void)
{
	const void *caller = outermost();

	EXPECT(caller != NULL);
	EXPECT(profile_here(100, caller) != NULL);
	return 0;
}

START_TEST(stack_of_the_library_alone_has_one_frame)
{
	profile_of(called_from_nowhere, 1);
}
END_TEST

static int allocate_while_it_ends(void *pool)
{
	EXPECT(tarn_palloc(pool, 64 << 20) == NULL && errno == EBUSY);
	return 0;
}

static void have_another_allocate(void *pool)
{
	struct gate gate;
	struct worker worker;

	gate_init(&gate, 1);
	worker_start(&worker, allocate_while_it_ends, pool, &gate);
	if (worker_join(&worker) != 0)
		abort();
}

static int refused_at_the_end(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_cleanup_add(pool, have_another_allocate, pool) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(request_that_is_refused_is_not_sampled)
{
	struct profile profile = profile_of(refused_at_the_end, 1);

	ck_assert_uint_eq(profile.count, 0);
}
END_TEST

/* ---- files -------------------------------------------------------------- */

static int forks(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	pid_t pid;
	int status;

	EXPECT(tarn_palloc(pool, 64 << 20) != NULL);
	pid = child_fork();
	if (pid == 0) {
		status = tarn_palloc(pool, 32 << 20) == NULL;
		exit(status);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

START_TEST(forked_file_is_the_parents)
{
	struct profile profile = profile_of(forks, 1);

	ck_assert_uint_eq(profile.count, 1);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->live, 1);
}
END_TEST

START_TEST(forked_process_has_a_file_of_its_own)
{
	struct profile profile = {.count = 0};
	char words[sizeof(path) + sizeof("sample=.%p")];
	glob_t found;

	snprintf(words, sizeof(words), "sample=%s.%%p", path);
	child_silent(words, forks);
	snprintf(words, sizeof(words), "%s.*", path);
	ck_assert_int_eq(glob(words, 0, NULL, &found), 0);
	ck_assert_uint_eq(found.gl_pathc, 2);
	for (size_t i = 0; i < 2; i++) {
		read_profile(&profile, found.gl_pathv[i]);
		unlink(found.gl_pathv[i]);
	}
	globfree(&found);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->live, 1);
	ck_assert_uint_ge(figure_of(&profile, 64 << 20)->live, 1);
}
END_TEST

/* Pools that are watched are sampled, too. */
static int with_junk(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = tarn_pool_local(pool);
	tarn_mark mark = tarn_local_mark(local);
	tarn_cache *cache = tarn_cache_create(pool, 64 << 20, 1);
	void *object = tarn_palloc(pool, 32 << 20);

	EXPECT(object != NULL);
	EXPECT(tarn_pfree_sized(pool, object, 32 << 20) == 0);
	EXPECT(tarn_pmemalign(pool, 3, 1) == NULL && errno == EINVAL);
	tarn_cache_free(cache, tarn_cache_alloc(cache));
	EXPECT(tarn_palloc(pool, 33 << 20) != NULL);
	tarn_local_rewind(local, mark);
	EXPECT(tarn_palloc(pool, 34 << 20) != NULL);
	return 0;
}

START_TEST(watched_pools_are_sampled)
{
	struct profile profile = {.count = 0};
	char words[sizeof(path) + sizeof("junk,sample=")];

	snprintf(words, sizeof(words), "junk,sample=%s", path);
	child_silent(words, with_junk);
	read_profile(&profile, path);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 32 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->all, 1);
	ck_assert_uint_eq(figure_of(&profile, 64 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 33 << 20)->live, 0);
	ck_assert_uint_eq(figure_of(&profile, 34 << 20)->live, 1);
}
END_TEST

static int nothing(void)
{
	tarn_pool_destroy(tarn_pool_create(NULL));
	return 0;
}

START_TEST(file_that_cannot_be_is_told)
{
	child_says("sample=/nowhere/x", nothing,
		   "tarn: TARN_DEBUG: sample=/nowhere/x: "
		   "No such file or directory\n");
	if (access("/dev/full", W_OK) == 0)
		child_says("sample=/dev/full", nothing,
			   "tarn: TARN_DEBUG: the profile cannot be "
			   "written\n");
}
END_TEST

void add_file_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "files");

	tcase_add_test(tcase, memory_that_fails_leaves_samples_out);
	tcase_add_test(tcase, site_of_each_stack_is_its_own);
	tcase_add_test(tcase, stack_of_the_library_alone_has_one_frame);
	tcase_add_test(tcase, request_that_is_refused_is_not_sampled);
	tcase_add_test(tcase, forked_file_is_the_parents);
	tcase_add_test(tcase, forked_process_has_a_file_of_its_own);
	tcase_add_test(tcase, watched_pools_are_sampled);
	tcase_add_test(tcase, file_that_cannot_be_is_told);
}
