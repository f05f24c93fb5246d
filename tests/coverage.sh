#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh DIRECTORY COUNTS: what was run of the files of lib/, by gcov, from
# their notes in DIRECTORY and the counts below COUNTS, of each test by itself.
# Fails where a line was not run or a branch not taken,
# both ways, unless a comment says why, on its line or in front of it:
#	/* COVERAGE: the reason */
# Each of these is printed. Fails where there are too many, and where one
# excuses nothing.
#
# What counts is the source: a function of a header, which the compiler copies
# into each file that calls it, is covered by all its copies together; and an
# excused branch excuses the lines behind it. A branch that no line of ours has
# must not be there: hence -O0, and no function is inlined by force.
#
# gcov counts some branches and infers the others, so where a program ends, or
# forks, while its threads are within a call it is wrong by as many. Hence no sum
# over all tests: what one of them ran is run.
set -eu

most=10 # reasons
notes=$(cd "$1" && pwd)
counts=$(cd "$2" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# In one go, so that gcov tells of a header over all files that include it.
counted()
{
	# shellcheck disable=SC2086 # GCOV may be two words
	${GCOV:-gcov} -b -c -t -o "$1" "$1"/*.gcno
}

# By what was compiled, so that a file of which nothing was run is told of, too.
counted "$notes" >"$dir/gcov" 2>/dev/null
find "$counts" -path "*$notes/*.gcda" -exec dirname {} + | sort -u >"$dir/tests"
while read -r test; do
	for data in "$test"/*.gcda; do
		ln -sf "$notes/$(basename "$data" .gcda).gcno" "$test"
	done
	counted "$test"
done <"$dir/tests" >>"$dir/gcov"

# Of each file gcov prints "count: number:source", then the branches that begin
# there; where a line has several copies, they follow in a part of their own.
awk -v most="$most" '
	function fail(text)
	{
		printf "coverage: %s\n", text
		failed = 1
	}
	function share(part, whole, what)
	{
		return sprintf("%5.1f %% of %4d %s", \
			whole ? 100 * part / whole : 100, whole, what)
	}
	# A line that has code, in the order in which they stand.
	function add_line()
	{
		if (here in run)
			return
		run[here] = 0
		order[++orders] = here
		text_of[here] = text
		if (reason != "") {
			reason_of[here] = reason
			reasons++
		}
		reason = ""
	}
	# A reason may go on for lines; it is for the first code after its begin.
	function read_reason()
	{
		if (text ~ /COVERAGE:/) {
			reason = text
			sub(/.*COVERAGE: */, "", reason)
			open = 1
		} else if (open) {
			reason = reason " " text
		}
		if (open && reason ~ /\*\//) {
			sub(/ *\*\/.*/, "", reason)
			gsub(/[ \t]+/, " ", reason)
			open = 0
		}
	}
	/^ *-: *0:Source:/ {
		ours = match($0, /(lib\/[a-z_]+\.[ch]|include\/tarn\.h)$/)
		file = substr($0, RSTART)
		if (ours && !known_file[file]++)
			files[++file_count] = file
	}
	!ours || /^ *-: *0:/ {
		next
	}
	/^ *[^:]+: *[0-9]+:/ {
		split($0, field, ":")
		count = field[1]
		gsub(/[ *]/, "", count)
		here = file ":" field[2] + 0
		text = $0
		sub(/^[^:]*:[^:]*:/, "", text)
		if (!(here in seen)) {
			seen[here] = 1
			read_reason()
		}
		if (count != "-") {
			add_line()
			if (count !~ /[#=]/)
				run[here] = 1
		}
		next
	}
	/^branch/ {
		if (!((here, $2) in known)) {
			known[here, $2] = 1
			branches[here]++
		}
		if ($3 == "taken" && $4 > 0 && !((here, $2) in taken)) {
			taken[here, $2] = 1
			went[here]++
		}
	}
	# What is not covered of a line, in words.
	function missing(here,	words)
	{
		words = run[here] ? "" : "never run"
		if (branches[here] > went[here])
			words = words (words ? ", " : "") \
				branches[here] - went[here] " of " \
				branches[here] " branches not taken"
		return words
	}
	# What an excused branch leads to is excused, too.
	function look_at(here,	words)
	{
		words = missing(here)
		excused = here in reason_of || (excused && !run[here])
		if (here in reason_of) {
			printf "excused: %s: %s: %s\n", here, words, \
				reason_of[here]
			if (words == "")
				fail(here ": needs no excuse")
		} else if (words != "" && !excused) {
			sub(/^[ \t]*/, "", text_of[here])
			fail(here ": " words ": " text_of[here])
		}
	}
	function add_up(here,	file)
	{
		file = here
		sub(/:.*/, "", file)
		lines[file]++
		lines_run[file] += run[here]
		all[file] += branches[here]
		all_went[file] += went[here]
	}
	END {
		for (i = 1; i <= orders; i++)
			add_up(order[i])
		for (i = 1; i <= file_count; i++) {
			file = files[i]
			printf "%-14s %s, %s\n", file, \
				share(lines_run[file], lines[file], "lines"), \
				share(all_went[file], all[file], "branches")
			sum += lines[file]
			sum_run += lines_run[file]
			sum_all += all[file]
			sum_went += all_went[file]
		}
		printf "%-14s %s, %s, %d excused of at most %d\n", "all", \
			share(sum_run, sum, "lines"), \
			share(sum_went, sum_all, "branches"), reasons, most
		for (i = 1; i <= orders; i++)
			look_at(order[i])
		if (!sum_all)
			fail("no branch at all was counted")
		if (reasons > most)
			fail("too many excuses")
		exit failed
	}' "$dir/gcov"
