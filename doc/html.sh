#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# html.sh SOURCE DIRECTORY: the manual as HTML, from the same sources: the pages
# in man/ by mandoc, doc/guide.md, and the header and the examples, as they are,
# to which the guide leads. It needs no network to be read.
set -eu

[ $# = 2 ] || {
	echo 'usage: html.sh source directory' >&2
	exit 2
}
command -v mandoc >/dev/null || {
	echo 'make html: mandoc is missing (Debian: mandoc)' >&2
	exit 1
}
src=$1
out=$2
mkdir -p "$out"
rm -f "$out"/*.html

# page FILE TITLE: what is read, as a page with this title.
page()
{
	{
		cat <<-END
			<!DOCTYPE html>
			<html lang="en">
			<head>
			<meta charset="utf-8">
			<meta name="viewport" content="width=device-width">
			<title>$2</title>
			<link rel="stylesheet" href="style.css">
			</head>
			<body>
			<nav><a href="index.html">tarn</a></nav>
			<main>
		END
		cat
		printf '</main>\n</body>\n</html>\n'
	} >"$out/$1.html"
}

# "NAME SECTION PAGE" of each name in the NAME sections of mdoc, or of man.
names()
{
	awk '
	FNR == 1 { inside = 1; page = FILENAME; sub(/.*\//, "", page)
		section = page; sub(/.*\./, "", section) }
	/^\.TH/ { print substr(page, 1, length(page) - 2), section, page
		inside = 0 }
	/^\.Nd/ { inside = 0 }
	inside && /^\.Nm/ { print $2, section, page }' "$src"/man/*.[1-9]
}

# What a page, or an example, is about; of this the first sentence of its head.
about()
{
	case $1 in
	*.[1-9]) sed -n -e 's/^\.Nd //p' \
		-e '/^\.SH NAME/{n;s/.*\\- //p;}' "$1" ;;
	*) awk '
		/^[\/ ]\* [a-z]+: / { sub(/^.\* [a-z]+: /, ""); head = 1 }
		!head { next }
		{ sub(/^ \* /, ""); sub(/ \*\/$/, "") }
		{ text = text (text == "" ? "" : " ") $0 }
		/[.:]( |$)/ { exit }
		END { sub(/[.:]( .*)?$/, "", text); print text }' "$1" ;;
	esac
}

# References to names lead to their pages; those to other manuals are text.
names | awk '{
	name = $1
	gsub(/\./, "\\.", name)
	print "s|href=\"" name "\\." $2 "\\.html\"|href=\"=" $3 ".html\"|g"
	print "s|<b>" name "</b>(" $2 ")|<a href=\"=" $3 ".html\">" $1 \
		"(" $2 ")</a>|g"
}
END {
	print "s|<a class=\"Xr\" href=\"[^=][^>]*>\\([^<]*\\)</a>|\\1|g"
	print "s|href=\"=|href=\"|g"
}' >"$out/links.sed"

for file in "$src"/man/*.[1-9]; do
	name=${file##*/}
	mandoc -Thtml -Ofragment,man=%N.%S.html,includes=%I.html "$file" |
		sed -f "$out/links.sed" | page "$name" "$name"
done
rm "$out/links.sed"

awk -f "$src/doc/markdown.awk" "$src/doc/guide.md" |
	sed -e 's|href="../examples"|href="index.html#examples"|g' \
		-e 's|href="../[a-z]*/\([^"]*\)"|href="\1.html"|g' |
	page guide 'A guide to tarn'

for file in "$src"/include/tarn.h* "$src"/examples/*.c "$src"/examples/*.cc; do
	{
		echo "<h1>${file##*/}</h1><pre>"
		sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g' "$file"
		echo '</pre>'
	} | page "${file##*/}" "${file##*/}"
done

# list TITLE FILE...: links to the pages of files, with what they are about.
list()
{
	echo "<h2 id=\"$1\">$1</h2><dl class=\"Bl-compact\">"
	shift
	for file; do
		printf '<dt><a href="%s.html">%s</a></dt><dd>%s</dd>\n' \
			"${file##*/}" "${file##*/}" "$(about "$file")"
	done
	echo '</dl>'
}

{
	echo '<h1>tarn: memory pools that every thread may use</h1>'
	echo '<p><a href="tarn.3.html">An overview</a>,'
	echo '<a href="guide.html">a guide with worked examples</a>, and the'
	echo '<a href="tarn.h.html">header</a>, which is the reference.</p>'
	list pages "$src"/man/*.3 "$src"/man/*.7 "$src"/man/*.1
	echo '<h2 id="names">names</h2><p>'
	names | LC_ALL=C sort -f |
		sed 's|\(.*\) \(.\) \(.*\)|<a href="\3.html">\1</a>|'
	echo '</p>'
	list examples "$src"/examples/*.c "$src"/examples/*.cc
} | page index tarn

cat >"$out/style.css" <<'END'
body { margin: 0 auto; padding: 1em; max-width: 50em; line-height: 1.5;
	font-family: sans-serif; color: #222; background: #fff; }
a { color: #05a; text-decoration: none; }
a:hover { text-decoration: underline; }
pre, code { font-family: monospace, monospace; font-size: 0.88em; }
pre { padding: 0.6em; overflow-x: auto; line-height: 1.35;
	background: #f4f4f0; }
table { border-collapse: collapse; }
main > table:not(.head):not(.foot), .manual-text table { display: block;
	overflow-x: auto; }
td, th { padding: 0.1em 0.8em 0.1em 0; text-align: left;
	vertical-align: top; }
table.head, table.foot { width: 100%; color: #777; font-size: 0.85em; }
td.head-vol { text-align: center; }
td.head-rtitle, td.foot-os { text-align: right; }
h1 { font-size: 1.3em; } h2 { font-size: 1.1em; }
h1.Sh { font-size: 1.1em; } h2.Ss { font-size: 1em; }
h1 a, h2 a { color: inherit; }
dd { margin-left: 2em; }
dl.Bl-compact > dd { margin-left: 14em; }
dl.Bl-compact > dt { float: left; clear: left; }
@media (prefers-color-scheme: dark) {
	body { color: #ddd; background: #1b1b1b; }
	pre { background: #262626; }
	a { color: #8bf; }
}
END
