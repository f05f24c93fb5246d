/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words: counts the words of files, two threads at a time, in containers of the
 * standard library that have their memory from one pool.
 *
 *	words FILE...
 */
#include <tarn.hpp>

#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>

using counts = std::pmr::map<std::pmr::string, long>;

static void count_file(const char *name, counts &words)
{
	std::pmr::string word(words.get_allocator());
	std::ifstream file(name);

	while (file >> word)
		++words[word];
}

static void count_files(char **names, char **end, counts &words)
{
	for (; names < end; names += 2)
		count_file(*names, words);
}

int main(int argc, char **argv)
{
	tarn::pool pool;
	auto *memory = tarn::make<tarn::memory_resource>(pool, pool);
	auto *words = tarn::make<counts>(pool, memory);
	auto *others = tarn::make<counts>(pool, memory);
	std::thread other([&] { count_files(argv + 2, argv + argc, *others); });

	count_files(argv + 1, argv + argc, *words);
	other.join();
	for (const auto &[word, count] : *others)
		(*words)[word] += count;
	for (const auto &[word, count] : *words)
		std::cout << count << ' ' << word << '\n';
	return std::cout.flush() ? 0 : 1;
} /* which ends the maps, what they have their memory from, and all of it */
