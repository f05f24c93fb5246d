#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bars.sh RESULTS.json: what was promised beside others, of what tarn-bench
# measured. Fails where a promise was not kept.
set -eu

if [ $# != 1 ]; then
	echo 'usage: bars.sh RESULTS.json' >&2
	exit 2
fi
command -v jq >/dev/null || {
	echo 'bars.sh needs jq (Debian: ./bootstrap --install --peers)' >&2
	exit 1
}

bars=$(jq -r -f "$(dirname "$0")/bars.jq" "$1")
printf '%s\n' "$bars" | awk -F '\t' '
	{
		figure = $2 == "" ? "" : sprintf("%.3f", $2)
		printf "%-52s %8s %s %-5s %s\n", $1, figure, $3, $4, $5
		missed += $5 == "MISSED"
	}
	END {
		printf "%d of %d missed\n", missed, NR
		exit missed != 0
	}'
