#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# examples/lua: a script whose memory is a pool with a limit makes far more
# garbage than that, is told when it wants too much at once, and goes on; one
# that does not catch that ends, alone. Skipped where configure found no Lua.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

lua=${builddir:-.}/examples/lua
[ -x "$lua" ] || {
	echo 'test_lua: skipped: Lua 5.4 is missing (Debian: liblua5.4-dev)'
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_lua: $*" >&2
	cat "$dir/out" >&2
	exit 1
}

# held_within LIMIT: what the pool held at the end, as the last line tells it.
held_within()
{
	held=$(sed -n "s/^\([0-9]*\) bytes held, of $1\$/\1/p" "$dir/out")
	[ -n "$held" ] || fail 'does not say what was held'
	[ "$held" -le "$1" ] || fail "$held bytes held"
}

# ---- the script that is built in ----

${EMULATOR-} "$lua" >"$dir/out" || fail 'its own script failed'
[ "$(grep -c 'not enough memory' "$dir/out")" = 3 ] || fail 'no limit was hit'
grep -q 'on it goes: 1 2 3 4 5 6 7 8 9 10$' "$dir/out" || fail 'did not go on'
held_within 4194304

# ---- a script in a file, in little memory ----

cat >"$dir/steps.lua" <<'END_OF_SCRIPT'
local live = {}
for i = 1, 1000000 do
	live[i % 1000] = { i, tostring(i) }
end
print(live[999][2])
END_OF_SCRIPT
${EMULATOR-} "$lua" -m 1048576 "$dir/steps.lua" >"$dir/out" || fail 'a script failed'
grep -q '^999999$' "$dir/out" || fail 'a script did not end'
held_within 1048576

# ---- errors ----

echo 'local s = "x" while true do s = s .. s end' >"$dir/grows.lua"
echo 'error("on purpose")' >"$dir/fails.lua"
for pair in 'grows:not enough memory' 'fails:on purpose' 'missing:cannot open'; do
	! ${EMULATOR-} "$lua" "$dir/${pair%%:*}.lua" >"$dir/out" 2>&1 ||
		fail "${pair%%:*}.lua ends well"
	grep -q "^lua: .*${pair#*:}" "$dir/out" ||
		fail "${pair%%:*}.lua: no '${pair#*:}'"
	held_within 4194304
done
! ${EMULATOR-} "$lua" -m 8192 >"$dir/out" 2>&1 || fail 'runs in 8 KiB'
grep -q '^lua: not enough memory' "$dir/out" || fail 'no word of 8 KiB'
echo 'test_lua: as it should be'
