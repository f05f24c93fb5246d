/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that takes a memory resource, Boost.JSON: real files, parsed by
 * several threads into one pool, are what they are without it.
 */
#include <boost/json/src.hpp>

#include "tarn.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <check.h>

namespace
{

namespace json = boost::json;

constexpr std::size_t threads = 4;

using memory_resource = tarn::basic_memory_resource<json::memory_resource>;

std::string read_file(const std::string &name)
{
	const char *srcdir = std::getenv("srcdir");
	std::ifstream file(std::string(srcdir ? srcdir : ".") + "/" + name,
			   std::ios::binary);

	return {std::istreambuf_iterator<char>(file), {}};
}

/* The report of the bench, and each of its members alone. */
std::vector<std::string> read_texts()
{
	std::vector<std::string> texts = {read_file("doc/bench/bench.json")};

	const json::value report = json::parse(texts[0]);

	for (const auto &member : report.as_object())
		texts.push_back(json::serialize(member.value()));
	return texts;
}

/* Parses all of them into `memory` and compares, one round after the other. */
bool parse_all(const std::vector<std::string> &texts,
	       const std::vector<json::value> &expected,
	       memory_resource &memory, int rounds)
{
	for (int round = 0; round < rounds; round++)
		for (std::size_t i = 0; i < texts.size(); i++) {
			json::value value = json::parse(texts[i], &memory);

			if (value != expected[i] ||
			    *value.storage() != memory ||
			    json::serialize(value) !=
				    json::serialize(expected[i]))
				return false;
		}
	return true;
}

void check_threads(tarn::give_back deallocated)
{
	const char *quick = std::getenv("TARN_TEST_QUICK");
	const int rounds = quick != nullptr ? 1 : 5;
	const std::vector<std::string> texts = read_texts();
	std::vector<json::value> expected;
	std::vector<std::thread> running;
	bool right[threads] = {};
	tarn::pool pool;
	memory_resource memory(pool, deallocated);

	ck_assert_uint_gt(texts[0].size(), 100000);
	for (const std::string &text : texts)
		expected.push_back(json::parse(text));
	for (bool &each : right)
		running.emplace_back([&] {
			each = parse_all(texts, expected, memory, rounds);
		});
	for (std::thread &each : running)
		each.join();
	for (bool each : right)
		ck_assert(each);
}

START_TEST(json_four_threads_parse_into_one_pool)
{
	check_threads(tarn::give_back::no);
}
END_TEST

START_TEST(json_four_threads_give_back)
{
	check_threads(tarn::give_back::yes);
}
END_TEST

/* A value that nobody destroys, and the end of its pool: no leak. */
START_TEST(json_value_of_the_pool_ends_with_it)
{
	tarn::pool pool;
	auto *memory = tarn::make<memory_resource>(pool, pool);
	std::string text = read_file("doc/bench/bench.json");
	const auto *value =
		tarn::make<json::value>(pool, json::parse(text, memory));

	ck_assert(value->as_object().contains("tarn"));
	ck_assert(value->storage().get() == memory);
}
END_TEST

START_TEST(json_no_memory_throws)
{
	tarn_options options = TARN_OPTIONS_INIT;
	std::string text = read_file("doc/bench/bench.json");
	bool thrown = false;

	options.limit = 65536;
	tarn::pool pool(&options);
	memory_resource memory(pool);
	try {
		json::parse(text, &memory);
	} catch (const std::bad_alloc &) {
		thrown = true;
	}
	ck_assert(thrown);
}
END_TEST

} // namespace

int main()
{
	Suite *suite = suite_create("json");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(all, 300);
	tcase_add_test(all, json_four_threads_parse_into_one_pool);
	tcase_add_test(all, json_four_threads_give_back);
	tcase_add_test(all, json_value_of_the_pool_ends_with_it);
	tcase_add_test(all, json_no_memory_throws);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
