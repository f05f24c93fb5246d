#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh SECONDS: builds the fuzzers and runs each so long, from the committed
# corpus and what earlier runs left in fuzz-corpus/. Run by make fuzz, which
# sets srcdir, FUZZ_CC, FUZZ_SEED and the sources' names.
set -eu
seconds=$1
: "${srcdir:?}" "${library:?}" "${calls:?}" "${threads:?}"

fail()
{
	echo "make fuzz: $*" >&2
	exit 1
}

# ---- a compiler ----

newest()
{
	for cc in clang-21 clang-20 clang-19 clang-18 clang-17 clang-16 clang
	do
		! command -v "$cc" >/dev/null || break
	done
	echo "$cc"
}

cc=${FUZZ_CC:-$(newest)}
command -v "$cc" >/dev/null || fail "no $cc; on Debian: apt-get install" \
	'clang-19 libclang-rt-19-dev, or name another as FUZZ_CC'
echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void)
{ return 0; }' | "$cc" -fsanitize=fuzzer -x c - -o fuzz-probe ||
	fail "$cc links no libFuzzer; on Debian: apt-get install" \
		'libclang-rt-19-dev for clang-19'
rm fuzz-probe

# ThreadSanitizer of older ones takes libFuzzer's own counters for a race.
major=$(echo __clang_major__ | "$cc" -E -P -x c -)
race=thread
if [ "$major" -lt 16 ]; then
	race=address,undefined
	echo "fuzz: $cc is older than 16: the threads without ThreadSanitizer"
fi

# ... and knows no address space more random than this many bits.
calm=
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ]; then
	calm='setarch -R'
fi

# ---- building and running ----

# built TARGET SANITIZERS SOURCES...: tests/fuzz-TARGET
built()
{
	program=tests/fuzz-$1 sanitizers=$2
	shift 2
	for source; do
		shift
		case $source in *.c) set -- "$@" "$srcdir/$source" ;; esac
	done
	"$cc" -std=gnu11 -g -O1 -fno-omit-frame-pointer -pthread -I. \
		-I"$srcdir/include" -iquote "$srcdir/lib" \
		-fsanitize="fuzzer,$sanitizers" -fno-sanitize-recover=all \
		"$@" -o "$program"
}

# ran TARGET SECONDS SETTING...: in that environment. Tells what it did.
ran()
{
	target=$1 time=$2 status=0
	shift 2
	log=fuzz-$target.log
	mkdir -p "fuzz-corpus/$target"
	# shellcheck disable=SC2086 # calm is two words or none
	env "$@" $calm "tests/fuzz-$target" -max_total_time="$time" \
		-seed="${FUZZ_SEED:-0}" \
		-max_len=600 -rss_limit_mb=0 -detect_leaks=0 -timeout=60 \
		-print_final_stats=1 -artifact_prefix="fuzz-$target-" \
		"fuzz-corpus/$target" "$srcdir/tests/fuzz/corpus/$target" \
		>"$log" 2>&1 || status=$?
	awk -v what="$target" -v time="$time" -v setting="$*" '
		/inline 8-bit counters/ {
			edges = $0
			sub(/ inline 8-bit.*/, "", edges)
			sub(/.*\(/, "", edges)
		}
		match($0, /cov: [0-9]+/) {
			covered = substr($0, RSTART + 5, RLENGTH - 5)
		}
		/^stat::number_of_executed_units:/ { runs = $2 }
		END {
			printf "fuzz: %s, %s s: %d executions, %d of %d edges" \
				"%s%s\n", what, time, runs, covered, edges,
				setting != "" ? " with " : "", setting
		}' "$log"
	[ "$status" = 0 ] && return
	grep -a -v -e 'failed to allocate' -e 'NEW  ' -e 'REDUCE' "$log" |
		tail -n 100 >&2
	fail "$target broke a promise, see above, and $(grep -a -o \
		"fuzz-$target-[a-z]*-[0-9a-f]*" "$log" | tail -n 1)"
}

# shellcheck disable=SC2086 # lists of words
{
	built calls address,undefined $library $calls
	built threads "$race" $library $threads
}

# Watched for the sanitizer, and as in a program without one; there too with
# each block of memory from malloc, which sees a block's use after its end.
part=$((seconds / 3 + 1))
ran calls "$part"
ran calls "$part" TARN_DEBUG=unwatched
ran calls "$part" TARN_DEBUG=unwatched TARN_CACHE=0
part=$((seconds / 2 + 1))
ran threads "$part"
ran threads "$part" TARN_DEBUG=unwatched
