#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# watched.sh [--prefix DIRECTORY]
#
# The suites of correct programs, built with each sanitizer or run under each
# tool, against the library as it was installed, which is not instrumented: it
# announces what the tools cannot see, and a correct program is reported by none
# of them. Prints a line a suite and tool, with the suite's own closing line,
# and fails where a check failed or a tool reported anything.
#
# COMPILERS (gcc clang) are asked for their ThreadSanitizer and
# AddressSanitizer; the first builds what runs under valgrind and TARN_DEBUG.
set -eu

srcdir=${srcdir:-$(dirname "$0")/..}
compilers=${COMPILERS:-gcc clang}
pkg_config=${PKG_CONFIG:-pkg-config}
seconds=600 # a run that takes longer hangs
reuse='cache rewind scratch'
suites="model oom race regress $reuse"

if [ "${1-}" = --prefix ]; then
	PKG_CONFIG_PATH=$2/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
	shift 2
fi
# Two of them look whether a thread has what reuse needs, which the library does
# not tell: hence its own headers, and config.h.
cflags="$("$pkg_config" --cflags tarn check) -I$srcdir/tests
	-iquote $srcdir/lib -iquote ${builddir:-.}"
libs=$("$pkg_config" --libs tarn check)
LD_LIBRARY_PATH=$("$pkg_config" --variable=libdir tarn)
TARN_TEST_QUICK=${TARN_TEST_QUICK-1}
CK_FORK=no
export CK_FORK LD_LIBRARY_PATH TARN_TEST_QUICK
unset TARN_DEBUG TARN_CACHE

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
jobs=$(nproc)

# ThreadSanitizer of older compilers knows no address space more random.
calm=
bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)
[ "$bits" -le 28 ] || calm='setarch -R'

# built COMPILER NAME FLAGS...: every suite, as $dir/NAME.SUITE.
built()
{
	compiler=$1 name=$2
	shift 2
	for suite in $suites; do
		parts=$(find "$srcdir/tests" -name "${suite}_*.c")
		[ "$suite" != regress ] || parts=$srcdir/tests/fence_posix.c
		# shellcheck disable=SC2086 # they are lists of words
		"$compiler" -std=gnu11 -O1 -g -pthread "$@" $cflags \
			-o "$dir/$name.$suite" \
			"$srcdir/tests/test_$suite.c" $parts $libs
	done
}

# watch SUITE NAME TOOL COMMAND...: that suite, by that command.
watch()
{
	suite=$1 name=$2 tool=$3 status=0
	shift 3
	timeout -k 10 "$seconds" "$@" "$dir/$name.$suite" \
		>"$dir/$suite.log" 2>&1 || status=$?
	line=$(grep -E '^[0-9]+%: Checks: ' "$dir/$suite.log") || status=1
	! grep -qE 'Sanitizer|^==[0-9]+== ' "$dir/$suite.log" || status=1
	printf '%-8s %-18s %s\n' "$suite" "$tool" "${line:-no end}"
	[ "$status" = 0 ] && return
	echo "$suite, $tool" >>"$dir/failed"
	tail -n 200 "$dir/$suite.log" >&2
}

# ran NAME TOOL COMMAND...: every suite of that name, as many at once as there
# are processors.
ran()
{
	started=0
	for suite in $suites; do
		watch "$suite" "$@" &
		started=$((started + 1))
		[ $((started % jobs)) != 0 ] || wait
	done
	wait
}

for compiler in $compilers; do
	built "$compiler" thread -fsanitize=thread
	# shellcheck disable=SC2086 # it is empty, or two words
	ran thread "thread, $compiler" $calm
	built "$compiler" address -fsanitize=address
	ran address "address, $compiler"
done
built "${compilers%% *}" plain
ran plain memcheck valgrind --quiet --fair-sched=try --error-exitcode=1 \
	--leak-check=full
for words in junk leaks "trace=$dir/trace.%p" zero; do
	ran plain "${words%%=*}" env TARN_DEBUG="$words"
done
# The others misuse pools to see it refused, or need too many mappings.
suites=$reuse
for words in guard owner; do
	ran plain "$words" env TARN_DEBUG="$words"
done
[ ! -e "$dir/failed" ]
