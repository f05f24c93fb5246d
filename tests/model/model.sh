#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Model checking, for `make model`: each model is checked in every way that C11
# allows. Then each access that orders anything is made relaxed, one after the
# other, and the code is broken in the ways of tests/model/mutants: where no
# model notices, that is a failure, save for what tests/model/alike explains.
# A line for each.
#
# The files of lib/ are compiled as they are, but for a few constants that are
# made small, so that few accesses show all that can happen.
set -euo pipefail

srcdir=${srcdir:-.}
CC=${CC:-cc}
model=$srcdir/tests/model
mutant_seconds=100
jobs=$(nproc 2>/dev/null || echo 1)
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

die()
{
	echo "model: $*" >&2
	exit 1
}

tell()
{
	printf '%-56s %s\n' "$@"
}

# ---- what it is compiled with ----

read -ra compiler <<<"$CC"
common=(-std=gnu11 -D_GNU_SOURCE -g -U_FORTIFY_SOURCE -fno-pie -Wall -Wextra
	"-I$srcdir/include")
checker=(graph hooks main memory run)
# The compiler tells of each access by a call, which hooks.c answers.
told=(-O1 -fsanitize=thread "-I$model" -iquote "$work/lib" -DMODEL_SHIM
	-include "$model/shim.h" -Wno-unused-parameter -Wno-unused-function)

needed()
{
	cat >"$work/needed.c" <<-'END'
		#include <stdint.h>
		#if defined __clang__ || !defined __GLIBC__ || UINTPTR_MAX >> 31 >> 31 == 0
		#error
		#endif
		_Atomic int a;
		int main(void) { return a; }
	END
	"${compiler[@]}" "${common[@]}" -fsanitize=thread -c "$work/needed.c" \
		-o "$work/needed.o" 2>"$work/log" ||
		die "it needs gcc with -fsanitize=thread, glibc and 64 bits," \
			"which $CC is not: make model CC=gcc"
}

# compiled DIRECTORY FILE...: objects as from lib/ and of the models.
compiled()
{
	local to=$1
	shift
	# shellcheck disable=SC2016 # for the shell that xargs runs
	printf '%s\n' "$@" | xargs -P "$jobs" -I FILE sh -c '
		file=$1 to=$2
		shift 2
		of=$(basename "$(dirname "$file")")
		"$@" -c "$file" -o "$to/${of}_$(basename "$file" .c).o"' \
		- FILE "$to" "${compiler[@]}" "${common[@]}" "${told[@]}"
}

linked()
{
	"${compiler[@]}" -no-pie "$1"/*.o "$work"/checker/*.o -o "$1/check"
}

# ---- the library as it is ----

# small FILE NAME VALUE
small()
{
	local cast='(\(+size_t\))?'
	sed -i -E "s/(\<$2\>[ =]+$cast)[0-9]+(\)?;?)\$/\1$3\3/" \
		"$work/lib/$1"
	grep -qE "\<$2\>[ =]+$cast$3\)?;?\$" "$work/lib/$1" ||
		die "lib/$1 has no number $2 any more"
}

build()
{
	local name
	mkdir "$work/lib" "$work/checker" "$work/whole"
	cp "$srcdir"/lib/*.[ch] "$work/lib"
	rm "$work"/lib/*_windows.[ch] "$work"/lib/pages_plain.c
	chmod u+w "$work"/lib/*
	printf '#define %s\n' 'TARN_TLS _Thread_local' \
		'PACKAGE_VERSION "model"' 'HAVE_GETAUXVAL 1' \
		'HAVE_DECL_PTHREAD_MUTEX_ROBUST 1' 'HAVE_WEAK 1' \
		'HAVE_PLAIN_MUTEX 1' >"$work/lib/config.h"
	small cursor.c cursor_looks 1
	small cursor.c cursor_patience 1
	small slot.h SLOT_TABLE_LEAST 2
	small block.h BLOCK_BINS 2
	small large.c LARGE_SHARD_BITS 1
	small depot.h DEPOT_SMALL 32
	small depot.h DEPOT_FINE 16
	small depot.c depot_least_much 1
	small reuse.c reuse_shared_part 4096
	small reuse.c reuse_least 16
	small cache.c cache_list_least 1
	small cache.c cache_list_most 1
	for name in "${checker[@]}"; do
		"${compiler[@]}" "${common[@]}" -O2 -c "$model/$name.c" \
			-o "$work/checker/$name.o"
	done
	files=("$work"/lib/*.c)
	for name in cache cleanup cursor depot large litmus local pool \
		reuse upstream; do
		files+=("$model/$name.c")
	done
	compiled "$work/whole" "${files[@]}"
	linked "$work/whole"
}

# ---- mutants ----

# mutant FILE SCRIPT: the models with FILE as sed -E changes it.
mutant()
{
	cp "$work/$1" "$work/kept"
	sed -i -E "$2" "$work/$1"
	! cmp -s "$work/$1" "$work/kept" || die "$1 is not changed by $2"
	rm -rf "$work/mutant"
	cp -r "$work/whole" "$work/mutant"
	case $1 in
	*.c) compiled "$work/mutant" "$work/$1" ;;
	*) compiled "$work/mutant" "${files[@]}" ;;
	esac 2>"$work/log" || {
		cat "$work/log" >&2
		die "$1 does not compile with $2"
	}
	linked "$work/mutant"
	cp "$work/kept" "$work/$1"
}

# noticed MODEL...: prints which of them the mutant fails, and how.
noticed()
{
	local name said status
	for name; do
		status=0
		said=$(timeout "$mutant_seconds" "$work/mutant/check" \
			"$name" 2>&1) || status=$?
		[ "$status" != 0 ] || continue
		[ "$status" = 1 ] || die "$name ended with $status: $said"
		sed -n 's/^\([^ ]*\).*threads: \(.*\) (thread.*/\1: \2/p' \
			<<<"$said" | grep . || die "$said"
		return
	done
	return 1
}

# told_apart WHAT REASON FILE SCRIPT MODEL...: REASON, if any, why it cannot be.
told_apart()
{
	local what=$1 reason=$2 by=''
	mutant "$3" "$4"
	shift 4
	by=$(noticed "$@") || [ $? = 1 ] && [ -n "$by$reason" ] || failed=1
	if [ -z "$by" ]; then
		tell "$what" "${reason:+the same: }${reason:-NOT CAUGHT by $*}"
	elif [ -z "$reason" ]; then
		tell "$what" "caught by $by"
	else
		tell "$what" "WRONGLY in tests/model/alike: $by"
		failed=1
	fi
}

# Each access that orders anything: file, line, tag, order, and the function,
# with a number where it is not the first of this order in there.
orders()
{
	(cd "$work" && awk '
	/^[a-z].*\(/ {
		name = $0
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
	}
	match($0, /ORDER [a-z-]+ \(/) {
		tag = substr($0, RSTART + 6, RLENGTH - 8)
	}
	match($0, /memory_order_[a-z_]+|__ATOMIC_[A-Z_]+/) {
		order = tolower(substr($0, RSTART, RLENGTH))
		sub(/memory_order_|__atomic_/, "", order)
		if (order == "relaxed")
			next
		count = ++seen[name order]
		print FILENAME, FNR, tag, order, \
			name (count > 1 ? "/" count : "")
	}' lib/*.[ch])
}

models_of()
{
	case $1 in
	block-publish | current-publish)
		echo cursor-grow cursor-pass cursor-reset ;;
	cache-table) echo cache-enter ;;
	depot-publish) echo reuse-depot ;;
	ledger-node) echo local-ledger ;;
	local-change) echo local-figures local-figures-again ;;
	shards-publish) echo large-free large-list ;;
	table-publish) echo pool-enter2 pool-enter ;;
	*) die "no model is about $1" ;;
	esac
}

weaken()
{
	local file line tag order function models reason
	orders >"$work/orders"
	[ -s "$work/orders" ] || die 'no access orders anything'
	while read -r file line tag order function; do
		models=$(models_of "$tag")
		read -ra models <<<"$models"
		reason=$(sed -n "s:^$function|::p" "$model/alike")
		told_apart "$tag: relaxed, not $order, in $function" "$reason" \
			"$file" "$line{s/memory_order_$order/memory_order_relaxed/
			s/__ATOMIC_${order^^}/__ATOMIC_RELAXED/}" \
			"${models[@]}" </dev/null
	done <"$work/orders"
}

mutate()
{
	local what file models script
	while IFS='|' read -r what file models script; do
		[[ $what != '#'* ]] || continue
		read -ra models <<<"$models"
		told_apart "$what" '' "$file" "$script" "${models[@]}" \
			</dev/null
	done <"$model/mutants"
}

needed
build
"$work/whole/check"
weaken
mutate
[ "$failed" = 0 ] || die 'not all is as it should be'
