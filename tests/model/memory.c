/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a model: see memory.h. The threads of an execution are run in
 * an order in which all that an access could read from has been done before it,
 * so that where there is no data race, plain memory holds what it would.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REGIONS_AT   0x100000000000UL
#define REGION_BYTES ((size_t)64 << 10)
#define REGIONS      (MODEL_THREADS + 1)

/* Two accesses that share a word of this size meet. */
#define WORD ((size_t)4)

/* Of a word; the numbers are one more than the event they came after. */
struct word {
	uint32_t run; /* the execution that all this is of */
	bool written;
	bool freed;
	bool atomic; /* an atomic access wrote it last */
	uint8_t writer;
	uint16_t write;
	uint16_t reads[MODEL_THREADS];
	uint16_t atomics[MODEL_THREADS];
};

/* All that is static in the program, by the linker. */
extern char __data_start[], _end[];

struct memory {
	char *statics; /* a copy */
	struct word *static_words;
	char *regions;
	struct word *region_words;
	size_t used[REGIONS];
	uint32_t run;
	bool threads; /* they have begun */
};

/* Not itself among what is put back. */
static struct memory *memory;

static size_t statics_size(void)
{
	return (size_t)(_end - __data_start);
}

/* At the same place in each run: addresses are hashed. */
static char *regions_map(void)
{
	void *at =
		mmap((void *)REGIONS_AT, REGIONS * REGION_BYTES,
		     PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)REGIONS_AT)
		model_fail("no memory at %#lx", REGIONS_AT);
	return at;
}

void memory_setup(void)
{
	memory = calloc(1, sizeof(*memory));
	memory->statics = malloc(statics_size());
	memory->static_words =
		calloc(statics_size() / WORD + 2, sizeof(struct word));
	memory->regions = regions_map();
	memory->region_words =
		calloc(REGIONS * REGION_BYTES / WORD, sizeof(struct word));
	memcpy(memory->statics, __data_start, statics_size());
}

void memory_begin(void)
{
	memcpy(__data_start, memory->statics, statics_size());
	memset(memory->used, 0, sizeof(memory->used));
	memory->run++;
	memory->threads = false;
}

void memory_threads_begin(void)
{
	memory->threads = true;
}

void *memory_alloc(unsigned thread, size_t size)
{
	size_t start = (memory->used[thread] + 63) & ~(size_t)63;

	if (size > REGION_BYTES - start)
		model_fail("a region is full");
	memory->used[thread] = start + size;
	return memory->regions + thread * REGION_BYTES + start;
}

/* ---- uses ------------------------------------------------------------ */

/* NULL: not ours, as a stack is. */
static struct word *word_of(uintptr_t address)
{
	size_t region = address - (uintptr_t)memory->regions;
	size_t at = address - ((uintptr_t)__data_start & ~(WORD - 1));
	struct word *word = NULL;

	if (region < REGIONS * REGION_BYTES)
		word = &memory->region_words[region / WORD];
	else if (address >= (uintptr_t)__data_start &&
		 address < (uintptr_t)_end)
		word = &memory->static_words[at / WORD];
	if (word != NULL && word->run != memory->run) {
		*word = (struct word){.run = memory->run};
		/* What was there before the threads, and what is static. */
		word->written = region >= MODEL_THREADS * REGION_BYTES;
	}
	return word;
}

static const char *word_check(const struct word *word, const struct clock *at,
			      enum use use)
{
	if (word->freed)
		return "used after it was given back";
	if (word->write > at->of[word->writer])
		return "data race with a write";
	if (!word->written && (use == USE_READ || use == USE_FIRST))
		return "read before it was written";
	/* Allowed in C11, but what was written is in the graph alone. */
	if (use == USE_READ && word->atomic)
		return "a plain read of what an atomic access wrote";
	for (int i = 0; i < MODEL_THREADS; i++) {
		if (use != USE_ATOMIC && use != USE_FIRST &&
		    word->atomics[i] > at->of[i])
			return "data race with an atomic access";
		if ((use == USE_WRITE || use == USE_FREE) &&
		    word->reads[i] > at->of[i])
			return "data race with a read";
	}
	return NULL;
}

static void word_mark(struct word *word, unsigned thread, uint16_t now,
		      enum use use)
{
	if (use == USE_READ)
		word->reads[thread] = now;
	if (use == USE_ATOMIC || use == USE_FIRST)
		word->atomics[thread] = now;
	if (use == USE_ATOMIC)
		word->atomic = true;
	if (use != USE_WRITE && use != USE_FREE)
		return;
	word->written = true;
	word->atomic = false;
	word->freed = use == USE_FREE;
	word->writer = (uint8_t)thread;
	word->write = now;
}

const char *memory_use(unsigned thread, const struct clock *clock,
		       uintptr_t address, size_t size, enum use use)
{
	struct clock at = *clock;
	const char *wrong = NULL;

	if (!memory->threads)
		return NULL;
	/* A thread's own accesses are in order. */
	at.of[thread] = UINT16_MAX;
	for (uintptr_t i = address & ~(WORD - 1); i < address + size;
	     i += WORD) {
		struct word *word = word_of(i);

		if (word == NULL)
			continue;
		if (wrong == NULL)
			wrong = word_check(word, &at, use);
		word_mark(word, thread, (uint16_t)(clock->of[thread] + 1), use);
	}
	return wrong;
}
