#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# abi.sh check|write
#
# What programs that were built once rely on of the shared library: functions,
# their versions, and the layout of what they pass, as abidw of abigail-tools
# describes it. `check` compares that with abi/libtarn-x86_64.abi, and fails
# where the two differ in any way that abidiff tells; `write` renews that file,
# which doc/RELEASING says when to do. Called by make abi-check and make abi.
#
# Skipped, where the two are not to be had or cannot be compared: without
# abigail-tools, a shared library or its debug information, and on another
# processor, whose types have other sizes.
set -eu

srcdir=${srcdir:-.}
library=${builddir:-.}/lib/.libs/libtarn.so
committed=$srcdir/abi/libtarn-x86_64.abi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

skip()
{
	echo "abi: skipped: $*"
	exit 0
}

command -v abidw >/dev/null || skip 'there is no abidw; Debian: abigail-tools'
command -v abidiff >/dev/null || skip 'there is no abidiff'
case $(${CC:-cc} -dumpmachine) in
x86_64-*linux-gnu) ;;
*) skip "the dump is of x86_64-linux-gnu" ;;
esac
[ -e "$library" ] || skip 'there is no shared library'
readelf -S "$library" | grep -q '\.debug_info' ||
	skip 'the library was built without -g'

# Types that the header does not define are not for programs to know; where
# something is defined, and what parts of the system are needed, is no ABI.
abidw --headers-dir "$srcdir/include" --drop-private-types \
	--drop-undefined-syms --exported-interfaces-only \
	--no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed \
	--no-write-default-sizes --type-id-style hash \
	--out-file "$dir/abi" "$library"

if [ "${1-}" = write ]; then
	cp "$dir/abi" "$committed"
	echo "abi: written: $committed"
	exit
fi

# A FILE is the C library's, and differs from one to the next.
printf '[suppress_type]\n  name_regexp = ^_IO_\n' >"$dir/suppressed"
status=0
abidiff --suppressions "$dir/suppressed" "$committed" "$dir/abi" || status=$?
if [ "$status" != 0 ]; then
	echo 'abi: it differs from the dump: see "The ABI" in doc/RELEASING' >&2
	exit 1
fi
echo "abi: as in the dump: $(grep -c '<elf-symbol ' "$committed") functions"
