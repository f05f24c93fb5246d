/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread's slot, by the compiler's thread-local variables: included
 * by slot.h.
 */
#ifndef TARN_SLOT_THREAD_H
#define TARN_SLOT_THREAD_H

#include "config.h"

/* Hidden: a copy relocation would move what initial-exec code addresses. */
extern TARN_TLS uint32_t slot_thread_name TARN_HIDDEN;
extern TARN_TLS struct slot *slot_thread TARN_HIDDEN;

/* NULL: it has none. */
static inline struct slot *slot_self(void)
{
	return slot_thread;
}

/* The name of it, SLOT_NONE or SLOT_GONE. */
static inline uint32_t slot_name(void)
{
	return slot_thread_name;
}

/* thread_begin did the same for its end. */
static inline void slot_enter(struct slot *slot)
{
	slot_thread = slot;
	slot_thread_name = SLOT_NAME(slot->index + 1);
}

/* For good. */
static inline void slot_leave(struct slot *slot)
{
	(void)slot;
	slot_thread = NULL;
	slot_thread_name = SLOT_GONE;
}

#endif
