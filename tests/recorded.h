/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces that children record, read again.
 */
#ifndef TARN_TESTS_RECORDED_H
#define TARN_TESTS_RECORDED_H

#include "child.h"

#include "counting.h"
#include "memcheck.h"

enum {
	LARGE = 20000 /* bytes: beyond the default large_above */
};

/* ---- the file ----------------------------------------------------------- */

static char directory[] = "/tmp/tarn_trace.XXXXXX";
static char path[64], words[128];

/* `name` in the test's directory becomes `path`, and all of TARN_DEBUG. */
static const char *named(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(words, sizeof(words), "trace=%s,unwatched", path);
	return words;
}

static uint32_t number(const unsigned char *at, int bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

struct record {
	uint32_t op, log2, slot, pool, size, id;
};

struct file {
	struct record records[16384];
	size_t count;
};

static struct file file;

static void read_file(const char *name)
{
	unsigned char bytes[16];
	FILE *stream = fopen(name, "rb");
	size_t part;

	ck_assert_ptr_nonnull(stream);
	file.count = 0;
	while ((part = fread(bytes, 1, 16, stream)) == 16) {
		ck_assert_uint_lt(file.count, COUNT(file.records));
		file.records[file.count++] =
			(struct record){bytes[0],
					bytes[1],
					number(bytes + 2, 2),
					number(bytes + 4, 4),
					number(bytes + 8, 4),
					number(bytes + 12, 4)};
	}
	ck_assert_uint_eq(part, 0);
	fclose(stream);
}

/* All of it but the process's number in the first record. */
static inline void compare_file(const char *name, const struct record *records,
				size_t count)
{
	read_file(name);
	ck_assert_uint_ne(file.records[0].pool, 0);
	file.records[0].pool = 0;
	for (size_t i = 0; i < file.count && i < count; i++)
		if (memcmp(&file.records[i], &records[i], sizeof(*records)))
			ck_abort_msg("record %zu: %u %u %u %u %u %u", i,
				     file.records[i].op, file.records[i].log2,
				     file.records[i].slot, file.records[i].pool,
				     file.records[i].size, file.records[i].id);
	ck_assert_uint_eq(file.count, count);
	unlink(name);
}

/* Runs a suite within the directory, which goes when all went well. */
static int recorded_suite_run(Suite *suite, const char *const *names,
			      size_t count)
{
	int status = suite_run(suite);

	for (size_t i = 0; i < count && status == EXIT_SUCCESS; i++) {
		named(names[i]);
		unlink(path);
	}
	if (status == EXIT_SUCCESS)
		rmdir(directory);
	return status;
}

/* ---- many --------------------------------------------------------------- */

enum {
	MANY = 6000 /* more than wait, and than the first table has room for */
};

static inline int record_many(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t i = 0; i < MANY; i++)
		EXPECT(tarn_palloc(pool, 16) != NULL);
	return 0;
}

#endif
