/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tarn-replay asks of the system.
 */
#ifndef TARN_TOOLS_MACHINE_H
#define TARN_TOOLS_MACHINE_H

#include <stdint.h>

/* Bytes that the machine has; 0: it does not say. */
uint64_t machine_memory(void);

/* Sets a variable of the environment; NULL: to nothing. */
void machine_setenv(const char *name, const char *value);

#endif
