/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces of real programs, made ready for replay: pools that are made before
 * they are used and end before the trace does, sizes and numbers at hand. The
 * format of the files is in traces/README.md.
 */
#ifndef TARN_BENCH_TRACE_H
#define TARN_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum trace_op {
	TRACE_CREATE, /* pool, size: of the first block       */
	TRACE_DESTROY,
	TRACE_RESET,
	TRACE_ALLOC,
	TRACE_PACKED,
	TRACE_ZEROED,
	TRACE_ALIGNED,
	TRACE_RESIZE,  /* object from old, size from old_size  */
	TRACE_FREE,    /* of old, old_size                     */
	TRACE_REFUSED, /* a free of old that the pool refused  */
	TRACE_CLEANUP
};

struct trace_step {
	uint8_t op;
	uint8_t log_alignment;
	uint32_t pool; /* below pools                            */
	uint32_t size;
	uint32_t object; /* below objects; 0: not needed again   */
	uint32_t old;
	uint32_t old_size;
};

struct trace {
	struct trace_step *steps;
	size_t count;
	uint32_t *sizes; /* by object, the last it had */
	uint32_t pools, objects;
};

/* Whether this build can read traces at all. */
bool trace_available(void);

/* The trace in file `name`; ends the process where there is none. */
const struct trace *trace_read(const char *name);

#ifdef __cplusplus
}
#endif

#endif
