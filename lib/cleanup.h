/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanups: functions run at reset or destroy, last registered first. A node
 * is the pool's memory, so a handle stays readable until the pool recycles it.
 */
#ifndef TARN_CLEANUP_H
#define TARN_CLEANUP_H

#include <stdbool.h>
#include <stddef.h>

#include "birth.h"
#include "mutex.h"
#include "prefix.h"
#include "tarn.h"

struct cleanup_list {
	struct mutex *mutex;         /* [c] the pool's */
	struct tarn_cleanup *newest; /* [l] mutex */
	size_t count;                /* [l] mutex */
};

struct tarn_cleanup {
	void (*fn)(void *);         /* [c]                               */
	void *data;                 /* [c]                               */
	struct cleanup_list *list;  /* [c]                               */
	struct birth birth;         /* [c]                               */
	struct tarn_cleanup *older; /* [l] list mutex                    */
	struct tarn_cleanup *newer; /* [l] list mutex                    */
	bool pending;               /* [l] list mutex: neither ran, nor
				       was cancelled, nor has begun      */
};

static inline void cleanup_init(struct cleanup_list *list, struct mutex *mutex)
{
	list->mutex = mutex;
	list->newest = NULL;
	list->count = 0;
}

/* Makes `node`, fn, data and birth set, the newest. Any thread. */
void cleanup_add(struct cleanup_list *list, struct tarn_cleanup *node);

/* Takes it out of its list: true for the one caller that may decide what
   becomes of it, else false with ENOENT. Any thread. */
bool cleanup_take(struct tarn_cleanup *node);

/* Takes the newest one out that was registered within more than `depth` marks
   of the thread of `slot`, as cleanup_take does; or returns NULL. Any thread.
 */
struct tarn_cleanup *cleanup_take_since(struct cleanup_list *list,
					uint32_t slot, uint32_t depth);

/* Runs the newest one; false if there is none. Exclusive. */
bool cleanup_run_newest(struct cleanup_list *list);

/* For statistics; any thread. */
size_t cleanup_count(struct cleanup_list *list);

#endif
