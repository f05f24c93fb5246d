#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# flame.sh [TITLE] <STACKS >PICTURE
#
# Draws stacks, a line each with its bytes, "main;read_file;take 4096", as a
# flame graph: who calls stands below, and is as wide as all that it called
# allocated. google-pprof --collapsed writes such lines of a heap profile.
set -eu

sort | awk -v title="${1-}" '
BEGIN {
	width = 1000	# of the picture, in its own units
	row = 18	# height of a frame
	letter = 6.6	# width of a letter, about
	least = 3	# a narrower frame is left out
}

{
	stack = $0
	sub(/ [0-9]+$/, "", stack)
	# What pprof says beside a name.
	gsub(/<0+[0-9a-f]+>/, "", stack)
	gsub(/[[]inline[]]/, "", stack)
	count = split(stack, frames, ";")
	path = ""
	bytes[path] += $NF
	for (i = 1; i <= count; i++) {
		above = path ";" frames[i]
		if (!(above in bytes))
			callees[path] = callees[path] "\n" above
		bytes[above] += $NF
		name[above] = frames[i]
		level[above] = i
		path = above
	}
}

function text(string)
{
	gsub(/&/, "\\&amp;", string)
	gsub(/</, "\\&lt;", string)
	gsub(/>/, "\\&gt;", string)
	return string
}

function size(n)
{
	if (n < 1048576)
		return sprintf("%.1f KiB", n / 1024)
	return sprintf("%.1f MiB", n / 1048576)
}

# A warm colour that is the same for the same name.
function colour(string,    i, hash)
{
	for (i = 1; i <= length(string); i++)
		hash = (hash * 31 + index(letters, substr(string, i, 1))) % 9973
	return sprintf("hsl(%d,75%%,%d%%)", 12 + hash % 40, 62 + hash % 14)
}

function draw(path, left,    list, n, i, wide, top, shown)
{
	wide = bytes[path] / bytes[""] * width
	if (wide < least)
		return
	if (path != "") {
		top = 30 + (depth - level[path]) * row
		shown = name[path]
		if (length(shown) > (wide - 6) / letter)
			shown = substr(shown, 1, (wide - 6) / letter)
		printf "<g><title>%s: %s, %.1f %%</title>", text(name[path]),
			size(bytes[path]), bytes[path] / bytes[""] * 100
		printf "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
			left, top, wide - 0.4, row - 1, colour(name[path])
		if (length(shown) > 2)
			printf "<text x=\"%.1f\" y=\"%d\">%s</text>",
				left + 3, top + 13, text(shown)
		print "</g>"
	}
	n = split(substr(callees[path], 2), list, "\n")
	for (i = 1; i <= n; i++) {
		draw(list[i], left)
		left += bytes[list[i]] / bytes[""] * width
	}
}

END {
	letters = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	for (path in level)
		if (level[path] > depth && \
			bytes[path] / bytes[""] * width >= least)
			depth = level[path]
	height = 40 + depth * row
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\"",
		width, height
	print " font-family=\"monospace\" font-size=\"11\">"
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height
	printf "<text x=\"4\" y=\"18\" font-size=\"13\">%s: %s</text>\n",
		text(title), size(bytes[""])
	if (bytes[""] > 0)
		draw("", 0)
	print "</svg>"
}'
