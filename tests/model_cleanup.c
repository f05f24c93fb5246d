/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of cleanups and data. Cleanups run once, the newest first, and of a
 * rewind those alone that came since; what runs wrongly is counted as disorder.
 */
#include "test_model.h"

/* Whether it is to run where `left` marks of the calling thread's are left. */
bool is_rewound(const struct handler *handler, size_t left)
{
	const struct model *model = handler->member->model;

	return handler->depth > left && handler->thread == model->thread;
}

/* How many are pending that had to run before it. */
static size_t count_newer(const struct handler *handler)
{
	const struct member *member = handler->member;
	size_t newer = handler->index + 1, count = 0;

	for (; newer < member->handler_count; newer++)
		count += member->handlers[newer].pending &&
			 (member->rewinding == 0 ||
			  is_rewound(&member->handlers[newer],
				     member->rewinding - 1));
	return count;
}

/* Newest first: none that is newer may be pending still. */
static void handler_ran(void *data)
{
	struct handler *handler = data;
	struct member *member = handler->member;

	member->model->disorder += !handler->pending + count_newer(handler);
	if (member->rewinding != 0 &&
	    !is_rewound(handler, member->rewinding - 1))
		member->model->disorder++;
	handler->pending = false;
	member->pending--;
}

/* As handler_ran, called before its turn. */
static void handler_ran_early(struct handler *handler)
{
	handler->member->model->disorder -= count_newer(handler);
}

int call_cleanup_add(struct member *member)
{
	size_t index = member->handler_count;
	struct handler *handler = &member->handlers[index];
	struct before before = before_call(member);

	if (index == CLEANUPS)
		return 0;
	*handler = (struct handler){.member = member,
				    .index = index,
				    .thread = member->model->thread,
				    .depth = marks_of(member)->count};
	handler->handle = tarn_cleanup_add(member->pool, handler_ran, handler);
	if (handler->handle == NULL)
		return check_refused(member, &before);
	EXPECT(errno == EXDEV);
	handler->pending = true;
	member->handler_count++;
	member->pending++;
	handler->large = grew_large(member, &before);
	charge(member, handler->depth, NODE_MOST);
	member->large_count += handler->large;
	return 0;
}

int call_cleanup_use(struct member *member)
{
	size_t i = pick(member->model, 0, member->handler_count);
	struct handler *handler = &member->handlers[i];
	bool pending = handler->pending;

	if (i == member->handler_count || handler->gone)
		return 0;
	errno = EXDEV;
	if (chance(member->model, 2)) {
		if (pending)
			handler_ran_early(handler);
		EXPECT(tarn_cleanup_run(handler->handle) == (pending ? 0 : -1));
		EXPECT(!handler->pending);
	} else {
		EXPECT(tarn_cleanup_cancel(handler->handle) ==
		       (pending ? 0 : -1));
		handler->pending = false;
		member->pending -= pending;
	}
	EXPECT(errno == (pending ? EXDEV : ENOENT));
	return 0;
}

int call_data(struct member *member)
{
	size_t i = pick(member->model, 0, KEYS - 1);
	void *data = chance(member->model, 3) ? NULL : &member->objects[i];
	struct before before = before_call(member);

	if (tarn_pool_set_data(member->pool, &keys[i], data) != 0)
		return check_refused(member, &before);
	EXPECT(errno == EXDEV);
	EXPECT(tarn_pool_data(member->pool, &keys[i]) == data);
	member->data[i] = data;
	member->most += NODE_MOST;
	member->large_count += grew_large(member, &before);
	return 0;
}
