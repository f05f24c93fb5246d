#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# examples/http: all that its clients ask for is served, and each request's
# pool has ended. Skipped where configure found no libmicrohttpd.
# shellcheck disable=SC2086 # EMULATOR is words
set -eu

http=${builddir:-.}/examples/http
[ -x "$http" ] || {
	echo 'test_http: skipped: libmicrohttpd is missing' \
		'(Debian: libmicrohttpd-dev)'
	exit 77
}

out=$(${EMULATOR-} "$http") || {
	echo "test_http: ends with status $?: $out" >&2
	exit 1
}
case $out in
'400 pages served; 0 requests left, '*' bytes held') echo "test_http: $out" ;;
*)
	echo "test_http: $out" >&2
	exit 1
	;;
esac
