/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread's slot: see slot_thread.h.
 */
#include "slot.h"

TARN_TLS uint32_t slot_thread_name = SLOT_NONE;
TARN_TLS struct slot *slot_thread;
