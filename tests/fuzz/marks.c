/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks and rewinds: see marks.h. What a thread made within more marks than are
 * left ends with a rewind. Threads wait for each other as their calls nest, so
 * the newest marks of a pool are those of the calling thread.
 */
#include "marks.h"

#include <errno.h>

/* ---- whose --------------------------------------------------------------- */

static unsigned threads;
static _Thread_local unsigned thread;

unsigned marks_thread(void)
{
	if (thread == 0)
		thread = ++threads;
	return thread;
}

size_t marks_level(const struct member *member)
{
	size_t left = member->mark_count;

	while (left != 0 && member->marks[left - 1].thread == marks_thread())
		left--;
	return member->mark_count - left;
}

bool marks_may_free(const struct object *object)
{
	return object->level == 0 || object->thread == marks_thread();
}

void marks_end_thread(struct model *model)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *member = &model->members[i];
		size_t level;

		if (member->pool == NULL)
			continue;
		level = marks_level(member);
		member->mark_count -= level;
		member->stuck = member->stuck || level != 0;
	}
	thread = 0;
}

/* ---- marks --------------------------------------------------------------- */

void marks_take(struct model *model, struct member *member)
{
	struct before before = before_call(model, member);
	tarn_local *local;
	tarn_mark mark;

	if (member->state != ALIVE || member->mark_count == MARKS)
		return;
	local = tarn_pool_local(member->pool);
	if (local == NULL)
		return;
	errno = REQUEST_ERRNO;
	mark = tarn_local_mark(local);
	REQUIRE(errno == REQUEST_ERRNO);
	member->large_count += grew_large(member, &before);
	/* A void one is none. */
	if (mark.reserved[0] != NULL)
		member->marks[member->mark_count++] =
			(struct mark){mark, marks_thread()};
}

/* ---- rewinds ------------------------------------------------------------- */

static bool handler_is_since(const struct handler *handler,
			     const struct rewind *rewind)
{
	return handler->pending && handler->thread == rewind->thread &&
	       handler->level > rewind->to;
}

/* The newest of those since the mark. */
void marks_check_turn(const struct handler *handler)
{
	const struct member *member = handler->member;
	const struct handler *newer = handler + 1;

	REQUIRE(handler_is_since(handler, member->rewind));
	for (; newer != member->handlers + member->handler_count; newer++)
		REQUIRE(!handler_is_since(newer, member->rewind));
}

/* What a rewind leaves, or should not. */
static void rewound(struct member *member, const struct rewind *rewind)
{
	for (size_t i = member->count; i-- != 0;) {
		struct object *object = &member->objects[i];

		if (object->thread == rewind->thread &&
		    object->level > rewind->to)
			member_leave(member, object);
	}
	for (size_t i = 0; i < member->handler_count; i++) {
		struct handler *handler = &member->handlers[i];

		REQUIRE(!handler_is_since(handler, rewind));
		if (handler->thread == rewind->thread &&
		    handler->level > rewind->to)
			handler->handle = NULL;
	}
	REQUIRE(member_stats(member).large_count <= member->large_count);
	member_recount(member);
	check_contents(member);
}

/* The newest most often. From a cleanup that a rewind runs no further than to
   those marks that the cleanup made. */
static bool pick_mark(struct model *model, const struct member *member,
		      struct rewind *rewind)
{
	size_t level = marks_level(member), least = 0;
	size_t byte = input_byte(&model->in);

	if (member->rewind != NULL && member->rewind->thread == marks_thread())
		least = member->rewind->floor;
	if (member->state != ALIVE || level <= least)
		return false;
	*rewind = (struct rewind){marks_thread(), level - 1, level,
				  member->rewind};
	if (byte % 2 != 0)
		rewind->to = least + byte / 2 % (level - least);
	return true;
}

void marks_rewind(struct model *model, struct member *member)
{
	struct rewind rewind;
	tarn_local *local;
	size_t at;

	if (!pick_mark(model, member, &rewind))
		return;
	check_contents(member);
	at = member->mark_count - marks_level(member) + rewind.to;
	before_call(model, member);
	local = tarn_pool_local(member->pool);
	REQUIRE(local != NULL);
	member->rewind = &rewind;
	errno = REQUEST_ERRNO;
	tarn_local_rewind(local, member->marks[at].value);
	REQUIRE(errno == REQUEST_ERRNO);
	member->rewind = rewind.outer;
	member->mark_count = at;
	rewound(member, &rewind);
	/* It has ended, and is ignored. */
	tarn_local_rewind(local, member->marks[at].value);
	check_contents(member);
}
