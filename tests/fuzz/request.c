/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests for memory: see request.h.
 */
#include "request.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* What strings are copied from: any `length` bytes at its end. */
enum {
	TEXT_MOST = 9000,
	ALIGNMENT_MOST = 1 << 14
};

static const char *text_of(size_t length)
{
	static char text[TEXT_MOST + 1];

	REQUIRE(length <= TEXT_MOST);
	return text + TEXT_MOST - length;
}

/* Written once, before any thread reads it. */
__attribute__((constructor)) static void text_write(void)
{
	char *text = (char *)text_of(TEXT_MOST);

	for (size_t i = 0; i < TEXT_MOST; i++)
		text[i] = (char)('a' + i % 23);
}

/* ---- the calls ---------------------------------------------------------- */

enum contents {
	ANY,
	ZERO,
	TEXT,
	MARKED_TEXT
};

struct request_kind {
	void *(*call)(tarn_pool *pool, const struct request *request);
	enum contents contents;
	size_t alignment; /* 0: the request's                      */
	bool resizable, plain;
};

static void *call_palloc(tarn_pool *pool, const struct request *request)
{
	return tarn_palloc(pool, request->size);
}

static void *call_pnalloc(tarn_pool *pool, const struct request *request)
{
	return tarn_pnalloc(pool, request->size);
}

static void *call_pcalloc(tarn_pool *pool, const struct request *request)
{
	return tarn_pcalloc(pool, request->count, request->item);
}

static void *call_pmemalign(tarn_pool *pool, const struct request *request)
{
	return tarn_pmemalign(pool, request->alignment, request->size);
}

static void *call_prealloc(tarn_pool *pool, const struct request *request)
{
	return tarn_prealloc(pool, NULL, request->count, request->size);
}

static void *call_new(tarn_pool *pool, const struct request *request)
{
	(void)request;
	return tarn_new(pool, uint64_t);
}

static void *call_new_array(tarn_pool *pool, const struct request *request)
{
	return tarn_new_array(pool, uint32_t, request->item);
}

static void *call_local(tarn_pool *pool, const struct request *request)
{
	tarn_local *local = tarn_pool_local(pool);

	if (local == NULL)
		return NULL;
	REQUIRE(tarn_local_pool(local) == pool);
	return tarn_local_palloc(local, request->size);
}

static void *call_local_packed(tarn_pool *pool, const struct request *request)
{
	tarn_local *local = tarn_pool_local(pool);

	return local != NULL ? tarn_local_pnalloc(local, request->size) : NULL;
}

static void *call_local_aligned(tarn_pool *pool, const struct request *request)
{
	tarn_local *local = tarn_pool_local(pool);

	return local != NULL ? tarn_local_pmemalign(local, request->alignment,
						    request->size)
			     : NULL;
}

static const char *source_of(const struct request *request)
{
	return request->error != 0 ? NULL : text_of(request->size - 1);
}

static void *call_pmemdup(tarn_pool *pool, const struct request *request)
{
	return tarn_pmemdup(pool, source_of(request), request->size);
}

static void *call_pstrdup(tarn_pool *pool, const struct request *request)
{
	return tarn_pstrdup(pool, source_of(request));
}

static void *call_pstrndup(tarn_pool *pool, const struct request *request)
{
	return tarn_pstrndup(pool, source_of(request),
			     request->mark % 2 != 0 ? request->size - 1
						    : SIZE_MAX);
}

static void *call_pstrcat(tarn_pool *pool, const struct request *request)
{
	return tarn_pstrcat(pool, "", "=", text_of(request->size - 2), "",
			    (char *)NULL);
}

static void *call_psprintf(tarn_pool *pool, const struct request *request)
{
	return tarn_psprintf(pool, "%c%s", '=', text_of(request->size - 2));
}

static const struct request_kind kinds[] = {
	{call_palloc, ANY, TARN_ALIGNMENT, true, true},
	{call_pnalloc, ANY, 1, false, false},
	{call_pmemalign, ANY, 0, false, false},
	{call_pcalloc, ZERO, TARN_ALIGNMENT, true, true},
	{call_prealloc, ANY, TARN_ALIGNMENT, true, true},
	{call_new, ANY, TARN_ALIGNOF(uint64_t), false, false},
	{call_new_array, ANY, TARN_ALIGNOF(uint32_t), false, false},
	{call_local, ANY, TARN_ALIGNMENT, true, true},
	{call_local_packed, ANY, 1, false, false},
	{call_local_aligned, ANY, 0, false, false},
	{call_pmemdup, TEXT, TARN_ALIGNMENT, false, true},
	{call_pstrdup, TEXT, 1, false, false},
	{call_pstrndup, TEXT, 1, false, false},
	{call_pstrcat, MARKED_TEXT, 1, false, false},
	{call_psprintf, MARKED_TEXT, 1, false, false},
};

/* ---- reading one -------------------------------------------------------- */

/* Powers of two up to ALIGNMENT_MOST most often, or what is none, or too wide.
 */
size_t request_alignment(struct input *in)
{
	static const size_t odd[] = {0, 3, 24, SIZE_MAX, SIZE_MAX / 4 + 1};
	uint8_t byte = input_byte(in);

	if (byte < 240)
		return (size_t)1 << byte % 15;
	return odd[byte % (sizeof odd / sizeof *odd)];
}

bool request_aligns(size_t alignment)
{
	return alignment != 0 && (alignment & (alignment - 1)) == 0;
}

static size_t product(size_t count, size_t size)
{
	return size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size;
}

/* Products between what can be had and what surely cannot prove nothing. */
static void read_counted(struct input *in, struct request *request)
{
	request->item = request->size;
	request->count = input_byte(in);
	request->size = product(request->count, request->item);
	if (request->size > (size_t)1 << 20 && request->size < INPUT_HUGE) {
		request->count = 1;
		request->size = request->item;
	}
}

static void read_text(struct input *in, struct request *request)
{
	bool marked = request->kind->contents == MARKED_TEXT;

	request->size = request->size % (TEXT_MOST - 1) + 1 + marked;
	if (!marked && input_chance(in, 16))
		request->error = EINVAL;
}

struct request request_read(struct input *in)
{
	uint8_t byte = input_byte(in);
	struct request request = {
		.kind = &kinds[byte % (sizeof kinds / sizeof *kinds)]};
	void *(*call)(tarn_pool *, const struct request *) = request.kind->call;

	request.size = call == call_new ? sizeof(uint64_t) : input_size(in);
	request.mark = (unsigned char)(in->end - in->at);
	request.alignment = request.kind->alignment;
	if (request.kind->contents >= TEXT)
		read_text(in, &request);
	else if (call == call_pcalloc)
		read_counted(in, &request);
	else if (call == call_new_array) {
		request.item = request.size;
		request.size = product(request.item, sizeof(uint32_t));
	} else if (request.alignment == 0) {
		request.alignment = request_alignment(in);
		if (!request_aligns(request.alignment))
			request.error = EINVAL;
	}
	request.fits = byte >= 180 && request.kind->contents == ANY &&
		       call != call_new && call != call_new_array;
	return request;
}

void request_fit(struct request *request, size_t room)
{
	if (request->fits && room + request->mark % 4 >= 2)
		request->size = room + request->mark % 4 - 2;
}

bool request_is_too_large(size_t size, size_t alignment)
{
	return size > INPUT_HUGE || alignment > ALIGNMENT_MOST;
}

bool request_is_huge(const struct request *request)
{
	return request_is_too_large(request->size, request->alignment);
}

bool request_is_local(const struct request *request)
{
	return request->kind->call == call_local ||
	       request->kind->call == call_local_packed ||
	       request->kind->call == call_local_aligned;
}

/* ---- serving it --------------------------------------------------------- */

static bool is_zero(const unsigned char *ptr, size_t size)
{
	return size == 0 ||
	       (ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0);
}

static bool is_as_promised(const struct object *object, enum contents contents)
{
	const char *ptr = (const char *)object->ptr;
	size_t size = object->size;

	switch (contents) {
	case ZERO:
		return is_zero(object->ptr, size);
	case TEXT: /* Of pmemdup also, whose source ends with a zero, too. */
		return memcmp(ptr, text_of(size - 1), size) == 0;
	case MARKED_TEXT:
		return *ptr == '=' &&
		       memcmp(ptr + 1, text_of(size - 2), size - 1) == 0;
	default:
		return true;
	}
}

bool request_serve(tarn_pool *pool, const struct request *request,
		   struct object *object)
{
	void *ptr;

	errno = REQUEST_ERRNO;
	ptr = request->kind->call(pool, request);
	if (ptr == NULL)
		return false;
	REQUIRE(errno == REQUEST_ERRNO);
	REQUIRE(request->error == 0 && request->size <= INPUT_HUGE);
	REQUIRE(((uintptr_t)ptr & (request->alignment - 1)) == 0);
	*object = (struct object){.ptr = ptr,
				  .size = request->size,
				  .alignment = request->alignment,
				  .mark = request->mark,
				  .resizable = request->kind->resizable,
				  .plain = request->kind->plain};
	REQUIRE(is_as_promised(object, request->kind->contents));
	object_write(object);
	return true;
}

/* ---- objects ------------------------------------------------------------ */

struct object object_cached(tarn_cache *cache, void *ptr, size_t size,
			    size_t alignment, unsigned char mark)
{
	struct object object = {.ptr = ptr,
				.size = size,
				.alignment = alignment,
				.mark = mark,
				.cache = cache};

	REQUIRE(errno == REQUEST_ERRNO);
	REQUIRE(((uintptr_t)ptr & (alignment - 1)) == 0);
	object_write(&object);
	return object;
}

void object_free(tarn_pool *pool, const struct object *object)
{
	errno = REQUEST_ERRNO;
	if (object->cache != NULL)
		tarn_cache_free(object->cache, object->ptr);
	else if (object->plain)
		REQUIRE(tarn_pfree_sized(pool, object->ptr, object->size) == 0);
	else
		REQUIRE(tarn_pfree_aligned_sized(pool, object->ptr,
						 object->alignment,
						 object->size) == 0);
	REQUIRE(errno == REQUEST_ERRNO);
}

void object_refuse_free(tarn_pool *pool, const struct object *object)
{
	void *odd = (void *)((uintptr_t)object->ptr | 1);

	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree_sized(pool, odd, 1) == -1 && errno == EINVAL);
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree_aligned_sized(pool, object->ptr, 3, 1) == -1);
	REQUIRE(errno == EINVAL);
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree_aligned_sized(pool, object->ptr, 0, 1) == -1);
	REQUIRE(errno == EINVAL);
	errno = REQUEST_ERRNO;
	REQUIRE(tarn_pfree_sized(pool, NULL, 1) == 0);
	REQUIRE(tarn_pfree_sized(pool, object->ptr, 0) == 0);
	REQUIRE(errno == REQUEST_ERRNO);
}

void object_write(const struct object *object)
{
	for (size_t i = 0; i < object->size; i++)
		object->ptr[i] = (unsigned char)(object->mark + i * 11);
}

bool object_has(const struct object *object, size_t size)
{
	unsigned char wrong = 0;

	for (size_t i = 0; i < size; i++)
		wrong |=
			object->ptr[i] ^ (unsigned char)(object->mark + i * 11);
	return wrong == 0;
}

bool object_overlaps(const struct object *one, const struct object *other)
{
	uintptr_t a = (uintptr_t)one->ptr, b = (uintptr_t)other->ptr;

	/* What has no byte may stand anywhere, also within another one. */
	return one->size != 0 && other->size != 0 && a < b + other->size &&
	       b < a + one->size;
}
