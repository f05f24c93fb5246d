/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cleanups: see cleanup.h. Invariant, under the list's mutex: a node is in the
 * list if and only if it is pending. Whoever takes it out, be it to run or to
 * cancel it, is the only one who ever does: so each runs at most once, and
 * nobody waits for one that runs.
 */
#include "cleanup.h"

#include <errno.h>

void cleanup_add(struct cleanup_list *list, struct tarn_cleanup *node)
{
	node->list = list;
	node->newer = NULL;
	node->pending = true;
	mutex_lock(list->mutex);
	node->older = list->newest;
	if (node->older != NULL)
		node->older->newer = node;
	list->newest = node;
	list->count++;
	mutex_unlock(list->mutex);
}

static void cleanup_unlink_locked(struct cleanup_list *list,
				  struct tarn_cleanup *node)
	MUTEX_HELD(list->mutex)
{
	if (node->newer != NULL)
		node->newer->older = node->older;
	else
		list->newest = node->older;
	if (node->older != NULL)
		node->older->newer = node->newer;
	node->pending = false;
	list->count--;
}

bool cleanup_take(struct tarn_cleanup *node)
{
	struct cleanup_list *list = node->list;
	bool pending;

	mutex_lock(list->mutex);
	pending = node->pending;
	if (pending)
		cleanup_unlink_locked(list, node);
	mutex_unlock(list->mutex);
	if (!pending)
		errno = ENOENT;
	return pending;
}

struct tarn_cleanup *cleanup_take_since(struct cleanup_list *list,
					uint32_t slot, uint32_t depth)
{
	struct tarn_cleanup *node;

	mutex_lock(list->mutex);
	node = list->newest;
	while (node != NULL && !birth_is_since(node->birth, slot, depth))
		node = node->older;
	if (node != NULL)
		cleanup_unlink_locked(list, node);
	mutex_unlock(list->mutex);
	return node;
}

bool cleanup_run_newest(struct cleanup_list *list)
{
	struct tarn_cleanup *node;

	mutex_exclusive(list->mutex);
	node = list->newest;
	if (node == NULL)
		return false;
	cleanup_unlink_locked(list, node);
	node->fn(node->data);
	return true;
}

size_t cleanup_count(struct cleanup_list *list)
{
	size_t count;

	mutex_lock(list->mutex);
	count = list->count;
	mutex_unlock(list->mutex);
	return count;
}
