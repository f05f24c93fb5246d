#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# seeded.sh [--prefix DIRECTORY] [CASE...]
#
# Seeded bugs in a user's program, tests/seeded/*.c, built against the library
# as it was installed, shared and static: each has to be reported, with the line
# of that program, by the tools that fit; and its correct cases by none. Prints
# a table of case and tool, and fails where a cell is not as it has to be.
#
# The library is found by pkg-config: below DIRECTORY, if that is given; or it
# is in the environment's $includedir and $libdir. COMPILERS (gcc clang) names
# the compilers whose sanitizers are asked, the first of which also builds what
# runs under valgrind and TARN_DEBUG; LINKS (shared static, where it is there),
# how. A tool that is missing here is a failure.
#
# What a report has to contain is in the source, by marks on the lines:
#	BUG name    the line of the bug. Two of them: of both threads' calls
#	MADE name   where the object was allocated: valgrind tells
#	FREED name  where it was freed: valgrind tells
#	CRASH name  where a junk pointer is followed: TARN_DEBUG=junk
# and all lines have to be in one report, of the kind in the table below. A case
# for ThreadSanitizer has to be reported in each of 10 runs.
#
# TARN_DEBUG ends a program by a signal. The program prints the addresses of its
# frames then, as a core dump has them, and addr2line finds the lines.
set -eu

srcdir=${srcdir:-$(dirname "$0")/..}
compilers=${COMPILERS:-gcc clang}
pkg_config=${PKG_CONFIG:-pkg-config}
first=${compilers%% *}
races=10   # runs
seconds=60 # a run that takes longer hangs

if [ "${1-}" = --prefix ]; then
	PKG_CONFIG_PATH=$2/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
	export PKG_CONFIG_PATH
	shift 2
fi
if [ -n "${includedir-}" ]; then
	cflags="-I$includedir"
	libs="-L${libdir:?} -ltarn"
	static_libs="$libs -pthread"
else
	cflags=$("$pkg_config" --cflags tarn)
	libs=$("$pkg_config" --libs tarn)
	static_libs=$("$pkg_config" --static --libs tarn)
	libdir=$("$pkg_config" --variable=libdir tarn)
fi
links=${LINKS:-$(
	[ ! -e "$libdir/libtarn.so" ] || echo shared
	[ ! -e "$libdir/libtarn.a" ] || echo static
)}
unset TARN_DEBUG TARN_CACHE

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# Case, and what AddressSanitizer, valgrind, ThreadSanitizer and TARN_DEBUG have
# to say of it: a word of `kind` below, or - where it is not this tool's.
table='
over_palloc          poison  access  -     -
over_pnalloc         poison  access  -     guard
over_pcalloc         poison  access  -     -
over_pmemalign       poison  access  -     -
over_array           poison  access  -     guard
over_prealloc        poison  access  -     -
over_shrunk          poison  access  -     -
over_pmemdup         poison  access  -     -
over_pstrdup         poison  access  -     guard
over_psprintf        poison  access  -     guard
over_pstrcat         poison  access  -     guard
over_local           poison  access  -     -
over_local_packed    poison  access  -     guard
over_local_new       poison  access  -     guard
over_large           over    access  -     -
over_mmap            poison  access  -     -
over_buffer          poison  access  -     -
under_palloc         poison  access  -     -
under_pnalloc        poison  access  -     -
under_local          poison  access  -     -
under_large          over    access  -     -
zero_palloc          poison  access  -     -
zero_pnalloc         poison  access  -     -
zero_local           poison  access  -     -
after_reset          freed   access  -     guard
after_reset_packed   freed   access  -     guard
after_reset_large    freed   access  -     guard
after_reset_parent   freed   access  -     guard
after_destroy        freed   access  -     guard
after_destroy_large  freed   access  -     guard
after_pfree          freed   access  -     guard
recycled_reset       freed   access  -     guard
recycled_destroy     freed   access  -     guard
recycled_pfree       freed   access  -     guard
after_rewind         freed   access  -     guard
after_rewind_large   freed   access  -     guard
after_scratch        freed   access  -     guard
after_sized          freed   access  -     guard
after_packed         freed   access  -     guard
after_cache          freed   access  -     guard
moved                freed   access  -     guard
moved_large          freed   access  -     guard
unset                -       unset   -     junk
walked               freed   access  -     junk
lost_pool            lost    lost    -     -
lost_malloc          alone   alone   -     -
race_reset           -       -       race  -
race_destroy         -       -       race  -
race_local           -       -       race  -
race_large           -       -       race  -
race_child           -       -       race  -
race_object          -       -       race  -
race_publish         -       -       race  -
wrong_local          -       -       -     owner
busy_reset           -       -       -     owner
busy_destroy         -       -       -     owner
gone_palloc          -       access  -     owner
gone_large           -       access  -     owner
gone_local           freed   access  -     owner
gone_reset           -       access  -     owner
double_destroy       -       access  -     owner
double_pfree         -       -       -     owner
double_sized         -       -       -     owner
double_cache         -       -       -     owner
wrong_size           -       -       -     owner
wrong_order          -       -       -     owner
wrong_rewind         -       -       -     owner
alive_pool           -       -       -     leaks
secret_reset         -       -       -     zero
secret_destroy       -       -       -     zero
secret_pfree         -       -       -     zero
unknown_word         -       -       -     unknown
alone                clean   clean   clean clean
mapped               clean   clean   clean clean
buffer               clean   clean   clean clean
upstream             clean   clean   clean clean
joined               clean   clean   clean clean
locked               clean   clean   clean clean
counted              clean   clean   clean clean
children             clean   clean   clean clean
handed               clean   clean   clean clean
again                clean   clean   clean clean
living_pools         clean   clean   clean clean'

# What a report of this kind begins with, as an extended regular expression.
kind()
{
	case $1 in
	poison) echo 'AddressSanitizer: use-after-poison' ;;
	over) echo 'AddressSanitizer: (use-after-poison|heap-buffer-overflow)' ;;
	freed) echo 'AddressSanitizer: (use-after-poison|heap-use-after-free)' ;;
	leak) echo 'Direct leak of' ;;
	access) echo 'Invalid (read|write) of size' ;;
	unset) echo 'depends on uninitialised value|Use of uninitialised value' ;;
	definite) echo 'are definitely lost' ;;
	indirect) echo 'are indirectly lost' ;;
	race) echo 'ThreadSanitizer: data race' ;;
	owner) echo "tarn: .*'seeded'" ;;
	frames) echo 'frame 0x' ;;
	esac
}

# ---- the program ----

# flags LINK: of the installed library.
flags()
{
	case $1 in
	shared) echo "$cflags $libs -Wl,-rpath,$libdir" ;;
	static) echo "$cflags $static_libs" | sed "s|-ltarn|$libdir/libtarn.a|" ;;
	esac
}

# build NAME LINK COMPILER FLAGS...: with the flags that the tools' manuals ask
# for, so that every call keeps its line; DWARF 4, which all of them read.
build()
{
	name=$1
	link=$2
	shift 2
	# shellcheck disable=SC2046,SC2086 # words, and a glob
	"$@" -std=gnu11 -gdwarf-4 -O1 -fno-omit-frame-pointer \
		-fno-optimize-sibling-calls -fPIE -pie -pthread \
		-o "$dir/$name" "$srcdir"/tests/seeded/*.c $(flags "$link")
}

# ---- one run ----

# ThreadSanitizer of older compilers knows no address space more random.
calm=
bits=/proc/sys/vm/mmap_rnd_bits
if [ -r "$bits" ] && [ "$(cat "$bits")" -gt 28 ]; then
	calm='setarch -R'
fi

# run COMMAND...: its report goes to $dir/report, its status to $status.
run()
{
	status=0
	timeout -k 5 "$seconds" env "$@" >"$dir/report" 2>&1 || status=$?
}

# marks CASE MARK...: where these marks are, as regular expressions.
marks()
{
	for mark in $(echo "$@" | cut -s -d ' ' -f 2-); do
		grep -n "/\* $mark $1 \*/" "$srcdir"/tests/seeded/*.c |
			sed 's|.*/\([a-z]*\)\.c:\([0-9]*\):.*|[/( ]\1[.]c:\2([^0-9]\|$)|'
	done
}

# told BETWEEN KIND CASE MARK...: whether one part of the report, between lines
# that match BETWEEN, is of that kind and has all these marks: one at least.
told()
{
	between=$1
	{
		kind "$2"
		shift 2
		marks "$@"
	} >"$dir/wanted"
	BETWEEN=$between awk '
		function judge(i)
		{
			for (i = 1; i <= count && part ~ wanted[i]; i++)
				;
			found = found || i > count
			part = ""
		}
		FNR == NR { wanted[++count] = $0; next }
		$0 ~ ENVIRON["BETWEEN"] { judge() }
		{ part = part "\n" $0 }
		END { judge(); exit !(found && count > 1) }
		' "$dir/wanted" "$dir/report"
}

# once EXPRESSION
once()
{
	[ "$(grep -cE "$1" "$dir/report")" = 1 ]
}

silent()
{
	[ "$status" = 0 ] && [ ! -s "$dir/report" ]
}

# ---- the tools: TOOL PROGRAM WORD CASE ----

address()
{
	# Without frame pointers in the library, the user's line is behind it.
	run ASAN_OPTIONS=fast_unwind_on_malloc=0 "$dir/$1" "$3"
	case $2 in
	clean) silent ;;
	lost) told '^$' leak "$3" BUG ;;
	alone) told '^$' leak "$3" BUG && once '(Direct|Indirect) leak of' ;;
	*) [ "$status" != 0 ] && told '^$' "$2" "$3" BUG ;;
	esac
}

memcheck()
{
	kinds=definite,possible
	[ "$2" != lost ] || kinds=all
	run valgrind --quiet --leak-check=full --show-leak-kinds="$kinds" \
		--fair-sched=try --error-exitcode=9 "$dir/$1" "$3"
	between='^==[0-9]+== *$'
	case $2 in
	clean) silent ;;
	lost)
		told "$between" definite "$3" BUG &&
			told "$between" indirect "$3" MADE
		;;
	alone) told "$between" definite "$3" BUG && once 'are .* lost in' ;;
	*) told "$between" "$2" "$3" BUG MADE FREED ;;
	esac
}

thread()
{
	# shellcheck disable=SC2086 # a command and its option, or nothing
	run $calm "$dir/$1" "$3"
	case $2 in
	clean) silent ;;
	*) [ "$status" != 0 ] && told '^====' "$2" "$3" BUG ;;
	esac
}

# ended SIGNAL KIND CASE MARK: by the signal, with a frame at the mark.
ended()
{
	[ "$status" = "$((128 + $1))" ] || return
	sed -n 's/^frame //p' "$dir/report" >"$dir/frames"
	addr2line -i -e "$program" <"$dir/frames" >>"$dir/report" 2>&1
	shift
	told '^$' "$@"
}

# Lets a case fail that has to fail when nothing is wiped.
zero()
{
	run "$program" "$1"
	[ "$status" = 1 ] && once '^seeded: secret found$' || return
	run TARN_DEBUG=zero "$program" "$1"
	silent
}

debug()
{
	program=$dir/$1
	words=$2
	[ "$2" != clean ] || words=guard,junk,owner,zero
	run TARN_DEBUG="$words" "$program" "$3"
	case $2 in
	clean) silent ;;
	guard) ended 11 frames "$3" BUG ;;
	junk) ended 11 frames "$3" CRASH ;;
	owner) ended 6 owner "$3" BUG ;;
	leaks) [ "$status" = 0 ] && once "^tarn: .*'seeded'.*[0-9]{5}" ;;
	zero) zero "$3" ;;
	unknown) [ "$status" = 0 ] && once '' && once '^tarn: .*unknown' ;;
	esac
}

# ---- the table ----

# cell TOOL PROGRAM WORD CASE
cell()
{
	: >"$dir/wanted"
	times=1
	[ "$3" != race ] || times=$races
	caught=0
	while [ "$3" != - ] && [ "$caught" -lt "$times" ]; do
		"$1" "$2" "$3" "$4" || break
		caught=$((caught + 1))
	done
	case $3 in
	-) verdict=. ;;
	clean) verdict=silent ;;
	race) verdict="$caught of $times" ;;
	*) [ "$1" = debug ] && verdict=$3 || verdict=caught ;;
	esac
	if [ "$3" != - ] && [ "$caught" != "$times" ]; then
		[ "$3" = race ] || verdict=MISSED
		[ "$3" != clean ] || verdict=REPORT
		missed=$((missed + 1))
		{
			echo "== $4, $2: status $status, wanted in the report:"
			sed 's/^/	/' "$dir/wanted"
			head -n 40 "$dir/report"
		} >>"$dir/missed"
	fi
	[ "$3" = - ] || cells=$((cells + 1))
	printf ' %-11s' "$verdict"
}

# row LINK CASE ADDRESS VALGRIND THREAD DEBUG
row()
{
	printf '%-20s' "$2"
	for compiler in $compilers; do
		cell address "address-$compiler-$1" "$3" "$2"
	done
	cell memcheck "plain-$1" "$4" "$2"
	for compiler in $compilers; do
		cell thread "thread-$compiler-$1" "$5" "$2"
	done
	cell debug "plain-$1" "$6" "$2"
	echo
}

# chosen CASE: whether to run it; $only are those asked for, or empty.
chosen()
{
	[ -z "$only" ] || case " $only " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

cells=0
missed=0
only=$*
: >"$dir/missed"
for link in $links; do
	build "plain-$link" "$link" "$first"
	printf '%-20s' "$link"
	for compiler in $compilers; do
		build "address-$compiler-$link" "$link" "$compiler" \
			-fsanitize=address
		printf ' %-11s' "asan $compiler"
	done
	printf ' %-11s' valgrind
	for compiler in $compilers; do
		build "thread-$compiler-$link" "$link" "$compiler" \
			-fsanitize=thread
		printf ' %-11s' "tsan $compiler"
	done
	printf ' %s\n' TARN_DEBUG
	while read -r case rest; do
		# shellcheck disable=SC2086 # words
		[ -z "$case" ] || ! chosen "$case" || row "$link" "$case" $rest
	done <<END
$table
END
done
cat "$dir/missed" >&2
echo "seeded: $cells cells, $missed missed"
[ "$cells" != 0 ] && [ "$missed" = 0 ]
