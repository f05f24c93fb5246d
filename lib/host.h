/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What else the library asks of the system it runs on, for TARN_DEBUG and what
 * is written by it: the environment, and files.
 */
#ifndef TARN_HOST_H
#define TARN_HOST_H

#include "prefix.h"

/* The environment's `name`, or NULL, and NULL in a program with privileges
   that its caller does not have. */
const char *host_getenv(const char *name);

/* Makes a file, empty and its owner's alone, that is closed where another
   program is executed; returns its descriptor, or -1 with errno. */
int host_create(const char *name);

#endif
