/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a user's program with seeded bugs share. See seeded.sh,
 * which reads the marks:
 *   BUG name    a report on the case `name` must give this line
 *   MADE name   and what was allocated here, where a tool tells that
 *   FREED name  and that it was freed here, where a tool tells that
 *   CRASH name  where TARN_DEBUG=junk ends it
 */
#ifndef SEEDED_H
#define SEEDED_H

#include <tarn.h>

/* A case, by the name that the marks give it. */
struct seed {
	const char *name;
	void (*run)(void);
};

/* Each ends with a name of NULL. */
extern const struct seed bounds[], lifetime[], leaks[], misuse[], races[],
	correct[];

/* Where what is read goes, so that it is read: each thread its own. */
extern _Thread_local volatile unsigned sink;

/* Returns `object`; ends the program with a message if it is NULL. */
void *must(void *object);

/* Ends the program with a message unless `kept`. */
void expect(int kept, const char *what);

/* A pool named "seeded" in which something was allocated. */
tarn_pool *open_pool(void);

/* As open_pool, over `upstream`. */
tarn_pool *open_pool_over(const tarn_upstream *upstream);

#endif
