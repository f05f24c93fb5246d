/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http: a threaded server, by libmicrohttpd, with a pool for each request and
 * one for the listener, which all threads share.
 *
 * The listener's pool has what outlives a request: here the pages, each made
 * by the thread that was asked for it first. A request's pool is its child. It
 * is made when a request begins and destroyed when the server is done with it,
 * so that the reply may stand in it.
 *
 * It asks itself, from some threads, and ends; or, with a port, it serves that
 * until a line comes from standard input.
 */
#define _POSIX_C_SOURCE 200809L

#include <tarn.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS  4u /* of the server */
#define CLIENTS  4u
#define REQUESTS 100u /* by each client */
#define PAGES    10u

struct page {
	struct page *next;
	const char *path;
	unsigned asked; /* under the mutex */
};

struct listener {
	tarn_pool *pool;
	pthread_mutex_t mutex;
	struct page *pages; /* under the mutex */
};

/* ---- the server ------------------------------------------------------ */

/* Counts one more request for the page; returns how many, or 0. */
static unsigned count_page(struct listener *listener, const char *path)
{
	struct page *page;
	unsigned asked = 0;

	/* The mutex is for the list: what is allocated needs none. */
	pthread_mutex_lock(&listener->mutex);
	page = listener->pages;
	while (page && strcmp(page->path, path) != 0)
		page = page->next;
	if (!page && (page = tarn_new(listener->pool, struct page))) {
		page->path = tarn_pstrdup(listener->pool, path);
		page->asked = 0;
		page->next = listener->pages;
		if (page->path)
			listener->pages = page;
	}
	if (page && page->path)
		asked = ++page->asked;
	pthread_mutex_unlock(&listener->mutex);
	return asked;
}

static enum MHD_Result reply(struct listener *listener, tarn_pool *pool,
			     struct MHD_Connection *connection, const char *url)
{
	unsigned asked = count_page(listener, url);
	char *text = asked ? tarn_psprintf(pool, "%s: %u\n", url, asked) : NULL;
	/* Persistent: it is the pool's, which ends after the reply was sent. */
	struct MHD_Response *response =
		text ? MHD_create_response_from_buffer(strlen(text), text,
						       MHD_RESPMEM_PERSISTENT)
		     : NULL;
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* Called several times for a request, the first time with *request NULL. */
static enum MHD_Result serve(void *data, struct MHD_Connection *connection,
			     const char *url, const char *method,
			     const char *version, const char *upload,
			     size_t *upload_size, void **request)
{
	struct listener *listener = data;

	(void)method, (void)version, (void)upload;
	if (!*request) {
		*request = tarn_pool_create_child(listener->pool, NULL);
		return *request ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		*upload_size = 0; /* not wanted */
		return MHD_YES;
	}
	return reply(listener, *request, connection, url);
}

/* The server is done with the request, however it ended. */
static void finish(void *data, struct MHD_Connection *connection,
		   void **request, enum MHD_RequestTerminationCode how)
{
	(void)data, (void)connection, (void)how;
	tarn_pool_destroy(*request);
	*request = NULL;
}

static struct MHD_Daemon *start(struct listener *listener, unsigned short port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, port, NULL,
		NULL, serve, listener, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_THREAD_POOL_SIZE, THREADS,
		MHD_OPTION_NOTIFY_COMPLETED, finish, NULL, MHD_OPTION_END);
}

/* ---- clients --------------------------------------------------------- */

static unsigned short server_port;
static atomic_uint served;

/* Whether a page was sent: its own path stands in it. */
static int ask(tarn_pool *pool, unsigned number)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char *path = tarn_psprintf(pool, "/page/%u", number);
	char *question = tarn_pstrcat(pool, "GET ", path ? path : "",
				      " HTTP/1.0\r\n\r\n", (char *)NULL);
	char answer[1024];
	size_t length = 0;
	ssize_t got = 1;
	int client = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons(server_port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (client < 0 || !path || !question ||
	    connect(client, (struct sockaddr *)&address, sizeof(address)) ||
	    send(client, question, strlen(question), MSG_NOSIGNAL) < 0)
		got = -1;
	while (got > 0 && length < sizeof(answer) - 1) {
		got = recv(client, answer + length, sizeof(answer) - 1 - length,
			   0);
		length += got > 0 ? (size_t)got : 0;
	}
	if (client >= 0)
		close(client);
	answer[length] = '\0';
	return got == 0 && strstr(answer, " 200 ") && strstr(answer, path);
}

static void *ask_all(void *unused)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		tarn_mark mark;
		tarn_pool *scratch = tarn_scratch_begin(NULL, &mark);

		if (!scratch)
			break;
		if (ask(scratch, i % PAGES))
			atomic_fetch_add(&served, 1);
		tarn_scratch_end(scratch, mark);
	}
	return unused;
}

/* ---- both ------------------------------------------------------------ */

static int run_clients(struct MHD_Daemon *server)
{
	pthread_t clients[CLIENTS];
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT);
	size_t n = 0;

	if (!info)
		return -1;
	server_port = info->port;
	while (n < CLIENTS &&
	       pthread_create(&clients[n], NULL, ask_all, NULL) == 0)
		n++;
	while (n > 0)
		pthread_join(clients[--n], NULL);
	return served == CLIENTS * REQUESTS ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct listener listener = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	const tarn_options options = {.struct_size = sizeof(options),
				      .name = "listener"};
	tarn_stats stats = TARN_STATS_INIT;
	unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct MHD_Daemon *server;
	int status = 0;

	listener.pool = tarn_pool_create(&options);
	server =
		listener.pool ? start(&listener, (unsigned short)wanted) : NULL;
	if (!server)
		return 1;
	if (wanted != 0)
		getchar();
	else
		status = run_clients(server);
	/* It ends all requests and joins its threads: now nobody is left. */
	MHD_stop_daemon(server);
	status |= tarn_pool_stats(listener.pool, &stats);
	printf("%u pages served; %zu requests left, %zu bytes held\n",
	       atomic_load(&served), stats.children, stats.held);
	tarn_pool_destroy(listener.pool);
	return status != 0 || stats.children != 0;
}
