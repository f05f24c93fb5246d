#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No arithmetic on sizes and addresses overflows: the functions of the library
# that do it, as they stand there, with words of 8 bits in place of size_t and
# of addresses, for all sizes, alignments and places there are. See words.cc.
set -eu

srcdir=${srcdir:-.}
[ -n "${CXX-}" ] || {
	echo 'test_words: there is no C++ compiler'
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# function FILE NAME: its text, with addresses for pointers to bytes.
function_of()
{
	sed -n "/^[a-z].*[ *]$2(/,/^}/p" "$srcdir/$1" >"$dir/text"
	grep -q '^}' "$dir/text" || {
		echo "test_words: no function $2 in $1" >&2
		exit 1
	}
	sed -E 's/\<(const )?(void|char) \*(=|[a-z(])/address \3/g
		s/\((char|void) \*\)//g' "$dir/text"
}

{
	sed -n '/^static inline/,/^}/p' "$srcdir/lib/align.h"
	function_of lib/upstream.c upstream_usable
	function_of lib/local.c local_need
	function_of lib/room.h room_size
	function_of lib/room.h room_take
	function_of lib/room.h room_take_neatly
	function_of include/tarn.h tarn_local_palloc
	function_of include/tarn.h tarn_local_pmemalign
	function_of lib/claim.h claim_divide_lasting
	function_of lib/claim.h claim_divide
} >"$dir/words.inc"

# shellcheck disable=SC2086 # a command and its arguments
$CXX -std=c++17 -O2 -Wall -Wextra -Wno-parentheses -I"$dir" \
	"$srcdir/tests/words.cc" -o "$dir/words"
# shellcheck disable=SC2086 # the same
${EMULATOR-} "$dir/words"
