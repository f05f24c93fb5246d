#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# examples/words counts as awk does, whoever has which file. Tells what else of
# the tests in C++ had to be left out, and is skipped where that is anything.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

srcdir=${srcdir:-.}
words=${builddir:-.}/examples/words
json=${builddir:-.}/tests/test_json

[ -n "${CXX-}" ] || {
	echo 'test_cxx: skipped: no compiler does C++17 (Debian: g++)'
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# counts FILES...: as the example has to.
counts()
{
	cat "$@" /dev/null | tr -s '[:space:]' '\n' | awk '
		NF { count[$0]++ }
		END { for (word in count) print count[word], word }' |
		LC_ALL=C sort
}

set --
for file in README.md NEWS LICENSE include/tarn.h include/tarn.hpp; do
	# Windows ends a line by two characters.
	# shellcheck disable=SC2086
	${EMULATOR-} "$words" "$@" | tr -d '\r' | LC_ALL=C sort >"$dir/words"
	counts "$@" >"$dir/awk"
	cmp "$dir/words" "$dir/awk" || {
		echo "test_cxx: words counts otherwise: $*" >&2
		exit 1
	}
	set -- "$@" "$srcdir/$file"
done
echo "test_cxx: words: $(wc -l <"$dir/words") of them, all counted"

[ -x "$json" ] || {
	echo 'test_cxx: skipped in part: Boost.JSON is missing (Debian:' \
		'libboost-json-dev, in Debian 12 libboost-json1.81-dev)'
	exit 77
}
