/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded bugs: memory that nothing points to any more. */
#include <stdlib.h>
#include <string.h>

#include "seeded.h"

/* Writes over what calls left in registers and on the stack. */
static __attribute__((__noinline__)) void forget(void)
{
	char room[16384];

	memset(room, 0, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
}

static __attribute__((__noinline__)) void lose_pool(void)
{
	tarn_pool *pool = must(tarn_pool_create(NULL)); /* BUG lost_pool */

	must(tarn_palloc(pool, 100)); /* MADE lost_pool */
}

/* More than one: LeakSanitizer finds the last in whatever still has its
   address, vector registers too. */
static void lost_pool(void)
{
	for (int i = 0; i < 8; i++)
		lose_pool();
	forget();
}

/* Volatile, or a compiler sees that nobody reads them. */
static tarn_pool *volatile alive;
static char **volatile held;

/* The tools have to look into the pool, and to believe it. */
static __attribute__((__noinline__)) void lose_malloc(void)
{
	alive = open_pool_over(tarn_upstream_mmap());
	held = must(tarn_palloc(alive, 2 * sizeof(*held)));
	held[0] = must(malloc(50));
	held[1] = must(malloc(60)); /* BUG lost_malloc */
}

static void lost_malloc(void)
{
	lose_malloc();
	held[1] = NULL;
	held = NULL;
	forget();
}

const struct seed leaks[] = {
	{"lost_pool", lost_pool},
	{"lost_malloc", lost_malloc},
	{NULL, NULL},
};
