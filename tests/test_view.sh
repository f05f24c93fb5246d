#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Reports of whole programs: TARN_DEBUG=report=FILE writes that of each pool
# alive at exit, which is JSON to others, too; and tarn-view puts it in a page.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

srcdir=${srcdir:-.}
view=$srcdir/tools/tarn-view
libs=${builddir:-.}/lib/.libs

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_view: $*" >&2
	exit 1
}

# ---- tarn-view ----

echo '{"tarn":"0","pools":[{"name":"</script><b>"}]}' >"$dir/odd.json"
sh "$view" -o "$dir/odd.html" "$dir/odd.json" || fail 'a report is refused'
sh "$view" <"$dir/odd.json" >"$dir/same.html" ||
	fail 'standard input is refused'
cmp "$dir/odd.html" "$dir/same.html" || fail 'two pages of one report'
[ "$(grep -c '</script>' "$dir/odd.html")" = 2 ] ||
	fail 'a name ends an element of the page'
grep -qF '"name":"\u003c/script>\u003cb>"' "$dir/odd.html" ||
	fail 'a name is lost'
grep -Eq '(src|href) *=|@import|url\(["a-z]' "$dir/odd.html" &&
	fail 'the page needs another file'
sh "$view" --help | grep -q '^usage: ' || fail 'no help'
for wrong in --wrong '-o' "$dir/none" "$dir/odd.json $dir/odd.json"; do
	status=0
	# shellcheck disable=SC2086 # words
	sh "$view" $wrong >"$dir/out" 2>&1 || status=$?
	[ "$status" = 2 ] || fail "$wrong: status $status"
done

# ---- reports at exit ----

case ${INSTRUMENT_FLAGS-} in
*-fsanitize*) echo 'test_view: no programs under a sanitizer'; exit 0 ;;
esac
[ -e "$libs/libtarn.a" ] || { echo 'no static library was built'; exit 0; }
cat >"$dir/program.c" <<'END'
#include "tarn.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static tarn_pool *pool;

static void *work(void *arg)
{
	for (int i = 0; i < 500; i++)
		memset(tarn_palloc(pool, 100), 1, 100);
	return arg;
}

static void end_here(void *data)
{
	(void)data;
	exit(0);
}

int main(int argc, char **argv)
{
	tarn_options options = TARN_OPTIONS_INIT;
	pthread_t thread;
	tarn_mark mark;

	tarn_pool_destroy(tarn_pool_create(NULL));
	if (argc > 1 && strcmp(argv[1], "below") == 0) {
		pool = tarn_pool_create(NULL);
		if (fork() != 0)
			return wait(NULL) < 0;
		pool = tarn_pool_create_child(pool, NULL);
		return tarn_pool_create_child(pool, NULL) == NULL;
	}
	if (argc > 1 && strcmp(argv[1], "fork") == 0 && fork() != 0)
		wait(NULL);
	options.name = "\"alive\" \xc3\xa9 \xff";
	pool = tarn_pool_create(&options);
	tarn_pool_create(NULL);
	options.name = "child";
	tarn_palloc(tarn_pool_create_child(pool, &options), 5000);
	/* Not a pool of the program's own. */
	tarn_scratch_end(tarn_scratch_begin(NULL, &mark), mark);
	tarn_palloc(pool, 1);
	pthread_create(&thread, NULL, work, NULL);
	pthread_join(thread, NULL);
	if (argc > 1 && strcmp(argv[1], "told") == 0)
		return tarn_pool_report(pool, stdout, TARN_REPORT_TEXT);
	if (argc > 1 && strcmp(argv[1], "ending") == 0) {
		tarn_cleanup_add(pool, end_here, NULL);
		tarn_pool_destroy(pool);
	}
	return 0;
}
END
# shellcheck disable=SC2086 # the compiler and its flags are words
$CC ${INSTRUMENT_FLAGS-} -I"$srcdir/include" "$dir/program.c" \
	"$libs/libtarn.a" -pthread -o "$dir/program"

# run WORDS [ARGUMENT]: the program, in the directory of the reports.
run()
{
	words=$1
	shift
	(cd "$dir" && TARN_DEBUG=$words ${EMULATOR-} ./program "$@") 2>"$dir/said" ||
		fail "the program failed under $words: $(cat "$dir/said")"
}

# pools FILE: how many are told of.
pools()
{
	grep -c '"depth":' "$dir/$1" || true
}

run report=exit.json
[ ! -s "$dir/said" ] || fail "it said: $(cat "$dir/said")"
[ "$(pools exit.json)" = 3 ] || fail "$(pools exit.json) pools, not 3"
grep -q '"depth":1.*"child"' "$dir/exit.json" || fail 'the child is not there'
grep -q '"large_allocations":\[$' "$dir/exit.json" || fail 'no large one is'
grep -q scratch "$dir/exit.json" && fail 'the library tells of its own'
# Laid out as without the word: not an object a chunk.
[ "$(grep -c '{"at":' "$dir/exit.json")" -lt 60 ] || fail 'it is watched'

if command -v jq >/dev/null; then
	jq -e '
		[.pools[] | .blocks[] | .size == .header + .unclaimed + .kept +
			([.chunks[].size] | add // 0)] | all' \
		"$dir/exit.json" >"$dir/out" || fail 'blocks do not add up'
	jq -e '[.pools[] | .held >= .handed_out and
		.unused == .held - .handed_out] | all' \
		"$dir/exit.json" >"$dir/out" || fail 'figures do not fit'
	jq -e '[.pools[] | select(.children == 1) | .blocks[].chunks[].thread] |
		unique | length == 2' \
		"$dir/exit.json" >"$dir/out" || fail 'not two threads'
fi
if command -v python3 >/dev/null; then
	python3 -m json.tool "$dir/exit.json" >"$dir/out" || fail 'it is no JSON'
fi
sh "$view" -o "$dir/exit.html" "$dir/exit.json" || fail 'no page'
grep -q '"pools":\[' "$dir/exit.html" || fail 'the page has no report'

# One for each process, where each has a name of its own; else the first one's.
run report=p%p.json fork
count=0
for file in "$dir"/p[0-9]*.json; do
	[ "$(pools "$(basename "$file")")" = 3 ] || fail "$file is incomplete"
	count=$((count + 1))
done
[ "$count" = 2 ] || fail "$count reports of two processes"
# A process tells of what it made, be it below what was there before.
run report=b%p.json below
count=$(grep -c '"depth":' "$dir"/b[0-9]*.json | sed 's/.*://' | sort |
	paste -sd ' ' -)
[ "$count" = '1 2' ] || fail "of a pool and two below it: $count"
run report=one.json fork
[ "$(pools one.json)" = 3 ] || fail 'a process wrote over it'

# In the middle of the end of a pool, of which there is no more to tell.
run report=ending.json ending
grep -q '"depth":0' "$dir/ending.json" || fail 'the others are not told'
grep -q '"alive' "$dir/ending.json" && fail 'a pool that ends is told'

# Pools that are watched, and are leaks.
run report=watched.json,leaks,junk told >"$dir/told"
grep -q 'alive' "$dir/told" || fail 'a watched pool is not told'
[ "$(pools watched.json)" = 3 ] || fail "$(pools watched.json) watched pools"
[ "$(grep -c 'leaks: pool' "$dir/said")" = 3 ] || fail 'leaks are not told'

# What cannot be.
run report=none/x.json
grep -q 'report=none/x.json: ' "$dir/said" || fail 'it is not said'
run report=
grep -q 'unknown: report=' "$dir/said" || fail 'no name is a name'
if [ -w /dev/full ]; then
	run report=/dev/full
	grep -q 'the report cannot be written' "$dir/said" || fail 'it is full'
fi
echo 'test_view: reports at exit, and their pages'
