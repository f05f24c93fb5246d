/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces: each call recorded in a file, for tarn-replay. The format is in
 * doc/TRACE. All but trace_open under the debug mutex, which gives the records
 * their order.
 */
#ifndef TARN_TRACE_H
#define TARN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "align.h"

enum trace_op {
	TRACE_CREATE = 1,
	TRACE_DESTROY,
	TRACE_RESET,
	TRACE_ALIGNED,
	TRACE_PACKED,
	TRACE_ZEROED,
	TRACE_MEMALIGN,
	TRACE_FREE,
	TRACE_REFUSED,
	TRACE_TRIM = 11,
	TRACE_CLEANUP,
	TRACE_CHILD,
	TRACE_RESIZE,
	TRACE_CANCEL,
	TRACE_RUN,
	TRACE_MISSED,
	TRACE_FREE_SIZED,
	TRACE_PROCESS = 255
};

struct trace_call {
	enum trace_op op;
	size_t alignment; /* of TRACE_MEMALIGN              */
	uint32_t slot;
	uint32_t pool; /* its number                  */
	size_t size;
	uint32_t id;
};

/* Makes the file that `pattern` names, %p in it for the process: then
 *by_process is set. -1 with errno: it cannot. */
int trace_create(const char *pattern, bool *by_process);

/* Begins a trace in the file that `pattern` names, %p in it for the process;
   false with errno: it cannot. */
bool trace_open(const char *pattern);

void trace_write_locked(const struct trace_call *call);

/* The number of the next pool. */
uint32_t trace_pool_locked(void);

/* The id of what stands at `object` from now on, which is new, or `id`. */
uint32_t trace_id_locked(const void *object);
void trace_keep_id_locked(const void *object, uint32_t id);

/* The id of what stands at `object`; 0: it has none. */
uint32_t trace_find_id_locked(const void *object);

/* What is not yet in the file. */
void trace_flush_locked(void);

/* The child of a fork has a file of its own, or none. */
void trace_after_fork_locked(void);

#endif
