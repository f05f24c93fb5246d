/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text made in memory: JSON, or lines for people, of the same elements.
 */
#ifndef TARN_TEXT_H
#define TARN_TEXT_H

#include <stdbool.h>

#include "array.h"
#include "prefix.h"
#include "tarn.h"

struct text {
	struct array bytes;
	bool json;
	bool comma; /* before the next element */
};

/* Puts 255 bytes at most. */
void text_put(struct text *text, const char *format, ...) TARN_FORMAT(2, 3);

/* A name of any length within its quotes: nothing in it ends them or the line.
 */
void text_put_name(struct text *text, const char *name);

/* Begins and ends a list of elements: between them are commas. */
void text_open(struct text *text, const char *json, const char *plain);
void text_close(struct text *text, const char *json, const char *plain);

/* Begins an element; one that is in lines of its own, which it ends. */
void text_next(struct text *text);
void text_next_line(struct text *text);

#endif
