#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# deb.sh TARBALL DIRECTORY: builds Debian's packages from a release, and leaves
# them and the source package in DIRECTORY; fails where lintian has an error or
# a warning. Signs nothing.
set -eu

tarball=$1
to=$2

for tool in dpkg-buildpackage dh lintian; do
	command -v "$tool" >/dev/null || {
		echo "deb: $tool is missing (Debian: dpkg-dev debhelper lintian)"
		exit 1
	} >&2
done

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

tar -xzf "$tarball" -C "$dir"
# Who builds a package is no part of a make that runs already.
unset DESTDIR MAKEFLAGS MAKELEVEL MFLAGS
(cd "$dir/$(basename "$tarball" .tar.gz)" && dpkg-buildpackage -us -uc)
mkdir -p "$to"
cp "$dir"/*.deb "$dir"/tarn_* "$to"
# It knows the policy of its own day alone.
lintian --info --fail-on error,warning \
	--suppress-tags newer-standards-version "$dir"/*.changes
