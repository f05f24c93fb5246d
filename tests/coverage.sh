#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh DIRECTORY: what was run of the files of lib/, by gcov, from the
# counts in DIRECTORY. Fails below the least share of lines.
set -eu

least=95 # percent of lines
counts=$(cd "$1" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

ls "$counts"/*.gcda >/dev/null
# In one go, so that gcov sums up a header over all files that include it.
# shellcheck disable=SC2086 # GCOV may be two words
${GCOV:-gcov} -b -n -o "$counts" "$counts"/*.gcda >"$dir/gcov"

awk -v least="$least" '
	# "Lines executed:95.12% of 41": part is 39, whole is 41.
	function count(text)
	{
		sub(/.*:/, "", text)
		split(text, word, /% of /)
		whole = word[2]
		part = int(word[1] * whole / 100 + 0.5)
	}
	function share(of_part, of_whole, what)
	{
		return sprintf("%5.1f %% of %4d %s", \
			of_whole ? 100 * of_part / of_whole : 100, of_whole, what)
	}
	/^File / {
		gsub(/\047/, "")
		name = $2 ~ /(^|\/)lib\/[a-z_]+\.[ch]$/ ? $2 : ""
		sub(/.*\//, "", name)
	}
	name && /^Lines executed/ {
		count($0)
		lines += part
		all_lines += whole
		text = sprintf("%-12s %s", name, share(part, whole, "lines"))
	}
	name && /^Taken at least once/ {
		count($0)
		taken += part
		all_taken += whole
		text = text ", " share(part, whole, "branches")
	}
	/calls|^Calls/ && name {	# the last line about a file
		print text
		name = ""
	}
	END {
		printf "%-12s %s, %s\n", "lib/", \
			share(lines, all_lines, "lines"), \
			share(taken, all_taken, "branches")
		if (100 * lines < least * all_lines || !all_lines) {
			printf "coverage: below %d %% of lines\n", least
			exit 1
		}
	}' "$dir/gcov"
