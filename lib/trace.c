/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces: see trace.h. All of it is under the debug mutex.
 *
 * Objects are numbered by a table from address to id. An entry stays when its
 * pool ends, until the address is handed out again: so the table is as large
 * as the addresses that were ever in use together.
 */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "host.h"

/* Of the format, in the first record. */
static const uint8_t trace_version = 1;

/* Records that wait, and entries of the first table. */
enum {
	TRACE_WAIT = 4096,
	TRACE_TABLE = 4096,
	TRACE_FILE = 4096
};

#define TRACE_RECORD ((size_t)16)

struct trace_entry {
	const void *object; /* NULL: empty */
	uint32_t id;
};

static struct {
	int file; /* -1: none */
	bool by_process;
	char pattern[TRACE_FILE];
	uint32_t last_id, last_pool;
	struct trace_entry *entries;
	size_t capacity, count;
	size_t waiting; /* bytes */
	unsigned char records[TRACE_WAIT * TRACE_RECORD];
} trace = {.file = -1};

/* ---- the file -------------------------------------------------------- */

static unsigned char *trace_put(unsigned char *at, uint64_t value, int bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		*at++ = (unsigned char)value;
	return at;
}

static uint32_t trace_word(size_t value)
{
	return (uint32_t)align_min(value, UINT32_MAX);
}

static void trace_close(void)
{
	if (trace.file >= 0)
		close(trace.file);
	trace.file = -1;
}

void trace_flush_locked(void)
{
	struct aside aside = aside_begin(true);
	size_t done = 0;

	while (trace.file >= 0 && done < trace.waiting) {
		ssize_t put = write(trace.file, trace.records + done,
				    trace.waiting - done);

		if (put >= 0) {
			done += (size_t)put;
		} else if (errno != EINTR) {
			trace_close();
		}
	}
	trace.waiting = 0;
	aside_end(aside);
}

void trace_write_locked(const struct trace_call *call)
{
	unsigned char *at = trace.records + trace.waiting;
	int log2 = 0;

	if (trace.file < 0)
		return;
	while (call->alignment >> log2 > 1)
		log2++;
	at = trace_put(at, call->op, 1);
	at = trace_put(at, (uint64_t)log2, 1);
	at = trace_put(at, align_min(call->slot, UINT16_MAX), 2);
	at = trace_put(at, call->pool, 4);
	at = trace_put(at, trace_word(call->size), 4);
	trace_put(at, call->id, 4);
	trace.waiting += TRACE_RECORD;
	if (trace.waiting == sizeof(trace.records))
		trace_flush_locked();
}

/* The pattern with each %p replaced; false where it is too long. */
static bool trace_name(const char *pattern, char *name, size_t size,
		       bool *by_process)
{
	size_t length = 0;

	for (const char *at = pattern; *at != '\0'; at++) {
		int put = 1;

		if (at[0] == '%' && at[1] == 'p') {
			put = snprintf(name + length, size - length, "%ld",
				       (long)getpid());
			*by_process = true;
			at++;
		} else {
			name[length] = *at;
		}
		length += (size_t)put;
		if (length >= size)
			return false;
	}
	name[length] = '\0';
	return true;
}

int trace_create(const char *pattern, bool *by_process)
{
	char name[TRACE_FILE];

	if (!trace_name(pattern, name, sizeof(name), by_process)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return host_create(name);
}

static bool trace_begin(void)
{
	struct trace_call first = {.op = TRACE_PROCESS,
				   .alignment = (size_t)1 << trace_version};

	trace.file = trace_create(trace.pattern, &trace.by_process);
	first.pool = (uint32_t)getpid();
	trace_write_locked(&first);
	return trace.file >= 0;
}

bool trace_open(const char *pattern)
{
	strncpy(trace.pattern, pattern, sizeof(trace.pattern) - 1);
	return trace_begin();
}

/* What waits here is the parent's, who writes it. */
void trace_after_fork_locked(void)
{
	trace_close();
	trace.waiting = 0;
	if (trace.by_process)
		trace_begin();
}

/* ---- numbers --------------------------------------------------------- */

uint32_t trace_pool_locked(void)
{
	return ++trace.last_pool;
}

static struct trace_entry *trace_find(const void *object)
{
	size_t i = (size_t)(((uint64_t)(uintptr_t)object *
			     UINT64_C(0x9e3779b97f4a7c15)) >>
			    32);

	for (;; i++) {
		struct trace_entry *entry =
			&trace.entries[i & (trace.capacity - 1)];

		if (entry->object == object || entry->object == NULL)
			return entry;
	}
}

/* At most half full. Without memory the trace ends here. */
static bool trace_make_room(void)
{
	struct trace_entry *old = trace.entries;
	struct aside aside;
	size_t count = trace.capacity;
	size_t capacity = count != 0 ? 2 * count : TRACE_TABLE;

	if (2 * (trace.count + 1) <= count)
		return true;
	aside = aside_begin(false);
	trace.entries = calloc(capacity, sizeof(*trace.entries));
	aside_end(aside);
	if (trace.entries == NULL) {
		trace.entries = old;
		return false;
	}
	trace.capacity = capacity;
	for (size_t i = 0; i < count; i++)
		if (old[i].object != NULL)
			*trace_find(old[i].object) = old[i];
	free(old);
	return true;
}

void trace_keep_id_locked(const void *object, uint32_t id)
{
	struct trace_entry *entry;

	if (!trace_make_room()) {
		trace_flush_locked();
		trace_close();
		return;
	}
	entry = trace_find(object);
	trace.count += entry->object == NULL;
	*entry = (struct trace_entry){object, id};
}

uint32_t trace_id_locked(const void *object)
{
	trace_keep_id_locked(object, ++trace.last_id);
	return trace.last_id;
}

uint32_t trace_find_id_locked(const void *object)
{
	return trace.capacity == 0 || object == NULL ? 0
						     : trace_find(object)->id;
}
