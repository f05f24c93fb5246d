/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library asks of Windows: pages go back whole, also those that are
 * aligned to more than the system does by itself, aligned memory of the heap
 * by its own function, and guarded pages fault.
 */
#include "counting.h"
#include "util.h"

#include <windows.h>

#include "heap.h"
#include "pages.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

enum {
	BLOCKS = 64,   /* at a time */
	BYTES = 100000 /* bytes     */
};

/* Of the page there: MEM_COMMIT, MEM_RESERVE or MEM_FREE. */
static DWORD state_of(const void *at)
{
	MEMORY_BASIC_INFORMATION info;

	REQUIRE(VirtualQuery(at, &info, sizeof(info)) != 0);
	return info.State;
}

/* Whether a read of this very byte faults. */
static bool faults(const void *at)
{
	return IsBadReadPtr(at, 1) != 0;
}

/* ---- pages --------------------------------------------------------------- */

START_TEST(pages_of_every_alignment_are_zero_and_go_back)
{
	size_t alignment = 4 * KIB << _i, size = 3 * pages_size();
	char *ptr = pages_map(size, alignment);

	ck_assert_ptr_nonnull(ptr);
	ck_assert(is_aligned(ptr, alignment));
	for (size_t i = 0; i < size; i++)
		REQUIRE(ptr[i] == 0);
	memset(ptr, 1, size);
	ck_assert_uint_eq(state_of(ptr), MEM_COMMIT);
	pages_unmap(ptr, size);
	ck_assert_uint_eq(state_of(ptr), MEM_FREE);
	ck_assert_uint_eq(state_of(ptr + size - 1), MEM_FREE);
}
END_TEST

START_TEST(upstream_mmap_of_every_alignment_goes_back)
{
	const tarn_upstream *upstream = tarn_upstream_mmap();
	size_t alignment = 4 * KIB << _i, size[BLOCKS];
	char *ptr[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		size[i] = (size_t)(i + 1) * 5000;
		ptr[i] = upstream->alloc(upstream->ctx, &size[i], alignment);
		ck_assert_ptr_nonnull(ptr[i]);
		ck_assert(is_aligned(ptr[i], alignment));
		memset(ptr[i], i, size[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		for (size_t at = 0; at < size[i]; at++)
			REQUIRE(ptr[i][at] == i);
	for (int i = 0; i < BLOCKS; i++) {
		upstream->release(upstream->ctx, ptr[i], size[i]);
		ck_assert_uint_eq(state_of(ptr[i]), MEM_FREE);
		ck_assert_uint_eq(state_of(ptr[i] + size[i] - 1), MEM_FREE);
	}
}
END_TEST

/* What was reserved for the alignment alone goes back with it. */
START_TEST(pages_reserved_for_alignment_go_back)
{
	MEMORY_BASIC_INFORMATION info;
	size_t size = pages_size();
	char *ptr = pages_map(size, 4 * MIB);

	ck_assert_ptr_nonnull(ptr);
	ck_assert_uint_ne(VirtualQuery(ptr, &info, sizeof(info)), 0);
	ck_assert_uint_eq(state_of(info.AllocationBase),
			  info.AllocationBase == ptr ? MEM_COMMIT
						     : MEM_RESERVE);
	pages_unmap(ptr, size);
	ck_assert_uint_eq(state_of(info.AllocationBase), MEM_FREE);
}
END_TEST

START_TEST(pages_that_are_closed_fault_and_go_back)
{
	size_t page = pages_size();
	char *ptr = pages_map(4 * page, page);

	ck_assert_ptr_nonnull(ptr);
	ck_assert(pages_close(ptr + page, page));
	ck_assert(!faults(ptr + page - 1) && faults(ptr + page));
	ck_assert(faults(ptr + 2 * page - 1) && !faults(ptr + 2 * page));
	ck_assert_uint_eq(state_of(ptr + page), MEM_COMMIT);
	pages_drop(ptr + 2 * page, page);
	ck_assert(faults(ptr + 2 * page) && !faults(ptr + 3 * page));
	ck_assert_uint_eq(state_of(ptr + 2 * page), MEM_RESERVE);
	pages_unmap(ptr, 4 * page);
	ck_assert_uint_eq(state_of(ptr), MEM_FREE);
	ck_assert_uint_eq(state_of(ptr + 3 * page), MEM_FREE);
}
END_TEST

START_TEST(pages_without_end_are_null)
{
	size_t page = pages_size();

	for (size_t alignment = page; alignment <= 4 * MIB; alignment *= 4) {
		ck_assert_ptr_null(pages_map(SIZE_MAX - page + 1, alignment));
		ck_assert_ptr_null(pages_map(SIZE_MAX / 2 + 1, alignment));
	}
	ck_assert_ptr_null(pages_map(page, SIZE_MAX / 2 + 1));
}
END_TEST

/* ---- the heap ------------------------------------------------------------ */

START_TEST(heap_of_every_alignment_keeps_contents_and_goes_back)
{
	size_t alignment = (size_t)1 << _i;
	unsigned char *ptr[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		ptr[i] = heap_alloc(BYTES, alignment);
		ck_assert_ptr_nonnull(ptr[i]);
		ck_assert(is_aligned(ptr[i], alignment));
		ck_assert(is_aligned(ptr[i], TARN_ALIGNMENT));
		memset(ptr[i], i, BYTES);
	}
	for (int i = 0; i < BLOCKS; i++)
		for (size_t at = 0; at < BYTES; at++)
			REQUIRE(ptr[i][at] == i);
	for (int i = 0; i < BLOCKS; i++)
		heap_release(ptr[i]);
}
END_TEST

START_TEST(heap_resized_keeps_contents_and_alignment)
{
	unsigned char *ptr = heap_alloc(1, TARN_ALIGNMENT);

	for (size_t size = 1; size < MIB; size *= 2) {
		memset(ptr, (int)size % 251, size);
		ptr = heap_resize(ptr, 2 * size);
		ck_assert_ptr_nonnull(ptr);
		ck_assert(is_aligned(ptr, TARN_ALIGNMENT));
		for (size_t at = 0; at < size; at++)
			REQUIRE(ptr[at] == size % 251);
	}
	ck_assert_ptr_null(heap_resize(ptr, opaque(SIZE_MAX / 2)));
	heap_release(ptr);
}
END_TEST

/* ---- guarded pages, as TARN_DEBUG of this program asks --------------------
 */

START_TEST(guard_stands_behind_each_object)
{
	tarn_pool *pool = tarn_pool_create(NULL);

	for (size_t size = 1; size <= 16 * KIB; size = 3 * size + 1) {
		char *object = tarn_pnalloc(pool, size);

		ck_assert_ptr_nonnull(object);
		memset(object, 1, size);
		ck_assert(!faults(object) && !faults(object + size - 1));
		ck_assert(faults(object + size));
	}
	for (size_t alignment = 32; alignment <= MIB; alignment *= 2) {
		char *object = tarn_pmemalign(pool, alignment, alignment);

		ck_assert_ptr_nonnull(object);
		ck_assert(is_aligned(object, alignment));
		ck_assert(!faults(object + alignment - 1));
		ck_assert(faults(object + alignment));
	}
	tarn_pool_destroy(pool);
}
END_TEST

START_TEST(guard_bars_what_is_free)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	char *freed = tarn_palloc(pool, BYTES), *kept = tarn_palloc(pool, 10);

	ck_assert_ptr_nonnull(freed);
	ck_assert_ptr_nonnull(kept);
	ck_assert_int_eq(tarn_pfree(pool, freed), 0);
	ck_assert(faults(freed) && faults(freed + BYTES - 1) && !faults(kept));
	tarn_pool_reset(pool);
	ck_assert(faults(kept));
	kept = tarn_palloc(pool, 10);
	ck_assert(!faults(kept));
	tarn_pool_destroy(pool);
	ck_assert(faults(kept));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("windows");
	TCase *tcase;

	if (host_setenv("TARN_DEBUG", "guard") != 0)
		return EXIT_FAILURE;
	tcase = suite_case(suite, "pages");
	tcase_add_loop_test(
		tcase, pages_of_every_alignment_are_zero_and_go_back, 0, 11);
	tcase_add_loop_test(tcase, upstream_mmap_of_every_alignment_goes_back,
			    0, 11);
	tcase_add_test(tcase, pages_reserved_for_alignment_go_back);
	tcase_add_test(tcase, pages_that_are_closed_fault_and_go_back);
	tcase_add_test(tcase, pages_without_end_are_null);
	tcase = suite_case(suite, "heap");
	tcase_add_loop_test(
		tcase, heap_of_every_alignment_keeps_contents_and_goes_back, 0,
		17);
	tcase_add_test(tcase, heap_resized_keeps_contents_and_alignment);
	tcase = suite_case(suite, "guard");
	tcase_add_test(tcase, guard_stands_behind_each_object);
	tcase_add_test(tcase, guard_bars_what_is_free);
	return suite_run(suite);
}
