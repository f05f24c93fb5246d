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

/* Rotations until all that only ever grows once has: slots, stacks, arenas. */
enum {
	WARM_UP = 3
};

/* Bytes of growth that are chance: malloc's holes, stacks that the system
   keeps, and what threads keep at hand. */
static const size_t resident_slack = (size_t)16 << 20;
static const size_t used_slack = (size_t)256 << 10;

struct look {
	size_t resident, used; /* bytes; used: malloc's, not given back */
};

static struct look warm, last;
static size_t looks;

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

void memory_look(size_t rotation)
{
	tarn_trim();
	last.used = used_bytes();
	last.resident = resident_bytes();
	looks = rotation;
	if (rotation <= WARM_UP) {
		warm.used = max(warm.used, last.used);
		warm.resident = max(warm.resident, last.resident);
	}
}

bool memory_has_grown(void)
{
	if (SOAK_SANITIZED || looks <= WARM_UP) {
		printf("memory: not compared, after %zu rotations\n", looks);
		return false;
	}
	printf("memory: resident %zu KiB, from malloc %zu KiB after %d "
	       "rotations; %zu and %zu after %zu\n",
	       warm.resident >> 10, warm.used >> 10, WARM_UP,
	       last.resident >> 10, last.used >> 10, looks);
	return last.resident > warm.resident + resident_slack ||
	       last.used > warm.used + used_slack;
}
