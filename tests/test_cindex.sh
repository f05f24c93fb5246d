#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# examples/cindex on a small tree whose words are known, with one thread and
# with several: it counts right, however the work is shared.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$dir/deep"
for file in a b c deep/d deep/e; do
	echo 'extern int tarn_often(int); tarn_often tarn_seldom_'"${file##*/}" \
		>"$dir/$file.h"
done

for threads in 1 4; do
	${EMULATOR-} "${builddir:-.}/examples/cindex" -j "$threads" -n 1 \
		"$dir" >"$dir/out"
	cat "$dir/out"
	grep -Eq '(^|[^0-9])10[^0-9].*tarn_often|tarn_often.*[^0-9]10([^0-9]|$)' \
		"$dir/out"
done
