/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn for C++17: a pool that ends with its scope, its memory for std::pmr and
 * for containers, and objects whose destructors run when it ends.
 *
 * All of it is inline and calls tarn.h, whose words hold here too: what
 * allocates is MT-Safe; reset and the end of a pool are exclusive. A tarn::pool
 * passes for a `tarn_pool *`, here and there. Where a C function would return
 * NULL these throw std::bad_alloc, and errno says why.
 */
#ifndef TARN_HPP
#define TARN_HPP

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "tarn.h"

namespace tarn
{

/* ---- lifetime -------------------------------------------------------- */

/*
 * A pool of its own, destroyed with it. It can be moved, which leaves `other`
 * without one, and is not copied.
 */
class pool
{
      public:
	/* As tarn_pool_create. Throws std::invalid_argument for what that
	   refuses with EINVAL. MT-Safe. */
	explicit pool(const tarn_options *options = nullptr)
	    : pool_(made(tarn_pool_create(options)))
	{
	}

	/* As tarn_pool_create_child, with the same errors. It has to end before
	   `parent` ends or is reset, which would end it again. MT-Safe. */
	static pool child_of(tarn_pool *parent,
			     const tarn_options *options = nullptr)
	{
		return pool(*made(tarn_pool_create_child(parent, options)));
	}

	pool(pool &&other) noexcept : pool_(std::exchange(other.pool_, nullptr))
	{
	}

	/* Destroys the pool that it had. Exclusive. */
	pool &operator=(pool &&other) noexcept
	{
		pool taken(std::move(other));

		std::swap(pool_, taken.pool_);
		return *this;
	}

	/* As tarn_pool_destroy. Exclusive. */
	~pool()
	{
		tarn_pool_destroy(pool_);
	}

	/* As tarn_pool_reset. Exclusive. */
	void reset() noexcept
	{
		tarn_pool_reset(pool_);
	}

	/* For every call that takes a pool. Not of a temporary, which ends
	   before what is allocated could be used. */
	operator tarn_pool *() const &noexcept
	{
		return pool_;
	}
	operator tarn_pool *() const && = delete;

      private:
	explicit pool(tarn_pool &owned) noexcept : pool_(&owned)
	{
	}

	static tarn_pool *made(tarn_pool *pool)
	{
		if (pool == nullptr && errno == EINVAL)
			throw std::invalid_argument("tarn::pool");
		if (pool == nullptr)
			throw std::bad_alloc();
		return pool;
	}

	tarn_pool *pool_;
};

/* ---- memory ---------------------------------------------------------- */

/*
 * What deallocate does: nothing, so that all memory ends with the pool, as that
 * of std::pmr::monotonic_buffer_resource; or tarn_pfree_aligned_sized, so that
 * it is used again.
 */
enum class give_back : bool {
	no,
	yes
};

namespace detail
{

inline void *granted(void *object)
{
	if (!TARN_LIKELY(object != nullptr))
		throw std::bad_alloc();
	return object;
}

/* A thread's own part of the pool of the resource with this number. */
struct at_hand {
	std::uint64_t number; /* 0: none */
	tarn_local *local;
};

/* What the calling thread used last: at most so many resources. */
inline constexpr std::size_t hands = 8;
inline thread_local at_hand hand[hands];
inline thread_local bool hands_closed;

/* The last number given to a resource, and never to another one: what one that
   ended left at hand is not found again. */
inline std::atomic<std::uint64_t> numbers{0};

/* Ends with the thread's own objects. What is allocated later, by the
   destructors of POSIX, has nothing at hand: the local pools end then. */
struct hands_end {
	~hands_end()
	{
		hands_closed = true;
		for (at_hand &each : hand)
			each = {};
	}
};

inline void hold(std::uint64_t number, tarn_pool *pool)
{
	static thread_local hands_end end;
	tarn_local *local = hands_closed ? nullptr : tarn_pool_local(pool);

	if (local != nullptr)
		hand[number % hands] = {number, local};
}

} // namespace detail

/*
 * A pool as a memory resource: for std::pmr, or for what has such a base of its
 * own, as boost::container::pmr. Any number of resources may stand on one pool,
 * which has to live as long as they are used. Where destructors that the pool
 * runs use one, too, that has to be older in the pool than they are:
 *
 *	auto *memory = tarn::make<tarn::memory_resource>(pool, pool);
 *
 * It is neither copied nor final: a number is found among those of the shared
 * object that gave it, by a virtual function of that object alone.
 */
template <class Base> class basic_memory_resource : public Base
{
      public:
	explicit basic_memory_resource(
		tarn_pool *pool, give_back deallocated = give_back::no) noexcept
	    : pool_(pool), deallocated_(deallocated)
	{
	}

	basic_memory_resource(const basic_memory_resource &) = delete;
	basic_memory_resource &
	operator=(const basic_memory_resource &) = delete;

	tarn_pool *pool() const noexcept
	{
		return pool_;
	}

      private:
	/* As tarn_pmemalign; mostly its inline twin. MT-Safe. */
	void *do_allocate(std::size_t size, std::size_t alignment) override
	{
		const detail::at_hand &hand =
			detail::hand[number_ % detail::hands];

		if (TARN_LIKELY(hand.number == number_))
			return detail::granted(tarn_local_pmemalign(
				hand.local, alignment, size));
		return allocate_anew(size, alignment);
	}

	/* See give_back. MT-Safe. */
	void do_deallocate(void *object, std::size_t size,
			   std::size_t alignment) override
	{
		if (deallocated_ == give_back::yes)
			tarn_pfree_aligned_sized(pool_, object, alignment,
						 size);
	}

	/* Whether it stands on the same pool. */
	bool do_is_equal(const Base &other) const noexcept override
	{
		const auto *resource =
			dynamic_cast<const basic_memory_resource *>(&other);

		return resource != nullptr && resource->pool_ == pool_;
	}

	__attribute__((__noinline__)) void *allocate_anew(std::size_t size,
							  std::size_t alignment)
	{
		void *object =
			detail::granted(tarn_pmemalign(pool_, alignment, size));

		detail::hold(number_, pool_);
		return object;
	}

	tarn_pool *pool_;
	/* ORDER resource-number (relaxed): alone: each number is given once. */
	std::uint64_t number_ =
		detail::numbers.fetch_add(1, std::memory_order_relaxed) + 1;
	give_back deallocated_;
};

using memory_resource = basic_memory_resource<std::pmr::memory_resource>;

/*
 * A pool for containers that take an allocator as their type. They keep the
 * pool that they were made with, whatever they are assigned, as with std::pmr.
 */
template <class T> class allocator
{
      public:
	using value_type = T;

	allocator(tarn_pool *pool,
		  give_back deallocated = give_back::no) noexcept
	    : pool_(pool), deallocated_(deallocated)
	{
	}

	template <class U>
	allocator(const allocator<U> &other) noexcept
	    : pool_(other.pool_), deallocated_(other.deallocated_)
	{
	}

	/* As tarn_new_array. MT-Safe. */
	T *allocate(std::size_t count)
	{
		return static_cast<T *>(
			detail::granted(tarn_new_array(pool_, T, count)));
	}

	/* See give_back. MT-Safe. */
	void deallocate(T *objects, std::size_t count) noexcept
	{
		if (deallocated_ == give_back::yes)
			tarn_pfree_aligned_sized(pool_, objects, alignof(T),
						 count * sizeof(T));
	}

	template <class U>
	bool operator==(const allocator<U> &other) const noexcept
	{
		return pool_ == other.pool_;
	}

	template <class U>
	bool operator!=(const allocator<U> &other) const noexcept
	{
		return pool_ != other.pool_;
	}

      private:
	template <class> friend class allocator;

	tarn_pool *pool_;
	give_back deallocated_;
};

/* ---- objects --------------------------------------------------------- */

/*
 * Returns a new T(arguments...), or T{arguments...} where T is an aggregate.
 * If it has a destructor, that is a cleanup of the pool: it runs at reset or
 * destroy, in the order opposite to that in which objects were made. What the
 * constructor throws is passed on, and no destructor will run; the memory is
 * the pool's until reset. MT-Safe. Cost: tarn_new, and tarn_cleanup_add where
 * there is a destructor.
 */
template <class T, class... Arguments>
T *make(tarn_pool *pool, Arguments &&...arguments)
{
	void *memory = detail::granted(tarn_new(pool, T));
	T *object;

	if constexpr (std::is_constructible_v<T, Arguments...>)
		object =
			::new (memory) T(std::forward<Arguments>(arguments)...);
	else
		object =
			::new (memory) T{std::forward<Arguments>(arguments)...};
	if constexpr (!std::is_trivially_destructible_v<T>) {
		auto destroy = [](void *made) noexcept {
			static_cast<T *>(made)->~T();
		};

		if (tarn_cleanup_add(pool, destroy, object) == nullptr) {
			destroy(object);
			throw std::bad_alloc();
		}
	}
	return object;
}

} // namespace tarn

#endif
