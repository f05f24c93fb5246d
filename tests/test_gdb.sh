#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Pools as gdb shows them, by tools/gdb/tarn.py: in a program that stands at a
# breakpoint and in the core file made there, the figures are those that it had
# from tarn_pool_stats, and what a pool is made of is what tarn_pool_report
# wrote; with the list that TARN_DEBUG has kept, and without.
set -eu

srcdir=${srcdir:-.}
library=${builddir:-.}/lib/.libs/libtarn.so
script=$(cd "$srcdir" && pwd)/tools/gdb/tarn.py

skip()
{
	echo "test_gdb: left out: $*"
	exit 77
}

case ${INSTRUMENT_FLAGS-} in
*-fsanitize*) skip 'no programs under a sanitizer' ;;
esac
[ -e "$library" ] || skip 'no shared library was built'
command -v gdb >/dev/null || skip 'no gdb'
gdb -nx -batch -ex 'python print(40 + 2)' 2>&1 | grep -q '^42$' ||
	skip 'a gdb without Python'
library=$(readlink -f "$library")

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail()
{
	echo "test_gdb: $*" >&2
	[ ! -e "$dir/out" ] || cat "$dir/out" >&2
	exit 1
}

# ---- a program ----

# Its arguments are the files for figures and for a report. All that it does
# before it stops is in no order that matters, but for what is in the report.
cat >"$dir/program.c" <<'END_OF_PROGRAM'
#include "tarn.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Not the library's. */
struct block {
	int mine;
};
struct local {
	int mine;
};
struct block my_block = {42};
struct local my_local = {43};

tarn_pool *shared, *child, *grandchild, *nameless, *ended;
void *small, *large;
static char buffer[16384];
static pthread_barrier_t barrier;
static pthread_key_t key;

__attribute__((noinline)) void stopped(tarn_pool *pool, tarn_local *local)
{
	__asm__ volatile("" : : "r"(pool), "r"(local) : "memory");
}

__attribute__((noinline)) void stopped_within(void *data)
{
	__asm__ volatile("" : : "r"(data) : "memory");
}

static void close_it(void *data)
{
	stopped_within(data);
}

static void *work(void *arg)
{
	for (size_t i = 1; i < 300; i++) {
		void *object = tarn_palloc(shared, i);

		if (i % 3 == 0)
			tarn_pfree_sized(shared, object, i);
		tarn_pnalloc(child, i);
	}
	tarn_palloc(shared, 20000 + (size_t)arg);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* In the last round the thread has no slot any more. */
static void free_late(void *object)
{
	static int rounds;

	if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(key, object);
	else
		tarn_pfree_sized(shared, object, 64);
}

static void *end(void *arg)
{
	pthread_setspecific(key, tarn_palloc(shared, 64));
	return arg;
}

static void tell(FILE *file, const tarn_pool *pool)
{
	tarn_stats stats = TARN_STATS_INIT;

	tarn_pool_stats(pool, &stats);
	fprintf(file, "%p %zu %zu %zu %zu\n", (const void *)pool, stats.held,
		stats.handed_out, stats.blocks, stats.local_pools);
}

static tarn_pool *make(tarn_pool *parent, const char *name, void *memory,
		       size_t size)
{
	tarn_options options = TARN_OPTIONS_INIT;

	options.name = name;
	options.buffer = memory;
	options.buffer_size = size;
	return parent != NULL ? tarn_pool_create_child(parent, &options)
			      : tarn_pool_create(&options);
}

static void use(tarn_pool *pool)
{
	tarn_cache *cache = tarn_cache_create(pool, 48, 16);

	small = memset(tarn_palloc(pool, 100), 1, 100);
	large = memset(tarn_palloc(pool, 10000), 1, 10000);
	for (int i = 0; i < 100; i++)
		tarn_cache_alloc(cache);
	tarn_cache_free(cache, tarn_cache_alloc(cache));
	for (int i = 0; i < 2; i++)
		tarn_cleanup_add(pool, close_it, pool);
}

int main(int argc, char **argv)
{
	FILE *figures = fopen(argv[argc - 2], "w");
	FILE *report = fopen(argv[argc - 1], "w");
	char on_stack[8192];
	tarn_pool *buffered, *stacked, *scratch;
	pthread_t threads[2];
	tarn_mark mark;

	pthread_barrier_init(&barrier, NULL, 3);
	ended = make(NULL, "ended", NULL, 0);
	shared = make(NULL, "shared 'pool'\n", NULL, 0);
	tarn_pool_destroy(make(shared, "ended child", NULL, 0));
	nameless = make(shared, NULL, NULL, 0);
	child = make(shared, "child", NULL, 0);
	grandchild = make(child, "grandchild", NULL, 0);
	buffered = make(NULL, "buffered", buffer + 5, sizeof(buffer) - 5);
	stacked = make(NULL, "stacked", on_stack, sizeof(on_stack));
	scratch = tarn_scratch_begin(NULL, &mark);
	use(shared);
	pthread_key_create(&key, free_late);
	pthread_create(&threads[0], NULL, end, NULL);
	pthread_join(threads[0], NULL);
	for (size_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	pthread_barrier_wait(&barrier);
	tarn_palloc(grandchild, 3);
	tarn_palloc(buffered, 3000);
	tarn_palloc(stacked, 3);
	tarn_palloc(scratch, 3);
	tarn_pool_destroy(ended);

	tell(figures, shared);
	tell(figures, child);
	tell(figures, grandchild);
	tell(figures, nameless);
	tell(figures, buffered);
	tell(figures, stacked);
	tell(figures, scratch);
	fclose(figures);
	tarn_pool_report(shared, report, TARN_REPORT_TEXT);
	fclose(report);
	stopped(shared, tarn_pool_local(shared));

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	tarn_scratch_end(scratch, mark);
	tarn_pool_destroy(buffered);
	tarn_pool_destroy(stacked);
	tarn_pool_destroy(shared);
	return 0;
}
END_OF_PROGRAM
# shellcheck disable=SC2086 # CC and the flags may be several words
${CC:-cc} -g -O1 ${INSTRUMENT_FLAGS-} -I "$srcdir/include" -o "$dir/program" \
	"$dir/program.c" "$library" -pthread

# debug FILE COMMAND...: gdb, of the program or a core file of it, as its users
# would have it; all it says goes to out.
debug()
{
	file=$1
	shift
	cat "$@" >"$dir/commands"
	timeout 120 gdb -nx -batch -x "$dir/commands" "$dir/program" \
		${file:+"$file"} >"$dir/out" 2>&1
}

# begin LIBRARIES TARN_DEBUG: what leads to the breakpoint.
begin()
{
	cat <<-END_OF_COMMANDS
	set startup-with-shell off
	set environment TARN_DEBUG=$2
	set environment LD_LIBRARY_PATH=$1
	set args $dir/figures $dir/report
	break stopped
	run
	source $script
	END_OF_COMMANDS
}

# section NAME: what was said between the lines "== NAME" and the next ==.
section()
{
	sed -n "/^== $1\$/,/^==/p" "$dir/out" | grep -v '^==' || true
}

begin "${library%/*}" unwatched >"$dir/begin"
debug '' "$dir/begin" || true
[ -s "$dir/report" ] || {
	cat "$dir/out"
	skip 'gdb runs no program here'
}

# ---- a library without debug information ----

mkdir "$dir/plain"
"${STRIP:-strip}" -g -o "$dir/plain/libtarn.so.0" "$library"
{ begin "$dir/plain" unwatched; echo tarn pools; } >"$dir/begin"
! debug '' "$dir/begin" || fail 'works without debug information'
grep -q 'tarn has no debug information here' "$dir/out" ||
	fail 'does not say what is missing'
echo 'test_gdb: says where debug information is missing'
if ! readelf -S "$library" | grep -q '\.debug_info'; then
	echo 'test_gdb: the library was built without any: no more'
	exit 0
fi

# ---- what is shown ----

# What can be asked of the process, and of a core file of it.
cat >"$dir/asked" <<'END_OF_COMMANDS'
echo == searched\n
tarn pools -s
echo == report\n
tarn pool shared
tarn pool *child
python gdb.execute('tarn pool %d' % int(gdb.parse_and_eval('grandchild')))
tarn pool nameless
echo == local\n
tarn pool local
echo == printed\n
print *shared
print *local
print *child->cursor.first
print my_block
print my_local
echo == find\n
tarn find small
tarn find (char *)small + 100
tarn find (char *)large + 9
tarn find shared
tarn find &my_block
END_OF_COMMANDS

# What the lines of a table say, in order of addresses.
table()
{
	section "$1" | awk '$1 ~ /^0x/ { print $1, $2, $3, $4, $5 }' | sort
}

# look WHAT PLACE END: all that was asked, and figures of the same moment; and
# the words for where the small object is, and for where it has ended.
look()
{
	sort "$dir/figures" >"$dir/told"
	table searched >"$dir/shown"
	diff "$dir/told" "$dir/shown" || fail "$1: figures (<) and tarn pools (>)"
	section searched >"$dir/tree"
	for line in '^0x[^ ]* .* "shared '"'pool'"'\\x0a"$' \
		'^  0x[^ ]* .*    "child"$' '^    0x[^ ]* .* "grandchild"$' \
		'^0x[^ ]* .* "buffered"$' '^0x[^ ]* .* "stacked"$' \
		'"scratch" of thread 1$' \
		'^7 pools, found in [0-9]* KiB of memory'; do
		grep -q "$line" "$dir/tree" || fail "$1: no '$line'"
	done

	# gdb has names for functions, and its own numbers of threads.
	section report | sed -e "s/ (gdb's thread [0-9]*)//" \
		-e 's/; aside:.*//' -e '/^  cleanups:/d' >"$dir/shown"
	sed '/^  cleanups:/d' "$dir/report" >"$dir/told"
	diff "$dir/told" "$dir/shown" || fail "$1: report (<) and tarn pool (>)"
	section report | grep -q '^  cleanups: close_it(0x.*, close_it(0x' ||
		fail "$1: no cleanup by its name"
	# Which thread has a slot is seen by the mutex that tells of its death.
	! grep -q 'define HAVE_DECL_PTHREAD_MUTEX_ROBUST 1' \
		"${builddir:-.}/config.h" || [ "$(section report |
		grep -c "^  thread [1-3].*(gdb's thread [1-4])")" -ge 5 ] || fail "$1: gdb's threads are not known"
	[ "$(section local)" = "$(section report |
		sed '/^pool .*, 1 deep/,$d')" ] || fail "$1: by a local pool"

	section printed >"$dir/shown"
	for line in '^.1 = tarn_pool "shared .* held, .*= {parent = 0x0, block' \
		'^.2 = local pool of "shared .*, thread 1: ' \
		'^.3 = block of [0-9]* bytes: [0-9]* header, ' \
		'^.4 = {mine = 42}$' '^.5 = {mine = 43}$'; do
		grep -q "$line" "$dir/shown" || fail "$1: no '$line'"
	done

	section find >"$dir/shown"
	for line in ": [0-9]* bytes into $2" \
		': 9 bytes into a large allocation of 10000 bytes$' \
		': [0-9]* bytes into block 0, in its header, which' \
		'^0x[^ ]* is in no pool of 7, ' "$3"; do
		grep -q "$line" "$dir/shown" || fail "$1: no '$line'"
	done
	echo "test_gdb: $1: as the program tells it"
}

# ---- a process, and a core file ----

{
	begin "${library%/*}" unwatched
	cat "$dir/asked"
	cat <<-END_OF_COMMANDS
	echo == pools\n
	tarn pools
	echo == all\n
	tarn pools -a
	generate-core-file $dir/core
	echo == recycled\n
	set var ended->busy = 0
	set var ended->cursor.first->base = 4
	tarn pools
	print shared->unowned
	echo == overwritten\n
	set var shared->cursor.first->check ^= 1
	tarn pools
	print *shared->cursor.first
	set var shared->cursor.first->check ^= 1
	break stopped_within
	continue
	echo == within\n
	tarn pools
	END_OF_COMMANDS
} >"$dir/begin"
debug '' "$dir/begin" || fail 'gdb failed'
chunk='block 0, in a chunk of thread 1: handed out'
look 'a process' "$chunk" "$chunk"
[ "$(section pools)" = "$(section searched)" ] || fail 'another tarn pools'
section pools | grep -q '; not shown: [1-9][0-9]* that ended, or are' ||
	fail 'pools that ended are not counted'
section all | grep -q '"ended" (ended, or reset or destroyed now)$' ||
	fail 'the pool that ended is not shown'
section recycled | grep -q '^7 pools, ' ||
	fail 'what is left in the block of another pool is shown'
section recycled | grep -q ' = 64$' || fail 'nothing is unowned'
[ "$(section overwritten | grep -c 'header.* was overwritten')" = 2 ] ||
	fail 'a header that was overwritten is not told of'
section within | grep -q '"shared .* (reset or destroyed now)$' ||
	fail 'a pool that ends is not shown'
section within | grep -q '^2 pools, ' || fail 'others are shown'

cp "$dir/out" "$dir/live"
{ echo "source $script"; cat "$dir/asked"; } >"$dir/begin"
LD_LIBRARY_PATH=${library%/*} debug "$dir/core" "$dir/begin" ||
	fail 'gdb failed on the core file'
look 'a core file' "$chunk" "$chunk"

# ---- the list of pools, and watched ones ----

for words in leaks,unwatched report="$dir/exit.json"; do
	{
		begin "${library%/*}" "$words"
		cat "$dir/asked"
		printf 'echo == pools\\n\ntarn pools\n'
	} >"$dir/begin"
	debug '' "$dir/begin" || fail "gdb failed with $words"
	case $words in
	leaks*) look "$words" 'an object of 100 bytes$' 'in no object that' ;;
	*) look "$words" "$chunk" "$chunk" ;;
	esac
	section pools | grep -q '^7 pools, by the list that TARN_DEBUG' ||
		fail "$words: the list is not known"
	table pools >"$dir/shown"
	table searched >"$dir/told"
	diff "$dir/told" "$dir/shown" || fail "$words: searched (<), listed (>)"
done

# ---- where gdb finds it, and what is wrong ----

mkdir -p "$dir/auto$(dirname "$library")"
cp "$script" "$dir/auto$library-gdb.py"
timeout 60 gdb -nx -batch -iex "add-auto-load-scripts-directory $dir/auto" \
	-iex "add-auto-load-safe-path $dir/auto" \
	-ex 'tarn pools' "$library" >"$dir/out" 2>&1 || true
grep -q 'The program is not being run' "$dir/out" || fail 'is not loaded'

LD_LIBRARY_PATH=${library%/*} timeout 60 gdb -nx -batch -x "$script" \
	-ex 'tarn pools wrong' -ex 'tarn pool' -ex 'tarn pool 1' \
	-ex 'tarn pool (tarn_pool *)64' -ex 'tarn pool my_block' -ex 'tarn find' \
	"$dir/program" "$dir/core" >"$dir/out" 2>&1 || true
for line in 'usage: tarn pools ' 'usage: tarn pool EXP' \
	'usage: tarn find EXP' 'There is no pool at 0x1\.$' \
	'It cannot be read: ' 'That is no pool .* a struct block'; do
	grep -q "$line" "$dir/out" || fail "no '$line'"
done
timeout 60 gdb -nx -batch -x "$script" -ex 'tarn pools' /bin/true \
	>"$dir/out" 2>&1 || true
grep -q 'The program is not being run' "$dir/out" || fail 'of no program'
echo 'test_gdb: gdb loads it; errors are told'
