#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# everywhere.sh [ROW...]: builds $srcdir, a copy of what is released, for other
# machines and in other ways, a row for each, and runs all tests there, in quick
# rounds. A line a row:
#	name, compiler: N pass, N skip, N fail, N seconds
# Fails where a row fails, or ran no test. All rows, unless some are named;
# $builddir/everywhere keeps what is of use again, and the logs.
#
# A row is a function row_NAME below, and nothing else. It sets what is not as
# the ordinary build has it:
#	packages	Debian's, which are installed where they are missing
#	CC, CXX		the compilers; CXX=no: none
#	CFLAGS, LDFLAGS	as configure takes them, or nothing
#	arguments	more for configure, words
#	own_check	the arguments that have Check built for the row, words;
#			empty: the Check of this machine
#	emulator	what runs a program of the row, words; or nothing
#	prepare		what is called before the tests; :
#	test_seconds	a test that takes longer hangs
#
# An emulator runs the instructions of another machine with the memory of this
# one: byte order, sizes, alignment and pages are the target's, but where this
# one orders memory more strongly, what a weaker order would allow is never
# seen. There the model checker stands for it, which tries all that C11 allows:
# make model.
# shellcheck disable=SC2317 # rows are called by their names
set -u

srcdir=$(cd "${srcdir:-.}" && pwd)
cache=${builddir:-.}/everywhere
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
jobs=$(nproc 2>/dev/null || echo 1)
status=0

TARN_TEST_QUICK=1
export TARN_TEST_QUICK
unset MAKEFLAGS MAKELEVEL # of the make that calls this

# ---- rows ----

# cross TRIPLET PACKAGES CPU: with Debian's cross compiler, all static, so that
# the emulator need not find a library of the target: by --static, for libtool
# takes -static to be its own. PACKAGES is how the triplet is written in their
# names.
cross()
{
	packages="gcc-$2 g++-$2 qemu-user-static"
	CC="$1-gcc --static"
	CXX="$1-g++ --static"
	arguments="--host=$1 --disable-shared"
	own_check=--host=$1
	emulator=qemu-$3-static
}

# Big endian.
row_s390x()
{
	cross s390x-linux-gnu s390x-linux-gnu s390x
}

# windows CPU PACKAGES WINE: by MinGW-w64, with threads of POSIX, in Wine. Check's header
# says that its formats are those of Windows, and means those of C.
windows()
{
	packages="gcc-mingw-w64-$2-posix g++-mingw-w64-$2-posix wine $3"
	CC=$1-w64-mingw32-gcc-posix
	CXX=$1-w64-mingw32-g++-posix
	CFLAGS='-g -O2 -Wno-format'
	arguments="--host=$1-w64-mingw32"
	own_check="--host=$1-w64-mingw32 CPPFLAGS=-D__USE_MINGW_ANSI_STDIO=1"
	emulator="sh $srcdir/tests/wine.sh"
	prepare=start_wine
	test_seconds=900 # each semaphore asks the server
}

row_windows64()
{
	windows x86_64 x86-64 wine64
}

# Where malloc aligns to 8 bytes, half of what tarn_palloc does.
row_windows32()
{
	windows i686 i686 wine32:i386
}

# One server for all programs, which ends a while after the last of them.
start_wine()
{
	WINEPREFIX=$cache/wine
	WINEDEBUG=-all
	export WINEPREFIX WINEDEBUG
	mkdir -p "$WINEPREFIX"
	wineserver -p60
	wine cmd /c exit
}

# ---- what a row needs ----

install_missing()
{
	missing=
	command -v dpkg >/dev/null || return 0
	for package in $packages; do
		dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	sudo=$([ "$(id -u)" = 0 ] || echo sudo)
	case $missing in
	*:*) $sudo dpkg --add-architecture "${missing##*:}" ;;
	esac
	$sudo apt-get update || true
	# shellcheck disable=SC2086 # it is a list of words
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends $missing
}

# A row that brings its own sees no other library of this machine.
own_libraries()
{
	[ -n "$own_check" ] || return 0
	# shellcheck disable=SC2086 # they are words
	sh "$srcdir/tests/target_check.sh" "$cache/check" "$name" $own_check \
		CC="$CC" || return
	PKG_CONFIG='pkg-config --static'
	PKG_CONFIG_LIBDIR=$cache/check/$name/lib/pkgconfig
	export PKG_CONFIG PKG_CONFIG_LIBDIR
}

# ---- one row ----

configured()
{
	set -- CC="$CC" CXX="$CXX"
	[ -z "$CFLAGS" ] || set -- "$@" CFLAGS="$CFLAGS"
	[ -z "$LDFLAGS" ] || set -- "$@" LDFLAGS="$LDFLAGS"
	mkdir "$dir/$name"
	# shellcheck disable=SC2086 # they are words
	(cd "$dir/$name" && "$srcdir/configure" --quiet "$@" $arguments)
}

# All of it in its directory, in a process of its own.
tested()
{
	install_missing && own_libraries && configured && $prepare || return
	make -C "$dir/$name" -s -j "$jobs" || return
	make -C "$dir/$name" -s -j "$jobs" check VERBOSE=1 \
		EMULATOR="$emulator" \
		LOG_COMPILER="timeout -k 10 $test_seconds $emulator" \
		SH_LOG_COMPILER="timeout -k 10 $test_seconds sh"
}

# count WHAT: the tests of which the row's summary says so.
count()
{
	sed -n "s/^# $1: *//p" "$cache/$name.suite" | grep . || echo 0
}

run_row()
{
	name=$1
	packages='' CC=gcc CXX=g++ CFLAGS='' LDFLAGS='' arguments=''
	own_check='' emulator='' prepare=: test_seconds=300
	start=$(date +%s)
	result=0
	"row_$name"
	(tested) >"$cache/$name.log" 2>&1 </dev/null || result=$?
	cp "$dir/$name/test-suite.log" "$cache/$name.suite" 2>/dev/null ||
		: >"$cache/$name.suite"
	rm -rf "${dir:?}/$name"
	pass=$(count PASS)
	skip=$(count SKIP)
	fail=$(($(count FAIL) + $(count XPASS) + $(count ERROR)))
	echo "$name, $CC $($CC -dumpfullversion 2>/dev/null || echo '?'):" \
		"$pass pass, $skip skip, $fail fail," \
		"$(($(date +%s) - start)) seconds"
	if [ "$result" = 0 ] && [ "$fail" = 0 ] && [ "$pass" != 0 ]; then
		return
	fi
	tail -n 200 "$cache/$name.log"
	echo "everywhere: $name: FAILED, status $result"
	status=1
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

all=$(sed -n 's/^row_\([a-z0-9_]*\)()$/\1/p' "$0")
# shellcheck disable=SC2086 # they are words
[ "$#" != 0 ] || set -- $all
for row in "$@"; do
	printf '%s\n' "$all" | grep -qx "$row" || {
		echo "everywhere: no row $row; there are:" >&2
		printf '%s\n' "$all" | paste -sd ' ' - >&2
		exit 1
	}
done
for row in "$@"; do
	run_row "$row"
done
exit "$status"
