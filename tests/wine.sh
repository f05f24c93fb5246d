#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# wine.sh PROGRAM [ARGUMENTS...]: runs a program of Windows that was built here,
# with the libraries of $builddir and of the compiler $CC. Where libtool left a
# program that only starts another one, it is that one.
set -eu

program=$1
shift
[ -e "$program" ] || program=$program.exe
real=$(dirname "$program")/.libs/$(basename "$program")
[ ! -e "$real" ] || program=$real

# of LIBRARY: the directory that the compiler has it in.
of()
{
	# shellcheck disable=SC2086 # neither it nor its flags have quoted spaces
	dirname "$($CC -print-file-name="$1")"
}

# Of the first two, whichever this compiler has.
WINEPATH="$(cd "${builddir:-.}/lib/.libs" && pwd)"
for library in libgcc_s_seh-1.dll libgcc_s_dw2-1.dll libwinpthread-1.dll; do
	WINEPATH="$WINEPATH;$(of "$library")"
done
WINEDEBUG=${WINEDEBUG--all}
export WINEPATH WINEDEBUG
exec wine "$program" "$@"
