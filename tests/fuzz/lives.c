/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making pools and looking at them: see lives.h.
 */
#include "lives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------ */

/* For the pool that was asked, with no lock held. */
static void on_oom(tarn_pool *pool, size_t size, void *data)
{
	struct model *model = data;
	tarn_stats stats = TARN_STATS_INIT;

	(void)size;
	REQUIRE(model->asked != NULL && model->asked->pool == pool);
	REQUIRE(model->asked->oom != NULL);
	REQUIRE(tarn_pool_stats(pool, &stats) == 0);
	if (!model_has_caches(model))
		tarn_trim();
	model->oom_calls++;
	errno = EDOM;
	if (model->jump != NULL && model->asked->oom->jumps)
		longjmp(*model->jump, 1);
}

/* Memory of its own exact size, which a sanitizer guards behind its end. */
static void read_buffer(struct input *in, struct member *member,
			tarn_options *options)
{
	size_t before = input_below(in, 32);

	member->buffer_size = input_size(in) % 20000 + 1;
	member->memory = calloc(1, before + member->buffer_size);
	REQUIRE(member->memory != NULL);
	member->buffer = member->memory + before;
	options->buffer = member->buffer;
	options->buffer_size = member->buffer_size;
}

static void read_upstream(struct model *model, struct member *member,
			  tarn_options *options)
{
	size_t kind = input_below(&model->in, 7);

	member->upstream =
		member->parent != NULL ? member->parent->upstream : NULL;
	if (kind < 3)
		return;
	member->upstream = NULL;
	if (kind < 5) {
		member->upstream = &model->upstreams[kind - 3];
		options->upstream = &member->upstream->functions;
	} else {
		options->upstream = kind == 5 ? tarn_upstream_mmap()
					      : tarn_upstream_malloc();
	}
}

static void read_oom(struct model *model, struct member *member,
		     tarn_options *options)
{
	uint8_t byte = input_byte(&model->in);

	member->oom = member->parent != NULL ? member->parent->oom : NULL;
	member->jumps = byte % 4 == 3;
	if (byte % 2 == 0)
		return;
	member->oom = member;
	options->on_oom = on_oom;
	options->on_oom_data = model;
}

static size_t clamped(size_t size, size_t preset, size_t most)
{
	size = size != 0 ? size : preset;
	return size < most ? size : most;
}

/* A byte says which of the options are set. */
static tarn_options read_options(struct model *model, struct member *member)
{
	struct input *in = &model->in;
	tarn_options options = TARN_OPTIONS_INIT;
	uint8_t set = input_byte(in);

	if (set & 1)
		options.first_block = input_size(in);
	if (set & 2)
		options.max_block = input_size(in);
	if (set & 4)
		options.large_above = input_size(in);
	if (set & 8)
		options.limit = 1 + input_size(in) * (1 + input_below(in, 9));
	if (set & 16)
		read_buffer(in, member, &options);
	if (set & 32)
		read_upstream(model, member, &options);
	else if (member->parent != NULL)
		member->upstream = member->parent->upstream;
	if (set & 64)
		read_oom(model, member, &options);
	else if (member->parent != NULL)
		member->oom = member->parent->oom;
	if (set & 128)
		options.name = &"a pool of the fuzzer"[input_below(in, 21)];
	/* A huge block is not refused but clamped to what tests cannot pay. */
	if (options.first_block > (size_t)1 << 20)
		options.first_block = 1;
	member->limit = options.limit;
	member->large_above =
		clamped(options.large_above, 4096, (size_t)1 << 20);
	return options;
}

/* ---- creation ----------------------------------------------------------- */

static tarn_pool *create(const struct member *member,
			 const tarn_options *options)
{
	errno = REQUEST_ERRNO;
	return member->parent != NULL
		       ? tarn_pool_create_child(member->parent->pool, options)
		       : tarn_pool_create(options);
}

static void created(struct member *member, tarn_pool *pool)
{
	REQUIRE(errno == REQUEST_ERRNO);
	REQUIRE(((uintptr_t)pool & (TARN_ALIGNMENT - 1)) == 0);
	member->pool = pool;
	if (member->parent != NULL)
		member->parent->child_count++;
	REQUIRE(member_stats(member).handed_out == 0);
	REQUIRE(member_stats(member).local_pools == 0);
}

/* No handler is called for a pool that there is not. */
static void not_created(struct model *model, struct member *member,
			const struct before *before)
{
	struct member *parent = member->parent;

	free(member->memory);
	REQUIRE(errno == ENOMEM);
	if (parent == NULL)
		REQUIRE(model->oom_calls == before->oom_calls);
	else if (member->limit == 0 && parent->upstream == member->upstream)
		check_refused(model, parent, before, false);
}

void lives_create(struct model *model)
{
	struct member *member = model_free_member(model), *parent;
	struct before before = {.oom_calls = model->oom_calls};
	tarn_options options;
	tarn_pool *pool;

	parent = input_chance(&model->in, 2) ? model_pick(model) : NULL;
	if (member == NULL)
		return;
	memset(member, 0, sizeof *member);
	member->parent = parent;
	options = read_options(model, member);
	if (parent != NULL)
		before = before_call(model, parent);
	pool = create(member, &options);
	if (pool != NULL)
		created(member, pool);
	else
		not_created(model, member, &before);
}

/* ---- options that are odd ----------------------------------------------- */

struct newer_options {
	tarn_options options;
	char later[16];
};

/* Returns whether they are an error all the same. */
static bool read_odd(struct input *in, struct newer_options *newer,
		     tarn_upstream *upstream)
{
	tarn_options *options = &newer->options;
	size_t kind = input_below(in, 6);

	if (kind == 0)
		options->struct_size =
			input_below(in, sizeof options->struct_size);
	else if (kind == 1)
		options->flags = 1U << input_below(in, 32);
	else if (kind == 2)
		options->upstream = upstream;
	else
		options->struct_size = sizeof *newer;
	if (kind == 3)
		newer->later[input_below(in, sizeof newer->later)] = 1;
	if (kind == 5)
		options->struct_size = sizeof options->struct_size +
				       input_below(in, sizeof *options - 16);
	return kind < 4;
}

void lives_odd_options(struct model *model, struct member *member)
{
	struct newer_options newer = {TARN_OPTIONS_INIT, {0}};
	tarn_upstream upstream = model->upstreams[0].functions;
	struct before before;
	tarn_pool *pool;
	bool wrong;

	if (input_chance(&model->in, 2))
		upstream.alloc = NULL;
	else
		upstream.release = NULL;
	wrong = read_odd(&model->in, &newer, &upstream);
	before = before_call(model, member);
	pool = input_chance(&model->in, 2)
		       ? tarn_pool_create_child(member->pool, &newer.options)
		       : tarn_pool_create(&newer.options);
	if (pool == NULL && !wrong) {
		check_refused(model, member, &before, false);
		return;
	}
	REQUIRE((pool == NULL) == wrong);
	REQUIRE(errno == (wrong ? EINVAL : REQUEST_ERRNO));
	tarn_pool_destroy(pool);
}

/* ---- looking at one ----------------------------------------------------- */

void lives_set_data(struct model *model, struct member *member)
{
	static const char keys[KEYS];
	size_t i = input_below(&model->in, KEYS);
	void *data = input_chance(&model->in, 4) ? NULL : &member->data[i];
	struct before before = before_call(model, member);

	REQUIRE(tarn_pool_data(member->pool, &keys[i]) == member->data[i]);
	if (tarn_pool_set_data(member->pool, &keys[i], data) != 0) {
		check_refused(model, member, &before, false);
	} else {
		REQUIRE(errno == REQUEST_ERRNO);
		member->data[i] = data;
		member->most += NODE_MOST;
		member->large_count += grew_large(member, &before);
	}
	for (i = 0; i < KEYS; i++)
		REQUIRE(tarn_pool_data(member->pool, &keys[i]) ==
			member->data[i]);
}

/* As a program of another version sees them: no byte beyond what it knows. */
void lives_stats(struct model *model, struct member *member)
{
	unsigned char known[sizeof(tarn_stats) + 16];
	size_t size = input_below(&model->in, sizeof known), i;
	tarn_stats all = member_stats(member);

	memset(known, 0x55, sizeof known);
	memcpy(known, &size, sizeof size);
	if (size <= sizeof size) {
		REQUIRE(tarn_pool_stats(member->pool, (void *)known) == -1);
		REQUIRE(errno == EINVAL);
		return;
	}
	REQUIRE(tarn_pool_stats(member->pool, (void *)known) == 0);
	i = size < sizeof all ? size : sizeof all;
	REQUIRE(memcmp(known + sizeof size, (char *)&all + sizeof size,
		       i - sizeof size) == 0);
	for (; i < sizeof known; i++)
		REQUIRE(known[i] == 0x55);
}

void lives_trim(struct model *model, struct member *member)
{
	check_contents(member);
	errno = REQUEST_ERRNO;
	tarn_trim();
	REQUIRE(strcmp(tarn_version(), "") != 0 && errno == REQUEST_ERRNO);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *other = &model->members[i];

		if (other->pool != NULL && other->cache_count != 0 &&
		    other->state != DOOMED)
			member_recount(other);
	}
}
