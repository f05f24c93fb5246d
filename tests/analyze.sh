#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# analyze.sh: what static analysis has to say of the library, the examples, the
# tools and the scripts. Fails on any finding. Exceptions stand where they are
# needed, with a reason; those of a whole tool stand here or in .clang-tidy.
# Each tool has to find a seeded mistake first, so that a clean run says much.
#	srcdir      where the sources are
#	builddir    where config.h is
#	LUA_CFLAGS, MICROHTTPD_CFLAGS
#	            where lua.h and microhttpd.h are, if they are anywhere
# shellcheck disable=SC2317 # the tools' functions are called by look
set -u

srcdir=${srcdir:-.}
builddir=$(cd "${builddir:-.}" && pwd)
cd "$srcdir" || exit
jobs=$(getconf _NPROCESSORS_ONLN)
status=0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

[ -f "$builddir/config.h" ] || {
	echo 'analyze: configure first' >&2
	exit 1
}

# ---- what is looked at ----

sources=$(ls lib/*.c examples/*.c tools/*.c 2>/dev/null)
scripts=$(ls bootstrap .ci/run doc/*.sh tests/*.sh bench/*.sh tools/*.sh \
	2>/dev/null)
flags="-std=gnu11 -pthread -DHAVE_CONFIG_H -I$builddir -Iinclude -iquote lib"
flags="$flags ${LUA_CFLAGS-} ${MICROHTTPD_CFLAGS-}"

# without HEADER FILE: leaves the file out where its header is not to be had.
without()
{
	# shellcheck disable=SC2086 # flags and names are words
	printf '#include <%s>\n' "$1" | cc $flags -E - >/dev/null 2>&1 ||
		sources=$(printf '%s\n' $sources | grep -vx "$2")
}

without windows.h '.*_windows\.c'
without lua.h examples/lua.c
without microhttpd.h examples/http.c

cat >"$dir/seeded.c" <<'END'
#include <stdlib.h>
#include <string.h>

#include "mutex.h"

void seeded(struct mutex *mutex, char *text);

void seeded(struct mutex *mutex, char *text)
{
	int few[2];

	mutex_lock(mutex);
	memset(few, sizeof(few), 0);
	few[2] = 1;
	free(text);
	free(text);
}
END
# shellcheck disable=SC2016 # the mistake: it is not quoted
printf '#!/bin/sh\nrm $1\n' >"$dir/seeded.sh"

cp .clang-tidy "$dir" # which is looked for beside and above a file

# ---- the tools, each with a number of files ----

# each COMMAND...: the command with each file of those it reads, some at a time.
each()
{
	# shellcheck disable=SC2086 # flags are words
	xargs -P "$jobs" -n 1 "$@" $flags
}

# gcc, but for one of its checks: it takes memory for lost that is stored where
# it cannot see, which is all of an allocator's. Leaks are for make memcheck.
gcc_analyzer()
{
	printf '%s\n' "$@" | each gcc -O2 -Werror -fanalyzer \
		-Wno-analyzer-malloc-leak -c -o /dev/null
}

clang_analyzer()
{
	printf '%s\n' "$@" | each clang --analyze --analyzer-output text \
		-Xclang -analyzer-werror \
		-Xclang -analyzer-checker=optin.portability,optin.performance
}

clang_locks()
{
	printf '%s\n' "$@" | each clang -Wthread-safety -Werror -fsyntax-only
}

# Without a file's neighbours: what it finds must not depend on their order.
clang_tidy()
{
	# shellcheck disable=SC2086
	printf '%s\n' "$@" |
		xargs -P "$jobs" -I FILE clang-tidy --quiet FILE -- $flags
}

# In the one configuration that it would have to guess else.
c_check()
{
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability,style \
		--template=gcc -j "$jobs" -D__GNUC__=12 -D__linux__ \
		-D__x86_64__ -DHAVE_CONFIG_H "-I$builddir" -Iinclude -Ilib "$@"
}

# ---- one after the other ----

# look NAME SEEDED PATTERN COMMAND FILES...: prints what NAME, run as COMMAND,
# finds in FILES. In SEEDED it has to find PATTERN.
look()
{
	name=$1 seeded=$2 pattern=$3 tool=$4
	shift 4
	command -v "${name%% *}" >/dev/null || {
		echo "analyze: $name is not installed" >&2
		status=1
		return
	}
	if "$tool" "$seeded" >"$dir/log" 2>&1 ||
		! grep -q "$pattern" "$dir/log"; then
		echo "analyze: $name did not find $pattern" >&2
	elif ! "$tool" "$@" >"$dir/log" 2>&1; then
		echo "analyze: $name found:" >&2
	else
		echo "analyze: $name: $# files, nothing found"
		return
	fi
	cat "$dir/log" >&2
	status=1
}

# shellcheck disable=SC2086 # names of files of ours are words
{
	look 'gcc -fanalyzer' "$dir/seeded.c" analyzer-double-free \
		gcc_analyzer $sources
	look 'clang --analyze' "$dir/seeded.c" unix.Malloc clang_analyzer $sources
	look 'clang -Wthread-safety' "$dir/seeded.c" 'is still held' clang_locks \
		$sources
	look clang-tidy "$dir/seeded.c" bugprone-suspicious-memset-usage \
		clang_tidy $sources
	look cppcheck "$dir/seeded.c" arrayIndexOutOfBounds c_check $sources
	look shellcheck "$dir/seeded.sh" SC2086 shellcheck $scripts
}
exit "$status"
