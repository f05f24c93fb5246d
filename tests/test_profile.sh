#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Profiles of whole programs: TARN_DEBUG=sample=FILE writes one that pprof
# reads, with the program's own calls on top and true estimates, by the static
# library and by the shared one; and doc/flame.sh draws it.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

srcdir=${srcdir:-.}
libs=${builddir:-.}/lib/.libs

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_profile: $*" >&2
	exit 1
}

# ---- pictures ----

printf 'main;a<b;c 3000\nmain;d 1000\nmain 96\n' |
	sh "$srcdir/doc/flame.sh" 'A & B' >"$dir/flame.svg"
grep -q 'A &amp; B: 4.0 KiB' "$dir/flame.svg" || fail 'no title'
grep -q '<title>a&lt;b: 2.9 KiB, 73.2 %</title>' "$dir/flame.svg" ||
	fail 'no frame'
[ "$(grep -c '<g>' "$dir/flame.svg")" = 4 ] || fail 'not four frames'
sh "$srcdir/doc/flame.sh" nothing </dev/null >"$dir/none.svg" ||
	fail 'no stacks are an error'

# ---- programs ----

case ${INSTRUMENT_FLAGS-} in
*-fsanitize*) echo 'test_profile: no programs under a sanitizer'; exit 0 ;;
esac
[ -e "$libs/libtarn.a" ] || { echo 'no static library was built'; exit 0; }
cat >"$dir/program.c" <<'END'
#include "tarn.h"
#include <pthread.h>
#include <stdlib.h>

#define SITE __attribute__((noinline)) void
static tarn_pool *pool;
static void *volatile sink;

/* 64 MiB each; no call is the last thing that a function does. */
SITE small_site(void)
{
	for (int i = 0; i < 64 << 16; i++)
		sink = tarn_palloc(pool, 16);
	sink = NULL;
}

SITE zeroed_site(void)
{
	for (int i = 0; i < 64 << 8; i++)
		sink = tarn_pcalloc(pool, 4, 1024);
	sink = NULL;
}

SITE inline_site(void)
{
	tarn_local *local = tarn_pool_local(pool);

	for (int i = 0; i < 64 << 14; i++)
		sink = tarn_local_pmemalign(local, 8, 64);
	sink = NULL;
}

SITE large_site(void)
{
	for (int i = 0; i < 64; i++)
		sink = tarn_palloc(pool, 1 << 20);
	sink = NULL;
}

SITE freed_site(void)
{
	for (int i = 0; i < 64 << 10; i++)
		tarn_pfree_sized(pool, sink = tarn_palloc(pool, 1000), 1000);
	sink = NULL;
}

static void *work(void *arg)
{
	zeroed_site();
	return arg;
}

int main(void)
{
	pthread_t thread;

	pool = tarn_pool_create(NULL);
	small_site();
	inline_site();
	large_site();
	freed_site();
	pthread_create(&thread, NULL, work, NULL);
	pthread_join(thread, NULL);
	return 0;
}
END
# shellcheck disable=SC2086 # the compiler and its flags are words
$CC ${INSTRUMENT_FLAGS-} -O1 -g -I"$srcdir/include" "$dir/program.c" \
	"$libs/libtarn.a" -pthread -o "$dir/static"
kinds=static
# shellcheck disable=SC2086 # the compiler and its flags are words
[ ! -e "$libs/libtarn.so" ] || {
	$CC ${INSTRUMENT_FLAGS-} -O1 -g -I"$srcdir/include" "$dir/program.c" \
		-L"$libs" -Wl,-rpath,"$(cd "$libs" && pwd)" -ltarn -pthread \
		-o "$dir/shared"
	kinds="$kinds shared"
}

# The estimate in MiB of what is in a file, by its sizes, as pprof makes it;
# $2 is the column of objects, 1: alive, 3: all.
estimate()
{
	sed 's/[]:[]/ /g' "$1" | awk -v column="$2" '
	NR == 1 { mean = $NF; sub(/.*\//, "", mean) }
	NR > 1 && NF == 0 { exit }
	NR > 1 && $column > 0 {
		size = $4 / $3
		bytes += $column * size / (1 - exp(-size / mean))
	}
	END { print int(bytes / 1048576) }'
}

# within FIGURE LOW HIGH WHAT
within()
{
	if [ "$1" -lt "$2" ] || [ "$1" -gt "$3" ]; then
		fail "$4: $1 MiB, not $2 to $3"
	fi
}

for kind in $kinds; do
	TARN_DEBUG=sample=$dir/$kind.heap ${EMULATOR-} "$dir/$kind" \
		2>"$dir/said" ||
		fail "$kind: the program failed: $(cat "$dir/said")"
	[ ! -s "$dir/said" ] || fail "$kind: it said: $(cat "$dir/said")"
	head -n 1 "$dir/$kind.heap" | grep -Eq '^heap profile: [0-9]+: [0-9]+ \[[0-9]+: [0-9]+\] @ heap_v2/524288$' ||
		fail "$kind: no header"
	grep -q '^MAPPED_LIBRARIES:$' "$dir/$kind.heap" ||
		fail "$kind: no libraries"
	# 320 and 256 MiB; five deviations are 5 * sqrt(640) and less halves.
	within "$(estimate "$dir/$kind.heap" 3)" 257 383 "$kind, all"
	within "$(estimate "$dir/$kind.heap" 1)" 200 312 "$kind, alive"
done

[ -z "${EMULATOR-}" ] || {
	echo 'test_profile: pprof reads no program of another machine'
	exit 0
}
pprof=
for name in google-pprof pprof; do
	command -v "$name" >/dev/null && "$name" --help 2>&1 |
		grep -q -e --collapsed && pprof=$name && break
done
[ -n "$pprof" ] || { echo 'test_profile: no pprof to read it'; exit 0; }

# Sites as pprof sees them: who is on top, and the bytes below it.
for kind in $kinds; do
	"$pprof" --collapsed --alloc_space "$dir/$kind" "$dir/$kind.heap" \
		>"$dir/all" 2>"$dir/said" || fail "$kind: $(cat "$dir/said")"
	# What the compiler put into the program is the program's.
	sed -e 's/;tarn_[a-z_]*\[inline\]//g' -e 's/<0[0-9a-f]*>//g' \
		-e 's/\.localalias//g' "$dir/all" >"$dir/stacks"
	for site in small zeroed inline large freed; do
		bytes=$(awk -v site="${site}_site" '
		index($0, site) { bytes += $NF }
		END { print int(bytes / 1048576) }' "$dir/stacks")
		within "$bytes" 33 96 "$kind, $site"
	done
	[ "$kind" = static ] || ! grep -q 'tarn_' "$dir/stacks" ||
		fail "the library's own frames: $(grep tarn_ "$dir/stacks")"
	sed 's/ [0-9]*$//; s/.*;//' "$dir/stacks" | sort -u |
		grep -Evx '[a-z]*_site|tarn_[a-z_]*' &&
		fail "$kind: these are on top"
	"$pprof" --text "$dir/$kind" "$dir/$kind.heap" >"$dir/text" \
		2>"$dir/said" || fail "$kind: $(cat "$dir/said")"
	grep -q small_site "$dir/text" || fail "$kind: no small site"
done
sh "$srcdir/doc/flame.sh" stacks <"$dir/stacks" | grep -q large_site ||
	fail 'no picture'
echo "test_profile: $kinds, read by $pprof"
