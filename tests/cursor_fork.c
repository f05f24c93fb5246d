/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A header that was overwritten: the program, a child, ends and says so.
 */
#include "cursor_tests.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a caller's overrun does to the second block, and who comes by it. */
static void overwrite_and_end(struct chain *chain, int field, bool reset)
{
	struct block *block = chain->cursor.last;
	unsigned char *at[] = {
		(unsigned char *)&block->size, (unsigned char *)&block->skip,
		(unsigned char *)&block->base, (unsigned char *)&block->check};

	*at[field] ^= 0x40;
	if (reset)
		cursor_reset(&chain->cursor, NULL, &chain->source, BLOCK_LINE);
	else
		cursor_clear(&chain->cursor, NULL, &chain->source);
}

START_TEST(header_overwritten_program_ends_with_a_message)
{
	char text[200] = "";
	struct chain chain;
	struct chunk chunk;
	int status, ends[2];
	pid_t child;

	chain_new(&chain, SIZE_MAX);
	ck_assert(claim(&chain, FIRST, FIRST, &chunk));
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		overwrite_and_end(&chain, _i / 2, _i % 2 != 0);
		_exit(0);
	}
	close(ends[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "tarn: the header of the block at"));
	close(ends[0]);
	chain_end(&chain);
}
END_TEST

void add_fork_tests(Suite *suite)
{
	TCase *tcase = suite_case(suite, "overwritten");

	tcase_add_loop_test(
		tcase, header_overwritten_program_ends_with_a_message, 0, 8);
}
