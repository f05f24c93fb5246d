/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TARN_DEBUG: what the environment asks for, and how the library speaks when
 * it was asked to.
 */
#ifndef TARN_DEBUG_H
#define TARN_DEBUG_H

#include <stdint.h>
#include <stdio.h>

#include "mark.h"
#include "mutex.h"
#include "tarn.h"

/* [c] after debug_configure: what each new pool is watched by */
extern unsigned debug_watched TARN_HIDDEN;

/* Reads the environment. Once, before the first pool is made. */
void debug_configure(void);

/* One line on standard error, and the end of the program after it. Keep
   errno. */
void debug_say(const char *format, ...) TARN_FORMAT(1, 2);
_Noreturn void debug_die(const char *format, ...) TARN_FORMAT(1, 2);

/*
 * Guards all that is kept for debugging; no other mutex is taken under it, but
 * at exit. It is held around fork: the child begins its trace anew.
 */
extern struct mutex debug_mutex TARN_HIDDEN;
void debug_after_fork(void) MUTEX_DROPPED(debug_mutex);

/* Where the report of this process goes, and its profile, once: or NULL. */
FILE *debug_report_file(void) MUTEX_HELD(debug_mutex);
FILE *debug_sample_file(void) MUTEX_HELD(debug_mutex);

/* How many forks led to this process. */
uint32_t debug_forks(void) MUTEX_HELD(debug_mutex);

#endif
