/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The half of rows 19 and 20 that is C++: see bars_pmr.h. All is called by way
 * of std::pmr::memory_resource, as containers call it.
 */
#include "bars_pmr.h"

#include <cstdint>
#include <list>
#include <map>
#include <memory_resource>
#include <mutex>
#include <string>
#include <unordered_map>

#include "tarn.hpp"

namespace
{

inline void keep(const void *ptr)
{
	__asm__ volatile("" : : "r"(ptr) : "memory");
}

struct under_mutex final : std::pmr::memory_resource {
	std::pmr::monotonic_buffer_resource below;
	std::mutex mutex;

	void *do_allocate(std::size_t size, std::size_t alignment) override
	{
		std::lock_guard lock(mutex);

		return below.allocate(size, alignment);
	}

	void do_deallocate(void *, std::size_t, std::size_t) override
	{
	}

	bool do_is_equal(const memory_resource &other) const noexcept override
	{
		return this == &other;
	}
};

struct monotonic {
	std::pmr::monotonic_buffer_resource resource;

	void release()
	{
		resource.release();
	}
};

struct locked {
	under_mutex resource;

	void release()
	{
		resource.below.release();
	}
};

struct pooled {
	tarn::pool pool;
	tarn::memory_resource resource{pool};

	void release()
	{
		pool.reset();
	}
};

} // namespace

struct pmr {
	std::pmr::memory_resource *resource;

	virtual void release() = 0;
	virtual ~pmr() = default;
};

template <class Kind> struct pmr_of final : pmr {
	Kind kind;

	pmr_of()
	{
		resource = &kind.resource;
	}

	void release() override
	{
		kind.release();
	}
};

struct pmr *pmr_create(enum pmr_kind kind)
{
	switch (kind) {
	case PMR_MONOTONIC:
		return new pmr_of<monotonic>;
	case PMR_MUTEX:
		return new pmr_of<locked>;
	default:
		return new pmr_of<pooled>;
	}
}

void pmr_destroy(struct pmr *pmr)
{
	delete pmr;
}

void pmr_release(struct pmr *pmr)
{
	pmr->release();
}

void pmr_objects(struct pmr *pmr, size_t count)
{
	std::pmr::memory_resource *resource = pmr->resource;
	std::uint64_t state = 0x9e3779b97f4a7c15;

	for (; count != 0; count--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		void *object = resource->allocate(8 + state % 121, 8);

		*static_cast<volatile std::uint64_t *>(object) = 1;
		keep(object);
	}
}

void pmr_list(struct pmr *pmr, size_t count)
{
	std::pmr::list<std::size_t> list(pmr->resource);

	while (count-- != 0)
		list.push_back(count);
	keep(&list);
}

void pmr_map(struct pmr *pmr, size_t count)
{
	std::pmr::map<std::size_t, std::size_t> map(pmr->resource);

	while (count-- != 0)
		map[count * 7919 % 65536] = count;
	keep(&map);
}

void pmr_table(struct pmr *pmr, size_t count)
{
	std::pmr::unordered_map<std::size_t, std::pmr::string> table(
		pmr->resource);

	while (count-- != 0)
		table.try_emplace(count, "a text that is longer than a small "
					 "one, and has its own memory");
	keep(&table);
}
