/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glibc's malloc.
 */
#include "malloc.h"

static const struct peer_info peer = {
	"glibc malloc",
	WORKER_TEXT(__GLIBC__) "." WORKER_TEXT(__GLIBC_MINOR__),
	"peer",
	"native",
	WORKER_TUNED_GLIBC,
	MALLOC_NOTE,
};

static void peer_begin(void)
{
	if (worker_tuned)
		worker_tune_glibc();
}

#include "../workloads.h"
