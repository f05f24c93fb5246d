/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Profiles: see profile.h. The format is the text of gperftools, of which
 * pprof knows that it is sampled (heap_v2), and by what mean: it divides each
 * line by the probability of a sample of its size. Sites stay to the end.
 */
#include "config.h"

#include "profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_BACKTRACE
#include <execinfo.h>
#endif
#ifdef HAVE_DL_ITERATE_PHDR
#include <link.h>
#endif

#include "align.h"

/* Return addresses of a site at most, and lists of sites. */
enum {
	PROFILE_FRAMES = 64,
	PROFILE_LISTS = 1024
};

struct profile_site {
	struct profile_site *next; /* [l] debug mutex */
	size_t live, all;          /* [l] objects     */
	size_t size;               /* [c] of each, bytes */
	size_t depth;              /* [c] */
	uintptr_t frames[];        /* [c] the innermost first */
};

static struct profile_site *
	profile_sites[PROFILE_LISTS] MUTEX_GUARDED(debug_mutex);

struct profile_stack {
	size_t depth;
	void *frames[PROFILE_FRAMES];
};

/* ---- stacks ---------------------------------------------------------- */

#ifdef HAVE_BACKTRACE
static size_t stack_walk(void **frames)
{
	return (size_t)backtrace(frames, PROFILE_FRAMES);
}
#else
static size_t stack_walk(void **frames)
{
	(void)frames;
	return 0;
}
#endif

/* The caller alone, where there is nothing to unwind by. */
static void stack_take(struct profile_stack *stack, const void *caller)
{
	stack->frames[0] = (void *)caller;
	stack->depth = align_max(stack_walk(stack->frames), 1);
}

/* Code of the library, where it is not part of the program. */
struct profile_code {
	uintptr_t start, end;
	bool behind_program; /* the first one that is seen */
};

#ifdef HAVE_DL_ITERATE_PHDR
static int code_see(struct dl_phdr_info *info, size_t size, void *with)
{
	struct profile_code *code = with;
	uintptr_t own = (uintptr_t)&profile_here;

	(void)size;
	for (int i = 0; code->behind_program && i < info->dlpi_phnum; i++) {
		uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (own - start < info->dlpi_phdr[i].p_memsz)
			*code = (struct profile_code){
				start, start + info->dlpi_phdr[i].p_memsz,
				true};
	}
	code->behind_program = true;
	return code->end != 0;
}

static void code_find(struct profile_code *code)
{
	dl_iterate_phdr(code_see, code);
}
#else
static void code_find(struct profile_code *code)
{
	(void)code;
}
#endif

/* Leaves the library's own frames out: up to `caller`, and what is in the same
   object as this. */
static size_t stack_skip(const struct profile_stack *stack, const void *caller)
{
	struct profile_code code = {0, 0, false};
	size_t first = 0;

	code_find(&code);
	for (size_t i = 0; i < stack->depth; i++)
		if (stack->frames[i] == caller) {
			first = i;
			break;
		}
	while (first + 1 < stack->depth &&
	       (uintptr_t)stack->frames[first] - code.start <
		       code.end - code.start)
		first++;
	return first;
}

/* ---- sites ----------------------------------------------------------- */

static struct profile_site **site_list(const uintptr_t *frames, size_t depth,
				       size_t size) MUTEX_HELD(debug_mutex)
{
	uint64_t hash = size;

	for (size_t i = 0; i < depth; i++)
		hash = (hash ^ frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return &profile_sites[(hash >> 32) % PROFILE_LISTS];
}

static struct profile_site *site_make(const uintptr_t *frames, size_t depth,
				      size_t size)
{
	struct profile_site *site =
		malloc(sizeof(*site) + depth * sizeof(*frames));

	if (site == NULL)
		return NULL;
	*site = (struct profile_site){.size = size, .depth = depth};
	memcpy(site->frames, frames, depth * sizeof(*frames));
	return site;
}

static struct profile_site *site_find(const uintptr_t *frames, size_t depth,
				      size_t size) MUTEX_HELD(debug_mutex)
{
	struct profile_site **list = site_list(frames, depth, size);
	struct profile_site *site = *list;

	while (site != NULL &&
	       (site->size != size || site->depth != depth ||
		memcmp(site->frames, frames, depth * sizeof(*frames)) != 0))
		site = site->next;
	if (site != NULL)
		return site;
	site = site_make(frames, depth, size);
	if (site != NULL) {
		site->next = *list;
		*list = site;
	}
	return site;
}

struct profile_site *profile_here(size_t size, const void *caller)
{
	struct profile_stack stack;
	uintptr_t frames[PROFILE_FRAMES] = {0};
	struct profile_site *site;
	size_t first;

	stack_take(&stack, caller);
	first = stack_skip(&stack, caller);
	for (size_t i = first; i < stack.depth; i++)
		frames[i - first] = (uintptr_t)stack.frames[i];
	/* Readers take the innermost for no return address. */
	frames[0]--;
	mutex_lock(&debug_mutex);
	site = site_find(frames, stack.depth - first, size);
	mutex_unlock(&debug_mutex);
	return site;
}

void profile_add(struct profile_site *site)
{
	mutex_lock(&debug_mutex);
	site->all++;
	site->live++;
	mutex_unlock(&debug_mutex);
}

void profile_remove(struct profile_site *site)
{
	mutex_lock(&debug_mutex);
	site->live--;
	mutex_unlock(&debug_mutex);
}

/* ---- the file -------------------------------------------------------- */

static void put_site(FILE *file, const struct profile_site *site)
{
	fprintf(file, "%zu: %zu [%zu: %zu] @", site->live,
		site->live * site->size, site->all, site->all * site->size);
	for (size_t i = 0; i < site->depth; i++)
		fprintf(file, " 0x%" PRIxPTR, site->frames[i]);
	fputc('\n', file);
}

/* Where each file of code is, so that addresses are found in it, as far as the
   system tells. */
static void put_maps(FILE *file)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char text[4096];
	size_t length;

	fputs("\nMAPPED_LIBRARIES:\n", file);
	/* COVERAGE: there is one wherever the tests have been covered */
	if (maps == NULL)
		return;
	while ((length = fread(text, 1, sizeof(text), maps)) != 0)
		fwrite(text, 1, length, file);
	fclose(maps);
}

static void put_all_locked(FILE *file) MUTEX_HELD(debug_mutex)
{
	size_t live = 0, live_bytes = 0, all = 0, all_bytes = 0;

	for (size_t i = 0; i < PROFILE_LISTS; i++)
		for (const struct profile_site *site = profile_sites[i];
		     site != NULL; site = site->next) {
			live += site->live;
			live_bytes += site->live * site->size;
			all += site->all;
			all_bytes += site->all * site->size;
		}
	fprintf(file, "heap profile: %zu: %zu [%zu: %zu] @ heap_v2/%zu\n", live,
		live_bytes, all, all_bytes, PROFILE_MEAN);
	for (size_t i = 0; i < PROFILE_LISTS; i++)
		for (const struct profile_site *site = profile_sites[i];
		     site != NULL; site = site->next)
			put_site(file, site);
}

bool profile_write_locked(FILE *file)
{
	put_all_locked(file);
	put_maps(file);
	return (fflush(file) | ferror(file)) == 0;
}
