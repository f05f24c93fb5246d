/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the hooks ask of the run: see run.c.
 */
#ifndef RUN_H
#define RUN_H

#include "graph.h"
#include "memory.h"

/* Whether a model's thread runs, and not what is before or after them. */
bool run_in_thread(void);

/* Does an atomic access of the running thread. Returns what it read. */
uint64_t run_access(const struct access *access);

/* A plain access. */
void run_plain(uintptr_t address, size_t size, enum use use, const void *where);

#endif
