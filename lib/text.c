/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text in either of two forms: see text.h.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

void text_put(struct text *text, const char *format, ...)
{
	va_list args;
	char line[256];
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* No format makes a longer one: names go another way. */
	array_add(&text->bytes, line, (size_t)length);
}

/* ---- elements -------------------------------------------------------- */

void text_open(struct text *text, const char *json, const char *plain)
{
	text_put(text, "%s", text->json ? json : plain);
	text->comma = false;
}

void text_close(struct text *text, const char *json, const char *plain)
{
	text_open(text, json, plain);
	text->comma = true;
}

void text_next(struct text *text)
{
	if (text->comma)
		text_put(text, ",");
	text->comma = true;
}

void text_next_line(struct text *text)
{
	if (text->json) {
		text_next(text);
		text_put(text, "\n");
	}
}

/* ---- names ----------------------------------------------------------- */

/* Bytes of the character that begins here, as UTF-8, or 0: it is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t length;
	} forms[] = {{0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		     {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		     {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		     {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		     {0xf4, 0xf4, 0x80, 0x8f, 4}};
	size_t i = 0, length = 1;

	while (at[0] < forms[i].first || at[0] > forms[i].last)
		if (++i == sizeof(forms) / sizeof(*forms))
			return 0;
	if (at[1] < forms[i].low || at[1] > forms[i].high)
		return 0;
	while (length < forms[i].length &&
	       (length == 1 || at[length] >> 6 == 2))
		length++;
	return length == forms[i].length ? length : 0;
}

/* Whether it is U+0000 to U+001F, or U+007F to U+009F: its last byte is its
   number, then. Some of these end lines, or speak to a terminal. */
static bool utf8_is_control(const unsigned char *at)
{
	return *at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

void text_put_name(struct text *text, const char *name)
{
	const unsigned char *at = (const unsigned char *)name;

	while (*at != '\0') {
		size_t length = utf8_length(at);

		if (length == 0)
			text_put(text, "\xef\xbf\xbd"); /* U+FFFD */
		else if (utf8_is_control(at))
			text_put(text, text->json ? "\\u%04x" : "\\x%02x",
				 at[length - 1]);
		else if (*at == '\\' || *at == (text->json ? '"' : '\''))
			text_put(text, "\\%c", *at);
		else
			array_add(&text->bytes, at, length);
		at += align_max(length, 1);
	}
}
