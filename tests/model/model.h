/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a model is made of: up to MODEL_THREADS functions that run at once, each
 * a few calls of the library. model_check runs them in every way that C11
 * allows, and ends the program at the first one that breaks an assertion, has a
 * data race, reads what was never written, uses what was given back, or hangs.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_THREADS 3

struct model {
	const char *name;
	void (*setup)(void); /* before all threads, or NULL */
	void (*threads[MODEL_THREADS])(void);
	void (*finish)(void); /* after all threads, or NULL */
	unsigned long known;  /* executions it must have; 0: any number */
	const char *fails;    /* how it must fail; NULL: it must not    */
};

struct model_counts {
	unsigned long complete; /* executions that ended      */
	unsigned long blocked;  /* that wait for another one  */
	bool failed;            /* as it must                 */
};

/* All executions, or as far as the first failure, which ends the program where
   the model must not fail. */
struct model_counts model_check(const struct model *model);

/* The model fails where `condition` is false. */
#define MODEL_ASSERT(condition)                                                \
	((condition) ? (void)0 : model_fail("%s", #condition))
void model_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Goes on once the atomic holds `value`, which it acquires. */
void model_wait(_Atomic uint32_t *atomic, uint32_t value);

/* Ends the calling thread's part in this execution: what it would do is done in
   another one that comes here later. For loops that try again. */
void model_retry(void);

/* Memory of the calling thread's own region, which is new in each execution,
   and its end, after which each access is a failure. */
void *model_alloc(size_t size);
void model_free(void *memory, size_t size);

/* Runs what the library has at a thread's end, in the calling thread. */
void model_exit(void);

/* Each thread has a value of its own there; before the first check. */
void model_thread_local(void *variable, size_t size);

/* Plain accesses of the calling thread to all of an object. */
void model_write(void *memory, size_t size);
void model_read(const void *memory, size_t size);

/* Which of the model's threads this is, from 0. */
unsigned model_self(void);

#endif
