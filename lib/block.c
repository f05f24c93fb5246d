/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks: see block.h. What their headers are checked with, and what the tools
 * are told of them.
 *
 * Invariants: the secret is odd, and once drawn the same until the process
 * ends; what block_watch tells, block_watch_end takes back.
 */
#include "config.h"

#include "block.h"

#include <string.h>
#ifdef HAVE_GETAUXVAL
#include <sys/auxv.h>
#else
#include <time.h>
#endif

#include "debug.h"

_Atomic uintptr_t block_secret;

#ifdef HAVE_GETAUXVAL
/* Sixteen bytes that the kernel drew for this process. */
static uintptr_t block_draw(void)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it is told as a number */
	const void *drawn = (const void *)getauxval(AT_RANDOM);
	uintptr_t secret = 0;

	if (drawn != NULL)
		memcpy(&secret, drawn, sizeof(secret));
	return secret ^ (uintptr_t)&block_secret;
}
#else
/* Where the system loaded what, and when: the best without a call for it. */
static uintptr_t block_draw(void)
{
	return ((uintptr_t)time(NULL) * (uintptr_t)0x9e3779b9) ^
	       (uintptr_t)&block_secret ^ (uintptr_t)&time;
}
#endif

uintptr_t block_draw_secret(void)
{
	uintptr_t drawn = block_draw() | 1, none = 0;

	/* ORDER block-secret (relaxed): see block_known_secret. */
	return atomic_compare_exchange_strong_explicit(
		       &block_secret, &none, drawn, memory_order_relaxed,
		       memory_order_relaxed)
		       ? drawn
		       : none;
}

_Noreturn void block_overwritten(const struct block *block)
{
	debug_die("the header of the block at %p was overwritten",
		  (const void *)block);
}

/* ---- blocks of pools that are watched -------------------------------- */

void block_watch(struct block *block, const struct source *source, size_t own,
		 size_t taken)
{
	char *base = block_at(block, block->base), *end;

	mark_own(source->watched, source, block, BLOCK_HEADER);
	if (own != BLOCK_HEADER)
		mark_own(source->watched, source, (char *)block + BLOCK_HEADER,
			 own - BLOCK_HEADER);
	if (taken != 0 && source_is_malloc(source))
		mark_shrunk(source->watched, block_memory(block), taken,
			    block->skip + own);
	end = block_at(block, block_end(block));
	mark_close(source->watched, base, (size_t)(end - base));
}

void block_watch_end(struct block *block, const struct source *source,
		     size_t own, size_t taken)
{
	if (taken != 0 && source_is_malloc(source))
		mark_shrunk_end(source->watched, block_memory(block), taken,
				block->skip + own);
	if (own != BLOCK_HEADER)
		mark_own_end(source->watched, source,
			     (char *)block + BLOCK_HEADER, own - BLOCK_HEADER);
	mark_own_end(source->watched, source, block, BLOCK_HEADER);
}
