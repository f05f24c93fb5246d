/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rows 19 and 20 of bars ask of C++: memory resources, and what fills
 * them.
 */
#ifndef TARN_TESTS_BARS_PMR_H
#define TARN_TESTS_BARS_PMR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum pmr_kind {
	PMR_MONOTONIC, /* std::pmr::monotonic_buffer_resource */
	PMR_MUTEX,     /* the same, under a mutex             */
	PMR_TARN       /* tarn::memory_resource, and its pool */
};

struct pmr;

struct pmr *pmr_create(enum pmr_kind kind);
void pmr_destroy(struct pmr *pmr);

/* Makes all of its memory new. */
void pmr_release(struct pmr *pmr);

/* So many objects of 8..128 bytes, written to. */
void pmr_objects(struct pmr *pmr, size_t count);

/* A list, a map, and a table of so many elements each. */
void pmr_list(struct pmr *pmr, size_t count);
void pmr_map(struct pmr *pmr, size_t count);
void pmr_table(struct pmr *pmr, size_t count);

#ifdef __cplusplus
}
#endif

#endif
