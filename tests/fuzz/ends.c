/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ends of cleanups and pools: see ends.h.
 */
#include "ends.h"

#include <errno.h>

#include "marks.h"
#include "steps.h"

/* ---- what a cleanup does ------------------------------------------------ */

/* The newest of its pool, after the descendants ended, all else in place. */
static void check_turn(struct model *model, const struct handler *handler)
{
	struct member *member = handler->member, *at = member;
	size_t newer = (size_t)(handler - member->handlers) + 1;

	REQUIRE(model->ending != NULL && member->state != ALIVE);
	for (; newer < member->handler_count; newer++)
		REQUIRE(!member->handlers[newer].pending);
	member_forget_descendants(model, member);
	for (; at != NULL; at = at->parent)
		check_contents(at);
}

/* Those that the cleanup made, of its pool or of an ancestor that ends too,
   may have ended when the next cleanup runs. */
static void after_turn(struct model *model, struct member *member,
		       enum state state)
{
	check_tree_contents(model, model->ending);
	member_doom_descendants(model, model->ending);
	member->state = state;
}

static struct model *handler_model;

static void handler_run(void *data)
{
	struct handler *handler = data;
	struct member *member = handler->member;
	struct model *model = handler_model;
	enum state state = member->state;
	bool early = model->early == handler || member->rewind != NULL;
	int error = errno;

	if (model->early != handler && member->rewind != NULL)
		marks_check_turn(handler);
	model->early = NULL;
	REQUIRE(handler->pending);
	handler->pending = false;
	member->pending--;
	if (!early)
		check_turn(model, handler);
	if (state == DOOMED)
		member->state = ENDING;
	member->running++;
	steps_run(model, handler->steps);
	member->running--;
	if (!early)
		after_turn(model, member, state);
	errno = error;
}

/* ---- cleanups ----------------------------------------------------------- */

void ends_add(struct model *model, struct member *member)
{
	struct handler *handler = &member->handlers[member->handler_count];
	size_t steps = input_below(&model->in, 8);
	struct before before = before_call(model, member);

	if (steps == 7) {
		REQUIRE(tarn_cleanup_add(member->pool, NULL, model) == NULL);
		REQUIRE(errno == EINVAL);
		return;
	}
	if (member->handler_count == HANDLERS)
		return;
	handler_model = model;
	*handler =
		(struct handler){member, NULL,           steps,
				 false,  marks_thread(), marks_level(member)};
	handler->handle = tarn_cleanup_add(member->pool, handler_run, handler);
	if (handler->handle == NULL) {
		check_refused(model, member, &before, false);
		return;
	}
	REQUIRE(errno == REQUEST_ERRNO);
	handler->pending = true;
	member->handler_count++;
	member->pending++;
	member->most += NODE_MOST;
	member->large_count += grew_large(member, &before);
}

static struct handler *pick_handler(struct model *model, struct member *member)
{
	size_t i = input_byte(&model->in);

	struct handler *handler;

	if (member->handler_count == 0)
		return NULL;
	handler = &member->handlers[i % member->handler_count];
	return handler->handle != NULL ? handler : NULL;
}

void ends_cancel(struct model *model, struct member *member)
{
	struct handler *handler = pick_handler(model, member);

	if (handler == NULL)
		return;
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_cleanup_cancel(handler->handle) ==
		(handler->pending ? 0 : -1));
	REQUIRE(errno == (handler->pending ? REQUEST_ERRNO : ENOENT));
	member->pending -= handler->pending;
	handler->pending = false;
}

void ends_run(struct model *model, struct member *member)
{
	struct handler *handler = pick_handler(model, member);
	bool pending;

	if (handler == NULL)
		return;
	pending = handler->pending;
	model->early = pending ? handler : NULL;
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_cleanup_run(handler->handle) == (pending ? 0 : -1));
	REQUIRE(errno == (pending ? REQUEST_ERRNO : ENOENT));
	REQUIRE(!handler->pending && model->early == NULL);
}

/* ---- pools -------------------------------------------------------------- */

/* Whether nobody uses the pool or a descendant of it any more. */
static bool is_idle(const struct model *model, const struct member *member)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *other = &model->members[i];

		if (other->pool != NULL && member_descends(other, member) &&
		    (other->state != ALIVE || other->running != 0))
			return false;
	}
	return true;
}

/* Refused, from one of its own cleanups; of no other use may be sure. */
static void end_again(struct member *member, void (*end)(tarn_pool *))
{
	tarn_stats before, now;

	if (member->state != ENDING)
		return;
	before = member_stats(member);
	end(member->pool);
	REQUIRE(errno == EBUSY);
	now = member_stats(member);
	REQUIRE(now.handed_out == before.handed_out);
	REQUIRE(now.cleanups == before.cleanups);
	REQUIRE(now.children == before.children);
}

static void end(struct model *model, struct member *member,
		void (*end_pool)(tarn_pool *))
{
	struct member *outer = model->ending;

	if (!is_idle(model, member)) {
		end_again(member, end_pool);
		return;
	}
	check_tree_contents(model, member);
	member->state = ENDING;
	member_doom_descendants(model, member);
	model->ending = member;
	errno = REQUEST_ERRNO;
	end_pool(member->pool);
	REQUIRE(errno == REQUEST_ERRNO);
	model->ending = outer;
	member_forget_descendants(model, member);
	member_forget(member, end_pool == tarn_pool_destroy);
}

void ends_reset(struct model *model, struct member *member)
{
	end(model, member, tarn_pool_reset);
}

void ends_destroy(struct model *model, struct member *member)
{
	end(model, member, tarn_pool_destroy);
}

void ends_all(struct model *model)
{
	errno = REQUEST_ERRNO;
	tarn_pool_destroy(NULL);
	REQUIRE(errno == REQUEST_ERRNO);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *member = &model->members[i];

		if (member->pool != NULL && member->parent == NULL)
			end(model, member, tarn_pool_destroy);
	}
	check_figures(model);
}
