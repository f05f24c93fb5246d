/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies and formatted strings, all packed.
 */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void *tarn_pmemdup(tarn_pool *pool, const void *source, size_t size)
{
	void *copy;
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	if (source == NULL) {
		errno = EINVAL;
		return NULL;
	}
	copy = tarn_palloc(pool, size);
	return copy != NULL ? memcpy(copy, source, size) : NULL;
}

/* `length` bytes of `source`, and a terminating zero. */
static char *string_copy(tarn_pool *pool, const char *source, size_t length)
{
	char *copy = tarn_pnalloc(pool, length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, source, length);
	copy[length] = '\0';
	return copy;
}

char *tarn_pstrdup(tarn_pool *pool, const char *source)
{
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	if (source == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return string_copy(pool, source, strlen(source));
}

char *tarn_pstrndup(tarn_pool *pool, const char *source, size_t size)
{
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	if (source == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return string_copy(pool, source, strnlen(source, size));
}

/* The second pass, into `size` bytes that the first one counted. */
static char *string_format(tarn_pool *pool, size_t size, const char *format,
			   va_list args)
{
	char *text = tarn_pnalloc(pool, size);

	if (text != NULL)
		vsnprintf(text, size, format, args);
	return text;
}

/* From the front of the room to its end: they may overlap. */
static char *string_pack(tarn_pool *pool, const char *room, size_t size)
{
	char *text = tarn_pnalloc(pool, size);

	return text != NULL ? memmove(text, room, size) : NULL;
}

static char *string_print(tarn_pool *pool, const char *format, va_list args)
{
	struct local *local = pool_local(pool);
	char none, *room = &none, *text;
	size_t size = 0; /* of the room: none, where there is no local pool */
	va_list again;
	int length;

	if (local != NULL) {
		room = local->hot.last;
		size = (size_t)(local->hot.end - room);
	}
	va_copy(again, args);
	length = vsnprintf(room, size, format, args);
	if (length < 0)
		text = NULL;
	else if ((size_t)length >= size)
		text = string_format(pool, (size_t)length + 1, format, again);
	else
		text = string_pack(pool, room, (size_t)length + 1);
	va_end(again);
	return text;
}

char *tarn_pvsprintf(tarn_pool *pool, const char *format, va_list args)
{
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	return string_print(pool, format, args);
}

char *tarn_psprintf(tarn_pool *pool, const char *format, ...)
{
	va_list args;
	char *text;
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	va_start(args, format);
	text = string_print(pool, format, args);
	va_end(args);
	return text;
}

/* Bytes that the strings take together; SIZE_MAX, which no allocation grants,
   where size_t does not reach. */
static size_t string_measure(va_list args)
{
	const char *part;
	size_t size = 1;

	while ((part = va_arg(args, const char *)) != NULL)
		/* COVERAGE: 2^34 strings of a GiB, where size_t has 64 bits */
		if (!align_sum(size, strlen(part), &size))
			return SIZE_MAX;
	return size;
}

char *tarn_pstrcat(tarn_pool *pool, ...)
{
	const char *part;
	char *text, *end;
	va_list args;
	WATCH_REQUEST(pool, WATCH_AS_IT_IS);

	va_start(args, pool);
	text = tarn_pnalloc(pool, string_measure(args));
	va_end(args);
	if (text == NULL)
		return NULL;
	end = text;
	va_start(args, pool);
	while ((part = va_arg(args, const char *)) != NULL) {
		size_t length = strlen(part);

		memcpy(end, part, length);
		end += length;
	}
	va_end(args);
	*end = '\0';
	return text;
}
