#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# bars.sh [ROW...]: what was promised in numbers, each beside its bar; all
# rows, or those named. Fails where one is missed.
#	1    instructions on a hit, counted by callgrind
#	2    locked and read-modify-write instructions on a hit, in the
#	     disassembly
#	3-9  times and bytes: see bars.c
#	10   read-modify-writes of 8 threads that fill one pool, by callgrind
#	11   instructions of a request that freed memory serves, by callgrind
#	12-18  times and bytes of reuse: see bars.c
#	19-20  times of tarn::memory_resource: see bars.c
# Runs what was built below $builddir. BARS_OPERATIONS=100000000 in the
# environment has rows 13 and 16 do so many, which takes minutes.
set -eu
unset TARN_CACHE

bars=${builddir:-.}/tests/bars
library=${builddir:-.}/lib/.libs/libtarn.so
[ -f "$library" ] || library=$bars

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
missed=0

# report WHAT DETAIL FIGURE BAR
report()
{
	awk -v what="$1" -v detail="$2" -v figure="$3" -v bar="$4" 'BEGIN {
		kept = figure != "" && figure + 0 <= bar + 0
		printf "   %-47s %-34s %6.2f <= %-5s %s\n", what, detail, \
			figure, bar, kept ? "ok" : "MISSED"
		exit !kept
	}' || missed=1
}

# ---- 1: two runs that differ by hits alone ----

# counted ARGUMENTS...: instructions of one run.
counted()
{
	valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		"$bars" hits "$@" >"$dir/valgrind" 2>&1 || {
		cat "$dir/valgrind" >&2
		return 1
	}
	sed -n 's/.*Collected : //p' "$dir/valgrind"
}

# a_call WHAT WHO POOLS THREADS: instructions of one call and its loop.
a_call()
{
	callers=1
	[ "$2" = first ] || callers=$(($4 - 1))
	calls=$((16384 / $3 / callers)) # in each pool
	[ "$calls" -le 4096 ] || calls=4096
	less=$(counted "$@" "$calls" $((2 * calls)))
	more=$(counted "$@" $((2 * calls)) $((2 * calls)))
	awk -v difference=$((more - less)) -v calls=$((calls * $3 * callers)) \
		'BEGIN { printf "%.3f\n", difference / calls }'
}

# a_hit WHAT EMPTY WHO POOLS THREADS: the same without the loop.
a_hit()
{
	what=$1
	empty=$2
	shift 2
	# The loop costs the same, however many threads run it.
	loop=$dir/$empty.$2
	[ -s "$loop" ] || a_call "$empty" first "$2" 1 >"$loop"
	call=$(a_call "$what" "$@")
	awk -v call="$call" -v loop="$(cat "$loop")" \
		'BEGIN { printf "%.3f\n", call - loop }'
}

# palloc_row WHO POOLS THREADS BAR: tarn_palloc; leaves the figure in $palloc.
palloc_row()
{
	palloc=$(a_hit palloc pools "$1" "$2" "$3")
	report "tarn_palloc, $1" "$2 pools, $3 threads" "$palloc" "$4"
}

# pmemalign_rows WHO POOLS THREADS: after palloc_row. Of others a few misses are
# counted with the hits, and not the same in each run: a part of an instruction.
pmemalign_rows()
{
	bar=$(awk -v palloc="$palloc" 'BEGIN { printf "%.2f", palloc + 6.2 }')
	for alignment in 8 16 32 64; do
		figure=$(a_hit "pmemalign_$alignment" pools "$@")
		report "tarn_pmemalign to $alignment, $1" \
			"$2 pools, $3 threads; tarn_palloc + 6" "$figure" "$bar"
	done
}

row_1()
{
	echo '1. instructions on a hit, the call included, the loop not'
	if ! command -v valgrind >/dev/null; then
		echo '   skipped: valgrind is missing'
		return
	fi
	figure=$(a_hit local locals first 1 1)
	report 'tarn_local_palloc' '' "$figure" 11
	figure=$(a_hit local_constant locals first 1 1)
	report 'tarn_local_palloc, constant size' '' "$figure" 8
	palloc_row first 1 1 20
	pmemalign_rows first 1 1
	palloc_row first 64 8 20
	for pools in 1 4 16 64; do
		for threads in 2 8 32; do
			# A table that was filled further has more to skip.
			bar=31.1
			[ "$threads" -le 8 ] || bar=32.5
			palloc_row others "$pools" "$threads" "$bar"
			if [ "$pools $threads" = '4 8' ]; then
				pmemalign_rows others 4 8
			fi
		done
	done
}

# ---- 2: a function that calls nothing shows all that it does ----

# Of the instructions of a function as objdump prints them: how many there are,
# and how many are a call, or locked, or both read and write memory.
judge='
	/^ *[0-9a-f]+:/ {
		sub(/^ *[0-9a-f]+:[ \t]*/, "")
		sub(/ *[#<].*/, "")
		all++
	}
	/^(rep )?call/ { bad++ }
	/^lock|^xchg.*\(|^cmpxchg|^xadd/ { bad++; next }
	/^(add|sub|and|or|xor|inc|dec|neg|not|adc|sbb|sh[lr]|sar|bt[src]).*\)$/ {
		bad++
	}
	END { print all + 0, bad + 0 }'

# function_row FILE NAME
function_row()
{
	# shellcheck disable=SC2046 # two numbers
	set -- "$2" $(objdump -d --no-show-raw-insn --disassemble="$2" "$1" |
		awk "$judge")
	[ "$2" != 0 ] || set -- "$1" none ''
	report "$1" "of $2 instructions" "$3" 0
}

row_2()
{
	echo '2. locks, read-modify-writes and calls in what a hit runs through'
	if ! objdump -f "$library" 2>&1 | grep -q x86-64; then
		echo '   skipped: objdump is missing, or this is not x86-64'
		return
	fi
	for name in tarn_palloc tarn_pnalloc tarn_pmemalign; do
		function_row "$library" "$name"
	done
}

# ---- 10: where many processors would meet ----

# From the addresses of locked instructions in the library, and callgrind's
# count of each instruction: how many were run, and one for each call of a
# mutex. Lines behind calls= are the called one's.
# shellcheck disable=SC2016 # awk's
sum_locked='
	FNR == NR { locked["0x" $1]; next }
	/^ob=/ { ours = /libtarn/ }
	/^cfn=/ { mutex = ours && /=pthread_mutex_(try|un)?lock/ }
	/^calls=/ {
		if (mutex)
			sum += substr($1, 7)
		getline
		next
	}
	ours && /^0x/ && ($1 in locked) { sum += $3 }
	END { print sum + 0 }'

locked_addresses()
{
	objdump -d --no-show-raw-insn "$library" | sed -n \
		-e 's/^ *\([0-9a-f]*\):[[:space:]]*lock .*/\1/p' \
		-e 's/^ *\([0-9a-f]*\):[[:space:]]*xchg .*(.*/\1/p'
}

row_10()
{
	echo '10. read-modify-writes a MiB, 8 threads that fill one pool'
	if ! command -v valgrind >/dev/null ||
		! objdump -f "$library" 2>&1 | grep -q x86-64; then
		echo '   skipped: it takes valgrind and objdump, on x86-64'
		return
	fi
	valgrind --tool=callgrind --dump-instr=yes --compress-strings=no \
		--compress-pos=no --toggle-collect=claims_thread \
		--callgrind-out-file="$dir/callgrind" "$bars" claims \
		>"$dir/claims" 2>/dev/null
	locked_addresses >"$dir/locked"
	bytes=$(sed -n 's/^handed out: //p' "$dir/claims")
	sum=$(awk "$sum_locked" "$dir/locked" "$dir/callgrind")
	report 'claims, blocks appended, mutexes' "$sum in $bytes bytes" \
		"$(awk -v sum="$sum" -v bytes="$bytes" \
			'BEGIN { print sum / bytes * 1048576 }')" 32
}

# ---- 11: as row 1, the room made of what was freed ----

row_11()
{
	echo '11. instructions of tarn_palloc after frees, the call included'
	if ! command -v valgrind >/dev/null; then
		echo '   skipped: valgrind is missing'
		return
	fi
	figure=$(a_hit palloc_freed pools first 1 1)
	report 'served from freed memory, first' '1 pool, 1 thread' "$figure" 45
	figure=$(a_hit palloc_freed pools first 16 8)
	report 'served from freed memory, first' '16 pools, 8 threads' \
		"$figure" 45
	figure=$(a_hit palloc_freed pools others 1 2)
	report 'served from freed memory, others' '1 pool, 2 threads; 11 more' \
		"$figure" 56
}

# ---- all of them ----

[ "$#" != 0 ] || set -- 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
rest=
for row; do
	case $row in
	1) row_1 ;;
	2) row_2 ;;
	10) row_10 ;;
	11) row_11 ;;
	*) rest="$rest $row" ;;
	esac
done
# shellcheck disable=SC2086 # words
[ -z "$rest" ] || "$bars" $rest || missed=1
exit "$missed"
