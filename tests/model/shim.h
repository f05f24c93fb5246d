/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before each file of lib/ when it is compiled for the models: what it
 * asks of the system is answered by the run. The one place that knows which
 * calls these are.
 */
#ifndef SHIM_H
#define SHIM_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

int model_mutex_init(pthread_mutex_t *mutex);
int model_mutex_lock(pthread_mutex_t *mutex);
int model_mutex_trylock(pthread_mutex_t *mutex);
int model_mutex_unlock(pthread_mutex_t *mutex);
void *model_malloc(size_t size);
void model_malloc_end(void *memory);
void *model_calloc(size_t count, size_t size);
void *model_memset(void *memory, int byte, size_t size);
void *model_memcpy(void *to, const void *from, size_t size);
void *model_memmove(void *to, const void *from, size_t size);

void *model_realloc(void *old, size_t size);
void model_plain_store(void *address, size_t size, uint64_t value);
int model_once(pthread_once_t *once, void (*function)(void));
int model_key_create(pthread_key_t *key, void (*destructor)(void *));
int model_set_specific(pthread_key_t key, void *value);
void *model_get_specific(pthread_key_t key);
int model_set_cancel_state(int state, int *old);
int model_atfork(void (*before)(void), void (*parent)(void),
		 void (*child)(void));

#ifdef MODEL_SHIM
#define pthread_mutex_init(mutex, attributes) model_mutex_init(mutex)
#define pthread_mutex_lock                    model_mutex_lock
#define pthread_mutex_trylock                 model_mutex_trylock
#define pthread_mutex_unlock                  model_mutex_unlock

/* Threads of a model end when their function does, or by slot_exit. */
#define pthread_once           model_once
#define pthread_key_create     model_key_create
#define pthread_setspecific    model_set_specific
#define pthread_getspecific    model_get_specific
#define pthread_atfork         model_atfork
#define pthread_setcancelstate model_set_cancel_state

#define malloc        model_malloc
#define free          model_malloc_end
#define calloc        model_calloc
#define realloc       model_realloc
#define memset        model_memset
#define memcpy        model_memcpy
#define memmove       model_memmove
#define sched_yield() model_retry()

/* An initialisation is no atomic access: what another thread does without
   having it happen before is a data race. */
#undef atomic_init
#define atomic_init(atomic, value)                                             \
	(model_write((void *)(atomic), sizeof(*(atomic))),                     \
	 model_plain_store((void *)(atomic), sizeof(*(atomic)),                \
			   (uint64_t)(value)))

/* The run stands in for ThreadSanitizer, but is not to be seen as it. */
#define __tsan_init model_no_tsan_init
#endif

#endif
