/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Children: a function in a process of its own, that reads TARN_DEBUG anew. The
 * test program itself must not use the library.
 */
#ifndef TARN_TESTS_CHILD_H
#define TARN_TESTS_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tarn.h"
#include "util.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Of a build that counts what was run: those who die count too. */
extern void __gcov_dump(void) __attribute__((weak));

struct child {
	int status;      /* of waitpid                  */
	char said[8192]; /* what it wrote to stderr     */
	size_t lines;    /* how many lines of it        */
};

typedef int child_fn(void);

/* By a pointer: a build that counts has a call of fork forget what was run
   within it. */
static pid_t (*volatile child_fork)(void) = fork;

static void child_dies(int signal_number)
{
	if (__gcov_dump != NULL)
		__gcov_dump();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Does not return. Tells the line that failed, on standard output. */
static void child_main(const char *words, child_fn *fn, int said)
{
	static const struct rlimit no_core = {0, 0};
	int line;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, child_dies);
	dup2(said, STDERR_FILENO);
	if (words != NULL)
		setenv("TARN_DEBUG", words, 1);
	else
		unsetenv("TARN_DEBUG");
	line = fn();
	if (line != 0)
		printf("a child with TARN_DEBUG=%s failed at line %d\n", words,
		       line);
	exit(line != 0);
}

/* How much of that the child said: an emulator says a line when it dies. */
static size_t child_own(char *said)
{
	char *line = strstr(said, "qemu: uncaught target signal ");

	if (emulated() && line != NULL)
		*line = '\0';
	return strlen(said);
}

static struct child child_run(const char *words, child_fn *fn)
{
	struct child child = {0, "", 0};
	FILE *said = tmpfile();
	size_t length;
	pid_t pid;

	ck_assert_ptr_nonnull(said);
	fflush(NULL);
	pid = child_fork();
	if (pid == 0)
		child_main(words, fn, fileno(said));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &child.status, 0), pid);
	rewind(said);
	length = fread(child.said, 1, sizeof(child.said) - 1, said);
	child.said[length] = '\0';
	length = child_own(child.said);
	for (size_t i = 0; i < length; i++)
		child.lines += child.said[i] == '\n';
	fclose(said);
	return child;
}

/* It ends well, without a word. */
static inline void child_silent(const char *words, child_fn *fn)
{
	struct child child = child_run(words, fn);

	ck_assert_str_eq(child.said, "");
	ck_assert_int_eq(child.status, 0);
}

/* It ends by SIGABRT, and says one line with `what` in it. */
static inline void child_aborts(const char *words, child_fn *fn,
				const char *what)
{
	struct child child = child_run(words, fn);

	ck_assert_msg(strstr(child.said, what) != NULL, "no '%s' in '%s'", what,
		      child.said);
	ck_assert_uint_eq(child.lines, 1);
	ck_assert_int_eq(strncmp(child.said, "tarn: ", 6), 0);
	ck_assert(WIFSIGNALED(child.status));
	ck_assert_int_eq(WTERMSIG(child.status), SIGABRT);
}

/* It ends well, and says this. */
static inline void child_says(const char *words, child_fn *fn, const char *what)
{
	struct child child = child_run(words, fn);

	ck_assert_str_eq(child.said, what);
	ck_assert_int_eq(child.status, 0);
}

/* ---- touching ----------------------------------------------------------- */

/* Bytes within which the processor tells where a fault was. */
#ifdef __s390__
#define CHILD_FAULT_GRAIN ((uintptr_t)4096)
#else
#define CHILD_FAULT_GRAIN ((uintptr_t)1)
#endif

static sigjmp_buf child_jump;
static char *child_fault;

static void child_caught(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	child_fault = info->si_addr;
	siglongjmp(child_jump, 1);
}

/* Whether a read of this very byte is a SIGSEGV. */
static inline bool child_faults(const volatile void *at)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO}, before;
	volatile bool faults = true; /* changed after sigsetjmp */

	action.sa_sigaction = child_caught;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, &before);
	child_fault = NULL;
	if (sigsetjmp(child_jump, 1) == 0) {
		(void)*(const volatile char *)at;
		faults = false;
	} else if (((uintptr_t)child_fault ^ (uintptr_t)at) >=
		   CHILD_FAULT_GRAIN) {
		abort();
	}
	sigaction(SIGSEGV, &before, NULL);
	return faults;
}

#endif
