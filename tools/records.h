/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a trace, read from a file, plain or compressed by xz: those
 * of pools (doc/TRACE) and those of malloc (bench/traces/README.md).
 */
#ifndef TARN_TOOLS_RECORDS_H
#define TARN_TOOLS_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Of either kind, as it stands in a file, in 16 bytes. */
struct record {
	uint8_t op;
	uint8_t byte;
	uint16_t half;
	uint32_t words[3];
};

/* Room for what went wrong, in one line. */
enum {
	RECORDS_WHY = 256
};

/* False: that is enough, and records_each returns false too. */
typedef bool record_fn(void *arg, const struct record *record);

/* Whether this build can read compressed files. */
bool records_unpack(void);

/*
 * Calls fn(arg, ...) for each record of the file, in order. Returns false
 * where fn did, or with the reason in `why` where the file cannot be read.
 */
bool records_each(const char *path, record_fn *fn, void *arg,
		  char why[RECORDS_WHY]);

#endif
