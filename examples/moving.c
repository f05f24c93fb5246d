/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moving: what programs do with nginx's and with APR's pools, done here.
 *
 * An upload goes to a file that its request's pool closes; it is handed over,
 * and then the pool must not; or it is closed early. The request carries its
 * user. A loop clears a pool of its own each time.
 */
#include <tarn.h>

#include <stdio.h>
#include <string.h>

struct upload {
	FILE *file;
	tarn_cleanup *closing;
};

static unsigned closed;

static void close_file(void *data)
{
	struct upload *upload = data;

	fclose(upload->file);
	closed++;
}

/*
 * nginx: c = ngx_pool_cleanup_add(pool, sizeof(struct upload));
 *        c->handler = close_file;
 * APR:   apr_pool_cleanup_register(pool, upload, close_file,
 *                                  apr_pool_cleanup_null);
 * The handle is kept: it is what the next two functions want.
 */
static struct upload *upload_begin(tarn_pool *pool)
{
	struct upload *upload = tarn_new(pool, struct upload);

	if (!upload)
		return NULL;
	upload->file = tmpfile();
	if (!upload->file)
		return NULL;
	upload->closing = tarn_cleanup_add(pool, close_file, upload);
	if (upload->closing)
		return upload;
	close_file(upload);
	return NULL;
}

/*
 * nginx: c->handler = NULL;
 * APR:   apr_pool_cleanup_kill(pool, upload, close_file);
 */
static FILE *upload_hand_over(struct upload *upload)
{
	return tarn_cleanup_cancel(upload->closing) == 0 ? upload->file : NULL;
}

/*
 * nginx: ngx_pool_run_cleanup_file(pool, fd);
 * APR:   apr_pool_cleanup_run(pool, upload, close_file);
 */
static int upload_close(struct upload *upload)
{
	return tarn_cleanup_run(upload->closing);
}

/*
 * APR:   apr_pool_userdata_setn(name, "user", NULL, pool);
 *        apr_pool_userdata_get(&name, "user", pool);
 * The key is the address of this variable, which nobody else has.
 */
static const char user_key;

static int set_user(tarn_pool *pool, const char *name)
{
	return tarn_pool_set_data(pool, &user_key, tarn_pstrdup(pool, name));
}

static const char *user(const tarn_pool *pool)
{
	return tarn_pool_data(pool, &user_key);
}

/*
 * APR:   apr_pool_create(&each, pool); for (...) apr_pool_clear(each);
 * nginx: ngx_reset_pool(each), which would leave the cleanups alone.
 */
static size_t count_letters(tarn_pool *pool, unsigned lines)
{
	tarn_pool *each = tarn_pool_create_child(pool, NULL);
	size_t sum = 0;

	for (unsigned i = 0; each && i < lines; i++) {
		const char *line =
			tarn_psprintf(each, "%s, line %u", user(pool), i);

		sum += line ? strlen(line) : 0;
		tarn_pool_reset(each);
	}
	tarn_pool_destroy(each); /* or let it end with `pool` */
	return sum;
}

static int serve(tarn_pool *request)
{
	struct upload *kept = upload_begin(request);
	struct upload *early = upload_begin(request);
	struct upload *late = upload_begin(request);
	FILE *file = kept ? upload_hand_over(kept) : NULL;

	if (!file || !early || !late || set_user(request, "ann") != 0)
		return -1;
	if (upload_close(early) != 0 || closed != 1)
		return -1;
	if (upload_close(early) == 0)
		return -1; /* it runs once */
	if (strcmp(user(request), "ann") != 0 ||
	    count_letters(request, 100) != strlen("ann, line ") * 100 + 190)
		return -1;
	tarn_pool_reset(request);
	if (closed != 2 || user(request))
		return -1; /* `late` is closed, and the data is forgotten */
	return fclose(file);
}

int main(void)
{
	tarn_pool *request = tarn_pool_create(NULL);
	int status = request ? serve(request) : -1;

	tarn_pool_destroy(request);
	printf("%u files closed by the pool\n", closed);
	return status != 0 || closed != 2;
}
