#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_meson.sh [PREFIX]: a project of a few lines whose Meson finds tarn by one
# of them: as a subproject, shared and static; or, with PREFIX, what is installed
# below it. Skipped without Meson.
set -eu

command -v meson >/dev/null || {
	echo 'test_meson: skipped: Meson is missing (Debian: meson)'
	exit 77
}

[ -z "${EMULATOR-}" ] || {
	echo "test_meson: skipped: $CC is for another machine"
	exit 77
}

srcdir=$(cd "${srcdir:-.}" && pwd)
unset DESTDIR MAKEFLAGS MAKELEVEL MFLAGS
CC=${CC:-cc}
export CC

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_meson: $*" >&2
	[ ! -e "$dir/log" ] || cat "$dir/log" >&2
	exit 1
}

version=${VERSION:-$(sed -n 's/^.define TARN_VERSION_[MP][A-Z]* //p' \
	"$srcdir/include/tarn.h" | paste -sd. -)}

mkdir "$dir/user"
cp "$srcdir/examples/hello.c" "$dir/user"
cat >"$dir/user/meson.build" <<END_OF_PROJECT
project('user', 'c', meson_version: '>= 0.56')
tarn = dependency('tarn', version: '$version', fallback: 'tarn')
executable('hello', 'hello.c', dependencies: tarn)
END_OF_PROJECT

# hello NAME OPTIONS...: what the project makes of it, in $dir/NAME.
hello()
{
	name=$1
	shift
	meson setup "$@" "$dir/$name" "$dir/user" >"$dir/log" 2>&1 ||
		fail "$name: finds no tarn $version"
	ninja -C "$dir/$name" >"$dir/log" 2>&1 ||
		fail "$name: the project does not build"
	[ "$("$dir/$name/hello")" = 81 ] || fail "$name: ran wrong"
	echo "test_meson: $name: runs"
}

if [ $# -gt 0 ]; then
	command -v pkg-config >/dev/null || {
		echo 'test_meson: skipped: pkg-config is missing'
		exit 77
	}
	CFLAGS=${INSTRUMENT_FLAGS-} LDFLAGS=${INSTRUMENT_FLAGS-}
	for at in "$1"/lib/pkgconfig "$1"/lib/*/pkgconfig; do
		PKG_CONFIG_PATH=$at${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	done
	LD_LIBRARY_PATH=${libdir-}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export CFLAGS LDFLAGS LD_LIBRARY_PATH PKG_CONFIG_PATH
	hello installed --wrap-mode=nofallback
	exit
fi

# What the subproject needs, and the config.h of a build in the tree, which is
# not for it.
to=$dir/user/subprojects/tarn
mkdir -p "$to/lib" "$to/include"
cp "$srcdir/meson.build" "$to"
cp "$srcdir"/include/tarn.h* "$to/include"
cp "$srcdir"/lib/*.[ch] "$srcdir/lib/libtarn.map" "$to/lib"
echo '#error "the config.h of another build"' >"$to/config.h"

# A compiler that was told to link all of a program has nothing for shared ones.
kinds=static
case " $CC " in
*' --static '*) ;;
*) kinds="shared $kinds" ;;
esac
for kind in $kinds; do
	hello "$kind" --wrap-mode=forcefallback -Ddefault_library="$kind" \
		-Dtarn:werror=true
done

# The version node itself is a symbol, too, of type A.
library=$dir/shared/subprojects/tarn/libtarn.so
[ ! -e "$library" ] || {
	"${NM:-nm}" -D --defined-only "$library" |
		awk '$2 != "A" { print $3 }' | sed 's/@.*//' |
		sort >"$dir/exported"
	sed -n 's/^	\(tarn_[a-z_]*\);$/\1/p' "$srcdir/lib/libtarn.map" |
		sort >"$dir/map"
	diff "$dir/map" "$dir/exported" >"$dir/log" ||
		fail 'the map (<) and what the subproject exports (>) differ'
	echo 'test_meson: shared: exports what the map names'
}
