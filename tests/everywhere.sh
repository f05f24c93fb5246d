#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# everywhere.sh [ROW...]: builds $srcdir, a copy of what is released, for other
# machines and in other ways, a row for each, and runs all tests there, in quick
# rounds. A line a row:
#	name, compiler: N pass, N skip, N fail, N seconds
# Fails where a row fails, or ran no test. All rows, unless some are named, and
# all tests, unless $SUITES names programs of tests/. $builddir/everywhere keeps
# what is of use again, and the logs.
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

# cross TRIPLET CPU: with Debian's cross compiler, all static, so that the
# emulator need not find a library of the target: by --static, for libtool takes
# -static to be its own.
cross()
{
	packages="gcc-$1 g++-$1 qemu-user-static"
	CC="$1-gcc --static"
	CXX="$1-g++ --static"
	arguments="--host=$1 --disable-shared"
	own_check=--host=$1
	emulator=qemu-$2-static
	test_seconds=900 # ten times as slow
}

row_aarch64()
{
	cross aarch64-linux-gnu aarch64
}

# Words of 32 bits, and no type that wants more than 8 bytes.
row_armhf()
{
	cross arm-linux-gnueabihf arm
}

row_riscv64()
{
	cross riscv64-linux-gnu riscv64
}

# Pages of 64 KiB.
row_ppc64el()
{
	cross powerpc64le-linux-gnu ppc64le
	emulator="$emulator -p 65536"
}

# Big endian, and no type that wants more than 8 bytes.
row_s390x()
{
	cross s390x-linux-gnu s390x
}

# Another C library: dynamic, so that programs load tarn late there, too.
row_musl()
{
	packages=musl-tools
	CC=musl-gcc
	CXX=no
	own_check=--host=$(uname -m)-linux-musl
}

row_musl_static()
{
	row_musl
	CC='musl-gcc --static'
	arguments=--disable-shared
}

row_static()
{
	CC='gcc --static'
	CXX='g++ --static'
	arguments=--disable-shared
	own_check=--host=$(gcc -dumpmachine)
}

# Words of 32 bits. Not by gcc-multilib, which Debian has in the place of its
# cross compilers: hence the directory of asm/. Nor by this machine, whose
# kernel may not run such programs.
row_m32()
{
	packages="lib32gcc-$(gcc -dumpversion)-dev libc6-dev-i386"
	packages="$packages lib32stdc++-$(gcc -dumpversion)-dev qemu-user-static"
	CC="gcc -m32 -idirafter /usr/include/$(gcc -print-multiarch)"
	CXX="g++ -m32 -idirafter /usr/include/$(gcc -print-multiarch)"
	arguments=--host=i686-linux-gnu
	own_check=--host=i686-linux-gnu
	emulator=qemu-i386-static
}

# All of the library before the compiler at once.
row_lto()
{
	CFLAGS='-O2 -flto=auto'
	arguments='AR=gcc-ar RANLIB=gcc-ranlib NM=gcc-nm'
}

row_O0()
{
	CFLAGS=-O0
}

row_O1()
{
	CFLAGS=-O1
}

row_O3()
{
	CFLAGS=-O3
}

# The next C: this stands behind the -std=gnu11 of the build.
row_gcc_c23()
{
	CFLAGS='-O2 -std=gnu2x'
}

row_clang_c23()
{
	packages='clang-19 libclang-rt-19-dev llvm-19'
	CC=clang-19
	CXX=clang++-19
	CFLAGS='-O2 -std=gnu23'
}

# What the library asks of Linux and of glibc is said to be missing, as on
# FreeBSD.
row_portable()
{
	arguments='tarn_cv_linux_pages=no tarn_cv_plain_mutex=no
		tarn_cv_tls=default tarn_cv_version_script=no tarn_cv_weak=no
		tarn_cv_link__Wl__z_nodelete=no
		ac_cv_have_decl_PTHREAD_MUTEX_ROBUST=no
		ac_cv_func_secure_getenv=no ac_cv_func_getauxval=no
		ac_cv_func_dl_iterate_phdr=no ac_cv_func_backtrace=no'
}

# And the linker lets no test stand between, as on macOS: fewer tests.
row_portable_unwrapped()
{
	row_portable
	arguments="$arguments
		tarn_cv_link__Wl___wrap_pthread_setspecific=no"
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
	set --
	for suite in ${SUITES-}; do
		set -- "$@" "tests/$suite\$(EXEEXT)"
	done
	[ "$#" = 0 ] || set -- "TESTS=$*" "check_PROGRAMS=$*"
	make -C "$dir/$name" -s -j "$jobs" check VERBOSE=1 "$@" \
		EMULATOR="$emulator" \
		LOG_COMPILER="timeout -k 10 $test_seconds $emulator" \
		SH_LOG_COMPILER="timeout -k 10 $test_seconds \$(SHELL)"
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

all=$(sed -n 's/^row_\([a-zA-Z0-9_]*\)()$/\1/p' "$0")
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
