#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# report.sh RESULTS.json OUT.html [OUT.svg]
#
# One page with a plot and a table for each case of what tarn-bench measured,
# and one small plot of it. All in one file, nothing from outside.
set -eu

if [ $# -lt 2 ]; then
	echo 'usage: report.sh RESULTS.json OUT.html [OUT.svg]' >&2
	exit 2
fi
for tool in jq gnuplot; do
	command -v "$tool" >/dev/null || {
		echo "report.sh needs $tool (Debian: ./bootstrap --install" \
			'--peers)' >&2
		exit 1
	}
done

results=$1
out=$2
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# ask WHAT [CASE]
ask()
{
	jq -r -f "$here/report.jq" --arg what "$1" --arg id "${2-}" "$results"
}

# draw KIND OUT [AXIS]: what stands in $dir/data.
draw()
{
	gnuplot -e "kind='$1'; data='$dir/data'; out='$2'; axis='${3-}'" \
		"$here/plot.gp"
}

# Inline: without the prologue of a file of its own.
inline()
{
	echo '<div class=plot>'
	sed -n '/<svg/,$p' "$1" | sed -e 's/<title>[^<]*<\/title>//' \
		-e 's/ id="[^"]*"//g'
	echo '</div>'
}

axis_of()
{
	case $(ask metric "$1") in
	rss) echo 'resident memory / asked' ;;
	*) echo 'ns' ;;
	esac
}

section()
{
	printf '<h3>%s</h3>\n<p>%s.</p>\n' "$1" "$(ask title "$1")"
	ask bars "$1" >"$dir/data"
	draw bars "$dir/plot.svg" "$(axis_of "$1")"
	inline "$dir/plot.svg"
	echo '<details><summary>all figures</summary>'
	ask table "$1"
	echo '</details>'
}

# Over threads: only where there is more than one count of them.
scaling()
{
	ask lines "$1" >"$dir/data"
	[ "$(grep -c . "$dir/data")" -gt 4 ] || return 0
	printf '<h3>%s</h3>\n' "$2"
	draw lines "$dir/plot.svg"
	inline "$dir/plot.svg"
}

workload()
{
	case $1 in
	W1) echo 'W1: one thread' ;;
	W2) echo 'W2: a pool for each request' ;;
	W3) echo 'W3: threads that share a pool' ;;
	W4) echo 'W4: threads that share many pools' ;;
	W5) echo 'W5: threads that come and go' ;;
	W6) echo 'W6: memory' ;;
	W7) echo 'W7: objects freed one by one' ;;
	W8) echo 'W8: the floors, the least that a call can cost' ;;
	W9) echo 'W9: large objects' ;;
	W10) echo 'W10: traces of real programs' ;;
	esac
}

body()
{
	ask head
	ask summary
	echo '<p class=legend><b class=ours>tarn</b> <b class=peer>peers</b>' \
		'<b class=reference>reference</b> <b class=floor>floors</b></p>'
	last=
	for id in $(ask cases); do
		group=${id%%-*}
		if [ "$group" != "$last" ]; then
			printf '<h2>%s</h2>\n' "$(workload "$group")"
			last=$group
			[ "$group" != W3 ] || {
				scaling W3- 'Over threads, the creator idle'
				scaling W3-c 'Over threads, the creator among them'
			}
		fi
		section "$id"
	done
	echo '<h2>How it was measured</h2>'
	ask foot
	ask peers
}

ask cases >"$dir/cases"
{
	cat <<'END'
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tarn: the measure</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto;
	padding: 0 1em }
svg { width: 100%; min-width: 36em; height: auto; display: block }
.plot { overflow-x: auto }
svg text { fill: CanvasText }
table { border-collapse: collapse; font-size: 14px; display: block;
	overflow-x: auto }
th, td { padding: 1px 10px; text-align: right; vertical-align: top }
th { font-weight: normal; opacity: .7 }
td { white-space: nowrap }
td:first-child { text-align: left }
table.peers td { white-space: normal; text-align: left }
.ours td { font-weight: bold }
h2 { margin-top: 2em }
h3 { margin: 1.5em 0 0 }
p { margin: .4em 0 }
.legend b { color: #fff; padding: 0 .6em; font-weight: normal }
b.ours { background: #0072b2 } b.peer { background: #6c6c6c }
b.reference { background: #9a6a00 } b.floor { background: #00795a }
</style></head><body>
<h1>tarn: the measure</h1>
END
	body
	echo '</body></html>'
} >"$dir/page"
cp "$dir/page" "$out"

[ $# -gt 2 ] || exit 0
ask readme | awk -F '\t' '
	{ for (i = 1; i <= NF; i++) cell[i, NR] = $i; rows = NF }
	END {
		for (i = 1; i <= rows; i++) {
			printf "%s", i == 1 ? "case" : i
			for (k = 1; k <= NR; k++)
				printf "\t%s", cell[i, k]
			print ""
		}
	}' >"$dir/data"
draw readme "$dir/readme.svg"
cp "$dir/readme.svg" "$3"
