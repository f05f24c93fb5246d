/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded bugs: a byte before or behind an object, of every call. */
#include <string.h>

#include "seeded.h"

enum {
	ODD = 13,         /* bytes: no alignment's multiple          */
	ODD_LARGE = 10001 /* bytes: beyond the default large_above */
};

struct odd {
	char bytes[ODD];
};

/* ---- behind it --------------------------------------------------------- */

static void over_palloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, ODD); /* MADE over_palloc */

	p[ODD] = 1; /* BUG over_palloc */
	tarn_pool_destroy(pool);
}

static void over_pnalloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_pnalloc(pool, ODD); /* MADE over_pnalloc */

	p[ODD] = 1; /* BUG over_pnalloc */
	tarn_pool_destroy(pool);
}

static void over_pcalloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_pcalloc(pool, 1, ODD); /* MADE over_pcalloc */

	sink = p[ODD]; /* BUG over_pcalloc */
	tarn_pool_destroy(pool);
}

static void over_pmemalign(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_pmemalign(pool, 64, ODD); /* MADE over_pmemalign */
	p[ODD] = 1;                        /* BUG over_pmemalign */
	tarn_pool_destroy(pool);
}

static void over_array(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_new_array(pool, char, ODD); /* MADE over_array */
	p[ODD] = 1;                          /* BUG over_array */
	tarn_pool_destroy(pool);
}

static void over_prealloc(void)
{
	tarn_pool *pool = open_pool();
	void *old = must(tarn_palloc(pool, 5));
	volatile char *p;

	p = tarn_prealloc(pool, old, 5, ODD); /* MADE over_prealloc */
	p[ODD] = 1;                           /* BUG over_prealloc */
	tarn_pool_destroy(pool);
}

/* What the last call gave back is out of bounds too. */
static void over_shrunk(void)
{
	tarn_pool *pool = open_pool();
	void *old = must(tarn_palloc(pool, 100)); /* MADE over_shrunk */
	volatile char *p;

	p = tarn_prealloc(pool, old, 100, ODD);
	p[ODD] = 1; /* BUG over_shrunk */
	tarn_pool_destroy(pool);
}

static void over_pmemdup(void)
{
	tarn_pool *pool = open_pool();
	static const struct odd odd;
	volatile char *p;

	p = tarn_pmemdup(pool, &odd, ODD); /* MADE over_pmemdup */
	sink = p[ODD];                     /* BUG over_pmemdup */
	tarn_pool_destroy(pool);
}

static void over_pstrdup(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_pstrdup(pool, "twelve bytes"); /* MADE over_pstrdup */
	sink = p[ODD];                          /* BUG over_pstrdup */
	tarn_pool_destroy(pool);
}

static void over_psprintf(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_psprintf(pool, "%012d", 4); /* MADE over_psprintf */
	sink = p[ODD];                       /* BUG over_psprintf */
	tarn_pool_destroy(pool);
}

static void over_pstrcat(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p;

	p = tarn_pstrcat(pool, "twelve bytes", NULL); /* MADE over_pstrcat */
	sink = p[ODD];                                /* BUG over_pstrcat */
	tarn_pool_destroy(pool);
}

static void over_local(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	volatile char *p;

	p = must(tarn_local_palloc(local, ODD)); /* MADE over_local */
	p[ODD] = 1;                              /* BUG over_local */
	tarn_pool_destroy(pool);
}

static void over_local_packed(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	volatile char *p;

	p = must(tarn_local_pnalloc(local, ODD)); /* MADE over_local_packed */
	p[ODD] = 1;                               /* BUG over_local_packed */
	tarn_pool_destroy(pool);
}

static void over_local_new(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	volatile struct odd *p;

	p = must(tarn_local_new(local, struct odd)); /* MADE over_local_new */
	((volatile char *)p)[ODD] = 1;               /* BUG over_local_new */
	tarn_pool_destroy(pool);
}

static void over_large(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, ODD_LARGE); /* MADE over_large */

	p[ODD_LARGE] = 1; /* BUG over_large */
	tarn_pool_destroy(pool);
}

/* Of memory that malloc did not give. */
static void over_mmap(void)
{
	tarn_pool *pool = open_pool_over(tarn_upstream_mmap());
	volatile char *p = tarn_palloc(pool, ODD); /* MADE over_mmap */

	p[ODD] = 1; /* BUG over_mmap */
	tarn_pool_destroy(pool);
}

/* Of the caller's own. */
static void over_buffer(void)
{
	static _Alignas(64) char buffer[8192];
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	volatile char *p;

	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	pool = must(tarn_pool_create(&options));
	p = tarn_palloc(pool, ODD); /* MADE over_buffer */
	p[ODD] = 1;                 /* BUG over_buffer */
	tarn_pool_destroy(pool);
}

/* ---- before it --------------------------------------------------------- */

static void under_palloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, ODD); /* MADE under_palloc */

	p[-1] = 1; /* BUG under_palloc */
	tarn_pool_destroy(pool);
}

static void under_pnalloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_pnalloc(pool, ODD); /* MADE under_pnalloc */

	p[-1] = 1; /* BUG under_pnalloc */
	tarn_pool_destroy(pool);
}

static void under_local(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	volatile char *p;

	p = must(tarn_local_palloc(local, ODD)); /* MADE under_local */
	sink = p[-1];                            /* BUG under_local */
	tarn_pool_destroy(pool);
}

static void under_large(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, ODD_LARGE); /* MADE under_large */

	p[-1] = 1; /* BUG under_large */
	tarn_pool_destroy(pool);
}

/* ---- of nothing -------------------------------------------------------- */

static void zero_palloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_palloc(pool, 0); /* MADE zero_palloc */

	sink = p[0]; /* BUG zero_palloc */
	tarn_pool_destroy(pool);
}

static void zero_pnalloc(void)
{
	tarn_pool *pool = open_pool();
	volatile char *p = tarn_pnalloc(pool, 0); /* MADE zero_pnalloc */

	sink = p[0]; /* BUG zero_pnalloc */
	tarn_pool_destroy(pool);
}

static void zero_local(void)
{
	tarn_pool *pool = open_pool();
	tarn_local *local = must(tarn_pool_local(pool));
	volatile char *p;

	p = must(tarn_local_palloc(local, 0)); /* MADE zero_local */
	sink = p[0];                           /* BUG zero_local */
	tarn_pool_destroy(pool);
}

const struct seed bounds[] = {
	{"over_palloc", over_palloc},
	{"over_pnalloc", over_pnalloc},
	{"over_pcalloc", over_pcalloc},
	{"over_pmemalign", over_pmemalign},
	{"over_array", over_array},
	{"over_prealloc", over_prealloc},
	{"over_shrunk", over_shrunk},
	{"over_pmemdup", over_pmemdup},
	{"over_pstrdup", over_pstrdup},
	{"over_psprintf", over_psprintf},
	{"over_pstrcat", over_pstrcat},
	{"over_local", over_local},
	{"over_local_packed", over_local_packed},
	{"over_local_new", over_local_new},
	{"over_large", over_large},
	{"over_mmap", over_mmap},
	{"over_buffer", over_buffer},
	{"under_palloc", under_palloc},
	{"under_pnalloc", under_pnalloc},
	{"under_local", under_local},
	{"under_large", under_large},
	{"zero_palloc", zero_palloc},
	{"zero_pnalloc", zero_pnalloc},
	{"zero_local", zero_local},
	{NULL, NULL},
};
