#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What README.md and man/tarn.3 show is true: each block of C in the README
# stands in the example that the comment above it names, whole programs are
# built and run, links lead to files, and the manual's NAME section has every
# public name, so that whatis finds it.
set -eu

srcdir=${srcdir:-.}
readme=$srcdir/README.md
manual=$srcdir/man/tarn.3
libs=${builddir:-.}/lib/.libs

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_readme: $*" >&2
	exit 1
}

# ---- the blocks ----

# Block N goes to N.c, and the name in the comment above it to N.from.
awk -v dir="$dir" '
/^<!-- examples\/.*\.cc? -->$/ { from = $2 }
/^```(c|cpp)$/ {
	n++
	print from >(dir "/" n ".from")
	from = ""
	inside = 1
	next
}
/^```$/ { inside = 0 }
inside { print >(dir "/" n ".c") }
END { print n + 0 >(dir "/count") }' "$readme"
count=$(cat "$dir/count")
[ "$count" -ge 3 ] || fail "only $count blocks of C in the README"

# Whether the lines of BLOCK stand in FILE, one after the other; a line of
# dots alone stands for any lines.
stands_in()
{
	awk '
	NR == FNR { wanted[++n] = $0; next }
	{ text[FNR] = $0; lines = FNR }
	function dots(i) { return wanted[i] ~ /^[[:space:]]*\.\.\.$/ }
	# The line behind the piece from wanted[i] on, found at `at`, or 0.
	function behind(i, at) {
		for (; i <= n && !dots(i); i++)
			if (text[at++] != wanted[i])
				return 0
		return at
	}
	END {
		at = 1
		for (i = 1; i <= n; i++) {
			if (dots(i))
				continue
			while (at <= lines && !(next_at = behind(i, at)))
				at++
			if (at > lines)
				exit 1
			at = next_at
			while (i <= n && !dots(i))
				i++
		}
	}' "$1" "$2"
}

if [ -e "$libs/libtarn.so" ]; then
	library="$libs/libtarn.so -Wl,-rpath,$(cd "$libs" && pwd)"
else
	library=$libs/libtarn.a
fi

# run FILE: builds it as a user would, with warnings as errors, and runs it.
run()
{
	# shellcheck disable=SC2086 # the flags are words
	${CC:-cc} -std=gnu11 -Wall -Wextra -Wpedantic -Werror \
		-I"$srcdir/include" -pthread ${INSTRUMENT_FLAGS-} "$1" \
		$library -o "$dir/program"
	"$dir/program" || fail "$2 ends with status $?"
	echo "test_readme: $2: runs"
}

programs=0
n=0
while [ "$n" -lt "$count" ]; do
	n=$((n + 1))
	from=$(cat "$dir/$n.from")
	[ -n "$from" ] || fail "block $n: no comment says where it is from"
	stands_in "$dir/$n.c" "$srcdir/$from" ||
		fail "block $n does not stand in $from"
	echo "test_readme: block $n: stands in $from"
	if grep -q '^int main(' "$dir/$n.c"; then
		programs=$((programs + 1))
		run "$dir/$n.c" "block $n"
	fi
done
[ "$programs" -ge 1 ] || fail 'no block is a whole program'

# ---- the links ----

sed 's/](/\n](/g' "$readme" | sed -n 's/^](\([^)#]*\).*/\1/p' |
	grep -v '^[a-z]*:' | sort -u >"$dir/links"
[ -s "$dir/links" ] || fail 'no links in the README'
while read -r link; do
	[ -e "$srcdir/$link" ] || fail "a link to $link, which is not there"
done <"$dir/links"
echo "test_readme: links: $(wc -l <"$dir/links") files are there"

# ---- the manual ----

sed -n '/^\.EX$/,/^\.EE$/p' "$manual" | sed -e '/^\.E[EX]$/d' -e 's/\\e/\\/g' \
	-e 's/\\-/-/g' -e 's/\\&//g' >"$dir/manual.c"
[ -s "$dir/manual.c" ] || fail 'no example in the manual'
run "$dir/manual.c" "the manual's example"

tr -cs 'A-Za-z0-9_' '\n' <"$srcdir/include/tarn.h" | sed -n \
	-e '/^tarn_[a-z]/p' -e '/^TARN_.*_INIT$/p' -e '/^TARN_ALIGNMENT/p' \
	-e '/^TARN_VERSION_/p' -e '/^TARN_REPORT_/p' | sort -u >"$dir/public"
[ "$(wc -l <"$dir/public")" -gt 40 ] || fail 'no names in the header'
sed -n '/^\.SH NAME$/,/^\\-/p' "$manual" | tr -cs 'A-Za-z0-9_' '\n' |
	grep -i '^tarn_' | sort >"$dir/named"
diff "$dir/public" "$dir/named" >"$dir/diff" ||
	fail "public names (<) and the manual's NAME section (>) differ:
$(cat "$dir/diff")"
echo "test_readme: the manual: names all $(wc -l <"$dir/public")"

[ -z "${VERSION-}" ] || grep -q "^\.TH .*\"tarn $VERSION\"" "$manual" ||
	fail "the manual is not of version $VERSION"
