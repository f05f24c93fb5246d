#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# target_check.sh CACHE NAME [ARGUMENTS...]: Check, the test framework, for a
# machine that may be another one: Debian's source package of it, configured
# with ARGUMENTS (--host=..., CC=...), and installed below CACHE/NAME as a static
# library that asks for no other. Nothing is done where that is so already.
#
# Needs no root: the list of source packages is one of its own, made of the
# entries that this machine has for packages.
set -eu

mkdir -p "$1"
cache=$(cd "$1" && pwd)
prefix=$cache/$2
shift 2

# How it was made, on the first line of a file that is written at the end.
made="$* $(for argument in "$@"; do
	case $argument in
	CC=*) ${argument#CC=} --version 2>/dev/null | head -n 1 ;;
	esac
done)"
[ "$(cat "$prefix/made" 2>/dev/null)" != "$made" ] || exit 0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# logged COMMAND...: its output only where it fails, which ends all.
logged()
{
	"$@" >"$dir/log" 2>&1 || {
		tail -n 100 "$dir/log" >&2
		echo "target_check: failed: $*" >&2
		exit 1
	}
}

# The same places as deb-src, in both of the forms that apt knows.
own_list()
{
	mkdir -p "$dir/parts" "$dir/lists/partial" "$dir/archives/partial"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		case $file in
		*.list)
			sed -n 's/^deb[[:space:]]/deb-src /p' "$file"
			;;
		*.sources)
			sed 's/^Types:.*/Types: deb-src/' "$file"
			;;
		esac >"$dir/parts/$(basename "$file")" 2>/dev/null || true
	done
}

apt()
{
	apt-get -q -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$dir/parts" \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# Once for all machines.
source_package()
{
	own_list
	# A list that cannot be had need not be one that is wanted.
	apt update >"$dir/log" 2>&1 || true
	(cd "$dir" && logged apt source --download-only check)
	rm -rf "$cache/source"
	# As its makers have it: Debian's patches give the library other names.
	logged dpkg-source --skip-patches -x "$dir"/check_*.dsc "$dir/source"
	mv "$dir/source" "$cache/source"
}

[ -e "$cache/source/configure" ] || source_package

# Nothing of the target can be run by configure: what it would find there is
# what C99 says, of vsnprintf, and what any malloc of today does.
mkdir "$dir/build"
cd "$dir/build"
logged "$cache/source/configure" --quiet --prefix="$prefix" "$@" \
	--disable-shared --enable-static --disable-subunit \
	--disable-build-docs --disable-timeout-tests \
	hw_cv_func_vsnprintf_c99=yes hw_cv_func_snprintf_c99=yes \
	ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes
rm -rf "$prefix"
logged make -s SUBDIRS='lib src .' install
echo "$made" >"$prefix/made"
