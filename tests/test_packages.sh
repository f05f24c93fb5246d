#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the build does not generate for packages, and says again: the version, in
# each place; the exported functions, in Debian's list of symbols; the sources
# and the version of the shared library, in meson.build. And what the linters
# that are there say of the files.
set -eu

cd "${srcdir:-.}"
version=${VERSION:-$(sed -n 's/^.define TARN_VERSION_[MP][A-Z]* //p' \
	include/tarn.h | paste -sd. -)}
minor=${version%.*}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

status=0
wrong()
{
	echo "test_packages: $*" >&2
	status=1
}

# ---- the version ----

# has FILE KIND REGEX: the first line of that kind is as it should be.
has()
{
	line=$(grep -m 1 "$2" "$1") || line='no such line'
	if echo "$line" | grep -q "$3"; then
		echo "test_packages: $1: $line"
	else
		wrong "$1 is not of version $version: $line"
	fi
}

has NEWS '^[0-9]' "^$version\( \|\$\)"
has debian/changelog '^tarn ' "^tarn ($version) "
has packaging/tarn.spec '^Version:' " $version\$"
has packaging/tarn.spec '^\* ' " - $version-"
for page in man/*.[0-9]; do
	has "$page" '^\.\(TH\|Os\) ' "tarn $version\(\"\|\)\$"
done

# ---- the functions, with the nodes of the map ----

awk '
/^TARN_/ { node = $1; print node "@" node }
/^\ttarn_/ { sub(/;/, ""); print $1 "@" node }' lib/libtarn.map |
	sort >"$dir/map"
[ "$(wc -l <"$dir/map")" -gt 20 ]
sed -n 's/^ \([^ ]*\) .*/\1/p' debian/libtarn0.symbols | sort >"$dir/symbols"
diff "$dir/map" "$dir/symbols" >"$dir/diff" ||
	wrong "the map (<) and debian/libtarn0.symbols (>) differ:
$(cat "$dir/diff")"

# A node has the number of the first release with it, and each symbol in it is
# as old.
sed -n 's/^ [^@]*@TARN_\([0-9.]*\) \1\.[0-9]*$/\1/p' debian/libtarn0.symbols \
	>"$dir/nodes"
[ "$(wc -l <"$dir/nodes")" = "$(wc -l <"$dir/symbols")" ] ||
	wrong 'a symbol in debian/libtarn0.symbols is older or newer than its node'
newest=$(printf '%s\n' "$minor" "$(cat "$dir/nodes")" | sort -t. -k1,1n -k2,2n |
	tail -n 1)
[ "$newest" = "$minor" ] || wrong "a node of the map is newer than $version"

# ---- the library that Meson builds ----

sed -n "s/^	'\(lib\/.*\.c\)',$/\1/p" meson.build | sort >"$dir/sources"
printf '%s\n' lib/*.c | sort | diff - "$dir/sources" >"$dir/diff" ||
	wrong "lib/ (<) and the sources in meson.build (>) differ:
$(cat "$dir/diff")"

# current:revision:age, of which libtool makes current - age, age, revision.
sed -n 's/.*-version-info \([0-9]*\):\([0-9]*\):\([0-9]*\).*/\1 \2 \3/p' \
	Makefile.am >"$dir/info"
read -r current revision age <"$dir/info"
soname=$((current - age))
if ! grep -q "soversion: '$soname'" meson.build ||
	! grep -q "	version: '$soname.$age.$revision'" meson.build; then
	wrong 'meson.build and -version-info in Makefile.am differ'
fi
for name in "debian/libtarn$soname.install" "debian/libtarn$soname.symbols"; do
	[ -e "$name" ] || wrong "no $name, and the soname ends with $soname"
done
grep -q "libtarn\.so\.$soname\*" packaging/tarn.spec ||
	wrong "packaging/tarn.spec has no libtarn.so.$soname"

# ---- linters: lint COMMAND ARGUMENTS..., where it is there ----

lint()
{
	command -v "$1" >/dev/null || {
		echo "test_packages: left out: $*"
		return 0
	}
	"$@" >"$dir/log" 2>&1 || wrong "$*:
$(cat "$dir/log")"
	echo "test_packages: $*"
}

lint dpkg-parsechangelog --all
lint rpmspec --parse packaging/tarn.spec
lint rpmlint packaging/tarn.spec
lint ruby -c packaging/tarn.rb.in
exit "$status"
