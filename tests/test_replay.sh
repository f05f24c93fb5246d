#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tools/tarn-replay by its command line: what it tells of traces whose figures
# are known, in words and in JSON, for several first blocks; how it refuses what
# is no trace; and that the manual and doc/TRACE name what the program has.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

srcdir=${srcdir:-.}
builddir=${builddir:-.}
packed=$srcdir/bench/traces/nginx_load.ptr.xz

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_replay: $*" >&2
	exit 1
}

# What is built is a script where the library is shared: libtool knows which
# program, and the emulator runs no script.
replay()
{
	"$builddir/libtool" --mode=execute ${EMULATOR-} \
		"$builddir/tools/tarn-replay" "$@"
}

# ---- traces ----

# bytes NUMBER COUNT: the number, little endian.
bytes()
{
	number=$1
	count=$2
	while [ "$count" -gt 0 ]; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\$(printf %03o $((number & 255)))"
		number=$((number >> 8))
		count=$((count - 1))
	done
}

# record OP LOG_ALIGNMENT SLOT POOL SIZE ID
record()
{
	bytes "$1" 1
	bytes "$2" 1
	bytes "$3" 2
	bytes "$4" 4
	bytes "$5" 4
	bytes "$6" 4
}

# Two threads; a child, a resize, a cancelled cleanup, an object of no bytes, a
# free that was refused, one that was not, and a call that had failed.
{
	record 255 1 0 4711 0 0
	record 1 0 0 1 1024 0
	record 13 0 1 2 0 1
	record 4 0 0 1 100 1
	record 14 0 1 1 6000 1
	record 5 0 1 2 0 2
	record 12 0 0 2 0 3
	record 15 0 1 2 0 3
	record 9 0 1 2 0 2
	record 4 0 0 2 30000 4
	record 8 0 1 2 0 4
	record 4 0 0 2 16 0
	record 6 0 0 2 500 5
	record 18 0 1 2 500 5
	record 2 0 0 1 0 0
} >"$dir/trace"

# ---- the report ----

run()
{
	replay "$@" >"$dir/out" 2>"$dir/error" ||
		fail "tarn-replay $*: status $?: $(cat "$dir/error")"
	[ ! -s "$dir/error" ] || fail "tarn-replay $*: $(cat "$dir/error")"
}

# has PATTERN: a line of the last output.
has()
{
	grep -Eq -- "$1" "$dir/out" || fail "no '$1' in $(cat "$dir/out")"
}

run "$dir/trace"
cat "$dir/out"
has '^records 15, calls 13, pools 2, threads 2, processes 1$'
has '^left out: 1 calls that had failed$'
has '^ +recorded +[0-9]+ +[0-9]+ +[0-9.]+ % +[0-9.]+ % +[0-9]+ +[0-9.]+$'
! grep -q otherwise "$dir/out" || fail 'frees went otherwise'

# What was handed out at most: 6000 bytes, in which 100 had grown and are free
# again, and 30000 in the child, each rounded to 16, and a cleanup.
peak=$(awk '$1 == "recorded" { print $3 }' "$dir/out")
{ [ "$peak" -ge 36000 ] && [ "$peak" -le 36300 ]; } ||
	fail "handed out: $peak"

run --compare 512,1K,64K,1M "$dir/trace"
[ "$(awk '$1 ~ /^(512|1024|65536|1048576)$/' "$dir/out" | wc -l)" = 4 ] ||
	fail "not four lines in $(cat "$dir/out")"
awk '$1 == 1048576 && $2 >= 2097152 { found = 1 } END { exit !found }' \
	"$dir/out" || fail 'two first blocks of 1 MiB are not held'

run --large-above 64K --upstream mmap --no-check --cache 0 --max-block 8K \
	--first-block 1K "$dir/trace"
has 'frees ended otherwise than recorded'

run --json --compare 512,4096 "$dir/trace"
has '"calls": 13, "pools": 2, "threads": 2,'
has '"first_block": 512, "peak_held": [0-9]+, "peak_handed_out": [0-9]+,'
if command -v jq >/dev/null; then
	jq -e '.results | length == 2 and (map(.ns_per_call > 0) | all)' \
		"$dir/out" >/dev/null || fail 'the JSON is not as it should be'
fi
run --version
has "^tarn-replay ${VERSION:-[0-9]}"

# A trace that is replayed is not recorded over.
cp "$dir/trace" "$dir/kept"
(
	TARN_DEBUG=trace=$dir/kept
	export TARN_DEBUG
	replay "$dir/kept" >"$dir/out" 2>"$dir/error"
)
cmp "$dir/trace" "$dir/kept"
grep -q 'TARN_DEBUG is ignored' "$dir/error" || fail 'nothing is said of it'

# A trace of a real program, by the library of this build.
TARN_DEBUG=trace=$dir/recorded \
	${EMULATOR-} "${builddir:-.}/examples/request" >"$dir/out"
run --compare 512,4K "$dir/recorded"
has '^records [0-9]{3,}, calls [0-9]{3,}, pools [0-9]{2,}, threads [0-9]+, '
! grep -q 'left out\|otherwise' "$dir/out" || fail "$(cat "$dir/out")"

# One that frees all it takes, and marks: nothing goes otherwise.
TARN_DEBUG=trace=$dir/recorded,unwatched \
	${EMULATOR-} "${builddir:-.}/examples/reuse" >"$dir/out"
run --no-check "$dir/recorded"
! grep -q 'left out\|otherwise' "$dir/out" || fail "$(cat "$dir/out")"

# ---- what is refused ----

# refuses PATTERN ARGUMENTS...: in one line, with status 2.
refuses()
{
	pattern=$1
	shift
	status=0
	replay "$@" >"$dir/out" 2>"$dir/error" || status=$?
	[ "$status" = 2 ] || fail "tarn-replay $*: status $status, not 2"
	grep -q "$pattern" "$dir/error" ||
		fail "tarn-replay $*: no '$pattern' in $(cat "$dir/error")"
	[ "$pattern" = usage ] || [ "$(wc -l <"$dir/error")" = 1 ] ||
		fail "tarn-replay $*: more than a line: $(cat "$dir/error")"
}

head -c 100 "$dir/trace" >"$dir/truncated"
echo 'this is a text, no trace' >"$dir/text"
: >"$dir/empty"
record 4 0 0 1 4294967294 1 >"$dir/huge"
refuses 'truncated: it ends within a record' "$dir/truncated"
refuses 'record 1: no operation' "$dir/text"
refuses 'no calls' "$dir/empty"
refuses 'bytes alive at once' --memory 1G "$dir/huge"
refuses 'irectory' "$dir"
refuses 'No such file' "$dir/none"
refuses 'no upstream' --upstream sbrk "$dir/trace"
refuses 'no size' --first-block 1X "$dir/trace"
refuses 'no size' --compare 512, "$dir/trace"
refuses 'too large' --memory 99999999999G "$dir/trace"
refuses usage
refuses usage --frobnicate "$dir/trace"
refuses usage "$dir/trace" "$dir/trace"

# ---- a real trace, compressed ----

if replay --no-check "$packed" >"$dir/out" 2>"$dir/error"; then
	run "$packed"
	has '^records 244024, calls 243828, pools 5493, threads 1, processes 8$'
	head -c 9999 "$packed" >"$dir/truncated"
	refuses 'truncated: xz' "$dir/truncated"
	{
		head -c 8 "$packed"
		cat "$dir/text"
	} >"$dir/damaged"
	refuses 'damaged: xz' "$dir/damaged"
else
	refuses 'without liblzma' "$packed"
fi

# ---- the documents ----

replay --help >"$dir/help"
grep -o -- '--[a-z-]*' "$dir/help" | sort -u >"$dir/options"
[ "$(wc -l <"$dir/options")" -gt 8 ] || fail 'no options in --help'
while read -r option; do
	sed 's/\\-/-/g' "$srcdir/man/tarn-replay.1" | grep -q -- "$option" ||
		fail "the manual does not name $option"
done <"$dir/options"
op=1
while [ "$op" -le 18 ]; do
	grep -Eq "^[[:space:]]*${op}[[:space:]]+[a-z]" "$srcdir/doc/TRACE" ||
		fail "doc/TRACE does not tell of operation $op"
	op=$((op + 1))
done
echo 'test_replay: as it should be'
