#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The header alone in C11, C17 and C++17, without a warning; and in each of
# them a program that uses every public macro and inline function, linked with
# the built library and run. A macro that the program misses is an error.
set -eu

srcdir=${srcdir:-.}
header=$srcdir/include/tarn.h
libs=${builddir:-.}/lib/.libs
warnings='-Wall -Wextra -Wpedantic -Wconversion -Werror'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

echo '#include <tarn.h>' >"$dir/alone.c"

cat >"$dir/program.c" <<'END'
#include <tarn.h>

#include <stdio.h>
#include <string.h>

struct node {
	struct node *next;
	char text[12];
};

TARN_NOPLT char *joined(tarn_pool *pool, ...) TARN_SENTINEL;
static char *formatted(tarn_pool *pool, const char *format, ...)
	TARN_FORMAT(2, 3);

char *joined(tarn_pool *pool, ...)
{
	va_list args;
	char *text;

	va_start(args, pool);
	text = tarn_pstrdup(pool, va_arg(args, char *));
	va_end(args);
	return text;
}

static char *formatted(tarn_pool *pool, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = tarn_pvsprintf(pool, format, args);
	va_end(args);
	return text;
}

static int is_aligned(const void *pointer, size_t alignment)
{
	return pointer != NULL && (uintptr_t)pointer % alignment == 0;
}

static int uses_local(tarn_local *local)
{
	struct node *node = tarn_local_new(local, struct node);
	void *small = tarn_local_palloc(local, 24);
	void *line = tarn_local_pmemalign(local, TARN_ALIGNMENT_INLINE, 24);
	char *packed = (char *)tarn_local_pnalloc(local, 3);

	/* None: these go through the miss. */
	if (tarn_local_palloc(local, 0) == NULL ||
	    tarn_local_pmemalign(local, 24, 24) != NULL)
		return 0;
	return is_aligned(node, TARN_ALIGNOF(struct node)) &&
	       is_aligned(small, TARN_ALIGNMENT) &&
	       is_aligned(line, TARN_ALIGNMENT_INLINE) && packed != NULL;
}

static int uses_pool(tarn_pool *pool)
{
	struct node *node = tarn_new(pool, struct node);
	double *numbers = tarn_new_array(pool, double, 10);
	char *text = formatted(pool, "%d", 7);

	if (tarn_new_array(pool, double, SIZE_MAX / 2) != NULL)
		return 0;
	return is_aligned(node, TARN_ALIGNOF(struct node)) &&
	       is_aligned(numbers, TARN_ALIGNOF(double)) && text != NULL &&
	       strcmp(text, "7") == 0 &&
	       strcmp(joined(pool, "one", (char *)NULL), "one") == 0;
}

int main(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_stats stats = TARN_STATS_INIT;
	tarn_pool *pool = tarn_pool_create(&options);
	tarn_local *local = pool != NULL ? tarn_pool_local(pool) : NULL;
	char version[32];
	int right;

	snprintf(version, sizeof version, "%d.%d.%d", TARN_VERSION_MAJOR,
		 TARN_VERSION_MINOR, TARN_VERSION_PATCH);
	right = TARN_LIKELY(local != NULL) && uses_local(local) &&
		uses_pool(pool) && tarn_pool_stats(pool, &stats) == 0 &&
		stats.handed_out > 0 && tarn_array_size(3, 4) == 12 &&
		tarn_array_size(SIZE_MAX, 2) == SIZE_MAX &&
		strcmp(version, tarn_version()) == 0;
	tarn_pool_destroy(pool);
	return right ? 0 : 1;
}
END

cat >"$dir/hpp.cc" <<'END'
#include <tarn.hpp>

template class tarn::basic_memory_resource<std::pmr::memory_resource>;
template class tarn::allocator<int>;
int *make_int(tarn_pool *pool);
int *make_int(tarn_pool *pool)
{
	return tarn::make<int>(pool, 7);
}
END

# The names of all macros but the guard, and of all inline functions.
{
	sed -n 's/^#define \([A-Za-z_]*\).*/\1/p' "$header" | grep -v '^TARN_H$'
	sed -n 's/^static inline .*\(tarn_[a-z_]*\)(.*/\1/p' "$header"
} | sort -u >"$dir/names"
[ "$(wc -l <"$dir/names")" -gt 10 ]

missed=
while read -r name; do
	grep -qw "$name" "$dir/program.c" || missed="$missed $name"
done <"$dir/names"
[ -z "$missed" ] || {
	echo "test_header: the program does not use:$missed" >&2
	exit 1
}

if [ -e "$libs/libtarn.so" ]; then
	library="$libs/libtarn.so -Wl,-rpath,$(cd "$libs" && pwd)"
elif [ -e "$libs/libtarn.dll.a" ]; then
	library=$libs/libtarn.dll.a
else
	library=$libs/libtarn.a
fi

# try COMPILER LANGUAGE: neither the compiler nor the flags have quoted spaces.
try()
{
	# shellcheck disable=SC2086
	$1 -x "${2%%:*}" -std="${2##*:}" $warnings -I"$srcdir/include" \
		-fsyntax-only "$dir/alone.c"
	# shellcheck disable=SC2086
	$1 -std="${2##*:}" $warnings -I"$srcdir/include" -pthread \
		${INSTRUMENT_FLAGS-} -x "${2%%:*}" "$dir/program.c" -x none \
		$library -o "$dir/program"
	# shellcheck disable=SC2086
	${EMULATOR-} "$dir/program" || {
		echo "test_header: ${2##*:}: the program ran wrong" >&2
		exit 1
	}
	echo "test_header: ${2##*:}: works"
}

# try_hpp STANDARD: the header for C++ alone, of which all is instantiated.
try_hpp()
{
	# shellcheck disable=SC2086
	$CXX -x c++ -std="$1" $warnings -Wshadow -I"$srcdir/include" \
		-fsyntax-only "$dir/hpp.cc"
	echo "test_header: tarn.hpp: $1: compiles"
}

cc=${CC:-cc}
try "$cc" c:c11
try "$cc" c:c17
if [ -n "${CXX-}" ]; then
	try "$CXX" c++:c++17
	try_hpp c++17
	try_hpp c++20
else
	echo 'test_header: C++ left out: no compiler for it'
fi
