#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# release.sh TARBALL
#
# What a release is: the tarball has the files of the commit, byte for byte,
# and those that the autotools generate, and no other; and whoever makes it
# again gets the same bytes, from the commit at another place, with another
# umask and in another time zone, or from the tarball itself, out of the tree.
# Called by make release-check, which has just made it.
#
# The commit is the last one of the tree $srcdir; without git there is none to
# compare with, and this is skipped.
set -eu

srcdir=${srcdir:-.}
tarball=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
name=$(basename "$tarball" .tar.gz)

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

status=0

fail()
{
	echo "release: $*" >&2
	status=1
}

if ! [ -e "$srcdir/.git" ] || ! git -C "$srcdir" rev-parse HEAD >/dev/null
then
	echo 'release: skipped: there is no commit to compare with'
	exit 0
fi

# ---- what is in it ----

# What the autotools make of the repository.
generated()
{
	sort <<-'END'
		Makefile.in
		aclocal.m4
		build-aux/ar-lib
		build-aux/compile
		build-aux/config.guess
		build-aux/config.sub
		build-aux/depcomp
		build-aux/install-sh
		build-aux/ltmain.sh
		build-aux/missing
		build-aux/test-driver
		config.h.in
		configure
		m4/libtool.m4
		m4/lt~obsolete.m4
		m4/ltoptions.m4
		m4/ltsugar.m4
		m4/ltversion.m4
	END
}

# What is of use in the repository alone.
left_out()
{
	sort <<-'END'
		.ci/run
		.gitignore
	END
}

# same WHAT FILE FILE: prints where they differ.
same()
{
	if diff "$2" "$3" >"$dir/diff"; then
		echo "release: $1: the $(wc -l <"$3") files that they have to be"
	else
		fail "$1: these are (<), these have to be (>):
$(grep '^[<>]' "$dir/diff")"
	fi
}

LC_ALL=C
export LC_ALL
mkdir "$dir/commit" "$dir/tarball"
git -C "$srcdir" archive --format=tar HEAD | tar -xf - -C "$dir/commit"
tar -xzf "$tarball" -C "$dir/tarball"
(cd "$dir/commit" && find . ! -type d | sed 's|^\./||' | sort) >"$dir/in_commit"
(cd "$dir/tarball/$name" && find . ! -type d | sed 's|^\./||' |
	sort) >"$dir/in_tarball"

generated >"$dir/generated"
comm -13 "$dir/in_commit" "$dir/in_tarball" >"$dir/added"
same 'the tarball, less the commit' "$dir/added" "$dir/generated"
left_out >"$dir/left_out"
comm -23 "$dir/in_commit" "$dir/in_tarball" >"$dir/missing"
same 'the commit, less the tarball' "$dir/missing" "$dir/left_out"

comm -12 "$dir/in_commit" "$dir/in_tarball" >"$dir/both"
while read -r file; do
	cmp -s "$dir/commit/$file" "$dir/tarball/$name/$file" || echo "$file"
done <"$dir/both" >"$dir/changed"
[ ! -s "$dir/changed" ] ||
	fail "not as in the commit: $(paste -sd ' ' "$dir/changed")"

# ---- what it says ----

version=${name#tarn-}
for page in "$dir/commit"/man/*.[0-9]; do
	grep -Eq "^\\.(TH|Os) .*tarn $version" "$page" ||
		fail "${page##*/} is not of version $version"
done
grep -m 1 '^[0-9]' "$dir/commit/NEWS" | grep -q "^$version " ||
	fail "the newest entry of NEWS is not of version $version"

# ---- made again ----

# again WHERE TREE: the tarball that the configured build in WHERE makes.
again()
{
	make -C "$1" -s dist >"$dir/log" 2>&1 || {
		cat "$dir/log" >&2
		fail "make dist $2 failed"
		return
	}
	if cmp "$1/$name.tar.gz" "$tarball" >&2; then
		echo "release: made again $2: the same bytes"
	else
		fail "made again $2: other bytes"
	fi
}

# quietly COMMAND...: its output only where it fails, which ends all.
quietly()
{
	"$@" >"$dir/log" 2>&1 || {
		cat "$dir/log" >&2
		exit 1
	}
}

umask 077
TZ=Asia/Kathmandu
export TZ
mkdir -p "$dir/another/place"
git -C "$srcdir" archive --format=tar HEAD |
	tar -xf - -C "$dir/another/place"
cd "$dir/another/place"
quietly autoreconf --install
quietly ./configure --quiet
again . 'from the commit, at another place'

mkdir "$dir/build"
cd "$dir/build"
quietly "$dir/tarball/$name/configure" --quiet
again . 'from itself, out of the tree'

exit "$status"
