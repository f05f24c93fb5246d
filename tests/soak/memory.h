/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the process grows: its resident memory, and what it has from malloc,
 * after each rotation.
 */
#ifndef TARN_SOAK_MEMORY_H
#define TARN_SOAK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Gives back all that is cached, and measures: after each rotation. */
void memory_look(void);

/* Tells what was measured; whether it grew after the first third. */
bool memory_has_grown(void);

#endif
