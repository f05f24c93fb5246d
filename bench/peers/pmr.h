/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two memory resources of libstdc++ share: memory from malloc, which
 * is counted on its way.
 */
#ifndef TARN_BENCH_PEERS_PMR_H
#define TARN_BENCH_PEERS_PMR_H

#include <atomic>
#include <memory_resource>

#include "../worker.h"

#define PEER_LIVES
#define PEER_HANDED
#define PEER_HELD

class counted : public std::pmr::memory_resource
{
      public:
	size_t held() const
	{
		return held_.load(std::memory_order_relaxed);
	}

      private:
	std::atomic<size_t> held_{0};

	void *do_allocate(size_t size, size_t alignment) override
	{
		held_.fetch_add(size, std::memory_order_relaxed);
		return std::pmr::new_delete_resource()->allocate(size,
								 alignment);
	}

	void do_deallocate(void *object, size_t size, size_t alignment) override
	{
		held_.fetch_sub(size, std::memory_order_relaxed);
		std::pmr::new_delete_resource()->deallocate(object, size,
							    alignment);
	}

	bool do_is_equal(const memory_resource &other) const noexcept override
	{
		return this == &other;
	}
};

template <class Resource> struct resource_pool {
	counted below;
	Resource resource;

	template <class... Arguments>
	explicit resource_pool(Arguments... arguments)
	    : resource(arguments..., &below)
	{
	}
};

static inline void peer_begin()
{
	if (worker_tuned)
		worker_tune_glibc();
}

#endif
