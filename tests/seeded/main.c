/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seeded CASE: runs a case, each but those of correct.c with a bug in it.
 *
 * With TARN_DEBUG set it ends, like a program that writes its own crash
 * reports, with the addresses of its frames: addr2line has the lines.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#include "seeded.h"

_Thread_local volatile unsigned sink;

/* Where the linker put the program. */
extern const char __executable_start[];

void *must(void *object)
{
	expect(object != NULL, "out of memory");
	return object;
}

void expect(int kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "seeded: %s\n", what);
	exit(1);
}

tarn_pool *open_pool_over(const tarn_upstream *upstream)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;

	options.name = "seeded";
	options.upstream = upstream;
	pool = must(tarn_pool_create(&options));
	must(tarn_palloc(pool, 24));
	return pool;
}

tarn_pool *open_pool(void)
{
	return open_pool_over(NULL);
}

/* Behind a call, a frame stands at what comes after it: hence one less. */
static _Unwind_Reason_Code print_frame(struct _Unwind_Context *context,
				       void *unused)
{
	int exact = 0;
	uintptr_t at = _Unwind_GetIPInfo(context, &exact);

	(void)unused;
	at -= (uintptr_t)__executable_start + (exact ? 0 : 1);
	fprintf(stderr, "frame %#jx\n", (uintmax_t)at);
	return _URC_NO_REASON;
}

static void print_frames(int number)
{
	_Unwind_Backtrace(print_frame, NULL);
	signal(number, SIG_DFL);
	raise(number);
}

static void find_and_run(const char *name)
{
	static const struct seed *const all[] = {bounds, lifetime, leaks,
						 misuse, races,    correct};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct seed *seed = all[i]; seed->name; seed++)
			if (strcmp(seed->name, name) == 0) {
				seed->run();
				return;
			}
	expect(0, "no such case");
}

int main(int argc, char **argv)
{
	expect(argc == 2, "which case?");
	if (getenv("TARN_DEBUG")) {
		signal(SIGABRT, print_frames);
		signal(SIGSEGV, print_frames);
		signal(SIGBUS, print_frames);
	}
	find_and_run(argv[1]);
	return 0;
}
