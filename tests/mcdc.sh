#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mcdc.sh SOURCE: has clang build SOURCE, a copy of what is released that it may
# write to, runs the test programs, and tells of the files of lib/ how many
# conditions decided by themselves (MC/DC), beside branches and lines. Reports
# and no more, but fails where there is no figure. Needs clang 18 or later:
#	LLVM=-19	what the names of clang and its tools end with
set -eu

source=$(cd "$1" && pwd)
llvm=${LLVM--19}
profiles=$source/profiles

for tool in clang llvm-cov llvm-profdata; do
	command -v "$tool$llvm" >/dev/null || {
		echo "mcdc: no $tool$llvm; on Debian: apt-get install" \
			"clang$llvm libclang-rt$llvm-dev llvm$llvm" >&2
		exit 1
	}
done

# Counted as coverage.sh does: at -O0, and nothing inlined by force.
cd "$source"
./configure --quiet CC="clang$llvm" CXX=no CFLAGS="-O0 -g \
	-fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc \
	-fprofile-update=atomic -Dalways_inline=unused" \
	LDFLAGS=-fprofile-instr-generate >/dev/null
LLVM_PROFILE_FILE=$profiles/%m.profraw
export LLVM_PROFILE_FILE
${MAKE:-make} -s -j "$(nproc 2>/dev/null || echo 1)" check-programs >build.log 2>&1 || {
	cat build.log
	exit 1
}

"llvm-profdata$llvm" merge -o profile "$profiles"/*.profraw
set -- lib/.libs/libtarn.so
for program in tests/test_*; do
	case $program in
	*.*) ;;
	*) set -- "$@" -object "$program" ;;
	esac
done
# shellcheck disable=SC2094 # the word report is not that file
"llvm-cov$llvm" report -show-mcdc-summary -show-branch-summary \
	-show-region-summary=false -instr-profile profile "$@" \
	-sources lib >report

# Name; functions, missed, share; and so lines, branches, conditions.
awk '
	function share(i, what)
	{
		return sprintf("%5.1f %% of %4d %s", \
			$i ? 100 * ($i - $(i + 1)) / $i : 100, $i, what)
	}
	NF == 13 && ($1 ~ /\.[ch]$/ || $1 == "TOTAL") {
		sub(/.*\//, "", $1)
		printf "%-10s %s, %s, %s\n", $1, share(11, "conditions"), \
			share(8, "branches"), share(5, "lines")
		found = $1 == "TOTAL" && $11 > 0 && $12 < $11
	}
	END {
		if (!found)
			print "mcdc: no figure"
		exit !found
	}' report
