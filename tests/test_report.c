/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reports: their figures are those of tarn_pool_stats, what threads claimed is
 * what their chunks add up to, and each is JSON, whatever names pools have and
 * whatever other threads do meanwhile.
 */
#include "host.h"
#include "reuse.h"
#include "util.h"
#include "watch.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* ---- memory that fails ------------------------------------------------- */

static size_t reallocs_left = SIZE_MAX;
static bool realloc_fails_once;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	if (reallocs_left == 0) {
		if (realloc_fails_once)
			reallocs_left = SIZE_MAX;
		errno = ENOMEM;
		return NULL;
	}
	reallocs_left--;
	return __real_realloc(memory, size);
}

/* ---- JSON -------------------------------------------------------------- */

/* Each returns what is behind a value, or NULL: there is none. */
static const char *json_value(const char *at);

static const char *json_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *json_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return NULL;
		if (*at != '\\')
			continue;
		at++;
		if (*at == 'u' && strspn(at + 1, "0123456789abcdef") >= 4)
			at += 4;
		else if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL)
			return NULL;
	}
	return at + 1;
}

static const char *json_number(const char *at)
{
	size_t digits;

	at += *at == '-';
	digits = strspn(at, "0123456789");
	return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits;
}

static const char *json_members(const char *at, char end)
{
	at = json_space(at + 1);
	if (*at == end)
		return at + 1;
	for (;; at++) {
		at = json_space(at);
		if (end == '}') {
			at = json_string(at);
			if (at == NULL || *at != ':')
				return NULL;
			at++;
		}
		at = json_value(at);
		if (at == NULL || (*at != ',' && *at != end))
			return NULL;
		if (*at == end)
			return at + 1;
	}
}

static const char *json_value(const char *at)
{
	static const char *const words[] = {"true", "false", "null"};

	at = json_space(at);
	for (size_t i = 0; i < 3; i++)
		if (strncmp(at, words[i], strlen(words[i])) == 0)
			return at + strlen(words[i]);
	if (*at == '{' || *at == '[')
		return json_members(at, *at == '{' ? '}' : ']');
	return *at == '"' ? json_string(at) : json_number(at);
}

/* ---- a report in memory ------------------------------------------------ */

static char *report_of(const tarn_pool *pool, int format)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		return NULL;
	if (tarn_pool_report(pool, file, format) != 0 || fclose(file) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_json(const char *text)
{
	const char *end = text != NULL ? json_value(text) : NULL;

	return end != NULL && strcmp(end, "\n") == 0;
}

/* How often `part` is in the text. */
static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

/* Figures of all pools in a report. */
struct sums {
	size_t pools, held, handed_out, unused, large, children;
};

static struct sums sums_of(const char *text)
{
	static const char begin[] = ",\"held\":";
	struct sums sums = {0}, one;

	while ((text = strstr(text, begin)) != NULL) {
		if (sscanf(text,
			   ",\"held\":%zu,\"handed_out\":%zu,\"unused\":%zu,"
			   "\"large\":%zu,\"limit\":%*u,\"children\":%zu",
			   &one.held, &one.handed_out, &one.unused, &one.large,
			   &one.children) == 5) {
			sums.pools++;
			sums.held += one.held;
			sums.handed_out += one.handed_out;
			sums.unused += one.unused;
			sums.large += one.large;
			sums.children += one.children;
		}
		text++;
	}
	return sums;
}

static void sums_add(struct sums *sums, const tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	ck_assert_int_eq(tarn_pool_stats(pool, &stats), 0);
	sums->pools++;
	sums->held += stats.held;
	sums->handed_out += stats.handed_out;
	sums->unused += stats.held - stats.handed_out;
	sums->large += stats.large;
	sums->children += stats.children;
}

static tarn_pool *named(tarn_pool *parent, const char *name)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.name = name;
	return parent != NULL ? tarn_pool_create_child(parent, &options)
			      : tarn_pool_create(&options);
}

static void nothing(void *data)
{
	(void)data;
}

/* ---- figures ----------------------------------------------------------- */

/* A tree of six pools, with something of each kind in it. */
static void grow_tree(tarn_pool **pools)
{
	tarn_cache *cache;

	pools[0] = named(NULL, "root");
	pools[1] = named(pools[0], "left");
	pools[2] = named(pools[1], "left of left");
	pools[3] = named(pools[1], NULL);
	pools[4] = named(pools[0], "right");
	pools[5] = named(pools[4], "below right");
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 30 * i; k++)
			ck_assert_ptr_nonnull(tarn_palloc(pools[i], 10 + k));
		ck_assert_ptr_nonnull(tarn_palloc(pools[i], 5000 + 1000 * i));
		ck_assert_ptr_nonnull(
			tarn_cleanup_add(pools[i], nothing, NULL));
	}
	cache = tarn_cache_create(pools[4], 40, 8);
	tarn_cache_free(cache, tarn_cache_alloc(cache));
	tarn_pfree_sized(pools[5], tarn_palloc(pools[5], 500), 500);
}

START_TEST(report_of_known_pools_adds_up_to_their_statistics)
{
	tarn_pool *pools[6];
	struct sums known = {0}, told;
	char *text;

	grow_tree(pools);
	for (size_t i = 0; i < 6; i++)
		sums_add(&known, pools[i]);
	text = report_of(pools[0], TARN_REPORT_JSON);
	ck_assert(is_json(text));
	told = sums_of(text);
	ck_assert_uint_eq(told.pools, 6);
	ck_assert_uint_eq(told.held, known.held);
	ck_assert_uint_eq(told.handed_out, known.handed_out);
	ck_assert_uint_eq(told.unused, known.unused);
	ck_assert_uint_eq(told.large, known.large);
	ck_assert_uint_eq(told.children, 5);
	ck_assert_uint_eq(count_of(text, "\"function\":"), 6);
	ck_assert_uint_eq(count_of(text, "\"size\":40,\"slabs\":"), 1);
	ck_assert_uint_eq(count_of(text, "\"name\":null"), 1);
	ck_assert_uint_eq(count_of(text, "\"depth\":2"), 3);
	ck_assert(strstr(text, "below right") < strstr(text, "\"left\""));
	free(text);
	/* One below alone. */
	text = report_of(pools[1], TARN_REPORT_JSON);
	ck_assert_uint_eq(sums_of(text).pools, 3);
	ck_assert_uint_eq(count_of(text, "\"depth\":2"), 0);
	free(text);
	text = report_of(pools[0], TARN_REPORT_TEXT);
	ck_assert_uint_eq(count_of(text, "\npool ") + 1, 6);
	ck_assert_uint_eq(count_of(text, "  large_allocations: "), 6);
	ck_assert_uint_eq(count_of(text, "  caches: of 40 bytes: "), 1);
	ck_assert_uint_eq(count_of(text, "  cleanups: "), 6);
	free(text);
	tarn_pool_destroy(pools[0]);
}
END_TEST

static char buffer[20000];

START_TEST(report_of_a_fresh_pool_is_json)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	char *text;

	options.buffer = buffer;
	options.buffer_size = sizeof(buffer);
	options.limit = 1 << 20;
	pool = tarn_pool_create(&options);
	text = report_of(pool, TARN_REPORT_JSON);
	ck_assert(is_json(text));
	ck_assert_uint_eq(count_of(text, "\"held\":false"), 1);
	ck_assert_uint_eq(count_of(text, "\"limit\":1048576"), 1);
	ck_assert_uint_eq(count_of(text, "\"thread\":null"),
			  !source_is_watched(&pool->source));
	free(text);
	text = report_of(pool, TARN_REPORT_TEXT);
	ck_assert_uint_eq(count_of(text, "of the caller's"), 1);
	ck_assert_uint_eq(count_of(text, "large_allocations"), 0);
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

/* Small memory that is freed where there is none for a depot. */
static size_t upstream_left;

static void *few_alloc(void *context, size_t *size, size_t alignment)
{
	(void)context;
	return upstream_left-- != 0 ? host_alloc(*size, alignment)
				    : (upstream_left = 0, NULL);
}

static void few_release(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	host_free(memory);
}

START_TEST(report_tells_what_was_freed)
{
	tarn_upstream upstream = {few_alloc, NULL, few_release, NULL};
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	size_t freed = 0;
	char *text, *object;

	options.upstream = &upstream;
	options.first_block = 1024;
	upstream_left = _i == 0 ? 1 : 100;
	pool = tarn_pool_create(&options);
	if (_i == 0) {
		/* Until there is no more, be it for one byte. */
		object = tarn_palloc(pool, 160);
		while (tarn_palloc(pool, 1) != NULL)
			continue;
		tarn_pfree_sized(pool, object, 160);
	} else {
		for (size_t i = 0; i < 100; i++) {
			object = tarn_palloc(pool, 2000);
			tarn_palloc(pool, 16);
			tarn_pfree_sized(pool, object, 2000);
		}
	}
	text = report_of(pool, TARN_REPORT_JSON);
	ck_assert(is_json(text));
	ck_assert_int_eq(
		sscanf(strstr(text, "\"freed\":"), "\"freed\":%zu", &freed), 1);
	if (pool->source.watched == 0)
		ck_assert_uint_eq(freed, reuse_bytes(pool));
	ck_assert(pool->source.watched != 0 || freed >= 160);
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- chunks ------------------------------------------------------------ */

enum {
	CLAIMERS = 6
};

struct claimer_work {
	tarn_pool *pool;
	struct gate *gate;
	uint64_t random;
	size_t objects;
	uint32_t number; /* of its slot */
	size_t claimed;
};

static int claim_often(void *arg)
{
	struct claimer_work *work = arg;
	struct local *local;

	for (size_t i = 0; i < work->objects; i++)
		EXPECT(tarn_palloc(work->pool, random_between(&work->random, 1,
							      1500)) != NULL);
	local = pool_find_local(work->pool);
	work->number = slot_number(slot_name());
	work->claimed = local_claimed(local);
	/* So that no other thread has its slot. */
	gate_wait(work->gate);
	return 0;
}

/* Bytes of chunks that the report says are of a thread. */
static size_t told_claimed(const char *text, uint32_t number)
{
	size_t sum = 0;

	while ((text = strstr(text, "{\"at\":")) != NULL) {
		size_t size;
		uint32_t thread;

		if (sscanf(text, "{\"at\":%*u,\"size\":%zu,\"thread\":%u}",
			   &size, &thread) == 2 &&
		    thread == number)
			sum += size;
		text++;
	}
	return sum;
}

START_TEST(report_has_each_chunk_that_a_thread_claimed)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	struct claimer_work works[CLAIMERS];
	struct gate gate;
	char *text;
	int i;

	/* This thread owns the first local pool. */
	ck_assert_ptr_nonnull(tarn_palloc(pool, 1));
	if (_i != 0) {
		tarn_palloc(pool, 3000);
		tarn_pool_reset(pool);
	}
	gate_init(&gate, CLAIMERS);
	for (i = 0; i < CLAIMERS; i++)
		works[i] = (struct claimer_work){.pool = pool,
						 .gate = &gate,
						 .random = (uint64_t)i + 1,
						 .objects = rounds(3000) /
							    (size_t)(i + 1)};
	ck_assert_int_eq(
		workers_together(claim_often, works, sizeof(*works), CLAIMERS),
		0);
	text = report_of(pool, TARN_REPORT_JSON);
	ck_assert(is_json(text));
	for (i = 0; i < CLAIMERS && pool->source.watched == 0; i++)
		ck_assert_uint_eq(told_claimed(text, works[i].number),
				  works[i].claimed);
	free(text);
	/* Ledgers are empty again. */
	tarn_pool_reset(pool);
	text = report_of(pool, TARN_REPORT_JSON);
	ck_assert(is_json(text));
	for (i = 0; i < CLAIMERS && pool->source.watched == 0; i++)
		ck_assert_uint_eq(told_claimed(text, works[i].number), 0);
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- names ------------------------------------------------------------- */

START_TEST(report_names_are_escaped)
{
	static const struct {
		const char *name, *json, *text;
	} names[] = {{"", "\"\"", "''"},
		     {"a\"b\\c'd", "\"a\\\"b\\\\c'd\"", "'a\"b\\\\c\\'d'"},
		     {"\x01\n\x7f", "\"\\u0001\\u000a\\u007f\"",
		      "'\\x01\\x0a\\x7f'"},
		     {"\xc2\x85\xc2\x9b\xc2\xa0", "\"\\u0085\\u009b\xc2\xa0\"",
		      "'\\x85\\x9b\xc2\xa0'"},
		     {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"",
		      "'gr\xc3\xbc\xc3\x9f'"},
		     {"\xe2\x82\xac\xf0\x9f\x98\x80",
		      "\"\xe2\x82\xac\xf0\x9f\x98\x80\"",
		      "'\xe2\x82\xac\xf0\x9f\x98\x80'"},
		     /* Alone, overlong, a surrogate, too large, cut off. */
		     {"\xbfx", "\"\xef\xbf\xbdx\"", "'\xef\xbf\xbdx'"},
		     {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"",
		      "'\xef\xbf\xbd\xef\xbf\xbd'"},
		     {"\xed\xa0\x80",
		      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		      "'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd'"},
		     {"\xc3"
		      "A\xe0\x80",
		      "\"\xef\xbf\xbd"
		      "A\xef\xbf\xbd\xef\xbf\xbd\"",
		      "'\xef\xbf\xbd"
		      "A\xef\xbf\xbd\xef\xbf\xbd'"},
		     {"\xf5z", "\"\xef\xbf\xbdz\"", "'\xef\xbf\xbdz'"},
		     {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"",
		      "'\xef\xbf\xbd\xef\xbf\xbd'"}};
	tarn_pool *pool = named(NULL, names[_i].name);
	char *text = report_of(pool, TARN_REPORT_JSON);

	ck_assert(is_json(text));
	ck_assert_ptr_nonnull(strstr(text, names[_i].json));
	free(text);
	text = report_of(pool, TARN_REPORT_TEXT);
	ck_assert_ptr_nonnull(strstr(text, names[_i].text));
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

enum {
	NAMES = 12,
	NAME_LENGTH = 3000
};

START_TEST(report_long_name_is_whole)
{
	static char name[NAME_LENGTH + 1];
	tarn_pool *pool;
	char *text;

	memset(name, 'n', NAME_LENGTH);
	pool = named(NULL, name);
	text = report_of(pool, TARN_REPORT_JSON);
	ck_assert(is_json(text));
	ck_assert_ptr_nonnull(strstr(text, name));
	free(text);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- errors ------------------------------------------------------------ */

START_TEST(report_of_another_format_is_EINVAL)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	errno = 0;
	ck_assert_int_eq(tarn_pool_report(pool, stdout, 2), -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(tarn_pool_report(pool, stdout, -1), -1);
	ck_assert_int_eq(errno, EINVAL);
	tarn_pool_destroy(pool);
}
END_TEST

/* Not every C library tells why it does not write to such a file. */
static int reason_of(FILE *file)
{
	errno = EIO;
	ck_assert_int_eq(fputc('x', file), EOF);
	return errno;
}

START_TEST(report_to_a_closed_file_fails)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	FILE *file = fopen("/dev/null", "r");
	int reason = reason_of(file);

	fclose(file);
	file = tmpfile();
	ck_assert_ptr_nonnull(file);
	close(fileno(file));
	errno = 0;
	ck_assert_int_eq(tarn_pool_report(pool, file, _i), -1);
	ck_assert_int_eq(errno, EBADF);
	fclose(file);
	file = fopen("/dev/null", "r");
	errno = 0;
	ck_assert_int_eq(tarn_pool_report(pool, file, _i), -1);
	ck_assert_int_eq(errno, reason);
	fclose(file);
	errno = 1234;
	file = fopen("/dev/null", "w");
	ck_assert_int_eq(tarn_pool_report(pool, file, _i), 0);
	ck_assert_int_eq(errno, 1234);
	fclose(file);
	tarn_pool_destroy(pool);
}
END_TEST

static int claim_all(void *arg)
{
	for (size_t i = 0; i < 4000; i++)
		EXPECT(tarn_palloc(*(tarn_pool **)arg, 100) != NULL);
	return 0;
}

/* Each realloc in turn: of the text, of blocks, places and chunks. */
START_TEST(report_without_memory_is_ENOMEM)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	FILE *file = fopen("/dev/null", "w");
	size_t failed = 0;

	ck_assert_ptr_nonnull(tarn_palloc(pool, 1));
	/* This thread is the owner; what others claim is in ledgers. */
	ck_assert_int_eq(workers_together(claim_all, &pool, sizeof(pool), 1),
			 0);
	do {
		int status;

		reallocs_left = failed;
		realloc_fails_once = _i / 2 == 1;
		errno = 0;
		status = tarn_pool_report(pool, file, _i % 2);
		reallocs_left = SIZE_MAX;
		if (status == 0)
			break;
		ck_assert_int_eq(status, -1);
		ck_assert_int_eq(errno, ENOMEM);
		failed++;
	} while (failed < 1000);
	ck_assert_uint_ge(failed, pool->source.watched == 0 ? 4 : 3);
	ck_assert_uint_lt(failed, 1000);
	fclose(file);
	tarn_pool_destroy(pool);
}
END_TEST

/* ---- beside others ----------------------------------------------------- */

static char *within;

static void report_parent(void *data)
{
	within = report_of(data, TARN_REPORT_JSON);
}

START_TEST(report_of_a_busy_child_has_its_name)
{
	tarn_pool *pool = named(NULL, "whole");
	tarn_pool *child = named(pool, "in reset");

	tarn_pool_create_child(pool, NULL);
	tarn_cleanup_add(child, report_parent, pool);
	if (_i == 0)
		tarn_pool_reset(child);
	else
		tarn_pool_destroy(child);
	ck_assert(is_json(within));
	ck_assert_uint_eq(sums_of(within).pools, 2);
	ck_assert_uint_eq(count_of(within, "\"in reset\",\"busy\":true"), 1);
	free(within);
	within = report_of(pool, TARN_REPORT_JSON);
	ck_assert_uint_eq(sums_of(within).pools, _i == 0 ? 3 : 2);
	ck_assert_uint_eq(count_of(within, "\"busy\""), 0);
	free(within);
	/* A cleanup may look at its own pool, too. */
	tarn_cleanup_add(pool, report_parent, pool);
	tarn_pool_reset(pool);
	ck_assert(is_json(within));
	free(within);
	tarn_pool_destroy(pool);
}
END_TEST

enum {
	BESIDE = 3,
	BESIDE_STEPS = 20000
};

struct beside {
	tarn_pool *pool;
	tarn_cache *cache;
	atomic_size_t left; /* workers */
	int reports;
};

/* All that may be done while a pool above is reported. */
static int use_beside(struct beside *beside)
{
	tarn_pool *pool = beside->pool;
	tarn_pool *child = named(pool, "child");
	uint64_t random = 77;

	EXPECT(child != NULL);
	for (size_t i = 0; i < rounds(BESIDE_STEPS); i++) {
		size_t size = random_between(&random, 1, 900);
		void *object = tarn_palloc(pool, size);

		EXPECT(object != NULL && tarn_palloc(child, size) != NULL);
		if (i % 3 == 0)
			tarn_pfree_sized(pool, object, size);
		if (i % 50 == 0) {
			object = tarn_palloc(pool, 9000);
			EXPECT(tarn_pfree(pool, object) == 0);
			EXPECT(tarn_cleanup_cancel(tarn_cleanup_add(
				       pool, nothing, NULL)) == 0);
			tarn_cleanup_add(child, nothing, NULL);
		}
		object = tarn_cache_alloc(beside->cache);
		if (i % 5 != 0)
			tarn_cache_free(beside->cache, object);
		if (i % 100 == 99)
			tarn_pool_reset(child);
		if (i % 700 == 699) {
			tarn_pool_create_child(child, NULL);
			tarn_pool_destroy(child);
			child = named(pool, "child");
		}
	}
	return 0;
}

/* The first worker reports until all others have ended. */
static int report_beside(void *arg)
{
	struct beside *beside = *(struct beside **)arg;
	int status = 0;

	if (atomic_fetch_sub(&beside->left, 1) != BESIDE + 1) {
		status = use_beside(beside);
		atomic_fetch_sub(&beside->left, 1);
		return status;
	}
	while (status == 0 && atomic_load(&beside->left) != (size_t)-BESIDE) {
		char *text = report_of(beside->pool, beside->reports % 2);

		if (text == NULL ||
		    !(beside->reports % 2 == 0 || is_json(text)))
			status = __LINE__;
		free(text);
		beside->reports++;
	}
	return status;
}

START_TEST(report_while_threads_allocate_is_json)
{
	struct beside beside = {.pool = named(NULL, "busy")};
	struct beside *args[BESIDE + 1];

	beside.cache = tarn_cache_create(beside.pool, 64, 16);
	atomic_init(&beside.left, BESIDE + 1);
	for (size_t i = 0; i <= BESIDE; i++)
		args[i] = &beside;
	ck_assert_int_eq(workers_together(report_beside, args, sizeof(*args),
					  BESIDE + 1),
			 0);
	ck_assert_int_gt(beside.reports, 0);
	tarn_pool_destroy(beside.pool);
}
END_TEST

static atomic_int cleaned;

static void count_cleaned(void *data)
{
	(void)data;
	atomic_fetch_add(&cleaned, 1);
}

static int end_pool(void *pool)
{
	if (atomic_load(&cleaned) == 0)
		tarn_pool_reset(pool);
	else
		tarn_pool_destroy(pool);
	return 0;
}

/* The report at exit holds the mutex; whoever resets or destroys a root then
   waits for it. */
START_TEST(report_at_exit_is_waited_for)
{
	unsigned watched;
	struct worker worker;
	tarn_pool *pool;

	/* The first one reads the environment. */
	tarn_pool_destroy(tarn_pool_create(NULL));
	watched = debug_watched;
	debug_watched |= WATCH_REPORT;
	pool = tarn_pool_create(NULL);
	for (int i = 0; i < 2; i++) {
		atomic_store(&cleaned, i);
		tarn_cleanup_add(pool, count_cleaned, NULL);
		mutex_lock(&debug_mutex);
		worker_start(&worker, end_pool, pool, NULL);
		while (!pool_is_busy(pool) && atomic_load(&cleaned) == i)
			sched_yield();
		usleep(10000);
		ck_assert_int_eq(atomic_load(&cleaned), i);
		mutex_unlock(&debug_mutex);
		ck_assert_int_eq(worker_join(&worker), 0);
		ck_assert_int_eq(atomic_load(&cleaned), i + 1);
	}
	debug_watched = watched;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *figures = suite_case(suite, "figures");
	TCase *errors = suite_case(suite, "errors");
	TCase *others = suite_case(suite, "others");

	tcase_add_test(figures,
		       report_of_known_pools_adds_up_to_their_statistics);
	tcase_add_test(figures, report_of_a_fresh_pool_is_json);
	tcase_add_loop_test(figures, report_tells_what_was_freed, 0, 2);
	tcase_add_loop_test(figures,
			    report_has_each_chunk_that_a_thread_claimed, 0, 2);
	tcase_add_loop_test(figures, report_names_are_escaped, 0, NAMES);
	tcase_add_test(figures, report_long_name_is_whole);
	tcase_add_test(errors, report_of_another_format_is_EINVAL);
	tcase_add_loop_test(errors, report_to_a_closed_file_fails, 0, 2);
	tcase_add_loop_test(errors, report_without_memory_is_ENOMEM, 0, 4);
	tcase_add_loop_test(others, report_of_a_busy_child_has_its_name, 0, 2);
	tcase_add_test(others, report_while_threads_allocate_is_json);
	tcase_add_test(others, report_at_exit_is_waited_for);
	return suite_run(suite);
}
