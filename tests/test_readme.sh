#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What README.md, doc/guide.md and the pages in man/ show is true: each block of
# C stands in the example that the comment above it names, whole programs are
# built and run, links lead to files, and the NAME sections have every public
# name, once, so that whatis finds it.
set -eu

srcdir=${srcdir:-.}
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

# Block N of a document goes to N.c, and the name in the comment above it to
# N.from; `count` says how many there are.
blocks_of_markdown()
{
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
	END { print n + 0 >(dir "/count") }' "$1"
}

# Those of a page, which are all that follow a comment, and those of EXAMPLES.
blocks_of_page()
{
	awk -v dir="$dir" '
	/^\.Sh/ { examples = $2 == "EXAMPLES" }
	/^\.\\" examples\// { from = $2 }
	/^\.Bd -literal/ && (examples || from != "") {
		n++
		print from >(dir "/" n ".from")
		from = ""
		inside = 1
		next
	}
	/^\.Ed$/ { inside = 0 }
	inside {
		gsub(/\\&/, "")
		gsub(/\\e/, "\\")
		print >(dir "/" n ".c")
	}
	END { print n + 0 >(dir "/count") }' "$1"
}

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
elif [ -e "$libs/libtarn.dll.a" ]; then
	library=$libs/libtarn.dll.a
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
	# shellcheck disable=SC2086 # so are these
	${EMULATOR-} "$dir/program" || fail "$2 ends with status $?"
	echo "test_readme: $2: runs"
}

# check_blocks DOCUMENT
check_blocks()
{
	count=$(cat "$dir/count")
	n=0
	while [ "$n" -lt "$count" ]; do
		n=$((n + 1))
		from=$(cat "$dir/$n.from")
		if [ -n "$from" ]; then
			stands_in "$dir/$n.c" "$srcdir/$from" ||
				fail "$1: block $n does not stand in $from"
		fi
		if grep -q '^int main(' "$dir/$n.c"; then
			run "$dir/$n.c" "$1: block $n"
			programs=$((programs + 1))
		elif [ -z "$from" ]; then
			fail "$1: block $n: no comment says where it is from"
		fi
	done
	blocks=$((blocks + count))
	rm -f "$dir"/[0-9]*
	echo "test_readme: $1: $count blocks"
}

blocks=0
programs=0
for document in README.md doc/guide.md; do
	blocks_of_markdown "$srcdir/$document"
	check_blocks "$document"
done
for page in "$srcdir"/man/*.3; do
	blocks_of_page "$page"
	check_blocks "${page##*/}"
done
[ "$blocks" -ge 30 ] || fail "only $blocks blocks of C"
[ "$programs" -ge 2 ] || fail "only $programs whole programs"

# ---- the links ----

# links DOCUMENT: those to files lead to one, from where the document is.
links()
{
	sed 's/](/\n](/g' "$srcdir/$1" | sed -n 's/^](\([^)#]*\).*/\1/p' |
		grep -v '^[a-z]*:' | sort -u >"$dir/links"
	[ -s "$dir/links" ] || fail "no links in $1"
	while read -r link; do
		[ -e "$srcdir/$(dirname "$1")/$link" ] || [ -z "$link" ] ||
			fail "$1: a link to $link, which is not there"
	done <"$dir/links"
	echo "test_readme: $1: $(wc -l <"$dir/links") links lead to files"
}

links README.md
links doc/guide.md

# ---- the manual ----

tr -cs 'A-Za-z0-9_' '\n' <"$srcdir/include/tarn.h" | sed -n \
	-e '/^tarn_[a-z]/p' -e '/^TARN_.*_INIT$/p' -e '/^TARN_ALIGNMENT/p' \
	-e '/^TARN_VERSION_/p' -e '/^TARN_REPORT_/p' | sort -u >"$dir/public"
[ "$(wc -l <"$dir/public")" -gt 40 ] || fail 'no names in the header'
awk '
FNR == 1 { inside = 1 }
/^\.Nd/ { inside = 0 }
inside && /^\.Nm/ { print $2 }' "$srcdir"/man/*.[37] | sort >"$dir/named"
grep -i '^tarn_' "$dir/named" >"$dir/public_named"
diff "$dir/public" "$dir/public_named" >"$dir/diff" ||
	fail "public names (<) and those in NAME sections (>) differ:
$(cat "$dir/diff")"
echo "test_readme: the manual: names all $(wc -l <"$dir/public")"

# A reference within the manual is to a name of its own.
sed -n 's/^\.\(It \)\{0,1\}Xr \(tarn[^ ]*\) [137].*/\2/p' "$srcdir"/man/* |
	sort -u >"$dir/references"
printf '%s\n' tarn-replay tarn-view >>"$dir/named"
while read -r name; do
	grep -qxF "$name" "$dir/named" || fail "no page is called $name"
done <"$dir/references"
echo "test_readme: the manual: $(wc -l <"$dir/references") are referred to"

for page in "$srcdir"/man/*.[37]; do
	[ -z "${VERSION-}" ] || grep -q "^\.Os tarn $VERSION\$" "$page" ||
		fail "$page is not of version $VERSION"
done
