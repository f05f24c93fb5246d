#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The commands of doc/guide.md, each block of `sh` as it stands there, print what
# the block of `output` below says: each of its lines, in which dots stand for
# anything. Commands whose tools are missing are left out.
set -eu

srcdir=$(cd "${srcdir:-.}" && pwd)
builddir=$(cd "${builddir:-.}" && pwd)
libs=$builddir/lib/.libs

# What the tools say of the library as its users have it.
case ${INSTRUMENT_FLAGS-} in
*-*)
	echo 'test_guide: skipped: the library is instrumented'
	exit 77
	;;
esac

[ -z "${EMULATOR-}" ] || {
	echo 'test_guide: skipped: its commands run on this machine'
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

if [ -e "$libs/libtarn.so" ]; then
	library="$libs/libtarn.so -Wl,-rpath,$libs"
else
	library=$libs/libtarn.a
fi

# Names that the commands use, and here are those of this build.
compiler=${CC:-cc}
compiler=$(command -v "${compiler%% *}") # not the one below
mkdir "$dir/bin"
cat >"$dir/bin/pkg-config" <<END
#!/bin/sh
echo "-I$srcdir/include $library -pthread"
END
cat >"$dir/bin/cc" <<END
#!/bin/sh
exec $compiler "\$@"
END
ln -s "$builddir/tools/tarn-replay" "$dir/bin/tarn-replay"
ln -s "$srcdir/examples" "$dir/examples"
chmod +x "$dir/bin/pkg-config" "$dir/bin/cc"
PATH=$dir/bin:$PATH
export PATH
unset TARN_DEBUG TARN_CACHE
# Valgrind tells twelve calls, and without optimization the library has more.
! grep -q '^CFLAGS =.*-O0' "$builddir/Makefile" || {
	VALGRIND_OPTS=--num-callers=20
	export VALGRIND_OPTS
}

# Block N of commands goes to N.sh, and what they print to N.expected.
awk -v dir="$dir" '
/^```sh$/ { file = dir "/" ++n ".sh"; next }
/^```output$/ { file = dir "/" n ".expected"; next }
/^```/ { file = "" }
file != "" { print >file }
END { print n + 0 >(dir "/count") }' "$srcdir/doc/guide.md"

# missing FILE: prints a tool that its commands want and that is not here.
missing()
{
	for tool in valgrind gdb setarch; do
		! grep -qw "$tool" "$1" || command -v "$tool" >/dev/null ||
			echo "$tool"
	done
	! grep -q '^valgrind' "$1" || grep -q \
		'define HAVE_VALGRIND_MEMCHECK_H 1' "$builddir/config.h" ||
		echo "valgrind's header"
	# An older valgrind ends where it cannot read what a newer clang writes.
	echo 'int main(void) { return 0; }' >"$dir/try.c"
	# shellcheck disable=SC2046 # they are a list
	! grep -q '^valgrind' "$1" || ! command -v valgrind >/dev/null || {
		cc -g "$dir/try.c" -Wl,--no-as-needed $(pkg-config) -o "$dir/try"
		valgrind -q "$dir/try" >"$dir/log" 2>&1
	} || echo 'valgrind that reads this debug information'
	! grep -q '^cc .*-fsanitize' "$1" ||
		grep -q 'define HAVE_WEAK 1' "$builddir/config.h" ||
		echo 'names that may be missing'
	! grep -q '^cc .*-fsanitize' "$1" ||
		! "$compiler" --version | grep -q clang ||
		command -v llvm-symbolizer >/dev/null || echo llvm-symbolizer
	sed -n 's/^cc .*\(-fsanitize=[a-z]*\).*/\1/p' "$1" |
		while read -r flag; do
			cc "$flag" "$dir/try.c" -o "$dir/try" 2>/dev/null &&
				setarch -R "$dir/try" || echo "$flag"
		done
}

# expects LINE: whether $dir/out has a line like this one.
expects()
{
	pattern=$(printf '%s\n' "$1" |
		sed -e 's/[][\.*^$]/\\&/g' -e 's/\\\.\\\.\\\./.*/g')
	grep -q -- "$pattern" "$dir/out"
}

count=$(cat "$dir/count")
[ "$count" -ge 6 ] || {
	echo "test_guide: only $count blocks of commands" >&2
	exit 1
}
n=0
ran=0
while [ "$n" -lt "$count" ]; do
	n=$((n + 1))
	title=$(tail -n 1 "$dir/$n.sh")
	without=$(missing "$dir/$n.sh" | paste -sd ' ' -)
	[ -z "$without" ] || {
		echo "test_guide: left out, no $without: $title"
		continue
	}
	# Most of them end with a report, and so not well.
	(cd "$dir" && sh "$n.sh") >"$dir/out" 2>&1 || true
	while IFS= read -r line; do
		expects "$line" || {
			echo "test_guide: $title: no line like: $line" >&2
			head -n 100 "$dir/out" >&2
			exit 1
		}
	done <"$dir/$n.expected"
	ran=$((ran + 1))
	echo "test_guide: as it says: $title"
done
echo "test_guide: $ran of $count blocks"
