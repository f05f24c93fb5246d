/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of TARN_DEBUG but trace and owner, each in a child that reads them;
 * and what ends a program that asked for none.
 */
#include "child.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "counting.h"
#include "debug.h"
#include "config.h"
#include "watch.h"

enum {
	LARGE = 20000, /* bytes: beyond the default large_above */
	WAIT = 1024    /* releases that a guarded page waits for */
};

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- words -------------------------------------------------------------- */

static int nothing(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	errno = 0;
	EXPECT(pool != NULL);
	EXPECT((debug_watched & ~WATCH_TOOLS) == 0);
	EXPECT(tarn_palloc(pool, 10) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(words_empty_mean_nothing)
{
	child_silent(NULL, nothing);
	child_silent("", nothing);
	child_silent(",", nothing);
	child_silent(",,unwatched,", nothing);
}
END_TEST

START_TEST(words_unknown_are_told_and_ignored)
{
	child_says("guards", nothing,
		   "tarn: TARN_DEBUG: ignored, since unknown: guards\n");
	child_says("gu,", nothing,
		   "tarn: TARN_DEBUG: ignored, since unknown: gu\n");
	child_says("trace", nothing,
		   "tarn: TARN_DEBUG: ignored, since unknown: trace\n");
	child_says("trace=", nothing,
		   "tarn: TARN_DEBUG: ignored, since unknown: trace=\n");
	child_says(" junk,Unwatched,,x", nothing,
		   "tarn: TARN_DEBUG: ignored, since unknown:  junk\n"
		   "tarn: TARN_DEBUG: ignored, since unknown: Unwatched\n"
		   "tarn: TARN_DEBUG: ignored, since unknown: x\n");
}
END_TEST

/* A line is not longer than this, however long the word. */
START_TEST(words_too_long_for_a_line_are_cut)
{
	static char word[2000];
	struct child child;

	memset(word, 'w', sizeof(word) - 1);
	child = child_run(word, nothing);
	ck_assert_int_eq(child.status, 0);
	ck_assert_uint_eq(strlen(child.said), 511);
	ck_assert_uint_eq(child.lines, 1);
}
END_TEST

/* Nobody hears it; errno is as it was. */
static int deaf(void)
{
	close(STDERR_FILENO);
	errno = EDOM;
	EXPECT(tarn_pool_create(NULL) != NULL);
	EXPECT(errno == EDOM);
	return 0;
}

START_TEST(words_without_stderr_keep_errno)
{
	child_silent("nonsense", deaf);
}
END_TEST

static int all_words(void)
{
	EXPECT(slot_get() != NULL);
	EXPECT((debug_watched & ~WATCH_TOOLS) ==
	       (WATCH_GUARD | WATCH_JUNK | WATCH_OWNER | WATCH_ZERO |
		WATCH_LEAKS));
	EXPECT((debug_watched & WATCH_TOOLS) == 0);
	return 0;
}

START_TEST(words_known_are_all_taken)
{
	child_silent("leaks,zero,owner,junk,guard,unwatched", all_words);
}
END_TEST

/* ---- tools -------------------------------------------------------------- */

/* Half a run time, as an old one has, is none. */
void __tsan_acquire(void *at);
void __tsan_acquire(void *at)
{
	(void)at;
}

/* Those that the library finds under Memcheck. */
#ifdef HAVE_VALGRIND_MEMCHECK_H
#define TOOLS_MEMCHECK WATCH_MEMCHECK
#else
#define TOOLS_MEMCHECK 0U
#endif

/* This program under a tool of Valgrind: which tools the library found. */
static unsigned tools_under(const char *tool)
{
	char command[256];
	unsigned tools = UINT_MAX;
	FILE *told;

	snprintf(command, sizeof(command),
		 "valgrind -q --tool=%s /proc/%ld/exe tools 2>/dev/null", tool,
		 (long)getpid());
	told = popen(command, "r");
	if (told == NULL || fscanf(told, "%u", &tools) != 1)
		tools = UINT_MAX;
	if (told != NULL)
		pclose(told);
	return tools;
}

START_TEST(tools_memcheck_is_found_and_others_are_not)
{
	ck_assert_uint_eq(mark_tools(), 0);
	/* It is not there, or cannot read what this compiler wrote. */
	if (tools_under("none") == UINT_MAX)
		return;
	ck_assert_uint_eq(tools_under("none"), 0);
	/* It asks more of the system: symbols of its loader. */
	if (tools_under("memcheck") != UINT_MAX)
		ck_assert_uint_eq(tools_under("memcheck"), TOOLS_MEMCHECK);
}
END_TEST

/* ---- guard -------------------------------------------------------------- */

/* Ends just before a page that cannot be touched, and begins where it may. */
static bool is_guarded(const char *object, size_t size)
{
	for (size_t i = 0; i < size; i += 1000)
		if (child_faults(object + i))
			return false;
	return !child_faults(object + size - 1) &&
	       child_faults(object + size) && is_aligned(object + size, page());
}

static int guard_objects(void)
{
	static const size_t sizes[] = {1, 7, 100, 4095, 4096, 4097, LARGE};
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t size = sizes[i], whole = (size + 15) & ~(size_t)15;
		char *object = tarn_pnalloc(pool, size);

		EXPECT(is_guarded(object, size));
		object = tarn_palloc(pool, size);
		EXPECT(is_aligned(object, 16));
		EXPECT(is_guarded(object, whole));
		object = tarn_pmemalign(pool, 4, 4 * size);
		EXPECT(is_guarded(object, 4 * size));
	}
	for (size_t wide = 64; wide <= 16 * page(); wide *= 2) {
		char *object = tarn_pmemalign(pool, wide, 48);

		EXPECT(is_aligned(object, wide));
		EXPECT(!child_faults(object) && !child_faults(object + 47));
		EXPECT(child_faults(
			object - ((uintptr_t)object & (page() - 1)) + page()));
	}
	EXPECT(tarn_pmemalign(pool, SIZE_MAX / 2 + 1, 10) == NULL
		       ? errno == ENOMEM
		       : WORD_IS_SHORT);
	EXPECT(tarn_pmemalign(pool, SIZE_MAX / 2 + 1, PTRDIFF_MAX - 100) ==
	       NULL);
	EXPECT(errno == ENOMEM);
	tarn_pool_destroy(pool);
	return 0;
}

static int guard_no_bytes(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *object = tarn_pnalloc(pool, 0);

	EXPECT(child_faults(object) && is_aligned(object, page()));
	object = tarn_palloc(pool, 0);
	EXPECT(child_faults(object) && is_aligned(object, page()));
	object = tarn_pmemalign(pool, 64, 0);
	EXPECT(child_faults(object) && is_aligned(object, page()));
	tarn_pool_destroy(pool);
	return 0;
}

static int guard_ended(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *small = tarn_palloc(pool, 10), *large = tarn_palloc(pool, LARGE);
	char *freed = tarn_palloc(pool, LARGE), *moved, *old;
	tarn_stats before = stats_of(pool);

	EXPECT(tarn_pfree(pool, freed) == 0 && child_faults(freed));
	EXPECT(tarn_pfree(pool, small) == -1 && errno == ENOENT);
	EXPECT(before.held - stats_of(pool).held >= LARGE);
	moved = tarn_prealloc(pool, small, 10, 30);
	EXPECT(moved != small && child_faults(small) && !child_faults(moved));
	tarn_pool_reset(pool);
	EXPECT(child_faults(moved) && child_faults(large));
	old = tarn_palloc(pool, 10);
	tarn_pool_destroy(pool);
	EXPECT(child_faults(old));
	return 0;
}

/* A page is another one's again after so many releases, and no earlier. */
static int guard_waits(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *first = tarn_palloc(pool, LARGE), *more;
	size_t held = stats_of(pool).held;

	EXPECT(tarn_pfree(pool, first) == 0);
	for (size_t i = 0; i < 3 * WAIT; i++) {
		EXPECT(i >= WAIT || child_faults(first));
		more = tarn_palloc(pool, LARGE);
		EXPECT(more != NULL && tarn_pfree(pool, more) == 0);
	}
	EXPECT(stats_of(pool).held < held);
	tarn_pool_destroy(pool);
	return 0;
}

/* Its pages come from the system, which may refuse. */
static int guard_without_memory(void)
{
	struct rlimit limit = {(rlim_t)1 << 28, (rlim_t)1 << 28};
	tarn_pool *pool = tarn_pool_create(NULL);
	size_t count = 0;

	EXPECT(setrlimit(RLIMIT_AS, &limit) == 0);
	while (tarn_palloc(pool, 100 * LARGE) != NULL)
		count++;
	EXPECT(errno == ENOMEM && count > 1 && count < 1000);
	while (tarn_palloc(pool, 100) != NULL)
		count++;
	EXPECT(errno == ENOMEM && count < 100000);
	tarn_pool_reset(pool);
	return 0;
}

/* Instead of the system's, in this program. */
static bool protect_refused;

int mprotect(void *start, size_t size, int protection)
{
	if (protect_refused) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_mprotect, start, size, protection);
}

/* A process may have so many mappings and no more. */
static int guard_without_mappings(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_palloc(pool, 100) != NULL);
	protect_refused = true;
	EXPECT(tarn_palloc(pool, 100) == NULL && errno == ENOMEM);
	EXPECT(tarn_palloc(pool, LARGE) == NULL && errno == ENOMEM);
	protect_refused = false;
	EXPECT(tarn_palloc(pool, 100) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(guard_stands_behind_each_object)
{
	child_silent("guard,unwatched", guard_objects);
	child_silent("guard,junk,zero,owner", guard_objects);
	child_silent("guard", guard_no_bytes);
}
END_TEST

START_TEST(guard_bars_what_is_free)
{
	child_silent("guard", guard_ended);
	child_silent("guard,owner", guard_waits);
}
END_TEST

START_TEST(guard_without_memory_is_enomem)
{
	child_silent("guard", guard_without_memory);
	child_silent("guard", guard_without_mappings);
}
END_TEST

/* ---- junk, zero --------------------------------------------------------- */

static bool is_all(const unsigned char *at, int value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] != value)
			return false;
	return true;
}

/* What stands there after the end of a round, and its release. */
static unsigned char gone;

static bool gone_right;

static void *kept_alloc(void *ctx, size_t *size, size_t alignment)
{
	void *ptr;

	(void)ctx;
	return posix_memalign(&ptr, alignment < 16 ? 16 : alignment, *size) == 0
		       ? memset(ptr, 1, *size)
		       : NULL;
}

static void kept_release(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	gone_right &= is_all(ptr, gone, size);
	free(ptr);
}

static int fills(int fresh, unsigned char old)
{
	static _Alignas(64) unsigned char buffer[4096];
	tarn_upstream upstream = {kept_alloc, NULL, kept_release, NULL};
	tarn_options options = TARN_OPTIONS_INIT;
	unsigned char *small, *large;
	tarn_pool *pool;

	gone = old;
	gone_right = true;
	options.upstream = &upstream;
	pool = tarn_pool_create(&options);
	small = tarn_palloc(pool, 100);
	large = tarn_palloc(pool, LARGE);
	EXPECT(fresh < 0 || is_all(small, fresh, 100));
	EXPECT(fresh < 0 || is_all(large, fresh, LARGE));
	memset(small, 2, 100);
	memset(large, 2, LARGE);
	EXPECT(is_all(tarn_pcalloc(pool, 10, 10), 0, 100));
	tarn_pool_reset(pool);
	EXPECT(is_all(small, old, 100));
	memset(tarn_palloc(pool, LARGE), 2, LARGE);
	tarn_pool_destroy(pool);
	EXPECT(gone_right);
	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	pool = tarn_pool_create(&options);
	small = tarn_palloc(pool, 100);
	memset(small, 2, 100);
	tarn_pool_destroy(pool);
	EXPECT(small > buffer && small < buffer + sizeof(buffer));
	EXPECT(is_all(small, old, 100));
	return 0;
}

static int fills_junk(void)
{
	return fills(0xa5, 0x5a);
}

static int fills_zero(void)
{
	return fills(-1, 0);
}

static int fills_both(void)
{
	return fills(0xa5, 0);
}

START_TEST(junk_and_zero_fill_what_changes_hands)
{
	child_silent("junk", fills_junk);
	child_silent("zero", fills_zero);
	child_silent("zero,junk", fills_both);
}
END_TEST

/* ---- leaks -------------------------------------------------------------- */

/* The oldest, the newest and one between end in time. */
static int leaks_two(void)
{
	static const char *const names[] = {"first", NULL, "", "left", "last"};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pools[5];

	for (size_t i = 0; i < 5; i++) {
		options.name = names[i];
		pools[i] = tarn_pool_create(&options);
	}
	EXPECT(tarn_palloc(pools[1], 16) != NULL);
	EXPECT(tarn_palloc(pools[3], LARGE) != NULL);
	tarn_pool_destroy(pools[0]);
	tarn_pool_destroy(pools[2]);
	tarn_pool_destroy(pools[4]);
	return 0;
}

static int leaks_none(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_pool_create_child(pool, NULL) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

/* The parent's pools are not the child's to end. */
static int leaks_fork(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	int status;
	pid_t pid;

	options.name = "inherited";
	EXPECT(tarn_pool_create(&options) != NULL);
	pid = child_fork();
	if (pid == 0) {
		options.name = "own";
		exit(tarn_pool_create(&options) == NULL);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

START_TEST(leaks_at_exit_are_told_with_name_and_size)
{
	struct child child = child_run("leaks", leaks_two);
	size_t held, given;
	void *pool;
	char end;

	ck_assert_int_eq(child.status, 0);
	ck_assert_int_eq(sscanf(child.said,
				"tarn: leaks: pool 'left' (%p): %zu bytes "
				"held, %zu handed out%c",
				&pool, &held, &given, &end),
			 4);
	ck_assert_uint_eq(given, LARGE);
	ck_assert_uint_ge(held, LARGE + 4096);
	ck_assert_ptr_nonnull(strstr(child.said, "\ntarn: leaks: pool '' ("));
	ck_assert_ptr_nonnull(strstr(child.said, "held, 16 handed out\n"));
	ck_assert_ptr_nonnull(strstr(child.said, "\ntarn: leaks: 2 pools\n"));
	ck_assert_uint_eq(child.lines, 3);
	child_silent("leaks", leaks_none);
	child_silent("junk", leaks_two);
}
END_TEST

START_TEST(leaks_of_the_parent_are_not_the_childs)
{
	struct child child = child_run("leaks", leaks_fork);

	ck_assert_int_eq(child.status, 0);
	ck_assert_ptr_nonnull(strstr(child.said, "pool 'own'"));
	ck_assert_ptr_nonnull(strstr(child.said, "pool 'inherited'"));
	ck_assert_uint_eq(child.lines, 4);
}
END_TEST

/* ---- blocks ------------------------------------------------------------- */

/* Whoever draws second has the first one's. */
static int secret_drawn(void)
{
	uintptr_t secret = block_draw_secret();

	EXPECT(secret != 0 && block_draw_secret() == secret);
	return nothing();
}

#ifdef HAVE_GETAUXVAL
static bool no_auxv;

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type)
{
	return no_auxv ? 0 : __real_getauxval(type);
}

/* An old kernel that drew nothing, and a first thread among several. */
static int secret_without_kernel(void)
{
	no_auxv = true;
	return secret_drawn();
}
#else
static int secret_without_kernel(void)
{
	return secret_drawn();
}
#endif

START_TEST(block_secret_is_drawn_once)
{
	child_silent(NULL, secret_drawn);
	child_silent(NULL, secret_without_kernel);
}
END_TEST

static void overwrite(struct block *block)
{
	memset(block, 'x', BLOCK_HEADER);
}

static int first_overwritten(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	overwrite(pool->cursor.first);
	tarn_pool_destroy(pool);
	return 0;
}

static int later_overwritten(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	while (pool->cursor.last == pool->cursor.first)
		EXPECT(tarn_palloc(pool, 1000) != NULL);
	overwrite(pool->cursor.last);
	tarn_pool_reset(pool);
	return 0;
}

START_TEST(block_whose_header_was_overwritten_aborts)
{
	static const char said[] = "was overwritten\n";

	child_aborts(NULL, first_overwritten, said);
	child_aborts("unwatched", later_overwritten, said);
	child_aborts("zero", later_overwritten,
		     "the header of the block at 0x");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("debug");
	TCase *tcase = suite_case(suite, "words");

	if (argc == 2 && strcmp(argv[1], "tools") == 0)
		return printf("%u\n", mark_tools()) < 0;
	tcase_add_test(tcase, words_empty_mean_nothing);
	tcase_add_test(tcase, words_unknown_are_told_and_ignored);
	tcase_add_test(tcase, words_too_long_for_a_line_are_cut);
	tcase_add_test(tcase, words_without_stderr_keep_errno);
	tcase_add_test(tcase, words_known_are_all_taken);
	tcase_add_test(tcase, tools_memcheck_is_found_and_others_are_not);
	tcase_add_test(tcase, guard_stands_behind_each_object);
	tcase_add_test(tcase, guard_bars_what_is_free);
	/* The limit of an emulated process is nobody's. */
	if (!emulated())
		tcase_add_test(tcase, guard_without_memory_is_enomem);
	tcase_add_test(tcase, junk_and_zero_fill_what_changes_hands);
	tcase_add_test(tcase, leaks_at_exit_are_told_with_name_and_size);
	tcase_add_test(tcase, leaks_of_the_parent_are_not_the_childs);
	tcase_add_test(tcase, block_secret_is_drawn_once);
	tcase_add_test(tcase, block_whose_header_was_overwritten_aborts);
	return suite_run(suite);
}
