/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floors that stand in a shared library: see floor.h.
 */
#include "floor.h"

/* As fast as a library can have it. */
static _Thread_local struct floor_room own
	__attribute__((tls_model("initial-exec")));

void *floor_call(struct floor_room *room, size_t size)
{
	return floor_bump(room, size);
}

void *floor_tls(size_t size)
{
	return floor_bump(&own, size);
}

struct floor_room *floor_tls_room(void)
{
	return &own;
}
