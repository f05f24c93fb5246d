/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread's slot, by the system's word for each fiber: included by
 * slot.h. The compiler's thread-local variables may be gone before the thread's
 * slot is given back.
 */
#ifndef TARN_SLOT_FIBER_H
#define TARN_SLOT_FIBER_H

/* NULL: it has none. */
static inline struct slot *slot_self(void)
{
	struct thread *thread = thread_self();

	return thread != NULL ? slot_of(thread) : NULL;
}

/* The name of it, or SLOT_NONE: after its end a thread is given another. */
static inline uint32_t slot_name(void)
{
	const struct slot *slot = slot_self();

	return slot != NULL ? SLOT_NAME(slot->index + 1) : SLOT_NONE;
}

static inline void slot_enter(const struct slot *slot)
{
	(void)slot;
}

static inline void slot_leave(struct slot *slot)
{
	thread_forget(&slot->thread);
}

#endif
