#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The pages in man/ have no mistakes that mandoc knows of, and what make html
# makes of them, and of the guide, leads to where it says, and has every name.
set -eu

srcdir=${srcdir:-.}

command -v mandoc >/dev/null || {
	echo 'test_manual: skipped: mandoc is missing (Debian: mandoc)'
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_manual: $*" >&2
	exit 1
}

# Not whether other manuals are installed: that is up to the machine.
for page in "$srcdir"/man/*.[1-9]; do
	mandoc -Tlint -Wstyle "$page" 2>&1 | grep '^mandoc: .*: [A-Z]*: ' |
		grep -v 'STYLE: referenced manual not found' >"$dir/lint" || true
	[ ! -s "$dir/lint" ] || fail "$(cat "$dir/lint")"
done
echo 'test_manual: the pages: as they should be'

sh "$srcdir/doc/html.sh" "$srcdir" "$dir/html"
cd "$dir/html"
! grep -q '<dd></dd>' index.html || fail 'a page or an example without a word'
for file in *.html; do
	grep -o 'href="[^"]*"' "$file" | sed 's/^href="//; s/"$//' |
		sed "s/^#/$file#/" >>"$dir/links"
done
sort -u "$dir/links" >"$dir/each"
[ "$(wc -l <"$dir/each")" -gt 100 ] || fail 'hardly any links'
while read -r link; do
	file=${link%%#*}
	[ -s "$file" ] || fail "a link to $link, which is not there"
	[ "$file" = "$link" ] || grep -q "id=\"${link#*#}\"" "$file" ||
		fail "a link to $link, where no such place is"
done <"$dir/each"
echo "test_manual: HTML: $(wc -l <"$dir/each") links lead to places"
