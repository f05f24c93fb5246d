/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's accesses, as the compiler tells of them: it takes this for the
 * run-time library of ThreadSanitizer, and calls it at each access to memory,
 * with the order of the atomic ones. So the very lines of lib/ are checked, and
 * no access is forgotten. What they ask of the system comes here by shim.h.
 */
#include "shim.h"

#include <errno.h>
#include <string.h>

#include "run.h"

#define HERE __builtin_return_address(0)

/* ---- plain accesses -------------------------------------------------- */

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

#define PLAIN(name, size, use)                                                 \
	void __tsan_##name(void *address);                                     \
	void __tsan_##name(void *address)                                      \
	{                                                                      \
		run_plain((uintptr_t)address, size, use, HERE);                \
	}

#define PLAIN_SIZE(size)                                                       \
	PLAIN(read##size, size, USE_READ)                                      \
	PLAIN(write##size, size, USE_WRITE)                                    \
	PLAIN(unaligned_read##size, size, USE_READ)                            \
	PLAIN(unaligned_write##size, size, USE_WRITE)

PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

#define PLAIN_RANGE(name, use)                                                 \
	void __tsan_##name##_range(void *address, size_t size);                \
	void __tsan_##name##_range(void *address, size_t size)                 \
	{                                                                      \
		if (size != 0)                                                 \
			run_plain((uintptr_t)address, size, use, HERE);        \
	}

PLAIN_RANGE(read, USE_READ)
PLAIN_RANGE(write, USE_WRITE)

void model_write(void *memory, size_t size)
{
	run_plain((uintptr_t)memory, size, USE_WRITE, HERE);
}

void model_read(const void *memory, size_t size)
{
	run_plain((uintptr_t)memory, size, USE_READ, HERE);
}

/* ---- atomic accesses ------------------------------------------------- */

static uint64_t hook_load(const volatile void *address, size_t size, int order,
			  const void *where)
{
	struct access access = {.address = (uintptr_t)address,
				.size = (uint8_t)size,
				.order = (uint8_t)order,
				.where = where};
	uint64_t value = 0;

	if (run_in_thread())
		return run_access(&access);
	memcpy(&value, (const void *)access.address, size);
	return value;
}

static void hook_store(volatile void *address, size_t size, uint64_t value,
		       int order, const void *where)
{
	struct access access = {.address = (uintptr_t)address,
				.size = (uint8_t)size,
				.order = (uint8_t)order,
				.value = value,
				.write = true,
				.where = where};

	if (run_in_thread())
		run_access(&access);
	else
		memcpy((void *)access.address, &value, size);
}

/* The second half, after a first that found `read`. */
static void hook_exchange(const struct access *first, uint64_t value)
{
	struct access access = *first;

	access.write = true;
	access.compare = access.must = false;
	access.value = value;
	run_access(&access);
}

static uint64_t hook_add(volatile void *address, size_t size, uint64_t value,
			 int order, const void *where)
{
	struct access access = {.address = (uintptr_t)address,
				.size = (uint8_t)size,
				.order = (uint8_t)order,
				.exchange = true,
				.where = where};
	uint64_t read;

	if (!run_in_thread()) {
		read = hook_load(address, size, order, where);
		hook_store(address, size, read + value, order, where);
		return read;
	}
	read = run_access(&access);
	hook_exchange(&access, (read + value) & (~0ULL >> (64 - 8 * size)));
	return read;
}

/* Returns what was there: `expected`, where it was exchanged. */
static uint64_t hook_compare(struct access access, uint64_t value)
{
	uint64_t read;

	access.exchange = access.compare = true;
	if (run_in_thread()) {
		read = run_access(&access);
		if (read == access.expected)
			hook_exchange(&access, value);
		return read;
	}
	read = hook_load((void *)access.address, access.size, access.order,
			 access.where);
	if (read == access.expected)
		hook_store((void *)access.address, access.size, value,
			   access.order, access.where);
	return read;
}

/* A weak one that fails without need would be tried again with the same. */
#define ATOMIC_COMPARE(type, bits, kind)                                       \
	int __tsan_atomic##bits##_compare_exchange_##kind(                     \
		volatile type *address, type *expected, type value, int order, \
		int failure);                                                  \
	int __tsan_atomic##bits##_compare_exchange_##kind(                     \
		volatile type *address, type *expected, type value, int order, \
		int failure)                                                   \
	{                                                                      \
		type read = (type)hook_compare(                                \
			(struct access){.address = (uintptr_t)address,         \
					.size = sizeof(type),                  \
					.expected = *expected,                 \
					.order = (uint8_t)order,               \
					.failure = (uint8_t)failure,           \
					.where = HERE},                        \
			value);                                                \
		bool done = read == *expected;                                 \
                                                                               \
		*expected = read;                                              \
		return done;                                                   \
	}

#define ATOMIC(type, bits)                                                     \
	type __tsan_atomic##bits##_load(const volatile type *address,          \
					int order);                            \
	type __tsan_atomic##bits##_load(const volatile type *address,          \
					int order)                             \
	{                                                                      \
		return (type)hook_load(address, sizeof(type), order, HERE);    \
	}                                                                      \
	void __tsan_atomic##bits##_store(volatile type *address, type value,   \
					 int order);                           \
	void __tsan_atomic##bits##_store(volatile type *address, type value,   \
					 int order)                            \
	{                                                                      \
		hook_store(address, sizeof(type), value, order, HERE);         \
	}                                                                      \
	type __tsan_atomic##bits##_fetch_add(volatile type *address,           \
					     type value, int order);           \
	type __tsan_atomic##bits##_fetch_add(volatile type *address,           \
					     type value, int order)            \
	{                                                                      \
		return (type)hook_add(address, sizeof(type), value, order,     \
				      HERE);                                   \
	}                                                                      \
	type __tsan_atomic##bits##_fetch_sub(volatile type *address,           \
					     type value, int order);           \
	type __tsan_atomic##bits##_fetch_sub(volatile type *address,           \
					     type value, int order)            \
	{                                                                      \
		return (type)hook_add(address, sizeof(type),                   \
				      (uint64_t)0 - value, order, HERE);       \
	}                                                                      \
	ATOMIC_COMPARE(type, bits, weak)                                       \
	ATOMIC_COMPARE(type, bits, strong)

ATOMIC(uint8_t, 8)
ATOMIC(uint32_t, 32)
ATOMIC(uint64_t, 64)

void model_wait(_Atomic uint32_t *atomic, uint32_t value)
{
	struct access access = {.address = (uintptr_t)atomic,
				.size = sizeof(value),
				.expected = value,
				.order = __ATOMIC_ACQUIRE,
				.must = true,
				.where = HERE};

	run_access(&access);
}

void model_retry(void)
{
	static uint32_t never;
	struct access access = {.address = (uintptr_t)&never,
				.size = sizeof(never),
				.expected = 1,
				.must = true};

	run_access(&access);
}

/* ---- the system ------------------------------------------------------ */

static struct access mutex_access(pthread_mutex_t *mutex, const void *where)
{
	return (struct access){.address = (uintptr_t)mutex,
			       .size = sizeof(uint32_t),
			       .order = __ATOMIC_ACQUIRE,
			       .where = where};
}

int model_mutex_lock(pthread_mutex_t *mutex)
{
	struct access access = mutex_access(mutex, HERE);

	access.must = true;
	hook_compare(access, 1);
	return 0;
}

int model_mutex_trylock(pthread_mutex_t *mutex)
{
	return hook_compare(mutex_access(mutex, HERE), 1) == 0 ? 0 : EBUSY;
}

int model_mutex_unlock(pthread_mutex_t *mutex)
{
	hook_store(mutex, sizeof(uint32_t), 0, __ATOMIC_RELEASE, HERE);
	return 0;
}

int model_mutex_init(pthread_mutex_t *mutex)
{
	run_plain((uintptr_t)mutex, sizeof(*mutex), USE_WRITE, HERE);
	memset(mutex, 0, sizeof(*mutex));
	return 0;
}

/* In front of what malloc gave: how much it was. */
#define MALLOC_FRONT ((size_t)64)

void *model_malloc(size_t size)
{
	char *memory = model_alloc(MALLOC_FRONT + size);

	memcpy(memory, &size, sizeof(size));
	return memory + MALLOC_FRONT;
}

void model_malloc_end(void *memory)
{
	size_t size;

	memcpy(&size, (char *)memory - MALLOC_FRONT, sizeof(size));
	model_free(memory, size);
}

void *model_calloc(size_t count, size_t size)
{
	void *memory = model_alloc(count * size);

	model_write(memory, count * size);
	return memset(memory, 0, count * size);
}

void *model_memset(void *memory, int byte, size_t size)
{
	model_write(memory, size);
	return memset(memory, byte, size);
}

void *model_memcpy(void *to, const void *from, size_t size)
{
	model_read(from, size);
	model_write(to, size);
	return memcpy(to, from, size);
}

void *model_memmove(void *to, const void *from, size_t size)
{
	/* Of nothing at the end of an array, too. */
	if (size != 0) {
		model_read(from, size);
		model_write(to, size);
	}
	return memmove(to, from, size);
}

void model_plain_store(void *address, size_t size, uint64_t value)
{
	memcpy(address, &value, size);
}

void *model_realloc(void *old, size_t size)
{
	/* Nobody knows how much of it was used: what the library reallocates
	   is asked for once in a model. */
	MODEL_ASSERT(old == NULL);
	return model_alloc(size);
}

/* ---- threads that end ------------------------------------------------ */

/* Set before all threads, as a first use of the library is. */
static void (*key_destructor)(void *);

int model_once(pthread_once_t *once, void (*function)(void))
{
	(void)once;
	if (key_destructor == NULL)
		function();
	return 0;
}

int model_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	(void)key;
	key_destructor = destructor;
	return 0;
}

/* The thread's own, by model_thread_local. */
static _Thread_local void *key_value;

__attribute__((constructor)) static void hooks_begin(void)
{
	model_thread_local(&key_value, sizeof(key_value));
}

int model_set_specific(pthread_key_t key, void *value)
{
	(void)key;
	key_value = value;
	return 0;
}

void *model_get_specific(pthread_key_t key)
{
	(void)key;
	return key_value;
}

int model_set_cancel_state(int state, int *old)
{
	(void)state;
	(void)old;
	return 0;
}

int model_atfork(void (*before)(void), void (*parent)(void),
		 void (*child)(void))
{
	(void)before;
	(void)parent;
	(void)child;
	return 0;
}

void model_exit(void)
{
	while (key_value != NULL) {
		void *value = key_value;

		key_value = NULL;
		key_destructor(value);
	}
}
