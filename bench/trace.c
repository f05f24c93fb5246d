/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading traces: see trace.h.
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "worker.h"

struct reader {
	struct trace trace;
	size_t room;        /* steps                             */
	uint32_t *pool_ids; /* by pool: its number in the file   */
	bool *pool_lives;   /* by pool                           */
};

static void *grown(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (memory == NULL)
		worker_die("realloc");
	return memory;
}

static void reader_add(struct reader *reader, struct trace_step step)
{
	struct trace *trace = &reader->trace;

	if (trace->count == reader->room) {
		reader->room = reader->room * 2 + 1024;
		trace->steps = grown(trace->steps,
				     reader->room * sizeof(*trace->steps));
	}
	trace->steps[trace->count++] = step;
}

static void reader_note_object(struct reader *reader, uint32_t object,
			       uint32_t size)
{
	struct trace *trace = &reader->trace;

	if (object >= trace->objects) {
		uint32_t objects = object * 2 + 1024;

		trace->sizes =
			grown(trace->sizes, objects * sizeof(*trace->sizes));
		memset(trace->sizes + trace->objects, 0,
		       (objects - trace->objects) * sizeof(*trace->sizes));
		trace->objects = objects;
	}
	trace->sizes[object] = size;
}

static uint32_t reader_size(const struct reader *reader, uint32_t object)
{
	const struct trace *trace = &reader->trace;

	return object < trace->objects ? trace->sizes[object] : 0;
}

/* ---- pools --------------------------------------------------------------- */

static void reader_add_pool(struct reader *reader, uint32_t pool, uint32_t size)
{
	struct trace_step step = {TRACE_CREATE, 0, pool, size, 0, 0, 0};

	reader->pool_lives[pool] = true;
	reader_add(reader, step);
}

/* The place of a pool that lives, or a free one. */
static uint32_t reader_pool(struct reader *reader, uint32_t id)
{
	struct trace *trace = &reader->trace;
	uint32_t pool, spare = trace->pools;

	for (pool = 0; pool < trace->pools; pool++)
		if (!reader->pool_lives[pool])
			spare = pool;
		else if (reader->pool_ids[pool] == id)
			return pool;
	if (spare == trace->pools) {
		trace->pools++;
		reader->pool_ids = grown(reader->pool_ids,
					 trace->pools * sizeof(uint32_t));
		reader->pool_lives =
			grown(reader->pool_lives, trace->pools * sizeof(bool));
		reader->pool_lives[spare] = false;
	}
	reader->pool_ids[spare] = id;
	return spare;
}

static void reader_end_pools(struct reader *reader)
{
	for (uint32_t pool = 0; pool < reader->trace.pools; pool++)
		if (reader->pool_lives[pool]) {
			struct trace_step step = {
				TRACE_DESTROY, 0, pool, 0, 0, 0, 0};

			reader_add(reader, step);
			reader->pool_lives[pool] = false;
		}
}

/* Bytes: the first block of a pool that was inherited over a fork. */
enum {
	INHERITED_POOL = 4096
};

/* What the operations 1.. of a pool's trace are here; -1: not replayed. */
static const signed char pool_ops[] = {
	-1,           TRACE_CREATE, TRACE_DESTROY, TRACE_RESET, TRACE_ALLOC,
	TRACE_PACKED, TRACE_ZEROED, TRACE_ALIGNED, TRACE_FREE,  TRACE_REFUSED,
	-1,           -1,           TRACE_CLEANUP,
};

static bool read_pool_record(void *arg, const struct record *record)
{
	struct reader *reader = arg;
	uint32_t id = record->words[2];
	struct trace_step step = {0, record->byte, 0, record->words[1], 0, 0,
				  0};

	if (record->op == 255)
		reader_end_pools(reader);
	if (record->op >= sizeof(pool_ops) || pool_ops[record->op] < 0)
		return true;
	step.op = (uint8_t)pool_ops[record->op];
	step.pool = reader_pool(reader, record->words[0]);
	if (step.op == TRACE_CREATE && reader->pool_lives[step.pool])
		return true;
	if (!reader->pool_lives[step.pool])
		reader_add_pool(reader, step.pool,
				step.op == TRACE_CREATE ? step.size
							: INHERITED_POOL);
	if (step.op == TRACE_CREATE)
		return true;
	if (step.op == TRACE_DESTROY)
		reader->pool_lives[step.pool] = false;
	if (step.op == TRACE_FREE || step.op == TRACE_REFUSED) {
		step.old = id;
		step.old_size = reader_size(reader, id);
	} else if (id != 0) {
		step.object = id;
		reader_note_object(reader, id, step.size);
	}
	reader_add(reader, step);
	return true;
}

/* ---- malloc -------------------------------------------------------------- */

static bool read_malloc_record(void *arg, const struct record *record)
{
	struct reader *reader = arg;
	uint32_t size = record->words[0], id = record->words[1];
	uint32_t old = record->words[2];
	struct trace_step step = {TRACE_ALLOC, 0, 0, size, id, 0, 0};

	if (record->op == 2) {
		step = (struct trace_step){
			TRACE_FREE, 0, 0, 0, 0, id, reader_size(reader, id)};
		if (id == 0)
			return true;
	} else if (record->op == 3 && old != 0) {
		step.op = TRACE_RESIZE;
		step.old = old;
		step.old_size = reader_size(reader, old);
	} else if (record->op == 4) {
		step.op = TRACE_ZEROED;
	} else if (record->op == 5) {
		step.op = TRACE_ALIGNED;
		step.log_alignment = (uint8_t)record->half;
	}
	if (record->op != 2)
		reader_note_object(reader, id, size);
	reader_add(reader, step);
	return true;
}

/* ---- files --------------------------------------------------------------- */

/* Only what is looked at again need be kept. */
static void forget_unused(struct trace *trace)
{
	bool *used = calloc(trace->objects + 1U, sizeof(*used));

	if (used == NULL)
		worker_die("calloc");
	for (size_t i = 0; i < trace->count; i++)
		if (trace->steps[i].old < trace->objects)
			used[trace->steps[i].old] = true;
	for (size_t i = 0; i < trace->count; i++)
		if (!used[trace->steps[i].object])
			trace->steps[i].object = 0;
	free(used);
}

bool trace_available(void)
{
	return records_unpack();
}

const struct trace *trace_read(const char *name)
{
	static struct reader reader;
	const char *directory = getenv("TARN_BENCH_TRACES");
	bool pools = strstr(name, ".ptr") != NULL;
	char path[4096], why[RECORDS_WHY];

	snprintf(path, sizeof(path), "%s/%s",
		 directory != NULL ? directory : TARN_BENCH_TRACES_DIR, name);
	reader_note_object(&reader, 0, 0);
	if (!pools)
		reader_add_pool(&reader, reader_pool(&reader, 1),
				INHERITED_POOL);
	if (!records_each(path, pools ? read_pool_record : read_malloc_record,
			  &reader, why)) {
		fprintf(stderr, "%s: %s\n", path, why);
		exit(EXIT_FAILURE);
	}
	reader_end_pools(&reader);
	free(reader.pool_ids);
	free(reader.pool_lives);
	forget_unused(&reader.trace);
	return &reader.trace;
}
