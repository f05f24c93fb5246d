/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A target of the fuzzer: bytes are calls of the whole interface, compared with
 * a model after each. One thread runs at a time; a call may be to have another
 * make the next ones, which inherits the slot of one that ended. A cleanup
 * makes the next calls, too, when it runs.
 */
#include "target.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "../host.h"
#include "caches.h"
#include "ends.h"
#include "lives.h"
#include "marks.h"
#include "model.h"
#include "steps.h"

TARGET_OPTIONS
const char target_name[] = "calls";

/* Of the calling thread's destructors; 0: before its end. */
static _Thread_local int thread_round;

/* ---- objects ------------------------------------------------------------ */

/* As request_serve, for a handler that may not return. */
static bool serve(struct model *model, const struct request *request,
		  struct object *object)
{
	tarn_pool *pool = model->asked->pool;
	volatile bool served = false;
	jmp_buf jump;

	model->jump = &jump;
	if (setjmp(jump) == 0)
		served = request_serve(pool, request, object);
	else
		errno = ENOMEM;
	model->jump = NULL;
	return served;
}

/* Whether it did not come as far as to be wrong. */
static bool is_without_local(const struct request *request)
{
	return errno == ENOMEM && request_is_local(request);
}

/* To what is left in the thread's room, as the inline calls look at it. */
static void fit(struct model *model, struct member *member,
		struct request *request)
{
	tarn_local *local;

	if (!request->fits)
		return;
	before_call(model, member);
	local = tarn_pool_local(member->pool);
	if (local != NULL)
		request_fit(request, (size_t)(local->end - local->last));
}

static void step_request(struct model *model, struct member *member)
{
	struct request request = request_read(&model->in);
	struct before before;
	struct object object;
	bool cannot_be;

	/* A rewind has to know of all that it frees. */
	if (marks_level(member) != 0 && member->count == OBJECTS)
		return;
	fit(model, member, &request);
	cannot_be = request_is_huge(&request) ||
		    (thread_round != 0 && request_is_local(&request));
	before = before_call(model, member);
	if (serve(model, &request, &object))
		member_enter(model, member, object, &before);
	else if (request.error == 0 || is_without_local(&request))
		check_refused(model, member, &before, cannot_be);
	else
		REQUIRE(errno == request.error &&
			model->oom_calls == before.oom_calls);
}

/* The last one most often: it may stay in place. */
static struct object *pick_object(struct model *model, struct member *member)
{
	size_t i = input_byte(&model->in);

	if (member->count == 0)
		return NULL;
	return &member->objects[i % 2 == 0 ? member->count - 1
					   : i / 2 % member->count];
}

/* Whether `now`, which the object has become, is in the large list: whatever is
   large, and what came from there and was not moved by a copy. A copy frees the
   old one, but for one of no bytes. */
static bool is_large(const struct member *member, const struct object *object,
		     const struct object *now, const struct before *before)
{
	if (object->large && now->ptr == object->ptr)
		return true;
	return now->size > member->large_above || grew_large(member, before) ||
	       (object->large && object->size != 0 &&
		member_stats(member).large_count == before->stats.large_count);
}

/* Whether it was not allocated anew. What has no byte yet is. */
static bool stays_old(const struct member *member, const struct object *object,
		      const struct object *now)
{
	if (object->size != 0 && now->ptr == object->ptr)
		return true;
	return object->large && object->size > member->large_above &&
	       now->size > member->large_above;
}

static void enter_resized(struct model *model, struct member *member,
			  struct object *object, struct object now,
			  const struct before *before)
{
	REQUIRE(((uintptr_t)now.ptr & (TARN_ALIGNMENT - 1)) == 0);
	REQUIRE(object_has(&now,
			   object->size < now.size ? object->size : now.size));
	now.large = is_large(member, object, &now, before);
	object_write(&now);
	check_place(model, member, &now, object);
	member->least += now.size - object->size;
	member->most += now.size + TARN_ALIGNMENT;
	member->large_count = member_stats(member).large_count;
	REQUIRE(member->large_count <= before->stats.large_count + 1);
	REQUIRE(member->large_count + 1 >= before->stats.large_count);
	if (!stays_old(member, object, &now)) {
		now.thread = marks_thread();
		now.level = marks_level(member);
	}
	*object = now;
}

static void step_resize(struct model *model, struct member *member)
{
	struct object *object = pick_object(model, member), now;
	size_t size = input_size(&model->in);
	struct before before;

	if (object == NULL || !object->resizable || !marks_may_free(object))
		return;
	REQUIRE(object_has(object, object->size));
	now = *object;
	now.size = size;
	before = before_call(model, member);
	now.ptr = tarn_prealloc(member->pool, object->ptr, object->size, size);
	if (now.ptr == NULL) {
		check_refused(model, member, &before, size > INPUT_HUGE);
		REQUIRE(object_has(object, object->size));
		return;
	}
	REQUIRE(errno == REQUEST_ERRNO && size <= INPUT_HUGE);
	enter_resized(model, member, object, now, &before);
}

static void refuse_free(struct member *member, void *ptr)
{
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree(member->pool, ptr) == -1 && errno == ENOENT);
}

static void step_free(struct model *model, struct member *member)
{
	struct object *object = pick_object(model, member);
	void *ptr;

	if (object == NULL || object->cache != NULL || !marks_may_free(object))
		return;
	REQUIRE(object_has(object, object->size));
	ptr = object->ptr;
	if (object->size > 1)
		refuse_free(member, object->ptr + 1);
	if (object->large) {
		errno = REQUEST_ERRNO;
		REQUIRE(tarn_pfree(member->pool, ptr) == 0);
		REQUIRE(errno == REQUEST_ERRNO);
		member->most -= object->size;
		member->large_count--;
		member_leave(member, object);
	}
	refuse_free(member, ptr);
}

/* A large size is looked for in the list, so a small object is not freed. */
static void refuse_free_sized(struct member *member,
			      const struct object *object)
{
	object_refuse_free(member->pool, object);
	if (!object->plain || object->large || model_watched())
		return;
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree_sized(member->pool, object->ptr,
				 member->large_above + 1) == -1);
	REQUIRE(errno == ENOENT);
}

/* Of any kind: by its size, or back to its cache. */
static void step_free_sized(struct model *model, struct member *member)
{
	struct object *object = pick_object(model, member);

	if (object == NULL || !marks_may_free(object))
		return;
	REQUIRE(object_has(object, object->size));
	refuse_free_sized(member, object);
	object_free(member->pool, object);
	/* What has no byte is not freed, though it may be in the large list. */
	if (object->size == 0 && object->cache == NULL)
		return;
	if (object->cache != NULL) {
		member_recount(member);
	} else {
		/* What is within a mark is the rewind's to free. */
		if (object->large || (object->level == 0 && !member->stuck))
			member->most -= object->size;
		member->large_count -= object->large;
	}
	member_leave(member, object);
}

/* Pointers that no pool gave, or another one did. */
static void step_free_wild(struct model *model, struct member *member)
{
	struct member *other = model_pick(model);
	struct object *object = pick_object(model, other);

	refuse_free(member, NULL);
	refuse_free(member, member->pool);
	refuse_free(member, &object);
	refuse_free(member, (void *)(uintptr_t)(input_byte(&model->in) * 16));
	if (object != NULL && object->size != 0 && other != member)
		refuse_free(member, object->ptr);
}

/* ---- threads ------------------------------------------------------------ */

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* Rounds of destructors in which a thread makes calls: one more than has
   a slot, save under ThreadSanitizer, which is gone in the last. */
#ifdef __SANITIZE_THREAD__
enum {
	THREAD_ROUNDS = HOST_ROUNDS - 1
};
#else
enum {
	THREAD_ROUNDS = HOST_ROUNDS
};
#endif

enum {
	THREADS = 3,
	THREAD_STEPS = 40
};

static pthread_key_t thread_key;

static void thread_end(void *arg)
{
	struct model *model = arg;
	unsigned threads = model->threads;

	marks_end_thread(model);
	if (!HOST_THREADS_IN_DESTRUCTORS)
		model->threads = THREADS;
	steps_run(model, 1 + input_below(&model->in, 2));
	model->threads = threads;
	marks_end_thread(model);
	if (++thread_round < THREAD_ROUNDS)
		pthread_setspecific(thread_key, model);
}

#ifdef __SANITIZE_THREAD__
/* Else a thread's first use may be in a destructor, and the library's own then
   comes when that run time has ended the thread already. */
static void thread_begin(void)
{
	tarn_pool_destroy(tarn_pool_create(NULL));
}
#else
static void thread_begin(void)
{
}
#endif

static void *thread_main(void *arg)
{
	struct model *model = arg;

	thread_begin();
	if (input_chance(&model->in, 2))
		pthread_setspecific(thread_key, model);
	steps_run(model, input_below(&model->in, THREAD_STEPS));
	marks_end_thread(model);
	return NULL;
}

static void step_thread(struct model *model, struct member *member)
{
	pthread_t thread;

	(void)member;
	/* A reset or destroy excludes every other thread. */
	if (model->threads == THREADS || model->ending != NULL)
		return;
	model->threads++;
	REQUIRE(pthread_create(&thread, NULL, thread_main, model) == 0);
	REQUIRE(pthread_join(thread, NULL) == 0);
	model->threads--;
}

/* After the library's own, so that its destructor comes first. */
static void thread_key_make(void)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	REQUIRE(tarn_palloc(pool, 1) != NULL);
	tarn_pool_destroy(pool);
	REQUIRE(pthread_key_create(&thread_key, thread_end) == 0);
}

/* ---- all of them -------------------------------------------------------- */

static void step_create(struct model *model, struct member *member)
{
	(void)member;
	lives_create(model);
}

static void step_upstream(struct model *model, struct member *member)
{
	struct upstream *upstream =
		&model->upstreams[input_below(&model->in, UPSTREAMS)];

	(void)member;
	upstream->fail_in = input_below(&model->in, 8);
	upstream->fail = input_below(&model->in, 6);
	upstream->raise =
		input_chance(&model->in, 3) ? input_size(&model->in) % 9000 : 0;
	upstream->crooked = input_chance(&model->in, 4);
}

/* Those that were there from the first inputs on, before the others. */
enum {
	OLD_STEPS = 19
};

void steps_run(struct model *model, size_t count)
{
	static void (*const steps[])(struct model *, struct member *) = {
		step_request,   step_request,      step_request,
		step_request,   step_resize,       step_free,
		step_free_wild, step_create,       step_thread,
		step_upstream,  lives_odd_options, lives_stats,
		lives_set_data, ends_add,          ends_cancel,
		ends_run,       ends_reset,        ends_destroy,
		lives_trim,     step_free_sized,   step_free_sized,
		caches_create,  caches_alloc,      caches_alloc,
		marks_take,     marks_rewind,      caches_scratch};

	while (count-- != 0 && !input_is_empty(&model->in)) {
		size_t step = input_choice(&model->in, OLD_STEPS,
					   sizeof steps / sizeof *steps);
		struct member *member = model_pick(model);

		if (member != NULL || steps[step] == step_create)
			steps[step](model, member);
		check_figures(model);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	static bool ready;

	if (!ready)
		thread_key_make();
	ready = true;
	model_init(&model, (struct input){data, data + size});
	lives_create(&model);
	steps_run(&model, SIZE_MAX);
	ends_all(&model);
	for (size_t i = 0; i < UPSTREAMS; i++)
		upstream_finish(&model.upstreams[i]);
	return 0;
}
