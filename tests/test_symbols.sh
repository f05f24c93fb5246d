#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One list of functions, said four times: what the shared library exports, what
# lib/libtarn.map names, what include/tarn.h declares, and what the pages in man/
# document. The manual also names every inline function and macro, and no
# name that is not in the header.
set -eu

srcdir=${srcdir:-.}
header=$srcdir/include/tarn.h
library=${builddir:-.}/lib/.libs/libtarn.so
dll=${builddir:-.}/lib/.libs/libtarn-0.dll

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# The header's code: no comments, no preprocessor lines.
code()
{
	awk '
	{ text = text $0 "\n" }
	END {
		while (i = index(text, "/*")) {
			rest = substr(text, i + 2)
			text = substr(text, 1, i - 1) " " \
				substr(rest, index(rest, "*/") + 2)
		}
		gsub(/\\\n/, " ", text)
		printf "%s", text
	}' "$1" | grep -v '^[[:space:]]*#'
}

# Statements outside of all braces, one a line; `extern "C" {` is no brace.
statements()
{
	sed 's/extern "C" {//' | tr '\n\t' '  ' | awk '
	{
		n = split($0, chars, "")
		for (i = 1; i <= n; i++) {
			c = chars[i]
			if (c == "{")
				depth++
			else if (c == "}" && depth > 0) {
				if (--depth == 0 && line ~ /\)[ ]*$/)
					line = line ";\n"
			} else if (depth == 0)
				line = line (c == ";" ? ";\n" : c)
		}
		printf "%s", line
	}'
}

code "$header" | statements >"$dir/statements"

# The first name before a parenthesis is the function's.
functions()
{
	grep -v typedef | grep '(' | sed 's/(.*//; s/.*[ *]\(tarn_[a-z_]*\)$/\1/'
}

grep 'static inline' "$dir/statements" | functions | sort -u >"$dir/inline"
grep -v 'static inline' "$dir/statements" | functions | sort -u >"$dir/header"
sed -n 's/^[[:space:]]*\(tarn_[a-z_]*\);.*/\1/p' "$srcdir/lib/libtarn.map" |
	sort -u >"$dir/map"
[ "$(wc -l <"$dir/map")" -gt 20 ] && [ -s "$dir/inline" ]

status=0

# same WHAT FILE FILE: prints where they differ.
same()
{
	if diff "$2" "$3" >"$dir/diff"; then
		echo "test_symbols: $1: the same $(wc -l <"$2") functions"
	else
		echo "test_symbols: $1 differ:" >&2
		cat "$dir/diff" >&2
		status=1
	fi
}

same 'the map and the header' "$dir/map" "$dir/header"

if [ -e "$library" ]; then
	# The version node itself is a symbol too, of type A.
	"${NM:-nm}" -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
		sed 's/@.*//' | sort -u >"$dir/exported"
	same 'the exports and the map' "$dir/exported" "$dir/map"
elif [ -e "$dll" ]; then
	"${OBJDUMP:-objdump}" -p "$dll" |
		sed -n '/Name Pointer\] Table/,/^$/s/^	\[.*\] //p' |
		sed 's/^+base\[[^]]*\] *[0-9a-f]* //' |
		sort -u >"$dir/exported"
	same 'the exports and the map' "$dir/exported" "$dir/map"
else
	echo 'test_symbols: the exports: left out, no shared library was built'
fi

# What a static library defines meets the names of the user's program.
archive=${builddir:-.}/lib/.libs/libtarn.a
if [ -e "$archive" ]; then
	"${NM:-nm}" -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' \
		>"$dir/defined"
	# By .refptr.NAME code of Windows finds NAME, where it may be far. There is
	# one more underscore in front of all, in 32 bit.
	sed -i 's/^\.refptr\.//' "$dir/defined"
	! grep -qx _tarn_version "$dir/defined" || sed -i 's/^_//' "$dir/defined"
	grep -Ev '^(tarn_|_)' "$dir/defined" >"$dir/bare" || true
	[ ! -s "$dir/bare" ] || {
		echo 'test_symbols: without prefix (see lib/prefix.h):' >&2
		cat "$dir/bare" >&2
		status=1
	}
fi

# Words of the manual, without its font changes; and all names of the header.
sed 's/\\f[A-Z]/ /g; s/\\//g' "$srcdir"/man/*.[37] |
	tr -cs 'A-Za-z0-9_' '\n' | grep '^tarn_[a-z]' | sort -u >"$dir/manual"
tr -cs 'A-Za-z0-9_' '\n' <"$header" | grep '^tarn_[a-z]' |
	sort -u >"$dir/names"
sed -n 's/^#define \(tarn_[a-z_]*\).*/\1/p' "$header" |
	cat - "$dir/header" "$dir/inline" | sort -u >"$dir/callable"

missing=$(comm -13 "$dir/manual" "$dir/callable" | paste -sd ' ' -)
unknown=$(comm -23 "$dir/manual" "$dir/names" | paste -sd ' ' -)
[ -z "$missing" ] || {
	echo "test_symbols: not in the manual: $missing" >&2
	status=1
}
[ -z "$unknown" ] || {
	echo "test_symbols: in the manual, not in the header: $unknown" >&2
	status=1
}
exit "$status"
