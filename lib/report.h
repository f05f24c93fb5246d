/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports: see tarn_pool_report.
 */
#ifndef TARN_REPORT_H
#define TARN_REPORT_H

#include "debug.h"

/* Writes that of every pool of the process which is alive, as JSON, to the file
   that TARN_DEBUG names. At exit. */
void report_all_locked(void) MUTEX_HELD(debug_mutex);

#endif
