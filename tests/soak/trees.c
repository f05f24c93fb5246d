/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of pools: as deep and as wide as they come, and grown by many threads
 * at once. Each pool's cleanup sees its parent's object still whole.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "bag.h"
#include "soak.h"

/* An object of a node's pool: what its cleanup looks at. */
struct node {
	tarn_pool *pool;
	struct node *parent; /* in the parent's pool */
	uint64_t word;       /* the node's address, changed */
	atomic_size_t *ended;
};

static const uint64_t node_word = UINT64_C(0x6272616e63686573);

static bool node_is_whole(const struct node *node)
{
	return node->word == ((uintptr_t)node ^ node_word);
}

/* Children end before their parents: the parent's object is there yet. */
static void node_end(void *arg)
{
	struct node *node = arg;

	SOAK_REQUIRE(node_is_whole(node));
	SOAK_REQUIRE(node->parent == NULL || node_is_whole(node->parent));
	node->word = 0;
	atomic_fetch_add(node->ended, 1);
}

static struct node *node_make(struct node *parent, atomic_size_t *ended)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	struct node *node;

	options.first_block = 1;
	pool = parent != NULL ? tarn_pool_create_child(parent->pool, &options)
			      : tarn_pool_create(&options);
	SOAK_REQUIRE(pool != NULL);
	node = tarn_new(pool, struct node);
	SOAK_REQUIRE(node != NULL);
	*node = (struct node){pool, parent, (uintptr_t)node ^ node_word, ended};
	SOAK_REQUIRE(tarn_cleanup_add(pool, node_end, node) != NULL);
	soak_count(SOAK_POOLS, 1);
	return node;
}

static size_t children_of(const struct node *node)
{
	tarn_stats stats = TARN_STATS_INIT;

	SOAK_REQUIRE(tarn_pool_stats(node->pool, &stats) == 0);
	return stats.children;
}

static void tree_ended(atomic_size_t *ended, size_t nodes)
{
	SOAK_REQUIRE(atomic_load(ended) == nodes);
	soak_count(SOAK_CLEANUPS, nodes);
}

/* ---- one shape ------------------------------------------------------- */

static void deep(size_t nodes)
{
	atomic_size_t ended = 0;
	struct node *root = node_make(NULL, &ended), *at = root;

	for (size_t i = 1; i < nodes; i++)
		at = node_make(at, &ended);
	for (at = at->parent; at != NULL; at = at->parent)
		SOAK_REQUIRE(children_of(at) == 1 && node_is_whole(at));
	tarn_pool_destroy(root->pool);
	tree_ended(&ended, nodes);
}

static void wide(size_t nodes, uint64_t *random)
{
	atomic_size_t ended = 0;
	struct node *root = node_make(NULL, &ended);
	struct node **leaves = calloc(nodes, sizeof(struct node *));

	SOAK_REQUIRE(leaves != NULL);
	for (size_t i = 0; i < nodes; i++)
		leaves[i] = node_make(root, &ended);
	/* Half of them end by themselves, in any order. */
	for (size_t i = 0; i < nodes / 2; i++) {
		size_t other = soak_between(random, i, nodes - 1);
		struct node *node = leaves[other];

		leaves[other] = leaves[i];
		tarn_pool_destroy(node->pool);
	}
	SOAK_REQUIRE(children_of(root) == nodes - nodes / 2);
	SOAK_REQUIRE(atomic_load(&ended) == nodes / 2);
	tarn_pool_reset(root->pool);
	tree_ended(&ended, nodes + 1);
	SOAK_REQUIRE(children_of(root) == 0);
	tarn_pool_destroy(root->pool);
	free(leaves);
}

/* ---- grown by many --------------------------------------------------- */

enum {
	GROWERS = 6,
	GROWN_HEIGHT = 24
};

struct grower {
	struct node *root;
	atomic_size_t *ended;
	atomic_size_t *made;
	uint64_t random;
	size_t rounds;
};

/* Branches off a way down from the root that is this thread's own; cuts some
   of what it made. Objects of the shared root grow meanwhile. */
static void *grower_main(void *arg)
{
	struct grower *self = arg;
	struct node *way[GROWN_HEIGHT] = {self->root};
	struct bag bag;
	size_t height = 1;

	bag_init(&bag, soak_random(&self->random));
	for (size_t i = 0; i < self->rounds; i++) {
		size_t cut = soak_between(&self->random, 1, height);

		if (cut < height && soak_once_in(&self->random, 3)) {
			tarn_pool_destroy(way[cut]->pool);
			height = cut;
		} else if (height == GROWN_HEIGHT) {
			height = cut;
		}
		way[height] = node_make(way[height - 1], self->ended);
		height += height + 1 < GROWN_HEIGHT;
		atomic_fetch_add(self->made, 1);
		bag_fill(&bag, self->root->pool, 1);
		SOAK_REQUIRE(node_is_whole(way[height - 1]));
	}
	bag_empty(&bag);
	return NULL;
}

static void grown(uint64_t *random)
{
	struct grower growers[GROWERS];
	atomic_size_t ended = 0, made = 1;
	struct node *root = node_make(NULL, &ended);

	for (size_t i = 0; i < GROWERS; i++)
		growers[i] = (struct grower){root, &ended, &made,
					     soak_random(random),
					     soak_scaled(3000, 30)};
	soak_together(grower_main, growers, sizeof *growers, GROWERS);
	tarn_pool_destroy(root->pool);
	tree_ended(&ended, atomic_load(&made));
}

void scenario_trees(uint64_t seed)
{
	deep(soak_scaled(30000, 100));
	wide(soak_scaled(30000, 100), &seed);
	grown(&seed);
}
