/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of Windows: see thread.h. Their word is fiber-local storage, of
 * which alone Windows tells when it ends; so a fiber counts as a thread. Its
 * callback runs before the compiler's own thread-local variables are gone, or
 * after: it must not need them.
 *
 * It runs once, and destructors of variables come after it: a thread that
 * begins again there is found by its handle, once it is over.
 */
#include "thread.h"

#include <windows.h>

/* Of ntdll, in no header. */
BOOLEAN NTAPI RtlDllShutdownInProgress(void);

static INIT_ONCE thread_once = INIT_ONCE_STATIC_INIT;
static DWORD thread_word = FLS_OUT_OF_INDEXES; /* [c] after thread_once */
static DWORD thread_over = TLS_OUT_OF_INDEXES; /* [c] after thread_once */

/* A fiber may be deleted by another one, whose thread goes on. In a process
   that ends the other threads ended wherever they were: with a mutex, maybe. */
static VOID NTAPI thread_exit(PVOID value)
{
	struct thread *self = thread_self();

	if (RtlDllShutdownInProgress())
		return;
	if (self == NULL || self == value)
		TlsSetValue(thread_over, value);
	thread_calls.end(value);
}

/* The callback must not be gone before the threads are. */
static void thread_pin(void)
{
	HMODULE module;

	GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN |
				   GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
			   (LPCWSTR)(const void *)&thread_once, &module);
}

static BOOL CALLBACK thread_setup_once(PINIT_ONCE once, PVOID parameter,
				       PVOID *context)
{
	(void)once;
	(void)parameter;
	(void)context;
	thread_calls.begin();
	thread_pin();
	thread_over = TlsAlloc();
	if (thread_over != TLS_OUT_OF_INDEXES)
		thread_word = FlsAlloc(thread_exit);
	return TRUE;
}

bool thread_setup(void)
{
	InitOnceExecuteOnce(&thread_once, thread_setup_once, NULL, NULL);
	return thread_word != FLS_OUT_OF_INDEXES;
}

struct thread *thread_self(void)
{
	return FlsGetValue(thread_word);
}

void thread_forget(struct thread *thread)
{
	if (thread_self() == thread)
		FlsSetValue(thread_word, NULL);
}

static bool thread_watch(struct thread *thread)
{
	HANDLE process = GetCurrentProcess();

	return DuplicateHandle(process, GetCurrentThread(), process,
			       &thread->handle, SYNCHRONIZE, FALSE, 0) != 0;
}

bool thread_begin(struct thread *thread)
{
	thread->handle = NULL;
	if (TlsGetValue(thread_over) != NULL && !thread_watch(thread))
		return false;
	if (FlsSetValue(thread_word, thread) != 0)
		return true;
	thread_end(thread);
	return false;
}

void thread_end(struct thread *thread)
{
	if (thread->handle != NULL)
		CloseHandle(thread->handle);
}

bool thread_is_lost(struct thread *thread)
{
	if (thread->handle == NULL ||
	    WaitForSingleObject(thread->handle, 0) != WAIT_OBJECT_0)
		return false;
	thread_end(thread);
	return true;
}

void thread_yield(void)
{
	SwitchToThread();
}
