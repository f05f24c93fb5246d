/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tarn.hpp: lifetimes, memory resources, allocators, and objects with
 * destructors, by one thread and by several.
 */
#include "tarn.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <check.h>
#include <pthread.h>

namespace
{

tarn_stats stats_of(tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	ck_assert_int_eq(tarn_pool_stats(pool, &stats), 0);
	return stats;
}

tarn_options limited(std::size_t bytes)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.limit = bytes;
	return options;
}

/* Whether pools are, in which memory is laid out otherwise and not used again.
 */
bool watched()
{
	tarn::pool pool;
	const tarn_local *local = tarn_pool_local(pool);

	return local != nullptr && local->last == local->end;
}

bool is_aligned(const void *object, std::size_t alignment)
{
	return reinterpret_cast<std::uintptr_t>(object) % alignment == 0;
}

/* Whether a call throws an Exception. */
template <class Exception, class Call> bool throws(Call call)
{
	try {
		call();
	} catch (const Exception &) {
		return true;
	}
	return false;
}

/* ---- what the compiler is to refuse, and to grant ------------------------ */

static_assert(!std::is_copy_constructible_v<tarn::pool>);
static_assert(!std::is_copy_assignable_v<tarn::pool>);
static_assert(std::is_nothrow_move_constructible_v<tarn::pool>);
static_assert(std::is_nothrow_move_assignable_v<tarn::pool>);
static_assert(std::is_convertible_v<tarn::pool &, tarn_pool *>);
static_assert(!std::is_convertible_v<tarn::pool, tarn_pool *>);
static_assert(!std::is_constructible_v<tarn::memory_resource, tarn::pool>);
static_assert(!std::is_copy_constructible_v<tarn::memory_resource>);
static_assert(!std::is_copy_assignable_v<tarn::memory_resource>);
static_assert(std::is_nothrow_copy_constructible_v<tarn::allocator<int>>);

/* ---- pools --------------------------------------------------------------- */

struct counter {
	int *count;

	explicit counter(int *to) : count(to)
	{
	}
	counter(const counter &) = delete;
	~counter()
	{
		++*count;
	}
};

START_TEST(pool_scope_ends_destroyed)
{
	int ended = 0;

	{
		tarn::pool pool;

		tarn::make<counter>(pool, &ended);
		ck_assert_int_eq(ended, 0);
	}
	ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(pool_moved_other_is_empty)
{
	int ended = 0;
	tarn::pool pool;
	tarn_pool *before = pool;

	tarn::make<counter>(pool, &ended);
	{
		tarn::pool moved = std::move(pool);

		ck_assert_ptr_eq(static_cast<tarn_pool *>(moved), before);
		ck_assert_ptr_null(static_cast<tarn_pool *>(pool));
		ck_assert_int_eq(ended, 0);
	}
	ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(pool_assigned_old_one_is_destroyed)
{
	int first = 0, second = 0;
	tarn::pool pool, other;

	tarn::make<counter>(pool, &first);
	tarn::make<counter>(other, &second);
	pool = std::move(other);
	ck_assert_int_eq(first, 1);
	ck_assert_int_eq(second, 0);
	ck_assert_ptr_null(static_cast<tarn_pool *>(other));
	other = std::move(pool);
	ck_assert_ptr_null(static_cast<tarn_pool *>(pool));
	ck_assert_int_eq(second, 0);
	other.reset();
	ck_assert_int_eq(second, 1);
}
END_TEST

START_TEST(pool_assigned_itself_stays)
{
	int ended = 0;
	tarn::pool pool;
	tarn::pool &same = pool;

	tarn::make<counter>(pool, &ended);
	pool = std::move(same);
	ck_assert_ptr_nonnull(static_cast<tarn_pool *>(pool));
	ck_assert_int_eq(ended, 0);
}
END_TEST

START_TEST(pool_options_wrong_throws_invalid_argument)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.flags = ~0U;
	ck_assert(throws<std::invalid_argument>(
		[&] { tarn::pool pool(&options); }));
	options = limited(1);
	ck_assert(throws<std::bad_alloc>([&] { tarn::pool pool(&options); }));
}
END_TEST

START_TEST(pool_child_ends_before_parent)
{
	tarn::pool parent;

	{
		tarn::pool child = tarn::pool::child_of(parent);

		ck_assert_ptr_nonnull(tarn_palloc(child, 1));
		ck_assert_uint_eq(stats_of(parent).children, 1);
	}
	ck_assert_uint_eq(stats_of(parent).children, 0);
}
END_TEST

/* ---- objects with destructors -------------------------------------------- */

struct recorder {
	std::vector<int> *record;
	int number;

	recorder(std::vector<int> *to, int which) : record(to), number(which)
	{
	}
	recorder(const recorder &) = delete;
	~recorder()
	{
		record->push_back(number);
	}
};

START_TEST(make_reset_destroys_newest_first)
{
	const std::vector<int> expected = {2, 1, 0};
	std::vector<int> record;

	{
		tarn::pool pool;

		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < 3; i++)
				tarn::make<recorder>(pool, &record, i);
			if (round == 0) {
				pool.reset();
				ck_assert(record == expected);
				record.clear();
			}
		}
		ck_assert(record.empty());
	}
	ck_assert(record == expected);
}
END_TEST

/* Its parts are made before it is, and have to outlive it. */
struct whole {
	recorder *part;
	recorder self;

	whole(tarn_pool *pool, std::vector<int> *record)
	    : part(tarn::make<recorder>(pool, record, 1)), self(record, 0)
	{
	}
};

START_TEST(make_within_a_constructor_part_ends_last)
{
	std::vector<int> record;
	tarn::pool pool;

	tarn::make<whole>(pool, static_cast<tarn_pool *>(pool), &record);
	pool.reset();
	ck_assert(record == (std::vector<int>{0, 1}));
}
END_TEST

START_TEST(make_trivial_destructor_no_cleanup)
{
	struct point {
		int x, y;
	};
	tarn::pool pool;
	const auto *point_made = tarn::make<point>(pool, 3, 4);

	ck_assert_int_eq(point_made->x, 3);
	ck_assert_int_eq(point_made->y, 4);
	ck_assert_int_eq(*tarn::make<int>(pool), 0);
	ck_assert_int_eq(*tarn::make<int>(pool, 7), 7);
	ck_assert_int_eq(**tarn::make<std::unique_ptr<int>>(pool, new int(9)),
			 9);
	ck_assert_uint_eq(stats_of(pool).cleanups, 1);
}
END_TEST

struct thrower {
	std::unique_ptr<int> member;

	explicit thrower(bool failing) : member(new int)
	{
		if (failing)
			throw std::runtime_error("on purpose");
	}
};

START_TEST(make_constructor_throws_no_cleanup)
{
	tarn::pool pool;

	ck_assert(throws<std::runtime_error>(
		[&] { tarn::make<thrower>(pool, true); }));
	ck_assert_uint_eq(stats_of(pool).cleanups, 0);
	tarn::make<thrower>(pool, false);
	ck_assert_uint_eq(stats_of(pool).cleanups, 1);
}
END_TEST

struct tiny {
	static inline int made, ended;
	char byte;

	tiny() : byte(0)
	{
		made++;
	}
	~tiny()
	{
		ended++;
	}
};

/* Allocates up to `most` small objects; returns how many there was room for. */
static std::size_t fill(tarn_pool *pool, std::size_t most)
{
	std::size_t count = 0;

	while (count < most && tarn_palloc(pool, TARN_ALIGNMENT) != nullptr)
		count++;
	return count;
}

/* In pools that have room for an object and none for a cleanup, too. */
START_TEST(make_no_memory_for_cleanup_object_is_destroyed)
{
	const tarn_options options = limited(8192);
	tarn::pool full(&options);
	std::size_t most = fill(full, SIZE_MAX);
	bool met = false;

	tiny::made = tiny::ended = 0;
	for (std::size_t left = 0; left <= 8; left++) {
		tarn::pool pool(&options);
		int made = tiny::made;

		fill(pool, most - left);
		ck_assert(throws<std::bad_alloc>([&] {
			for (;;)
				tarn::make<tiny>(pool);
		}));
		met |= stats_of(pool).cleanups <
		       static_cast<std::size_t>(tiny::made - made);
	}
	ck_assert(met || watched());
	ck_assert_int_eq(tiny::made, tiny::ended);
}
END_TEST

struct alignas(256) wide {
	char bytes[300];
};

START_TEST(make_wide_alignment_is_kept)
{
	tarn::pool pool;

	for (int i = 0; i < 20; i++) {
		tarn::make<char>(pool, 'c');
		ck_assert(is_aligned(tarn::make<wide>(pool), alignof(wide)));
	}
}
END_TEST

/* ---- memory resources ---------------------------------------------------- */

START_TEST(resource_alignments_all_are_kept)
{
	tarn::pool pool;
	tarn::memory_resource memory(pool);

	for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2)
		for (std::size_t size : {0, 1, 24, 64, 1000, 100000}) {
			void *object = memory.allocate(size, alignment);

			ck_assert(is_aligned(object, alignment));
			memset(object, 1, size);
			memory.deallocate(object, size, alignment);
		}
}
END_TEST

START_TEST(resource_no_memory_throws)
{
	const tarn_options options = limited(65536);
	tarn::pool pool(&options);
	tarn::memory_resource memory(pool);
	tarn::allocator<long> allocator(pool);

	ck_assert(
		throws<std::bad_alloc>([&] { (void)memory.allocate(65536); }));
	ck_assert(throws<std::bad_alloc>(
		[&] { (void)memory.allocate(SIZE_MAX); }));
	ck_assert(throws<std::bad_alloc>(
		[&] { (void)allocator.allocate(SIZE_MAX / 2); }));
	ck_assert(throws<std::bad_alloc>([&] {
		for (;;)
			(void)memory.allocate(100);
	}));
	ck_assert_int_eq(errno, ENOMEM);
	pool.reset();
	ck_assert_ptr_nonnull(memory.allocate(100));
}
END_TEST

START_TEST(resource_equal_where_pools_are)
{
	tarn::pool pool, other;
	tarn::memory_resource memory(pool), same(pool, tarn::give_back::yes),
		different(other);

	ck_assert_ptr_eq(memory.pool(), static_cast<tarn_pool *>(pool));
	ck_assert(memory == memory && memory == same);
	ck_assert(memory != different);
	ck_assert(memory != *std::pmr::new_delete_resource());
	ck_assert(*std::pmr::new_delete_resource() != memory);
}
END_TEST

/* What was handed out more, by pool, when `memory` was asked for `size`. */
std::size_t grown_by(std::pmr::memory_resource &memory, tarn_pool *pool,
		     std::size_t size)
{
	std::size_t before = stats_of(pool).handed_out;

	(void)memory.allocate(size);
	return stats_of(pool).handed_out - before;
}

/* More than a thread has at hand, and in the places of those that ended. */
START_TEST(resource_many_in_turn_each_has_its_pool)
{
	constexpr std::size_t count = 2 * tarn::detail::hands + 3;

	for (int round = 0; round < 3; round++) {
		std::array<tarn::pool, count> pools;
		std::deque<tarn::memory_resource> memories;

		for (const tarn::pool &pool : pools)
			memories.emplace_back(pool);
		for (int turn = 0; turn < 4; turn++)
			for (std::size_t i = 0; i < count; i++)
				ck_assert_uint_ge(
					grown_by(memories[i], pools[i], 64),
					64);
	}
}
END_TEST

/* Holds what vectors of a growing size take one after the other. */
std::size_t held_by_vectors(tarn::give_back deallocated)
{
	tarn::pool pool;
	tarn::memory_resource memory(pool, deallocated);

	for (int i = 0; i < 1000; i++) {
		std::pmr::vector<int> small(&memory), large(&memory);

		small.resize(100 + i % 10);
		large.resize(10000);
		ck_assert_int_eq(small.back() + large.back(), 0);
	}
	return stats_of(pool).held;
}

START_TEST(resource_give_back_memory_is_used_again)
{
	ck_assert(watched() || held_by_vectors(tarn::give_back::yes) < 262144);
	ck_assert_uint_gt(held_by_vectors(tarn::give_back::no),
			  1000 * 10000 * sizeof(int));
}
END_TEST

using table = std::pmr::unordered_map<std::pmr::string,
				      std::pmr::vector<std::pmr::string>>;

std::string text_of(int i)
{
	return "a text that has its memory elsewhere, " + std::to_string(i);
}

void table_fill(table &numbers, int count)
{
	for (int i = 0; i < count; i++) {
		auto &texts = numbers[std::pmr::string(text_of(i % 100))];

		texts.emplace_back(text_of(i));
	}
}

bool table_is_right(const table &numbers, int count)
{
	for (int i = 0; i < count; i++) {
		auto found = numbers.find(std::pmr::string(text_of(i % 100)));
		auto at = static_cast<std::size_t>(i / 100);

		if (found == numbers.end() || found->second.size() <= at ||
		    std::string_view(found->second[at]) != text_of(i))
			return false;
	}
	return true;
}

START_TEST(resource_containers_have_all_from_the_pool)
{
	for (auto deallocated : {tarn::give_back::no, tarn::give_back::yes}) {
		tarn::pool pool;
		auto *memory = tarn::make<tarn::memory_resource>(pool, pool,
								 deallocated);
		auto *numbers = tarn::make<table>(pool, memory);

		table_fill(*numbers, 3000);
		ck_assert(table_is_right(*numbers, 3000));
		ck_assert(numbers->begin()->first.get_allocator().resource() ==
			  memory);
		table moved(std::move(*numbers), memory);
		ck_assert(table_is_right(moved, 3000));
		for (int i = 0; i < 50; i++)
			moved.erase(std::pmr::string(text_of(i)));
		ck_assert_uint_eq(moved.size(), 50);
		numbers->clear();
		table_fill(*numbers, 100);
	}
}
END_TEST

/* ---- allocators ---------------------------------------------------------- */

template <class T> using vector_in = std::vector<T, tarn::allocator<T>>;

START_TEST(allocator_containers_have_all_from_the_pool)
{
	using pairs = std::pair<const int, long>;
	for (auto deallocated : {tarn::give_back::no, tarn::give_back::yes}) {
		tarn::pool pool;
		tarn::allocator<int> memory(pool, deallocated);
		std::map<int, long, std::less<>, tarn::allocator<pairs>> map(
			memory);
		std::list<int, tarn::allocator<int>> list(memory);
		vector_in<int> vector(memory);

		for (int i = 0; i < 1000; i++) {
			map[i] = i;
			list.push_front(i);
			vector.push_back(i);
		}
		for (int i = 0; i < 1000; i += 2)
			map.erase(i);
		ck_assert_int_eq(map.at(999), 999);
		ck_assert_int_eq(list.front(), vector.back());
		ck_assert_uint_ge(stats_of(pool).handed_out,
				  4 * sizeof(void *) * 1000);
	}
}
END_TEST

START_TEST(allocator_over_aligned_elements_are_aligned)
{
	tarn::pool pool;
	vector_in<wide> wides(static_cast<tarn_pool *>(pool));
	std::pmr::list<wide> list(
		tarn::make<tarn::memory_resource>(pool, pool));

	for (int i = 0; i < 20; i++) {
		wides.emplace_back();
		list.emplace_back();
		ck_assert(is_aligned(wides.data(), alignof(wide)));
		ck_assert(is_aligned(&list.back(), alignof(wide)));
	}
}
END_TEST

START_TEST(allocator_assigned_container_keeps_its_pool)
{
	tarn::pool pool, other;
	tarn::allocator<int> memory(pool), different(other);
	vector_in<int> kept(memory), from({1, 2, 3}, different);

	ck_assert(memory == tarn::allocator<char>(pool));
	ck_assert(memory != different);
	kept = from;
	ck_assert(kept == from && kept.get_allocator() == memory);
	kept = std::move(from);
	ck_assert(kept.size() == 3 && kept.get_allocator() == memory);
}
END_TEST

/* ---- threads ------------------------------------------------------------- */

/* Runs fn(0) and fn(1) at once; whether both say so. */
template <class Fn> bool on_two_threads(Fn fn)
{
	bool right[2] = {};
	std::thread first([&] { right[0] = fn(0); });
	std::thread second([&] { right[1] = fn(1); });

	first.join();
	second.join();
	return right[0] && right[1];
}

START_TEST(threads_two_share_a_resource)
{
	for (auto deallocated : {tarn::give_back::no, tarn::give_back::yes}) {
		tarn::pool pool;
		tarn::memory_resource memory(pool, deallocated);

		for (int round = 0; round < 3; round++) {
			ck_assert(on_two_threads([&](int) {
				auto *numbers =
					tarn::make<table>(pool, &memory);

				table_fill(*numbers, 5000);
				return table_is_right(*numbers, 5000);
			}));
			pool.reset();
		}
	}
}
END_TEST

/* Each frees what the other made. */
START_TEST(threads_two_give_back_each_others)
{
	tarn::pool pool;
	tarn::memory_resource memory(pool, tarn::give_back::yes);
	std::optional<std::pmr::vector<std::pmr::string>> made[2];

	for (int round = 0; round < 20; round++) {
		ck_assert(on_two_threads([&](int self) {
			auto &mine = made[self].emplace(&memory);

			for (int i = 0; i < 1000; i++)
				mine.emplace_back(text_of(i));
			return true;
		}));
		ck_assert(on_two_threads([&](int self) {
			auto &others = made[1 - self];
			bool right = others->size() == 1000;

			for (int i = 0; right && i < 1000; i++)
				right = std::string_view((*others)[i]) ==
					text_of(i);
			others.reset();
			return right;
		}));
	}
	ck_assert(watched() || stats_of(pool).held < 4 << 20);
}
END_TEST

START_TEST(threads_two_make_objects)
{
	static std::atomic<int> ended;
	struct ender {
		~ender()
		{
			ended++;
		}
	};

	ended = 0;
	{
		tarn::pool pool;

		ck_assert(on_two_threads([&](int) {
			for (int i = 0; i < 1000; i++)
				tarn::make<ender>(pool);
			return true;
		}));
		ck_assert_int_eq(ended, 0);
	}
	ck_assert_int_eq(ended, 2000);
}
END_TEST

/* A destructor of POSIX's runs after those of the thread's own objects. */
std::pmr::memory_resource *late_memory;

void late(void *)
{
	memset(late_memory->allocate(100), 1, 100);
}

START_TEST(threads_resource_used_past_the_end)
{
	tarn::pool pool;
	tarn::memory_resource memory(pool);
	pthread_key_t key;

	late_memory = &memory;
	ck_assert_int_eq(pthread_key_create(&key, late), 0);
	for (int i = 0; i < 10; i++)
		ck_assert(on_two_threads([&](int) {
			(void)memory.allocate(100);
			return pthread_setspecific(key, &memory) == 0;
		}));
	ck_assert_int_eq(pthread_key_delete(key), 0);
	ck_assert_uint_ge(stats_of(pool).handed_out, 10 * 2 * 2 * 100);
}
END_TEST

Suite *hpp_suite()
{
	Suite *suite = suite_create("hpp");
	TCase *pools = tcase_create("pools");
	TCase *objects = tcase_create("objects");
	TCase *memory = tcase_create("memory");
	TCase *threads = tcase_create("threads");

	tcase_add_test(pools, pool_scope_ends_destroyed);
	tcase_add_test(pools, pool_moved_other_is_empty);
	tcase_add_test(pools, pool_assigned_old_one_is_destroyed);
	tcase_add_test(pools, pool_assigned_itself_stays);
	tcase_add_test(pools, pool_options_wrong_throws_invalid_argument);
	tcase_add_test(pools, pool_child_ends_before_parent);
	tcase_add_test(objects, make_reset_destroys_newest_first);
	tcase_add_test(objects, make_within_a_constructor_part_ends_last);
	tcase_add_test(objects, make_trivial_destructor_no_cleanup);
	tcase_add_test(objects, make_constructor_throws_no_cleanup);
	tcase_add_test(objects, make_no_memory_for_cleanup_object_is_destroyed);
	tcase_add_test(objects, make_wide_alignment_is_kept);
	tcase_add_test(memory, resource_alignments_all_are_kept);
	tcase_add_test(memory, resource_no_memory_throws);
	tcase_add_test(memory, resource_equal_where_pools_are);
	tcase_add_test(memory, resource_many_in_turn_each_has_its_pool);
	tcase_add_test(memory, resource_give_back_memory_is_used_again);
	tcase_add_test(memory, resource_containers_have_all_from_the_pool);
	tcase_add_test(memory, allocator_containers_have_all_from_the_pool);
	tcase_add_test(memory, allocator_over_aligned_elements_are_aligned);
	tcase_add_test(memory, allocator_assigned_container_keeps_its_pool);
	tcase_add_test(threads, threads_two_share_a_resource);
	tcase_add_test(threads, threads_two_give_back_each_others);
	tcase_add_test(threads, threads_two_make_objects);
	tcase_add_test(threads, threads_resource_used_past_the_end);
	for (TCase *each : {pools, objects, memory, threads}) {
		tcase_set_timeout(each, 120);
		suite_add_tcase(suite, each);
	}
	return suite;
}

} // namespace

int main()
{
	SRunner *runner = srunner_create(hpp_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
