/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading traces: see records.h. A file goes by in pieces, so that one that is
 * no trace is known by its first records, however long it is.
 */
#include "records.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	RECORD_SIZE = 16,    /* bytes, in the file */
	PIECE_SIZE = 1 << 16 /* the same */
};

struct reader {
	record_fn *fn;
	void *arg;
	char *why;
	uint8_t rest[RECORD_SIZE]; /* of a record not yet complete */
	size_t rest_size;
};

static uint32_t word_at(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static bool reader_record(const struct reader *reader, const uint8_t *bytes)
{
	struct record record = {
		bytes[0],
		bytes[1],
		(uint16_t)(bytes[2] | bytes[3] << 8),
		{word_at(bytes + 4), word_at(bytes + 8), word_at(bytes + 12)}};

	return reader->fn(reader->arg, &record);
}

static bool reader_take(struct reader *reader, const uint8_t *bytes,
			size_t size)
{
	while (size != 0) {
		size_t part = RECORD_SIZE - reader->rest_size;

		part = part < size ? part : size;
		memcpy(reader->rest + reader->rest_size, bytes, part);
		reader->rest_size += part;
		bytes += part;
		size -= part;
		if (reader->rest_size < RECORD_SIZE)
			break;
		reader->rest_size = 0;
		if (!reader_record(reader, reader->rest))
			return false;
	}
	return true;
}

static bool reader_fail(const struct reader *reader, const char *why)
{
	snprintf(reader->why, RECORDS_WHY, "%s", why);
	return false;
}

/* False where the file could not be read; *size is 0 at its end. */
static bool read_piece(const struct reader *reader, FILE *file,
		       uint8_t piece[PIECE_SIZE], size_t *size)
{
	*size = fread(piece, 1, PIECE_SIZE, file);
	return ferror(file) ? reader_fail(reader, strerror(errno)) : true;
}

static bool read_plain(struct reader *reader, FILE *file,
		       uint8_t piece[PIECE_SIZE], size_t size)
{
	do {
		if (!reader_take(reader, piece, size) ||
		    !read_piece(reader, file, piece, &size))
			return false;
	} while (size != 0);
	return true;
}

/* ---- compressed files ---------------------------------------------------- */

#ifdef HAVE_LZMA

#include <lzma.h>

bool records_unpack(void)
{
	return true;
}

/* One piece of input; *status says whether it was the last. */
static bool unpack_piece(struct reader *reader, lzma_stream *stream,
			 lzma_action action, lzma_ret *status)
{
	static uint8_t out[PIECE_SIZE];

	do {
		stream->next_out = out;
		stream->avail_out = sizeof(out);
		*status = lzma_code(stream, action);
		if (!reader_take(reader, out, sizeof(out) - stream->avail_out))
			return false;
	} while (*status == LZMA_OK && stream->avail_out == 0);
	return *status == LZMA_OK || *status == LZMA_STREAM_END ||
	       *status == LZMA_BUF_ERROR ||
	       reader_fail(reader, "damaged: xz cannot unpack it");
}

static bool read_packed(struct reader *reader, FILE *file,
			uint8_t piece[PIECE_SIZE], size_t size)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret status = lzma_stream_decoder(&stream, UINT64_MAX, 0);
	bool fine = status == LZMA_OK ||
		    reader_fail(reader, "xz has no memory to unpack it");

	while (fine && status != LZMA_STREAM_END) {
		stream.next_in = piece;
		stream.avail_in = size;
		fine = unpack_piece(reader, &stream,
				    size != 0 ? LZMA_RUN : LZMA_FINISH,
				    &status);
		if (fine && size == 0 && status != LZMA_STREAM_END)
			fine = reader_fail(reader,
					   "truncated: xz finds no end");
		fine = fine && read_piece(reader, file, piece, &size);
	}
	lzma_end(&stream);
	return fine;
}

#else

bool records_unpack(void)
{
	return false;
}

static bool read_packed(struct reader *reader, FILE *file,
			uint8_t piece[PIECE_SIZE], size_t size)
{
	(void)file;
	(void)piece;
	(void)size;
	return reader_fail(reader, "compressed by xz, and this program was "
				   "built without liblzma; unpack it first");
}

#endif

/* ---- files --------------------------------------------------------------- */

static bool read_file(struct reader *reader, FILE *file)
{
	static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};
	static uint8_t piece[PIECE_SIZE];
	size_t size;

	if (!read_piece(reader, file, piece, &size))
		return false;
	if (!(size >= sizeof(xz) && memcmp(piece, xz, sizeof(xz)) == 0
		      ? read_packed
		      : read_plain)(reader, file, piece, size))
		return false;
	return reader->rest_size == 0 ||
	       reader_fail(reader, "truncated: it ends within a record");
}

bool records_each(const char *path, record_fn *fn, void *arg,
		  char why[RECORDS_WHY])
{
	struct reader reader = {.fn = fn, .arg = arg, .why = why};
	FILE *file = fopen(path, "rb");
	bool fine;

	if (file == NULL)
		return reader_fail(&reader, strerror(errno));
	fine = read_file(&reader, file);
	fclose(file);
	return fine;
}
