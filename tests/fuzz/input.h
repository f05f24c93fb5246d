/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes that a fuzzer chose, read as numbers. Past their end all is 0, so
 * that any bytes mean something and a prefix means what it did before.
 */
#ifndef TARN_FUZZ_INPUT_H
#define TARN_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program, in any thread, where the library broke its word. */
#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,     \
				__LINE__, #condition);                         \
			abort();                                               \
		}                                                              \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

static inline bool input_is_empty(const struct input *in)
{
	return in->at == in->end;
}

static inline uint8_t input_byte(struct input *in)
{
	return in->at != in->end ? *in->at++ : 0;
}

/* A number below `bound`, at most 256. */
static inline size_t input_below(struct input *in, size_t bound)
{
	return input_byte(in) % bound;
}

/* One of `count` things, of which the first `old` were there before the others:
   bytes from before those were known mean what they did. */
static inline size_t input_choice(struct input *in, size_t old, size_t count)
{
	uint8_t byte = input_byte(in);

	return byte < old * (144 / old) ? byte % old
					: old + byte % (count - old);
}

/* True for one byte in `one_in`, not for 0. */
static inline bool input_chance(struct input *in, unsigned one_in)
{
	return input_byte(in) % one_in == one_in - 1;
}

/* The next `length` bytes, or what is left, as an input of their own. */
static inline struct input input_split(struct input *in, size_t length)
{
	size_t left = (size_t)(in->end - in->at);
	struct input part = {in->at, in->at + (length < left ? length : left)};

	in->at = part.end;
	return part;
}

/* Bytes: a larger number is so large that no memory can be had. With words of
   32 bits half of all there could be is had. */
#define INPUT_HUGE                                                             \
	(sizeof(size_t) > 4 ? (size_t)PTRDIFF_MAX / 2 : SIZE_MAX - 65536)

/* `size`, but not within reach of memory that can be had. */
#define INPUT_ABOVE(size) ((size) > INPUT_HUGE ? (size) : INPUT_HUGE + 129)

/* Around these sizes something changes. */
static inline size_t input_edge(struct input *in)
{
	static const size_t edges[] = {64,
				       320,
				       2048,
				       4096,
				       8192,
				       65536,
				       262144,
				       1048576,
				       INPUT_ABOVE(PTRDIFF_MAX),
				       INPUT_ABOVE(SIZE_MAX / 2),
				       SIZE_MAX,
				       INPUT_HUGE + 129};
	size_t edge = edges[input_below(in, sizeof edges / sizeof *edges)];

	return edge + input_byte(in) - 128;
}

/* A size to ask for: small most often, up to 1 MiB, or above INPUT_HUGE. */
static inline size_t input_size(struct input *in)
{
	uint8_t byte = input_byte(in);

	if (byte < 128)
		return byte;
	if (byte < 192)
		return (size_t)(byte & 63) * 64 + input_byte(in);
	if (byte < 224)
		return (size_t)(byte & 31) * 1024 + input_byte(in) * 4;
	return input_edge(in);
}

#endif
