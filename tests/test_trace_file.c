/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG=trace=FILE: whose file it is, and what becomes of it where it
 * cannot be written.
 */
#include "recorded.h"

#include <sys/stat.h>

/* ---- processes ---------------------------------------------------------- */

static int record_fork(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	int status;
	pid_t pid;

	EXPECT(tarn_palloc(pool, 1) != NULL);
	pid = child_fork();
	if (pid == 0) {
		void *object = tarn_palloc(pool, 2);

		EXPECT(object != NULL);
		exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(tarn_palloc(pool, 3) != NULL);
	fprintf(stderr, "%ld %ld\n", (long)getpid(), (long)pid);
	return 0;
}

static const struct record parent_recorded[] = {
	{255, 1, 0, 0, 0, 0},
	{1, 0, 0, 1, 0, 0},
	{4, 0, 0, 1, 1, 1},
	{4, 0, 0, 1, 3, 2},
};

static const struct record child_recorded[] = {
	{255, 1, 0, 0, 0, 0},
	{4, 0, 0, 1, 2, 2},
};

START_TEST(trace_of_a_forked_child_is_a_file_of_its_own)
{
	struct child child = child_run(named("fork.%p.%p"), record_fork);
	long pids[2];

	ck_assert_int_eq(child.status, 0);
	ck_assert_int_eq(sscanf(child.said, "%ld %ld\n", &pids[0], &pids[1]),
			 2);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/fork.%ld.%ld", directory,
			 pids[i], pids[i]);
		if (i == 0)
			compare_file(path, parent_recorded, 4);
		else
			compare_file(path, child_recorded, 2);
	}
}
END_TEST

START_TEST(trace_without_p_has_nothing_of_the_child)
{
	ck_assert_int_eq(child_run(named("fork"), record_fork).status, 0);
	compare_file(path, parent_recorded, 4);
}
END_TEST

/* ---- files that cannot be written --------------------------------------- */

static int record_little(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	EXPECT(tarn_palloc(pool, 16) != NULL);
	tarn_pool_destroy(pool);
	return 0;
}

START_TEST(trace_file_is_private_and_begun_anew)
{
	struct stat status;

	child_silent(named("anew"), record_many);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	child_silent(words, record_little);
	read_file(path);
	ck_assert_uint_eq(file.count, 4);
	/* No other letter is replaced. */
	child_silent(named("%q%"), record_little);
	read_file(path);
	ck_assert_uint_eq(file.count, 4);
}
END_TEST

static void refused(const char *what)
{
	struct child child = child_run(words, record_little);
	char line[8192];

	snprintf(line, sizeof(line), "tarn: TARN_DEBUG: trace=%s: %s\n", path,
		 what);
	ck_assert_str_eq(child.said, line);
	ck_assert_int_eq(child.status, 0);
}

START_TEST(trace_file_that_cannot_be_is_told)
{
	static char name[5000];
	struct child child;

	named("link");
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	refused(strerror(ELOOP));
	named("none/file");
	refused(strerror(ENOENT));
	memset(name, 'n', sizeof(name) - 1);
	memcpy(name, "trace=", 6);
	child = child_run(name, record_little);
	ck_assert_int_eq(child.status, 0);
	ck_assert_int_eq(strncmp(child.said, "tarn: TARN_DEBUG: trace=nnn", 27),
			 0);
	/* With the process's numbers it is too long even to be tried. */
	for (size_t k = 6; k < sizeof(name) - 2; k += 2)
		memcpy(name + k, "%p", 2);
	child = child_run(name, record_little);
	ck_assert_int_eq(child.status, 0);
	ck_assert_int_eq(strncmp(child.said, "tarn: TARN_DEBUG: trace=%p%", 27),
			 0);
	ck_assert_uint_eq(child.lines, 1);
}
END_TEST

/* The trace is over before the fork. */
static int record_ended(void)
{
	int status = record_many();
	pid_t pid = child_fork();

	if (pid == 0)
		exit(record_little());
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return status;
}

START_TEST(trace_onto_a_full_disk_ends_quietly)
{
	if (access("/dev/full", W_OK) != 0)
		return;
	child_silent("trace=/dev/full", record_many);
	child_silent("trace=/dev/full", record_little);
	child_silent("trace=/dev/full", record_ended);
}
END_TEST

/* ---- writes that are cut short ------------------------------------------ */

/* What becomes of the next ones, from the last to the first. */
static const enum {
	CUT_NOT,
	CUT_SHORT,
	CUT_OFF
} cuts[] = {CUT_NOT, CUT_SHORT, CUT_OFF, CUT_SHORT, CUT_OFF};

static size_t cuts_left;

ssize_t __real_write(int to, const void *bytes, size_t size);
ssize_t __wrap_write(int to, const void *bytes, size_t size);
ssize_t __wrap_write(int to, const void *bytes, size_t size)
{
	int cut = cuts_left != 0 ? cuts[--cuts_left] : CUT_NOT;

	if (cut == CUT_OFF) {
		errno = EINTR;
		return -1;
	}
	return __real_write(to, bytes, cut == CUT_SHORT ? size / 2 : size);
}

static int record_cut(void)
{
	cuts_left = COUNT(cuts);
	return record_many();
}

START_TEST(trace_write_that_is_cut_short_goes_on)
{
	child_silent(named("cut"), record_cut);
	read_file(path);
	ck_assert_uint_eq(file.count, MANY + 2);
}
END_TEST

int main(void)
{
	static const char *const names[] = {"anew", "%q%", "link", "cut"};
	Suite *suite = suite_create("trace_file");
	TCase *tcase = suite_case(suite, "files");

	if (mkdtemp(directory) == NULL)
		abort();
	tcase_add_test(tcase, trace_of_a_forked_child_is_a_file_of_its_own);
	tcase_add_test(tcase, trace_without_p_has_nothing_of_the_child);
	tcase_add_test(tcase, trace_file_is_private_and_begun_anew);
	tcase_add_test(tcase, trace_file_that_cannot_be_is_told);
	tcase_add_test(tcase, trace_onto_a_full_disk_ends_quietly);
	tcase_add_test(tcase, trace_write_that_is_cut_short_goes_on);
	return recorded_suite_run(suite, names, COUNT(names));
}
