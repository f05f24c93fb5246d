/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models of pools, by the calls that users have: threads that enter one at the
 * same time, so that its table grows; and threads that end, whose heirs go on
 * with what they left.
 */
#include "pool.h"

#include <string.h>

#include "models.h"

static tarn_pool *pool;

__attribute__((constructor)) static void begin(void)
{
	model_thread_local(&slot_thread, sizeof(slot_thread));
	model_thread_local(&slot_thread_name, sizeof(slot_thread_name));
}

static void setup(void)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.upstream = &model_upstream;
	pool = tarn_pool_create(&options);
	MODEL_ASSERT(pool != NULL);
}

static void use(void)
{
	char *object = tarn_palloc(pool, 16);

	MODEL_ASSERT(object != NULL);
	model_write(object, 16);
}

static void use_and_end(void)
{
	use();
	model_exit();
}

static void destroy(void)
{
	tarn_pool_destroy(pool);
}

const struct model pool_models[] = {
	{"pool-enter2", setup, {use, use}, destroy, 0, NULL},
	{"pool-enter", setup, {use, use, use}, destroy, 0, NULL},
	{"slot-inherit2", setup, {use_and_end, use_and_end}, destroy, 0, NULL},
	{"slot-inherit",
	 setup,
	 {use_and_end, use_and_end, use},
	 destroy,
	 0,
	 NULL},
	{.name = NULL},
};
