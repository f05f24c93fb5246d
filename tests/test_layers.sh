#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The shape of lib/, checked: which file may include which, which may contain
# atomics, and that every atomic access says why its order is what it is, with
# a tag that has two sides and a row in doc/DESIGN.md. The map of tests names each
# file there is, and nowhere is an #if within a function.
set -eu

srcdir=${srcdir:-.}
cd "$srcdir"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# Each file and the files of the project it includes, from the bottom up: a
# header may only be included by rows below its own, and every word is needed.
cat >"$dir/layers" <<'END'
tarn.h:
prefix.h:
align.h:     prefix.h
array.h:     align.h
text.h:      array.h prefix.h tarn.h
text.c:      text.h
birth.h:
objects.h:   align.h birth.h
objects.c:   objects.h
mutex_posix.h: prefix.h
mutex_windows.h: prefix.h
mutex.h:     mutex_posix.h mutex_windows.h
mutex_windows.c: mutex.h
memcheck.h:
sanitizers.h:
probe.h:
alive.h:
thread_posix.h: alive.h
thread_windows.h: prefix.h
thread.h:    prefix.h thread_posix.h thread_windows.h
thread_posix.c: thread.h sanitizers.h
thread_windows.c: thread.h
heap.h:      prefix.h
heap_posix.c: align.h heap.h tarn.h
heap_windows.c: heap.h align.h tarn.h
pages.h:     prefix.h
pages_posix.c: pages.h align.h
pages_linux.c: pages.h
pages_plain.c: pages.h
pages_windows.c: pages.h align.h
host.h:      prefix.h
host_posix.c: host.h
host_windows.c: host.h
aside.h:     thread.h
mark.h:      prefix.h
mark.c:      mark.h memcheck.h sanitizers.h
trace.h:     align.h
trace.c:     trace.h aside.h host.h
debug.h:     mark.h mutex.h tarn.h
debug.c:     debug.h aside.h host.h trace.h
profile.h:   debug.h
profile.c:   profile.h align.h
guard.h:     prefix.h tarn.h
guard.c:     guard.h align.h debug.h pages.h
limit.h:     mutex.h prefix.h
limit.c:     limit.h align.h
upstream.h:  limit.h mark.h tarn.h
upstream.c:  upstream.h align.h aside.h heap.h pages.h
block.h:     align.h upstream.h
block.c:     block.h debug.h
block_cache.c: block.h debug.h host.h mutex.h
slot_fiber.h:
slot_thread.h:
slot.h:      block.h mutex.h slot_fiber.h slot_thread.h thread.h
slot.c:      slot.h debug.h mutex.h
slot_thread.c: slot.h
unit.h:
claim.h:     block.h
cursor.h:    block.h claim.h mutex.h
cursor.c:    cursor.h probe.h
cursor_reset.c: cursor.h
run.h:       cursor.h unit.h
run.c:       run.h
depot.h:     mutex.h run.h unit.h
depot.c:     depot.h
ledger.h:    cursor.h
ledger.c:    ledger.h
room.h:      align.h tarn.h unit.h
local.h:     birth.h cursor.h ledger.h room.h tarn.h
local.c:     local.h thread.h
cut.h:       local.h
cut.c:       cut.h
shard.h:     birth.h block.h mutex.h
shard.c:     shard.h
large.h:     birth.h shard.h
large.c:     large.h
cleanup.h:   birth.h mutex.h prefix.h tarn.h
cleanup.c:   cleanup.h
pool.h:      cleanup.h cursor.h large.h local.h mutex.h slot.h tarn.h upstream.h
rewind.h:    pool.h
reuse.h:     depot.h pool.h
loose.h:     depot.h pool.h
loose.c:     loose.h reuse.h
reuse.c:     reuse.h loose.h rewind.h
picture.h:   array.h pool.h
picture.c:   picture.h
cache.h:     pool.h unit.h
slab.h:      cache.h
sweep.h:     cache.h
slab.c:      slab.h reuse.h sweep.h
sweep.c:     sweep.h slab.h
report.h:    debug.h
sample.h:    debug.h pool.h
watch.h:     debug.h objects.h pool.h trace.h
watch.c:     watch.h guard.h report.h sample.h
watch_objects.c: watch.h sample.h
sample.c:    sample.h aside.h cut.h profile.h reuse.h watch.h
cache.c:     cache.h sample.h slab.h watch.h
describe.h:  picture.h text.h
describe.c:  describe.h reuse.h slab.h
report.c:    report.h aside.h describe.h watch.h
call.c:      watch.h
create.c:    pool.h probe.h watch.h
pool.c:      pool.h cache.h probe.h reuse.h sample.h watch.h
pool_local.c: pool.h watch.h
palloc.c:    probe.h reuse.h sample.h watch.h
rewind.c:    reuse.h rewind.h sample.h watch.h
scratch.c:   reuse.h watch.h
pfree.c:     reuse.h sample.h watch.h
stats.c:     watch.h cache.h
stay.c:
string.c:    watch.h
END

# Files that may contain atomics. All others get theirs by calling these.
cat >"$dir/atomics" <<'END'
tarn.h
block.h
block.c
block_cache.c
slot.h
slot.c
cache.h
cache.c
claim.h
cursor.h
cursor.c
cursor_reset.c
ledger.h
ledger.c
local.h
local.c
loose.c
shard.h
large.h
large.c
pool.h
pool.c
pool_local.c
palloc.c
picture.c
reuse.c
reuse.h
stats.c
unit.h
watch.h
call.c
END

# How far above an access its ORDER comment may begin, in lines.
near=12
status=0

fail()
{
	echo "test_layers: $*" >&2
	status=1
}

path_of()
{
	[ "$1" = tarn.h ] && echo include/tarn.h || echo "lib/$1"
}

# ---- who includes whom ----

includes_of()
{
	sed -n -e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\(.*\)".*/\1/p' \
		-e 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\(tarn.*\)>.*/\1/p' \
		"$(path_of "$1")" | grep -v '^config\.h$'
}

find lib -name '*.[ch]' | sed 's|.*/||' | sort >"$dir/there"
sed -n 's/:.*//p' "$dir/layers" | grep -v '^tarn\.h$' | sort >"$dir/rows"
diff "$dir/there" "$dir/rows" >"$dir/diff" ||
	fail "files of lib/ (<) and rows of the table (>) differ:
$(cat "$dir/diff")"

seen=
while IFS=: read -r file allowed; do
	[ -e "$(path_of "$file")" ] || continue
	for header in $allowed; do
		case " $seen " in
		*" $header "*) ;;
		*) fail "the table: $file includes $header, which is above it" ;;
		esac
	done
	includes_of "$file" | sort >"$dir/actual"
	echo "$allowed" | tr ' ' '\n' | sed '/^$/d' | sort >"$dir/expected"
	diff "$dir/actual" "$dir/expected" >"$dir/diff" ||
		fail "$file: it includes (<), it should (>):
$(cat "$dir/diff")"
	seen="$seen $file"
done <"$dir/layers"

# ---- atomics ----

# Prints FILE:LINE: for each access that breaks a rule; comments are no code.
check_atomics()
{
	awk -v near="$near" -v file="$1" '
	function complain(what) { print file ":" FNR ": " what }
	{
		line = $0
		if (line ~ /ORDER [a-z]/) {
			order = FNR
			found = 1
		}
		# A comment may cover all that follows it.
		if (inside || line ~ /ORDER [a-z]/)
			if (line ~ /until the end of this file/)
				rest = 1
		if (inside) {
			if (!match(line, /\*\//))
				next
			line = substr(line, RSTART + 2)
			inside = 0
		}
		while (match(line, /\/\*/)) {
			head = substr(line, 1, RSTART - 1)
			tail = substr(line, RSTART + 2)
			if (match(tail, /\*\//))
				line = head " " substr(tail, RSTART + 2)
			else {
				line = head
				inside = 1
			}
		}
		if (line ~ /atomic_(thread|signal)_fence|__sync_/)
			complain("a fence: ThreadSanitizer does not see it")
		if (line ~ /volatile/ && line !~ /asm/)
			complain("volatile orders nothing")
		if (line ~ /(^|[^_a-z])atomic_(load|store|exchange|compare_exchange|fetch|flag)[a-z_]*/ &&
		    line !~ /atomic_[a-z_]*_explicit/)
			complain("no explicit order")
		if (line ~ /memory_order_seq_cst|__ATOMIC_SEQ_CST/)
			complain("seq_cst: which order is meant?")
		if (line ~ /atomic_[a-z_]*_explicit|__atomic_[a-z_]+\(/ &&
		    !rest && !(found && FNR - order <= near))
			complain("no ORDER comment in the " near " lines above")
	}' "$(path_of "$1")"
}

while IFS=: read -r file allowed; do
	[ -e "$(path_of "$file")" ] || continue
	if grep -qx "$file" "$dir/atomics"; then
		check_atomics "$file" >"$dir/complaints"
		[ ! -s "$dir/complaints" ] || fail "$(cat "$dir/complaints")"
	elif grep -nE 'atomic_|_Atomic|__atomic|__sync' \
		"$(path_of "$file")" >"$dir/complaints"; then
		fail "$file: no atomics here:
$(cat "$dir/complaints")"
	fi
done <"$dir/layers"
while read -r file; do
	grep -qE '_Atomic|_explicit|__atomic' "$(path_of "$file")" ||
		fail "$file: no atomics in it, but in the list"
done <"$dir/atomics"

# ---- functions ----

find lib include tools tests examples bench \( -name '*.[ch]' -o -name '*.cc' \
	-o -name '*.hpp' \) -exec awk '
FNR == 1 || /^}/ { within = 0 }
/^{/ { within = 1 }
within && /^[ \t]*#[ \t]*if/ { print FILENAME ":" FNR ": " $0 }' {} + \
	>"$dir/complaints"
[ ! -s "$dir/complaints" ] || fail "an #if within a function:
$(cat "$dir/complaints")"

# ---- tags ----

# Every ORDER of every comment, one a line and with all that it says.
awk '
FNR == 1 { inside = 0 }
{
	line = $0
	if (!inside && i = index(line, "/*")) {
		line = substr(line, i + 2)
		inside = 1
		text = ""
	}
	if (inside) {
		if (i = index(line, "*/")) {
			line = substr(line, 1, i - 1)
			inside = 0
		}
		text = text " " line
		if (!inside && n = split(text, parts, /ORDER /))
			for (j = 2; j <= n; j++) {
				gsub(/[ \t]+/, " ", parts[j])
				print "ORDER " parts[j]
			}
	}
}' lib/*.[ch] include/tarn.h include/tarn.hpp >"$dir/uses"
grep -vE '^ORDER [a-z][a-z-]* \([a-z_, ]+\)' "$dir/uses" >"$dir/wrong" &&
	fail "an ORDER comment begins: ORDER tag (order), not:
$(cat "$dir/wrong")"
sed 's/^ORDER \([a-z-]*\).*/\1/' "$dir/uses" | sort -u >"$dir/tags"
[ -s "$dir/tags" ] || fail 'no ORDER comment was found'

# A tag says why, once at least, and has two sides, or says what it is alone.
while read -r tag; do
	grep "^ORDER $tag (" "$dir/uses" >"$dir/sides"
	grep -qE '\).*: .' "$dir/sides" || fail "ORDER $tag: why?"
	[ "$(wc -l <"$dir/sides")" -ge 2 ] ||
		grep -qE 'alone: .|[Pp]airs with itself' "$dir/sides" ||
		fail "ORDER $tag: one side only, and not said to be alone"
done <"$dir/tags"

# Functions, and the tags in them: one that pairs with another names it as it is
# called now.
awk '
FNR == 1 { name = "" }
/^[a-z]/ {
	head = $0
	gsub(/__attribute__\(\([a-z_]*\)\)/, "", head)
	if (sub(/\(.*/, "", head)) {
		sub(/.*[ *]/, "", head)
		name = head
	}
}
{
	n = split($0, parts, /ORDER /)
	for (j = 2; j <= n; j++)
		if (match(parts[j], /^[a-z-]+ \(/))
			print name, substr(parts[j], 1, RLENGTH - 2)
}' lib/*.[ch] include/tarn.h | sort -u >"$dir/places"
sed -n 's/^ORDER \([a-z-]*\).*[Pp]airs with \([^.;:]*\).*/\1 \2/p' "$dir/uses" |
	awk '{
		for (i = 2; i <= NF; i++) {
			gsub(/[^a-z0-9_]/, "", $i)
			if ($i ~ /_/)
				print $i, $1
		}
	}' | sort -u >"$dir/pairs"
[ -s "$dir/pairs" ] || fail 'no ORDER pairs with a function'
wrong=$(comm -23 "$dir/pairs" "$dir/places" | paste -sd ',' -)
[ -z "$wrong" ] ||
	fail "an ORDER pairs with a function that has no such tag: $wrong"

# The rows of the design page's table, whose first cell is the tag.
sed -n '/ORDER/,$s/^| *`\([a-z][a-z-]*\)` *|.*/\1/p' doc/DESIGN.md |
	sort -u >"$dir/rows"
missing=$(comm -23 "$dir/tags" "$dir/rows" | paste -sd ' ' -)
[ -z "$missing" ] || fail "no row in doc/DESIGN.md's ORDER table: $missing"
while read -r tag; do
	grep -qx "$tag" "$dir/tags" || echo "$tag"
done <"$dir/rows" >"$dir/stale"
[ ! -s "$dir/stale" ] ||
	fail "a row in doc/DESIGN.md, but no such ORDER:" "$(paste -sd ' ' "$dir/stale")"

# ---- the map of tests ----

# Each file of tests/ itself, by its name, or as one of a pattern.
(cd tests && ls ./*.c ./*.cc ./*.h ./*.sh ./*.am) | sed 's|^\./||' |
	grep -v '^bars.*\.c$' >"$dir/tests"
while read -r file; do
	grep -qF "\`$file\`" tests/README.md ||
		fail "tests/README.md does not name tests/$file"
done <"$dir/tests"

[ "$status" -ne 0 ] || echo "test_layers: $(wc -l <"$dir/rows") tags, \
$(wc -l <"$dir/layers") files: all as it should be"
exit "$status"
