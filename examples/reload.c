/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reload: a new configuration, while readers finish with the old one.
 *
 * A configuration lives in a pool of its own, itself included, and counts its
 * users. To replace it is to publish a new one and to let go of the old one;
 * whoever is its last user, reader or not, destroys the pool.
 */
#define _POSIX_C_SOURCE 200809L

#include <tarn.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define READERS 4u
#define RELOADS 100u
#define RULES   50u

struct config {
	tarn_pool *pool;   /* holds all of it */
	atomic_uint users; /* the readers that have it, and `current` */
	unsigned version;
	char *rules[RULES];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct config *current; /* under the mutex */
static atomic_uint destroyed, by_readers, uses, failed;
static atomic_int stop;
static pthread_t writer;

/* A cleanup: runs in the thread that destroys the configuration. */
static void count_destroyed(void *thread)
{
	atomic_fetch_add(&destroyed, 1);
	if (!pthread_equal(pthread_self(), *(pthread_t *)thread))
		atomic_fetch_add(&by_readers, 1);
}

static char *make_rule(tarn_pool *pool, unsigned version, unsigned number)
{
	return tarn_psprintf(pool, "version %u, rule %u", version, number);
}

/* Returns a configuration with one user, or NULL. */
static struct config *config_load(unsigned version)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct config *config = pool ? tarn_new(pool, struct config) : NULL;
	int complete =
		config && tarn_cleanup_add(pool, count_destroyed, &writer);

	for (unsigned i = 0; complete && i < RULES; i++) {
		config->rules[i] = make_rule(pool, version, i);
		complete = config->rules[i] != NULL;
	}
	if (!complete) {
		tarn_pool_destroy(pool);
		return NULL;
	}
	config->pool = pool;
	config->version = version;
	atomic_init(&config->users, 1);
	return config;
}

/* Returns the current configuration, which then has one user more. */
static struct config *config_get(void)
{
	struct config *config;

	pthread_mutex_lock(&mutex);
	config = current;
	/* Relaxed: `current` is a user, so it cannot end before the unlock. */
	atomic_fetch_add_explicit(&config->users, 1, memory_order_relaxed);
	pthread_mutex_unlock(&mutex);
	return config;
}

/* Lets go of a configuration; its last user destroys it. */
static void config_put(struct config *config)
{
	/*
	 * Destroy is exclusive: every use must happen before it. The release
	 * half says that this user is done; the acquire half has the last one
	 * see that of all others.
	 */
	if (atomic_fetch_sub_explicit(&config->users, 1,
				      memory_order_acq_rel) == 1)
		tarn_pool_destroy(config->pool);
}

/* Has new users get `config`; those that have the old one may keep it. */
static void config_publish(struct config *config)
{
	struct config *old;

	pthread_mutex_lock(&mutex);
	old = current;
	current = config;
	pthread_mutex_unlock(&mutex);
	if (old)
		config_put(old);
}

/* What a reader checks: all rules are of the version that it holds. */
static int config_is_whole(const struct config *config)
{
	char expected[64];

	for (unsigned i = 0; i < RULES; i++) {
		snprintf(expected, sizeof(expected), "version %u, rule %u",
			 config->version, i);
		if (strcmp(config->rules[i], expected) != 0)
			return 0;
	}
	return 1;
}

static void *read_configs(void *unused)
{
	unsigned newest = 0;

	while (!atomic_load(&stop)) {
		struct config *config = config_get();

		if (!config_is_whole(config) || config->version < newest)
			atomic_fetch_add(&failed, 1);
		newest = config->version;
		config_put(config);
		atomic_fetch_add(&uses, 1);
	}
	return unused;
}

int main(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	pthread_t readers[READERS];
	struct config *config;

	writer = pthread_self();
	config = config_load(0);
	if (!config)
		return 1;
	config_publish(config);
	for (size_t i = 0; i < READERS; i++)
		if (pthread_create(&readers[i], NULL, read_configs, NULL) != 0)
			return 1;
	for (unsigned version = 1; version <= RELOADS; version++) {
		nanosleep(&pause, NULL);
		config = config_load(version);
		if (config)
			config_publish(config);
		else
			atomic_fetch_add(&failed, 1);
	}
	atomic_store(&stop, 1);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	config_publish(NULL);

	printf("%u reloads, %u uses by %u readers, %u failures\n"
	       "%u configurations destroyed by their last users, %u of them "
	       "by readers\n",
	       RELOADS, atomic_load(&uses), READERS, atomic_load(&failed),
	       atomic_load(&destroyed), atomic_load(&by_readers));
	return failed != 0 || uses == 0 || destroyed != RELOADS + 1;
}
