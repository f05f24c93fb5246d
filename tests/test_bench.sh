#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the bench's scripts make of results: promises kept, missed and not
# measured; and that the committed report is of the committed results. Skipped
# without jq, which the library does not need.
set -eu

srcdir=${srcdir:-.}
bench=$srcdir/bench
command -v jq >/dev/null || exit 77

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_bench: $*" >&2
	exit 1
}

# results OURS FLOOR: of one case, three rounds each.
results()
{
	cat <<END
{"tarn": "0", "peers": [
 {"id": "tarn", "kind": "tarn", "shared": "native"},
 {"id": "floor-tls", "kind": "floor", "shared": "native"}],
"cases": [{"id": "W1-code", "title": "a case", "threads": 1, "results": [
 {"peer": "tarn", "metrics": {"ns": {"values": [$1]}}},
 {"peer": "floor-tls", "metrics": {"ns": {"values": [$2]}}}]}]}
END
}

# bar RESULT WANTED: the line of the one bar that was measured.
bar()
{
	status=0
	sh "$bench/bars.sh" "$dir/results" >"$dir/bars" || status=$?
	[ "$status" = "$1" ] || fail "status $status instead of $1"
	grep -Eq "^W1-code: tarn / floor-tls +$2$" "$dir/bars" ||
		fail "no '$2' in $(cat "$dir/bars")"
	grep -q 'W3-2: tarn / floor-tls .* not measured$' "$dir/bars" ||
		fail 'what was not measured is not said to be so'
}

# Ratios round by round, and their median: 1, 1 and 4; then 1, 1.2 and 1.2.
results '2, 3, 8' '2, 3, 2' >"$dir/results"
bar 0 '1\.000 <= 1\.1 +ok'
results '2, 2.4, 1.2' '2, 2, 1' >"$dir/results"
bar 1 '1\.200 <= 1\.1 +MISSED'

echo '{"other": 1}' >"$dir/results"
! sh "$bench/bars.sh" "$dir/results" >"$dir/bars" 2>&1 ||
	fail 'took what is not a result'

committed=$srcdir/doc/bench
date=$(jq -r '.date[:10]' "$committed/bench.json")
grep -q "measured in one run on $date" "$committed/bench.html" ||
	fail 'doc/bench/bench.html is not of bench.json'
echo 'test_bench: bars and report: as they should be'
