#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds a program against the installed library, shared and static, in C and
# in C++, by pkg-config where there is one, and runs it; then the
# installed program, and looks for what gdb loads and for the manual; and has
# CMake and Meson find the library. Called by make installcheck, which says where
# everything is.
set -eu
: "${CC:?}" "${bindir:?}" "${includedir:?}" "${libdir:?}" "${man3dir:?}"
: "${public_names:?}" "${gdb_dir:?}" "${prefix:?}" "${srcdir:?}"

if [ -n "${DESTDIR-}" ]; then
	echo 'installcheck: skipped, nothing can be run from a DESTDIR'
	exit 0
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

cat >"$dir/program.c" <<'END'
#include <tarn.h>
#include <stdio.h>
#include <string.h>

struct node {
	struct node *next;
	int value;
};

int main(int argc, char **argv)
{
	tarn_pool *pool = tarn_pool_create(NULL);
	tarn_local *local = pool ? tarn_pool_local(pool) : NULL;
	struct node *node = local ? tarn_local_new(local, struct node) : NULL;
	char *text = node ? tarn_psprintf(pool, "%d arguments", argc) : NULL;

	if (!text || strcmp(text, "2 arguments") != 0)
		return 1;
	node->next = NULL;
	node->value = argc;
	if (strcmp(tarn_version(), argv[1]) != 0) {
		printf("version %s, not %s\n", tarn_version(), argv[1]);
		return 1;
	}
	tarn_pool_destroy(pool);
	return 0;
}
END
cp "$dir/program.c" "$dir/program.cc"

cat >"$dir/hpp.cc" <<'END'
#include <tarn.hpp>
#include <string>

int main(int, char **argv)
{
	tarn::pool pool;
	tarn::memory_resource memory(pool);
	std::pmr::string version(argv[1], &memory);

	return version == tarn_version() ? 0 : 1;
}
END

# Flags of the installed library; $1 may be --static.
flags()
{
	if [ -n "${PKG_CONFIG-}" ]; then
		PKG_CONFIG_PATH=$libdir/pkgconfig "$PKG_CONFIG" \
			--cflags --libs "$@" tarn
	else
		echo "-I$includedir -L$libdir -ltarn -pthread"
	fi
}

# try NAME COMPILER SOURCE FLAGS: none of the words has a space in it.
try()
{
	name=$1
	shift
	# shellcheck disable=SC2086 # the compiler may bring flags of its own
	$1 -o "$dir/$name" "$dir/$2" $3 ${INSTRUMENT_FLAGS-}
	LD_LIBRARY_PATH=$libdir "$dir/$name" "$VERSION"
	echo "installcheck: $name: works"
}

[ -z "${PKG_CONFIG-}" ] ||
	[ "$(PKG_CONFIG_PATH=$libdir/pkgconfig "$PKG_CONFIG" \
		--modversion tarn)" = "$VERSION" ]

if [ -e "$libdir/libtarn.so" ]; then
	try shared "$CC" program.c "$(flags)"
	[ -z "$CXX" ] || try shared_cxx "$CXX" program.cc "$(flags)"
	[ -z "$CXX" ] || try shared_hpp "$CXX -std=c++17" hpp.cc "$(flags)"
fi
if [ -e "$libdir/libtarn.a" ]; then
	# The archive by its name: -static wants one of every other library.
	static=$(flags --static | sed "s|-ltarn|$libdir/libtarn.a|")
	try static "$CC" program.c "$static"
	[ -z "$CXX" ] || try static_cxx "$CXX" program.cc "$static"
fi

# Each is skipped where its tool is missing.
for tool in cmake meson; do
	sh "$srcdir/tests/test_$tool.sh" "$prefix" || [ $? = 77 ]
done

LD_LIBRARY_PATH=$libdir "$bindir/tarn-replay" --version |
	grep -q "^tarn-replay $VERSION\$"
[ -s "$man3dir/../man1/tarn-replay.1" ]
echo 'installcheck: tarn-replay: works'

# gdb looks for it by what the shared library is called behind its links.
name=libtarn.a
[ ! -e "$libdir/libtarn.so" ] ||
	name=$(basename "$(readlink -f "$libdir/libtarn.so")")
[ -s "$gdb_dir/$name-gdb.py" ] || {
	echo "installcheck: gdb finds no $gdb_dir/$name-gdb.py" >&2
	exit 1
}
echo 'installcheck: what gdb loads is there'

for name in tarn $public_names; do
	[ -s "$man3dir/$name.3" ] || {
		echo "installcheck: man $name: no such page" >&2
		exit 1
	}
	page=$(sed -n 's/^\.so //p' "$man3dir/$name.3")
	[ -z "$page" ] || [ -s "$man3dir/../$page" ] || {
		echo "installcheck: man $name leads to no page" >&2
		exit 1
	}
done
echo 'installcheck: the manual is there'
