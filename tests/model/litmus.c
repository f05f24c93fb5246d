/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of the checker itself: programs of which it is known how many
 * executions C11 gives them, from the literature or by hand.
 */
#include "models.h"

static _Atomic uint32_t x, y;
static uint32_t plain;
static uint32_t got[4];

static uint32_t load(_Atomic uint32_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void store(_Atomic uint32_t *at, uint32_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

/* Store buffering: each of two loads sees 0 or 1. */
static void buffer_1(void)
{
	store(&x, 1);
	got[0] = load(&y);
}

static void buffer_2(void)
{
	store(&y, 1);
	got[1] = load(&x);
}

/* Two threads that write both, one after the other: 2 + 2 orders. */
static void write_12(void)
{
	store(&x, 1);
	store(&y, 2);
}

static void write_21(void)
{
	store(&y, 1);
	store(&x, 2);
}

static void add_one(void)
{
	atomic_fetch_add_explicit(&x, 1, memory_order_relaxed);
}

static void see_three(void)
{
	MODEL_ASSERT(load(&x) == 3);
}

static void write_1(void)
{
	store(&x, 1);
}

static void write_2(void)
{
	store(&x, 2);
}

/* Coherence: never back from what was seen. 1 writer, 1 + 2 + 3 pairs. */
static void write_both(void)
{
	store(&x, 1);
	store(&x, 2);
}

static void read_twice(void)
{
	uint32_t first = load(&x), second = load(&x);

	MODEL_ASSERT(first <= second);
}

/* Messages: a release and an acquire order plain memory. */
static void send(void)
{
	plain = 1;
	atomic_store_explicit(&x, 1, memory_order_release);
}

static void receive(void)
{
	if (atomic_load_explicit(&x, memory_order_acquire) != 0)
		MODEL_ASSERT(plain == 1);
}

/* The release goes through another thread's exchange. */
static void pass(void)
{
	atomic_fetch_add_explicit(&x, 1, memory_order_relaxed);
}

static void receive_passed(void)
{
	if (atomic_load_explicit(&x, memory_order_acquire) == 2)
		MODEL_ASSERT(plain == 1);
}

/* A mutex: three turns in any order, and what it guards is plain. */
static pthread_mutex_t mutex, other_mutex;

static void count_locked(void)
{
	pthread_mutex_lock(&mutex);
	plain++;
	pthread_mutex_unlock(&mutex);
}

static void see_three_counts(void)
{
	MODEL_ASSERT(plain == 3);
	plain = 0;
}

/* Load buffering: both loads see 1 in C11, and in no execution here. */
static void buffer_load_1(void)
{
	(void)load(&x);
	store(&y, 1);
}

static void buffer_load_2(void)
{
	(void)load(&y);
	store(&x, 1);
}

/* A message of atomics: an old x behind a new y is seen unless y orders it. */
static void tell(void)
{
	store(&x, 1);
	store(&y, 1);
}

static void tell_in_order(void)
{
	store(&x, 1);
	atomic_store_explicit(&y, 1, memory_order_release);
}

static void listen(void)
{
	got[0] = load(&y);
	got[1] = load(&x);
}

static void listen_in_order(void)
{
	got[0] = atomic_load_explicit(&y, memory_order_acquire);
	got[1] = load(&x);
	MODEL_ASSERT(got[1] >= got[0]);
}

/* What a release sequence has of its own thread, but not of another one. */
static void tell_and_go_on(void)
{
	tell_in_order();
	store(&y, 2);
}

static void listen_to_last(void)
{
	got[0] = atomic_load_explicit(&y, memory_order_acquire);
	got[1] = load(&x);
	MODEL_ASSERT(got[0] == 0 || got[1] == 1);
}

/* ---- what must be seen ----------------------------------------------- */

static void send_relaxed(void)
{
	plain = 1;
	store(&x, 1);
}

static void receive_relaxed(void)
{
	if (load(&x) != 0)
		MODEL_ASSERT(plain == 1);
}

static void add_by_store(void)
{
	store(&x, load(&x) + 1);
}

static void lock_12(void)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&other_mutex);
	pthread_mutex_unlock(&other_mutex);
	pthread_mutex_unlock(&mutex);
}

static void lock_21(void)
{
	pthread_mutex_lock(&other_mutex);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	pthread_mutex_unlock(&other_mutex);
}

static uint32_t *_Atomic shared;

static void share(void)
{
	uint32_t *memory = model_alloc(sizeof(*memory));

	*memory = 1;
	atomic_store_explicit(&shared, memory, memory_order_release);
	model_free(memory, sizeof(*memory));
}

static void use_shared(void)
{
	uint32_t *memory = atomic_load_explicit(&shared, memory_order_acquire);

	if (memory != NULL)
		MODEL_ASSERT(*memory == 1);
}

static void use_unset(void)
{
	uint32_t *memory = model_alloc(sizeof(*memory));

	got[0] = *memory;
}

static void use_freed(void)
{
	uint32_t *memory = model_alloc(sizeof(*memory));

	model_free(memory, sizeof(*memory));
	*memory = 1;
}

const struct model litmus_models[] = {
	{"litmus-buffer", NULL, {buffer_1, buffer_2}, NULL, 4, NULL},
	{"litmus-load-buffer",
	 NULL,
	 {buffer_load_1, buffer_load_2},
	 NULL,
	 3,
	 NULL},
	{"litmus-order", NULL, {write_12, write_21}, NULL, 4, NULL},
	{"litmus-writes", NULL, {write_1, write_2, write_both}, NULL, 12, NULL},
	{"litmus-adds", NULL, {add_one, add_one, add_one}, see_three, 6, NULL},
	{"litmus-coherence", NULL, {write_both, read_twice}, NULL, 6, NULL},
	{"litmus-message", NULL, {send, receive, receive}, NULL, 4, NULL},
	{"litmus-sequence", NULL, {send, pass, receive_passed}, NULL, 6, NULL},
	{"litmus-stale", NULL, {tell, listen}, NULL, 4, NULL},
	{"litmus-fresh", NULL, {tell_in_order, listen_in_order}, NULL, 3, NULL},
	{"litmus-own", NULL, {tell_and_go_on, listen_to_last}, NULL, 4, NULL},
	{"litmus-mutex",
	 NULL,
	 {count_locked, count_locked, count_locked},
	 see_three_counts,
	 6,
	 NULL},
	{.name = "litmus-relaxed",
	 .threads = {send_relaxed, receive_relaxed},
	 .fails = "data race with a write"},
	{.name = "litmus-lost",
	 .threads = {add_by_store, add_by_store, add_by_store},
	 .finish = see_three,
	 .fails = "load(&x) == 3"},
	{.name = "litmus-deadlock",
	 .threads = {lock_12, lock_21},
	 .fails = "a deadlock"},
	{.name = "litmus-late-free",
	 .threads = {share, use_shared},
	 .fails = "used after it was given back"},
	{.name = "litmus-freed",
	 .threads = {use_freed},
	 .fails = "used after it was given back"},
	{.name = "litmus-unset",
	 .threads = {use_unset},
	 .fails = "read before it was written"},
	{.name = NULL},
};
