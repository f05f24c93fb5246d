/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls of the whole API beside a model of what they should do: no two
 * objects overlap, each is aligned, keeps its bytes and lies in memory that
 * upstream gave; statistics agree with the model; limits hold; upstream fails
 * now and then, and a call that fails changes nothing. The calls are made by
 * one thread after another, of which the main one has marks open meanwhile.
 *
 * What a call does may follow from addresses too: to repeat a run, give its
 * seed and have the system not randomise them (setarch -R).
 *
 * Here is the run. The model is model_state.c, its checks are model_check.c,
 * and the calls are the others of model_*.c.
 */
#include "test_model.h"

/* Of the EXPECT that failed. */
const char *failed_file;

/* Arms or disarms the failures of one upstream. */
static int call_failure(struct model *model)
{
	struct counting *counting = &model->countings[pick(model, 0, 1)];

	counting->fail_at =
		chance(model, 2) ? 0 : counting->calls + pick(model, 1, 4);
	counting->fail_for_ever = chance(model, 4);
	counting->refuse_resize = chance(model, 3);
	counting->raise = chance(model, 3) ? pick(model, 1, 100) : 0;
	return 0;
}

/* A call of one pool by its weight in a thousand. */
static int call_of_pool(struct member *member)
{
	static const struct {
		size_t weight;
		int (*call)(struct member *);
	} calls[] = {
		{200, call_palloc},      {40, call_pcalloc},
		{110, call_packed},      {90, call_aligned},
		{110, call_local},       {50, call_string},
		{80, call_prealloc},     {40, call_pfree},
		{130, call_pfree_sized}, {4, call_pfree_many},
		{3, call_pfree_invalid}, {5, call_cache_create},
		{40, call_cache_alloc},  {20, call_cache_free},
		{2, call_cache_many},    {8, call_mark},
		{10, call_rewind},       {3, call_scratch},
		{20, call_cleanup_add},  {15, call_cleanup_use},
		{10, call_data},         {5, call_invalid},
		{4, call_reset},         {1, call_destroy},
	};
	size_t number = pick(member->model, 0, 999), i = 0;

	while (number >= calls[i].weight)
		number -= calls[i++].weight;
	if (member->count == OBJECTS)
		return call_reset(member);
	return calls[i].call(member);
}

static int call_any(struct model *model)
{
	struct member *member = &model->members[pick(model, 0, POOLS - 1)];

	if (chance(model, 300))
		return call_failure(model);
	if (chance(model, 2000))
		return check_all(model);
	if (chance(model, 1000))
		return call_trim(model);
	if (member->pool == NULL)
		return chance(model, 20) ? call_create(model) : 0;
	return call_of_pool(member);
}

/* The calls of one thread until the next takes over. */
static int run_shift(struct model *model)
{
	size_t i;

	for (i = 0; i < SHIFT && model->calls_left > 0; i++) {
		model->calls_left--;
		TRY(call_any(model));
	}
	return 0;
}

static int run_thread(void *arg)
{
	struct model *model = arg;

	model->thread = ++model->threads;
	TRY(run_shift(model));
	TRY(end_marks(model));
	model->thread = 0;
	return 0;
}

static int end_model(struct model *model)
{
	size_t i;

	TRY(check_all(model));
	for (i = 0; i < POOLS; i++)
		if (model->members[i].pool != NULL &&
		    model->members[i].parent == NULL)
			TRY(call_destroy(&model->members[i]));
	return 0;
}

START_TEST(model_random_calls_agree)
{
	static struct model model;
	int status = 0;

	model.state = seed("model_random_calls_agree");
	model.calls_left = rounds(CALLS);
	model.watched = watched();
	counting_init(&model.countings[0]);
	counting_init(&model.countings[1]);
	while (model.calls_left > 0 && status == 0)
		status = chance(&model, 2) ? worker_run(run_thread, &model)
					   : run_shift(&model);
	if (status == 0)
		status = end_model(&model);
	if (status != 0)
		ck_abort_msg("%s: line %d failed, %zu calls before the end",
			     failed_file, status, model.calls_left);
	ck_assert_uint_gt(model.oom_calls, 0);
	counting_finish(&model.countings[0]);
	counting_finish(&model.countings[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tcase = suite_case(suite, "model");

	tcase_add_test(tcase, model_random_calls_agree);
	return suite_run(suite);
}
