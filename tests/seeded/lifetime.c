/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded bugs: memory used when it is no more, or before it is set. */
#include "seeded.h"

enum {
	SMALL = 40,   /* bytes                                 */
	LARGE = 20000 /* bytes: beyond the default large_above */
};

struct node {
	struct node *next;
	int value;
};

static void after_reset(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_pcalloc(pool, 1, SMALL); /* MADE after_reset */

	tarn_pool_reset(pool); /* FREED after_reset */
	sink = p[0];           /* BUG after_reset */
	tarn_pool_destroy(pool);
}

static void after_reset_packed(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_pstrdup(pool, "text"); /* MADE after_reset_packed */
	tarn_pool_reset(pool);          /* FREED after_reset_packed */
	sink = p[0];                    /* BUG after_reset_packed */
	tarn_pool_destroy(pool);
}

static void after_reset_large(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_palloc(pool, LARGE); /* MADE after_reset_large */
	tarn_pool_reset(pool);        /* FREED after_reset_large */
	p[0] = 1;                     /* BUG after_reset_large */
	tarn_pool_destroy(pool);
}

/* The child and what it gave go with the parent's reset. */
static void after_reset_parent(void)
{
	tarn_pool *pool = open_pool();
	tarn_pool *child = must(tarn_pool_create_child(pool, NULL));
	volatile char *p;

	p = tarn_palloc(child, SMALL); /* MADE after_reset_parent */
	tarn_pool_reset(pool);         /* FREED after_reset_parent */
	p[0] = 1;                      /* BUG after_reset_parent */
	tarn_pool_destroy(pool);
}

static void after_destroy(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE after_destroy */

	tarn_pool_destroy(pool); /* FREED after_destroy */
	p[0] = 1;                /* BUG after_destroy */
}

static void after_destroy_large(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_palloc(pool, LARGE); /* MADE after_destroy_large */
	tarn_pool_destroy(pool);      /* FREED after_destroy_large */
	p[0] = 1;                     /* BUG after_destroy_large */
}

static void after_pfree(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, LARGE); /* MADE after_pfree */

	tarn_pfree(pool, (void *)p); /* FREED after_pfree */
	p[0] = 1;                    /* BUG after_pfree */
	tarn_pool_destroy(pool);
}

/* Another object may stand there by now. */
static void recycled_reset(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE recycled_reset */

	tarn_pool_reset(pool); /* FREED recycled_reset */
	for (int i = 0; i < 8; i++)
		must(tarn_palloc(pool, SMALL));
	p[0] = 1; /* BUG recycled_reset */
	tarn_pool_destroy(pool);
}

/* Another pool's object may. */
static void recycled_destroy(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE recycled_destroy */

	tarn_pool_destroy(pool); /* FREED recycled_destroy */
	pool = open_pool();
	for (int i = 0; i < 8; i++)
		must(tarn_palloc(pool, SMALL));
	p[0] = 1; /* BUG recycled_destroy */
	tarn_pool_destroy(pool);
}

static void recycled_pfree(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, LARGE); /* MADE recycled_pfree */

	tarn_pfree(pool, (void *)p); /* FREED recycled_pfree */
	must(tarn_palloc(pool, LARGE));
	p[0] = 1; /* BUG recycled_pfree */
	tarn_pool_destroy(pool);
}

/* ---- what ends before its pool ------------------------------------------ */

static void after_rewind(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	tarn_mark mark = tarn_local_mark(local);
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE after_rewind */

	tarn_local_rewind(local, mark); /* FREED after_rewind */
	p[0] = 1;                       /* BUG after_rewind */
	tarn_pool_destroy(pool);
}

static void after_rewind_large(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	tarn_mark mark = tarn_local_mark(local);
	volatile char *p;

	p = tarn_palloc(pool, LARGE);   /* MADE after_rewind_large */
	tarn_local_rewind(local, mark); /* FREED after_rewind_large */
	p[0] = 1;                       /* BUG after_rewind_large */
	tarn_pool_destroy(pool);
}

static void after_scratch(void)
{
	tarn_mark mark;
	tarn_pool *scratch = must(tarn_scratch_begin(NULL, &mark));
	volatile char *p;

	must(tarn_palloc(scratch, SMALL));
	p = tarn_pstrdup(scratch, "text"); /* MADE after_scratch */
	tarn_scratch_end(scratch, mark);   /* FREED after_scratch */
	sink = p[0];                       /* BUG after_scratch */
}

static void after_sized(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE after_sized */

	tarn_pfree_sized(pool, (void *)p, SMALL); /* FREED after_sized */
	must(tarn_palloc(pool, SMALL));
	p[0] = 1; /* BUG after_sized */
	tarn_pool_destroy(pool);
}

static void after_packed(void)
{
	tarn_pool *pool = open_pool();
	void *text = tarn_pnalloc(pool, SMALL); /* MADE after_packed */
	volatile char *p = text;

	tarn_pfree_aligned_sized(pool, text, 1, SMALL); /* FREED after_packed */
	must(tarn_pnalloc(pool, SMALL));
	p[0] = 1; /* BUG after_packed */
	tarn_pool_destroy(pool);
}

static void after_cache(void)
{
	tarn_pool *pool = open_pool();
	tarn_cache *cache = must(tarn_cache_create(pool, SMALL, 8));
	volatile char *p = tarn_cache_alloc(cache); /* MADE after_cache */

	tarn_cache_free(cache, (void *)p); /* FREED after_cache */
	must(tarn_cache_alloc(cache));
	p[0] = 1; /* BUG after_cache */
	tarn_pool_destroy(pool);
}

/* What stands behind it has it moved. */
static void moved(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, SMALL); /* MADE moved */
	char *q;

	must(tarn_palloc(pool, SMALL));
	q = tarn_prealloc(pool, (void *)p, SMALL, 20 * SMALL); /* FREED moved */
	expect(q != p, "not moved");
	p[0] = 1; /* BUG moved */
	tarn_pool_destroy(pool);
}

static void moved_large(void)
{
	tarn_pool *pool = open_pool();
	void *old = must(tarn_palloc(pool, LARGE)); /* MADE moved_large */
	volatile char *p = old;
	char *q;

	must(tarn_palloc(pool, LARGE));
	q = tarn_prealloc(pool, old, LARGE, 9 * LARGE); /* FREED moved_large */
	expect(q != p, "not moved");
	p[0] = 1; /* BUG moved_large */
	tarn_pool_destroy(pool);
}

/* The last node of a list, whose end nobody set. */
static void unset(void)
{
	tarn_pool *pool = open_pool();
	volatile struct node *node = tarn_new(pool, struct node);
	struct node *next = node->next;

	if (next != NULL)           /* BUG unset */
		sink = next->value; /* CRASH unset */
	tarn_pool_destroy(pool);
}

/* A list that is walked on when its memory is gone. */
static void walked(void)
{
	tarn_pool *pool = open_pool();
	volatile struct node *node = tarn_pcalloc(pool, 1, sizeof(*node));
	struct node *next;

	tarn_pool_reset(pool);
	next = node->next; /* BUG walked */
	if (next != NULL)
		sink = next->value; /* CRASH walked */
	tarn_pool_destroy(pool);
}

const struct seed lifetime[] = {
	{"after_reset", after_reset},
	{"after_reset_packed", after_reset_packed},
	{"after_reset_large", after_reset_large},
	{"after_reset_parent", after_reset_parent},
	{"after_destroy", after_destroy},
	{"after_destroy_large", after_destroy_large},
	{"after_pfree", after_pfree},
	{"recycled_reset", recycled_reset},
	{"recycled_destroy", recycled_destroy},
	{"recycled_pfree", recycled_pfree},
	{"after_rewind", after_rewind},
	{"after_rewind_large", after_rewind_large},
	{"after_scratch", after_scratch},
	{"after_sized", after_sized},
	{"after_packed", after_packed},
	{"after_cache", after_cache},
	{"moved", moved},
	{"moved_large", moved_large},
	{"unset", unset},
	{"walked", walked},
	{NULL, NULL},
};
