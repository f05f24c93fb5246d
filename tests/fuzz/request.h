/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request for memory, by any call of the interface that gives some, and
 * what can be checked of the answer without knowing the pool.
 */
#ifndef TARN_FUZZ_REQUEST_H
#define TARN_FUZZ_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "input.h"
#include "tarn.h"

/* What errno is before each call: none of the library's. */
#define REQUEST_ERRNO EXDEV

struct object {
	unsigned char *ptr;
	size_t size, alignment;
	unsigned char mark; /* what its bytes follow from       */
	bool large;         /* in the large list                */
	bool resizable;     /* of palloc, pcalloc or prealloc   */
	bool plain;         /* for tarn_pfree_sized             */
	tarn_cache *cache;  /* that it is of; NULL: a request's */
	unsigned thread;    /* that made it                     */
	size_t level;       /* marks of that thread around it   */
};

struct request {
	const struct request_kind *kind;
	size_t size; /* SIZE_MAX: a product beyond it           */
	size_t count, item;
	size_t alignment;
	unsigned char mark;
	int error; /* EINVAL: the arguments cannot be; or 0     */
	bool fits; /* may become just what a room has left      */
};

struct request request_read(struct input *in);

/* An alignment to ask for: a usual one most often, or none, or too wide. */
size_t request_alignment(struct input *in);

/* Whether it can be one: a power of two. */
bool request_aligns(size_t alignment);

/* Of a size around `room`, where it may be: what is off by one shows there. */
void request_fit(struct request *request, size_t room);

/* Whether it asks for more than there is. */
bool request_is_huge(const struct request *request);
bool request_is_too_large(size_t size, size_t alignment);

/* Whether it is by tarn_pool_local, which a thread past its end cannot have. */
bool request_is_local(const struct request *request);

/*
 * Makes the request. False where it was refused, for the reason in errno.
 * Otherwise the object's contents were what they should be, and are now its
 * own.
 */
bool request_serve(tarn_pool *pool, const struct request *request,
		   struct object *object);

/* Of a cache, and as it should be; now its bytes are its own. */
struct object object_cached(tarn_cache *cache, void *ptr, size_t size,
			    size_t alignment, unsigned char mark);

/* Frees it by the call that is for its kind, whatever it is. */
void object_free(tarn_pool *pool, const struct object *object);

/* Calls that free by size, and have to be refused or to do nothing. */
void object_refuse_free(tarn_pool *pool, const struct object *object);

void object_write(const struct object *object);

/* Whether the first `size` bytes are what object_write wrote. */
bool object_has(const struct object *object, size_t size);

bool object_overlaps(const struct object *one, const struct object *other);

#endif
