/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces made by tests, as files that go by at once.
 */
#ifndef TARN_TESTS_TRACE_H
#define TARN_TESTS_TRACE_H

#include <string.h>
#include <unistd.h>

#include "host.h"
#include "replay.h"
#include "util.h"

enum {
	TRACE_MEMORY = 64 << 20 /* bytes that a trace may keep alive */
};

static const struct run_options preset;

/* A trace in a file of its own. */
struct file {
	char path[32];
	FILE *stream;
};

static inline void file_open(struct file *file)
{
	int descriptor;

	strcpy(file->path, HOST_FILES "test_plan.XXXXXX");
	descriptor = mkstemp(file->path);
	file->stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
	if (file->stream == NULL)
		abort();
}

static inline void file_put(struct file *file, struct record record)
{
	uint32_t words[4] = {record.op | (uint32_t)record.byte << 8 |
				     (uint32_t)record.half << 16,
			     record.words[0], record.words[1], record.words[2]};

	for (int i = 0; i < 16; i++)
		putc((int)(words[i / 4] >> i % 4 * 8 & 0xff), file->stream);
}

static inline bool file_read(struct file *file, struct plan *plan, char *why)
{
	bool fine;

	fclose(file->stream);
	fine = plan_read(plan, file->path, TRACE_MEMORY, why);
	unlink(file->path);
	return fine;
}

static inline bool read_records(const struct record *records, size_t count,
				struct plan *plan, char *why)
{
	struct file file;

	file_open(&file);
	for (size_t i = 0; i < count; i++)
		file_put(&file, records[i]);
	return file_read(&file, plan, why);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A trace with all operations, of two threads. */
static const struct record whole[] = {
	{255, 1, 0, {77, 0, 0}},    {1, 0, 0, {1, 1024, 0}},
	{4, 0, 0, {1, 100, 1}},     {5, 0, 1, {1, 7, 2}},
	{6, 0, 1, {1, 300, 3}},     {7, 6, 0, {1, 24, 4}},
	{4, 0, 0, {1, 0, 5}},       {14, 0, 1, {1, 5000, 1}},
	{12, 0, 0, {1, 0, 6}},      {12, 0, 1, {1, 0, 7}},
	{12, 0, 1, {1, 0, 8}},      {15, 0, 0, {1, 0, 7}},
	{17, 0, 0, {1, 0, 7}},      {16, 0, 1, {1, 0, 8}},
	{13, 0, 1, {2, 0, 1}},      {13, 0, 0, {3, 512, 2}},
	{4, 0, 0, {3, 20000, 9}},   {9, 0, 0, {1, 0, 2}},
	{9, 0, 0, {2, 0, 9}},       {8, 0, 1, {3, 0, 9}},
	{4, 0, 0, {3, 20, 10}},     {12, 0, 0, {3, 0, 11}},
	{4, 0, 0, {3, 16, 0}},      {14, 0, 1, {1, 0, 5}},
	{14, 0, 1, {1, 40, 5}},     {3, 0, 0, {1, 0, 0}},
	{10, 0, 0, {1, 64, 32}},    {4, 0, 1, {1, 50, 12}},
	{13, 0, 1, {4, 0, 1}},      {2, 0, 1, {4, 0, 0}},
	{4, 0, 0, {1, 50, 14}},     {18, 0, 1, {1, 50, 14}},
	{7, 6, 0, {1, 64, 15}},     {18, 0, 0, {1, 64, 15}},
	{5, 0, 0, {1, 9, 16}},      {18, 0, 0, {1, 9, 16}},
	{6, 0, 0, {1, 9000, 17}},   {18, 0, 0, {1, 9000, 17}},
	{18, 0, 0, {1, 9, 998}},    {11, 0, 0, {0, 0, 0}},
	{8, 0, 0, {1, 0, 999}},     {2, 0, 1, {1, 0, 0}},
	{4, 0, 65535, {5, 30, 13}}, {255, 1, 0, {78, 3, 0}},
	{1, 0, 0, {1, 0, 0}},       {4, 0, 0, {1, 8, 1}},
	{14, 0, 0, {1, 0, 0}},
};

#endif
