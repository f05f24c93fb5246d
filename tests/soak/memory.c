/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of the process: see memory.h.
 */
#include "memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "soak.h"
#include "tarn.h"

/* Rotations: fewer tell nothing, and of more the last is overwritten. */
enum {
	LOOKS_LEAST = 9,
	LOOKS_MOST = 20000
};

/* Bytes of growth that are chance: stacks of ended threads, of which the system
   keeps 40 MiB, and what slots that wait for an heir have at hand. */
static const size_t resident_slack = (size_t)48 << 20;
static const size_t used_slack = (size_t)1 << 20;

struct look {
	size_t resident, used; /* bytes; used: malloc's, not given back */
};

static struct look looks[LOOKS_MOST];
static size_t count;

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t resident_bytes(void)
{
	size_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#if defined __GLIBC__ && __GLIBC_PREREQ(2, 33)
static size_t used_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	malloc_trim(0);
	return info.uordblks + info.hblkhd;
}
#else
static size_t used_bytes(void)
{
	return 0;
}
#endif

void memory_look(void)
{
	struct look *look = &looks[count];

	tarn_trim();
	look->used = used_bytes();
	look->resident = resident_bytes();
	count += count + 1 < LOOKS_MOST;
}

/* What was most in a third of the rotations. */
static struct look most_in_third(size_t third)
{
	struct look most = {0, 0};

	for (size_t i = count * third / 3; i < count * (third + 1) / 3; i++) {
		most.used = max(most.used, looks[i].used);
		most.resident = max(most.resident, looks[i].resident);
	}
	return most;
}

/* By the first third all that grows only once has: slots, stacks, arenas. */
bool memory_has_grown(void)
{
	struct look most[3];

	if (SOAK_SANITIZED || count < LOOKS_LEAST) {
		printf("memory: not compared, after %zu rotations\n", count);
		return false;
	}
	for (size_t i = 0; i < 3; i++) {
		most[i] = most_in_third(i);
		printf("memory in third %zu: at most %zu KiB resident, %zu "
		       "from malloc\n",
		       i + 1, most[i].resident >> 10, most[i].used >> 10);
	}
	return most[2].resident > most[0].resident + resident_slack ||
	       most[2].used > most[0].used + used_slack;
}
