#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test_cmake.sh [PREFIX]: a project of ten lines whose CMake finds tarn by one of
# them, with what was built, laid out below a directory as make install would
# lay it out, or with what is installed below PREFIX. Skipped without CMake.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

command -v cmake >/dev/null || {
	echo 'test_cmake: skipped: CMake is missing (Debian: cmake)'
	exit 77
}

srcdir=$(cd "${srcdir:-.}" && pwd)
unset DESTDIR MAKEFLAGS MAKELEVEL MFLAGS
CC=${CC:-cc}
# CMake takes a compiler's own flags with it, and asks for the others here.
CFLAGS=${INSTRUMENT_FLAGS-}
export CC CFLAGS

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_cmake: $*" >&2
	[ ! -e "$dir/log" ] || cat "$dir/log" >&2
	exit 1
}

# Not where configure was told: what is installed may be moved.
staged()
{
	to=$dir/root${libdir:?}
	mkdir -p "$to/cmake/tarn" "$dir/root${includedir:?}"
	cp "$srcdir/include/tarn.h" "$dir/root$includedir"
	cp -P "${builddir:-.}"/lib/.libs/libtarn.[adsy]* "$to"
	cp "${builddir:-.}"/lib/tarn-config*.cmake "$to/cmake/tarn"
	where=-Dtarn_DIR=$to/cmake/tarn
}

if [ $# -gt 0 ]; then
	where=-DCMAKE_PREFIX_PATH=$1
else
	staged
fi

mkdir "$dir/user"
cp "$srcdir/examples/hello.c" "$dir/user"
cat >"$dir/user/CMakeLists.txt" <<'END_OF_PROJECT'
cmake_minimum_required(VERSION 3.10)
project(user C)
find_package(tarn ${WANTED} REQUIRED)
add_executable(hello hello.c)
target_link_libraries(hello tarn::tarn)
if(TARGET tarn::static)
	add_executable(hello_static hello.c)
	target_link_libraries(hello_static tarn::static)
endif()
END_OF_PROJECT

# configured VERSION: where the project may have tarn of that version.
configured()
{
	rm -rf "$dir/build"
	cmake -S "$dir/user" -B "$dir/build" -DWANTED="$1" "$where" \
		>"$dir/log" 2>&1
}

version=${VERSION:-$(sed -n 's/^.define TARN_VERSION_[MP][A-Z]* //p' \
	"$srcdir/include/tarn.h" | paste -sd. -)}
minor=${version%.*}
for wrong in "${minor%.*}.$((${minor#*.} + 1))" "$((${version%%.*} + 1))"; do
	! configured "$wrong" || fail "$version passes for $wrong"
	grep -q "version: $version" "$dir/log" ||
		fail "finds no tarn to refuse for $wrong"
done
configured "$minor" || fail "finds no tarn $minor"
configured "$version;EXACT" || fail "finds no tarn $version"

cmake --build "$dir/build" >"$dir/log" 2>&1 || fail 'the project does not build'

# is_built PROGRAM: by the name that it has on this system.
is_built()
{
	[ -e "$dir/build/$1" ] || [ -e "$dir/build/$1.exe" ]
}

for program in hello hello_static; do
	is_built "$program" || continue
	[ "$(${EMULATOR-} "$dir/build/$program" | tr -d '\r')" = 81 ] ||
		fail "$program ran wrong"
	echo "test_cmake: $program: runs"
done
is_built hello || fail 'hello was not built'
