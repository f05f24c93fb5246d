# SPDX-License-Identifier: BSD-2-Clause
# markdown.awk: a page of Markdown as HTML, as far as doc/guide.md needs it:
# headings, paragraphs, lists of one level, tables, fenced blocks, links, code
# and bold text. A block of code stands by itself: nothing in it is markup.

function escape(text)
{
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	return text
}

# As GitHub makes them of headings.
function anchor(text)
{
	text = tolower(text)
	gsub(/[^a-z0-9 _-]/, "", text)
	gsub(/ /, "-", text)
	return text
}

# Links and bold text; not in code.
function spans(text, out, label, target)
{
	out = ""
	while (match(text, /\[[^]]*\]\([^)]*\)/)) {
		label = substr(text, RSTART + 1, RLENGTH - 2)
		target = label
		sub(/\]\(.*/, "", label)
		sub(/.*\]\(/, "", target)
		out = out substr(text, 1, RSTART - 1) "<a href=\"" target \
			"\">" label "</a>"
		text = substr(text, RSTART + RLENGTH)
	}
	text = out text
	while (match(text, /\*\*[^*]*\*\*/))
		text = substr(text, 1, RSTART - 1) "<b>" \
			substr(text, RSTART + 2, RLENGTH - 4) "</b>" \
			substr(text, RSTART + RLENGTH)
	return text
}

# Code is put aside as \001N\002, so that a link or bold text may have it.
function inline(text, n, i, code)
{
	n = 0
	text = escape(text)
	while (match(text, /`[^`]*`/)) {
		code[++n] = "<code>" substr(text, RSTART + 1, RLENGTH - 2) \
			"</code>"
		text = substr(text, 1, RSTART - 1) "\001" n "\002" \
			substr(text, RSTART + RLENGTH)
	}
	text = spans(text)
	for (i = 1; i <= n; i++) {
		match(text, "\001" i "\002")
		text = substr(text, 1, RSTART - 1) code[i] \
			substr(text, RSTART + RLENGTH)
	}
	return text
}

function close_text()
{
	if (text != "")
		print "<" kind ">" inline(text) "</" kind ">"
	text = ""
}

function close_all()
{
	close_text()
	if (list)
		print "</ul>"
	if (table)
		print "</table>"
	list = table = 0
}

function row(line, tag, n, i, cells)
{
	sub(/^\| */, "", line)
	sub(/ *\|$/, "", line)
	n = split(line, cells, / *\| */)
	printf "<tr>"
	for (i = 1; i <= n; i++)
		printf "<%s>%s</%s>", tag, inline(cells[i]), tag
	print "</tr>"
}

/^```/ && !fenced { close_all(); fenced = 1; printf "<pre>"; next }
/^```/ { fenced = 0; print "</pre>"; next }
fenced { print escape($0); next }
/^<!--.*-->$/ { next }
/^$/ { close_text(); if (table) close_all(); next }
/^#+ / {
	close_all()
	level = length($1)
	title = substr($0, level + 2)
	print "<h" level " id=\"" anchor(title) "\">" inline(title) \
		"</h" level ">"
	next
}
/^\|[ |-]*$/ && table { next }
/^\|/ {
	if (!table) {
		close_all()
		print "<table>"
		row($0, "th")
		table = 1
	} else {
		row($0, "td")
	}
	next
}
/^- / {
	close_text()
	if (!list)
		print "<ul>"
	list = 1
	kind = "li"
	text = substr($0, 3)
	next
}
{
	if (text == "" && list && !/^ /)
		close_all()
	if (text == "")
		kind = list ? "li" : "p"
	sub(/^ +/, "")
	text = text (text == "" ? "" : "\n") $0
}
END { close_all() }
