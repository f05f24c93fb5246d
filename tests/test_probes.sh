#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The static probes: the library's notes name those of lib/probe.h, and so does
# doc/PROBES; none of them is on a hit; and where gdb can run a program, their
# arguments are what the document says.
set -eu

srcdir=${srcdir:-.}
library=${builddir:-.}/lib/.libs/libtarn.so

skip()
{
	echo "test_probes: left out: $*"
	exit 77
}

fail()
{
	echo "test_probes: $*" >&2
	exit 1
}

grep -q '^#define HAVE_PROBES 1' "${builddir:-.}/config.h" ||
	skip 'configured without probes'
command -v readelf >/dev/null || skip 'no readelf'
[ -e "$library" ] || skip 'no shared library was built'

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# ---- names ----

# NAME ADDRESS of each place.
readelf -n "$library" | awk '
	$1 == "Provider:" { provider = $2 }
	$1 == "Name:" { name = $2 }
	$1 == "Location:" && provider == "tarn" {
		sub(/,$/, "", $2)
		print name, $2
	}' >"$dir/places"
cut -d ' ' -f 1 "$dir/places" | sort -u >"$dir/there"
sed -n 's/^PROBE(\([a-z]*\),.*/\1/p' "$srcdir/lib/probe.h" |
	sort >"$dir/defined"
sed -n 's/^tarn:\([a-z]*\)(.*/\1/p' "$srcdir/doc/PROBES" |
	sort >"$dir/documented"
[ "$(wc -l <"$dir/defined")" = 7 ] || fail 'not seven in lib/probe.h'
diff "$dir/defined" "$dir/there" || fail 'the notes differ from lib/probe.h'
diff "$dir/defined" "$dir/documented" ||
	fail 'doc/PROBES differs from lib/probe.h'

# ---- places ----

# number HEXADECIMAL
number()
{
	echo "$((0x${1#0x}))"
}

hits=0
readelf -W --dyn-syms "$library" |
	awk '$8 ~ /^tarn_(palloc|pnalloc|pmemalign)(@|$)/ { print $8, $2, $3 }' \
		>"$dir/hits"
while read -r function start size; do
	begin=$(number "$start")
	case $size in
	0x*) end=$((begin + $(number "$size"))) ;;
	*) end=$((begin + size)) ;;
	esac
	[ "$end" -gt "$begin" ] || fail "$function has no size"
	while read -r name address; do
		at=$(number "$address")
		{ [ "$at" -lt "$begin" ] || [ "$at" -ge "$end" ]; } ||
			fail "tarn:$name is within $function"
	done <"$dir/places"
	hits=$((hits + 1))
done <"$dir/hits"
[ "$hits" = 3 ] || fail "$hits functions that hit, not 3"
echo "test_probes: $(wc -l <"$dir/places") places of 7 probes, none on a hit"

# ---- arguments ----

command -v gdb >/dev/null || { echo 'no gdb: no arguments'; exit 0; }
cat >"$dir/program.c" <<'END'
#include <stdio.h>
#include "tarn.h"

int main(void)
{
	tarn_options options = TARN_OPTIONS_INIT;
	tarn_pool *pool;
	tarn_stats stats = TARN_STATS_INIT;

	options.name = "probed";
	options.limit = 1 << 20;
	pool = tarn_pool_create(&options);
	tarn_palloc(pool, 1);
	for (int i = 0; i < 3; i++)
		tarn_palloc(pool, 3000);
	tarn_palloc(pool, 55555);
	tarn_palloc(pool, 2 << 20);
	tarn_pool_stats(pool, &stats);
	printf("pool %p\n", (void *)pool);
	printf("held %zu\n", stats.held - stats.large);
	tarn_pool_reset(pool);
	tarn_pool_destroy(pool);
	return 0;
}
END
# shellcheck disable=SC2086 # CC and the flags may be several words
${CC:-cc} -g ${INSTRUMENT_FLAGS:-} -I "$srcdir/include" -o "$dir/program" \
	"$dir/program.c" "$library" -Wl,-rpath,"$(cd "${library%/*}" && pwd)"

# gdb asks nothing, and finds the probes in the library once it is loaded.
{
	echo 'set breakpoint pending on'
	echo 'set startup-with-shell off'
	echo 'set environment TARN_DEBUG=unwatched'
	echo 'break main'
	echo 'run'
	while read -r name; do
		echo "break -probe-stap tarn:$name"
		echo 'commands'
		echo 'silent'
		case $name in
		create) format='%s' type='(char *)' ;;
		*) format='%lu' type='(unsigned long)' ;;
		esac
		# shellcheck disable=SC2016 # gdb's own
		printf 'printf "probe %s %%p %s\\n", $_probe_arg0, %s$_probe_arg1\n' \
			"$name" "$format" "$type"
		echo 'continue'
		echo 'end'
	done <"$dir/defined"
	echo 'continue'
} >"$dir/commands"
timeout 60 gdb -nx -batch -x "$dir/commands" "$dir/program" \
	>"$dir/out" 2>&1 || true
if ! grep -q '^pool 0x' "$dir/out"; then
	cat "$dir/out"
	echo 'test_probes: gdb runs no program here: no arguments'
	exit 0
fi

pool=$(sed -n 's/^pool //p' "$dir/out")
held=$(sed -n 's/^held //p' "$dir/out")

# told NAME VALUE: some probe of that name had this for its second argument.
told()
{
	grep -Eq "^probe $1 $pool $2\$" "$dir/out" ||
		fail "no 'probe $1 $pool $2' in $(cat "$dir/out")"
}

told create probed
told claim '[1-9][0-9]*'
told block '[1-9][0-9]*'
told large 55555
told large 2097152
told oom 2097152
told reset "$held"
told destroy '[1-9][0-9]*'

# A block is of the bytes by which the pool grew, and a chunk has the request.
awk -v pool="$pool" -v held="$held" '
	$1 == "probe" && $3 == pool {
		if ($2 == "block")
			blocks += $4
		if ($2 == "claim" && $4 < 3000)
			small++
		if ($2 == "reset" && (blocks >= $4 || blocks < 6000))
			wrong++
	}
	END { exit wrong || !blocks || small > 1 }' "$dir/out" ||
	fail "bytes of blocks or chunks are wrong: $(cat "$dir/out")"
[ "$(grep -c '^probe oom' "$dir/out")" = 1 ] || fail 'more than one oom'
echo 'test_probes: gdb sees their arguments'
