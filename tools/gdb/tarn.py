# SPDX-License-Identifier: BSD-2-Clause
"""Pools of tarn, seen from gdb: `tarn pools`, `pool`, `find` and printers.

All of it is read from memory, of a process that is stopped or of a core file:
no function of the program is called. The layout is that of the library's own
debug information; what that does not say (sizes of lines and units, names of
slots, entries of ledgers) is below, as in lib/block.h, lib/slot.h, lib/large.c
and lib/ledger.c. Figures are those that lib/stats.c and lib/describe.c make;
tests/test_gdb.sh compares them.

What is read need not fit: a thread may be stopped in the middle of a change,
or memory be overwritten. So lists are followed as far as they do not repeat,
and what cannot be read is said to be so.
"""

import array
import re

import gdb
import gdb.printing

LINE = 64  # bytes: chunks, blocks and pools begin at a multiple of it
UNIT = 16  # bytes: what offsets in a block count
SHARDS = 32  # of a large list, beside the one at home
NO_ENTRY = 2  # the word of a ledger that is not kept

PAGE = 4096  # bytes: what memory is left out by, where some cannot be read
PIECE = 1 << 20  # bytes: that are searched at a time

WORD32 = (1 << 32) - 1
WORD64 = (1 << 64) - 1


# ---- the library ---------------------------------------------------------


# A function of the file that knows all of a struct: in others there may be but
# a declaration, for which gdb would take any struct of that name, the user's.
HOMES = {'block': 'tarn_own_block_watch',
         'depot': 'tarn_own_depot_init',
         'local': 'tarn_own_local_reset',
         'local_side': 'tarn_own_local_reset',
         'run': 'tarn_own_run_join',
         'slab': 'tarn_own_slab_init',
         'slot_table': 'tarn_own_slot_table_init',
         'tarn_cache': 'tarn_cache_create',
         'tarn_cleanup': 'tarn_own_cleanup_add',
         'tarn_pool': 'tarn_pool_destroy',
         'watch': 'tarn_own_watch_pool'}


def library_type(tag):
    """A struct of the library's; says what is missing where there is none."""
    home = gdb.lookup_global_symbol(HOMES[tag])
    if home is not None:
        # Of a struct gdb.lookup_type heeds no block.
        return gdb.lookup_symbol(tag, home.symtab.static_block(),
                                 gdb.SYMBOL_STRUCT_DOMAIN)[0].type
    try:
        gdb.parse_and_eval('&tarn_pool_create')
    except gdb.error:
        raise gdb.GdbError('There is no tarn in this program, or it is not'
                           ' loaded yet.') from None
    raise gdb.GdbError('The library tarn has no debug information here: build'
                       ' it with -g, or install\nwhat was split off it (see'
                       ' "info sharedlibrary" and "help set'
                       ' debug-file-directory").')


def at(pointer, tag):
    """What stands at an address, or a pointer leads to."""
    kind = library_type(tag).pointer()
    return gdb.Value(int(pointer)).cast(kind).dereference()


def static_variable(name, file):
    """A variable of one file of the library, or None."""
    for symbol in gdb.lookup_static_symbols(name):
        if symbol.symtab.filename.endswith(file):
            return symbol.value()
    return None


def need_program():
    if gdb.selected_inferior().pid == 0:
        raise gdb.GdbError('The program is not being run, and there is no core'
                           ' file.')


def words_of(memory, code):
    """Memory as whole words: of 8 bytes, 'Q', or of 4, 'I'."""
    words = array.array(code)
    words.frombytes(memory[:len(memory) // words.itemsize * words.itemsize])
    if 'big' in gdb.execute('show endian', to_string=True):
        words.byteswap()
    return words


def read_memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def followed(first, link, tag):
    """The elements of a list that a pointer begins, none of them twice."""
    seen = set()
    pointer = int(first)
    while pointer != 0 and pointer not in seen:
        seen.add(pointer)
        element = at(pointer, tag)
        yield element
        pointer = int(element[link])


def readable(elements):
    """Those before the first that cannot be read."""
    try:
        yield from elements
    except gdb.MemoryError:
        return


# ---- slots ---------------------------------------------------------------


def swapped(number):
    return int.from_bytes(number.to_bytes(4, 'little'), 'big')


def slot_name(number):
    return swapped(number * 0x9e3779b1 & WORD32)


def slot_number(name):
    return swapped(name) * 0xe8b2f51 & WORD32


SLOT_NONE = slot_name(0)
SLOT_EMPTY = slot_name(WORD32 - 1)
SLOT_UNOWNED = slot_name(WORD32 - 2)


def slots():
    """(number, slot) of each that there is."""
    registry = static_variable('slot_registry', 'lib/slot.c')
    if registry is not None:
        for i in range(int(registry['count'])):
            yield i + 1, registry['slots'][i].dereference()


def owner_of(alive):
    """The system's number of the thread that holds a robust mutex: glibc
    names it, musl has it below two bits of its own. None: it is elsewhere, or
    the system has no such mutexes."""
    for read in (lambda: int(alive['mutex']['__data']['__owner']),
                 lambda: int(alive['mutex']['__u']['__vi'][1]) & 0x3fffffff):
        try:
            return read()
        except gdb.error:
            pass
    return None


def threads():
    """gdb's number of the thread that has a slot, by the slot's number.

    A thread holds the mutex of its slot while it lives.
    """
    known = {thread.ptid[1]: thread.num
             for thread in gdb.selected_inferior().threads()}
    found = {}
    for number, slot in slots():
        owner = owner_of(slot['thread']['alive'])
        if slot['taken'] and owner in known:
            found[number] = known[owner]
    return found


# ---- blocks --------------------------------------------------------------


class Block:
    """A block, where chunks come from."""

    def __init__(self, value):
        room = int(value['room'])
        self.value = value
        self.address = int(value.address)
        self.size = int(value['size'])
        self.skip = int(value['skip'])
        self.memory = self.address - self.skip
        self.base = int(value['base']) * UNIT
        self.low = (room & WORD32) * UNIT
        self.high = (room >> 32) * UNIT

    header = property(lambda self: self.base + self.skip)
    claimed = property(lambda self: self.low - self.base)
    unclaimed = property(lambda self: self.high - self.low)
    kept = property(lambda self: self.size - self.skip - self.high)

    def is_whole(self):
        """Whether its header is what the library wrote; see block_checked."""
        secret = gdb.lookup_global_symbol('tarn_own_block_secret')
        if secret is None:
            return True
        most = (1 << 8 * self.value['check'].type.sizeof) - 1
        word = self.address ^ int(secret.value()) ^ self.size
        word = (word * 0x9e3779b97f4a7c15 + self.skip) & most
        word ^= self.base // UNIT * 0xff51afd7ed558ccd & most
        return word == int(self.value['check'])

    def has(self, last, end):
        return self.memory <= last < end <= self.memory + self.size


# ---- local pools ---------------------------------------------------------


def signed(number):
    number &= WORD64
    return number - (1 << 64) if number >> 63 else number


class Local:
    """A thread's part of a pool. `slot` is the name of whose it is."""

    def __init__(self, value, slot, first=False):
        hot = value['hot']
        self.value = value
        self.slot = slot
        self.first = first
        self.room = int(hot['last']), int(hot['end'])
        # What was freed by whom others had it from: below 0.
        self.handed_out = signed(int(value['given']) - self.room[1] +
                                 self.room[0])

    def tails(self):
        tails = self.value['tails']
        for i in range(tails.type.range()[1] + 1):
            yield int(tails[i]['last']), int(tails[i]['end'])

    def aside(self):
        """The room, while freed memory goes before it; or none."""
        if int(self.value['side']) == 0:
            return 0, 0
        room = at(self.value['side'], 'local_side')['aside']
        return int(room['last']), int(room['end'])

    def is_torn(self):
        return int(self.value['changes']) % 2 != 0

    def chunks(self):
        """(start, end) of each that its ledger has; see lib/ledger.c."""
        word = int(self.value['ledger']['newest'])
        seen = set()
        while word not in (0, NO_ENTRY) and word % 2 == 0 and word not in seen:
            seen.add(word)
            word, entry = words_of(read_memory(word, 16), 'Q')
            yield self.entry(entry)
        if word % 2 != 0:
            yield self.entry(word)

    @staticmethod
    def entry(word):
        start = (word >> 22) * LINE
        return start, start + (word >> 1 & (1 << 21) - 1) * LINE


# ---- pools ---------------------------------------------------------------


class Pool:
    """A pool as it stands in memory."""

    def __init__(self, pointer):
        self.value = at(pointer, 'tarn_pool')
        self.address = int(pointer)

    parent = property(lambda self: int(self.value['parent']))

    def name(self):
        name = self.value['name']
        if int(name) == 0:
            return None
        try:
            return name.string('utf-8', 'replace')
        except gdb.error:
            return '?'

    def is_busy(self):
        return int(self.value['busy']) != SLOT_NONE

    def is_ending(self):
        """Whether a reset or destroy has not come far: it ends these first."""
        return self.is_busy() and (
            int(self.value['children']) != 0 or
            int(self.value['cleanups']['newest']) != 0)

    def depth(self):
        return sum(1 for _ in followed(self.value['parent'], 'parent',
                                     'tarn_pool'))

    def children(self):
        """The newest first."""
        for child in followed(self.value['children'], 'older', 'tarn_pool'):
            yield Pool(child.address)

    def blocks(self):
        for block in followed(self.value['cursor']['first'], 'next', 'block'):
            yield Block(block)

    def is_whole(self):
        return all(block.is_whole() for block in self.blocks())

    def locals(self):
        """Of each thread that came, the owner's first."""
        own = self.value['own']
        owner = int(self.value['owner'])
        if owner != SLOT_UNOWNED:
            yield Local(own, owner, True)
        if int(self.value['table']) == 0:
            return
        table = at(self.value['table'], 'slot_table')
        entry = table['entries'].type.target()
        entries = table['entries'].address.cast(entry.pointer())
        for i in range(int(table['mask']) // entry.sizeof + 1):
            slot = int(entries[i]['slot'])
            if slot != SLOT_EMPTY:
                yield Local(at(entries[i]['value'], 'local'), slot)

    def shards(self):
        large = self.value['large']
        yield large['home']
        if int(large['shards']) != 0:
            for i in range(SHARDS):
                yield large['shards'][i]

    def large(self):
        for shard in self.shards():
            for i in range(int(shard['capacity'])):
                if int(shard['entries'][i]['object']) != 0:
                    yield shard['entries'][i]

    def objects(self):
        """(address, bytes) of each that is known, where it is watched."""
        if int(self.value['watch']) == 0:
            return
        objects = at(self.value['watch'], 'watch')['objects']
        mask = int(objects['mask'])
        for i in range(int(objects['capacity'])):
            entry = objects['entries'][i]
            if int(entry['object']) != 0:
                yield int(entry['object']) ^ mask, int(entry['asked'])

    def caches(self):
        return followed(self.value['caches'], 'older', 'tarn_cache')

    def cleanups(self):
        """The newest first."""
        return followed(self.value['cleanups']['newest'], 'older',
                        'tarn_cleanup')

    def freed(self):
        """Bytes that were freed and that no thread has at hand."""
        depot = self.value['depot']
        total = int(at(depot, 'depot')['bytes']) if int(depot) else 0
        return total + sum(int(run['size']) for run in
                            followed(self.value['loose'], 'next', 'run'))

    def handed_out(self):
        """As stats_locals has it, and the large list."""
        owner = int(self.value['owner'])
        total = sum(local.handed_out for local in self.locals())
        if owner == SLOT_UNOWNED:
            total += Local(self.value['own'], owner).handed_out
        total -= int(self.value['unowned'])
        total += sum(int(cache['depot']['claimed'])
                      for cache in self.caches())
        total += sum(int(shard['size']) for shard in self.shards())
        return max(signed(total), 0)

    def large_held(self):
        return sum(int(shard['held']) for shard in self.shards())

    def held(self):
        large = self.value['large']
        total = int(self.value['cursor']['held']) + self.large_held()
        total += sum(int(shard['table_held']) for shard in self.shards())
        if int(large['shards']) != 0:
            total += int(large['shards_held'])
        if int(self.value['watch']) != 0:
            total += int(at(self.value['watch'], 'watch')['held'])
        return total

    def rest(self):
        """The slot that claimed what is in no ledger."""
        # Objects of a pool that is watched are in nobody's chunks.
        if int(self.value['source']['watched']) and int(self.value['table']):
            return SLOT_UNOWNED
        return int(self.value['owner'])


# ---- finding pools -------------------------------------------------------


def listed_pools():
    """The pools in the list that TARN_DEBUG=leaks and report= have kept."""
    watched = static_variable('watch_all', 'lib/watch.c')
    if watched is None:
        return
    for watch in followed(watched['newest'], 'older', 'watch'):
        yield Pool(watch['pool'])


def scratch_pools():
    """(pool, number of its slot) of the library's own."""
    for number, slot in slots():
        scratch = slot['scratch']
        for i in range(scratch.type.range()[1] + 1):
            if int(scratch[i]['pool']) != 0:
                yield Pool(scratch[i]['pool']), number


def core_memory():
    """(start, end) of what a core file has of writable memory."""
    section = re.compile(r'^ *\[\d+\] +(0x[0-9a-f]+)->(0x[0-9a-f]+) at '
                         r'0x[0-9a-f]+: load\d+[a-z]? (.*)$')
    text = gdb.execute('maintenance info sections', to_string=True)
    for line in text.splitlines():
        match = section.match(line)
        if match and 'HAS_CONTENTS' in match[3] and 'READONLY' not in match[3]:
            yield int(match[1], 16), int(match[2], 16)


def live_memory():
    """The same of a process. That of devices is not to be touched."""
    mapping = re.compile(r'^ *(0x[0-9a-f]+) +(0x[0-9a-f]+) +0x[0-9a-f]+ +'
                         r'0x[0-9a-f]+ *([r-][w-][x-][ps])? *(.*)$')
    text = gdb.execute('info proc mappings', to_string=True)
    for line in text.splitlines():
        match = mapping.match(line)
        if not match or match[3] and match[3][:2] != 'rw':
            continue
        if re.match(r'/dev/(?!shm/|zero)|\[v', match[4]):
            continue
        yield int(match[1], 16), int(match[2], 16)


def memory_pieces(start, end):
    """(address, memory) in pieces, without what cannot be read."""
    ends = [end]
    while ends:
        if start >= ends[-1]:
            ends.pop()
            continue
        size = min(ends[-1] - start, PIECE)
        try:
            memory = read_memory(start, size)
        except gdb.MemoryError:
            if size > PAGE:
                ends.append(start + max(size // 2 // PAGE * PAGE, PAGE))
                continue
            memory = b''
        if memory:
            yield start, memory
        start += size


def search_piece(start, memory, offset, code):
    """Addresses of lines that have their own address so many bytes behind."""
    words = words_of(memory, code)
    first = offset % LINE // words.itemsize
    line = start - offset // LINE * LINE
    for i, word in enumerate(words[first::LINE // words.itemsize]):
        if word == line + i * LINE:
            yield word


def is_pool(pool):
    """Whether a pool stands there, or did. Where a later block of another one
    was made of the memory of a pool that ended, chunks begin before its end."""
    try:
        header = Block(at(pool.value['cursor']['first'], 'block'))
        return (header.address == pool.address - LINE and
                int(pool.value['own']['pool']) == pool.address and
                int(pool.value['cleanups']['mutex']) ==
                int(pool.value['mutex'].address) and
                header.base >= LINE + pool.value.type.sizeof)
    except gdb.MemoryError:
        return False


def search_pools():
    """(pools, bytes) that were found, and searched, in all memory.

    A pool leads to its first block, in front of it, and to itself.
    """
    kind = library_type('tarn_pool')
    cursor = kind['cursor']
    first = cursor.type['first']
    code = 'Q' if first.type.sizeof == 8 else 'I'
    offset = LINE + (cursor.bitpos + first.bitpos) // 8
    memory = list(core_memory()) or list(live_memory())
    pools = []
    for start, end in memory:
        for place, piece in memory_pieces(start, end):
            for line in search_piece(place, piece, offset, code):
                pool = Pool(line + LINE)
                if is_pool(pool):
                    pools.append(pool)
    return pools, sum(end - start for start, end in memory)


def known_pools(searched, with_ended):
    """(tops, others, how): the pools that have no parent, or one that ends;
    those that ended, or are about to; and how all of them were found."""
    listed = [] if searched else list(listed_pools())
    if listed:
        listed += [pool for pool, _ in scratch_pools()]
        return ([pool for pool in listed if pool.parent == 0], [],
                'by the list that TARN_DEBUG has kept')
    pools, size = search_pools()
    alive = {pool.address: pool for pool in pools
             if not pool.is_busy() or pool.is_ending()}
    tops, below = [], set()
    # A child that is ended with its parent is in no list any more.
    for by_parent in True, False:
        for pool in alive.values():
            if pool.address not in below and not (by_parent and
                                                  pool.parent in alive):
                tops.append(pool)
                below |= {each.address for each, _ in family(pool)}
    others = [pool for pool in pools if pool.address not in below]
    how = 'found in %d KiB of memory' % (size // 1024)
    if others and not with_ended:
        how += ('; not shown: %d that ended, or are reset or destroyed now'
                % len(others))
    return tops, others * with_ended, how


def family(top):
    """(pool, depth) of it and of all below it, parents first."""
    left, seen = [(top, 0)], set()
    while left:
        pool, depth = left.pop()
        if pool.address in seen:
            continue
        seen.add(pool.address)
        yield pool, depth
        left += [(child, depth + 1) for child in
                 reversed(list(readable(pool.children())))]


# ---- tarn pools ----------------------------------------------------------


def quoted(name, quote):
    """A name of which nothing ends the quotes or the line."""
    text = ''.join('\\x%02x' % ord(c) if c < ' ' or c == '\x7f' else
                   '\\' + c if c in ('\\', quote) else c for c in name)
    return quote + text + quote


def table_row(pool, depth, notes):
    name = pool.name()
    cells = [] if name is None else [quoted(name, '"')]
    cells += notes
    if not pool.is_whole():
        cells.append('(the header of a block was overwritten)')
    return ('  ' * depth + hex(pool.address), str(pool.held()),
            str(pool.handed_out()), str(int(pool.value['cursor']['blocks'])),
            str(sum(1 for _ in pool.locals())),
            '  ' * depth + ' '.join(cells))


def table_print(rows):
    heads = 'address', 'held', 'handed out', 'blocks', 'local pools', 'name'
    widths = [max(len(row[i]) for row in [heads] + rows) for i in range(5)]
    for row in [heads] + rows:
        cells = [row[0].ljust(widths[0])]
        cells += [row[i].rjust(widths[i]) for i in range(1, 5)]
        gdb.write('  '.join(cells + [row[5]]).rstrip() + '\n')


class Tarn(gdb.Command):
    """Pools of the library tarn: see "help tarn pools", "help tarn pool" and
"help tarn find"."""

    def __init__(self):
        super().__init__('tarn', gdb.COMMAND_DATA, prefix=True)


class Command(gdb.Command):
    """One that looks at a program, and says where that cannot be read."""

    def invoke(self, argument, from_tty):
        need_program()
        library_type('tarn_pool')
        try:
            self.tell(argument)
        except gdb.MemoryError as error:
            raise gdb.GdbError('It cannot be read: %s' % error) from None


class TarnPools(Command):
    """All pools alive, as a tree.

usage: tarn pools [-a] [-s]

Each has its address, the bytes that it holds and has handed out, how many
blocks and local pools it has, and its name. A pool of the library's own,
for tarn_scratch_begin, is "scratch".

With TARN_DEBUG=leaks or report=FILE in its environment the program keeps a
list of its pools. Without, or with -s, all memory that the program may write
is searched for them, which takes a few seconds for each GiB. With -a it is
searched, and pools that ended, whose memory was not used since, are shown as
well."""

    def __init__(self):
        super().__init__('tarn pools', gdb.COMMAND_DATA, gdb.COMPLETE_NONE)

    def tell(self, argument):
        words = set(gdb.string_to_argv(argument))
        if not words <= {'-a', '-s'}:
            raise gdb.GdbError('usage: tarn pools [-a] [-s]')
        tops, others, how = known_pools(bool(words), '-a' in words)
        owners = {pool.address: number for pool, number in scratch_pools()}
        rows = [self.row(pool, depth, 'reset or destroyed now', owners)
                for top in tops for pool, depth in family(top)]
        rows += [self.row(pool, 0, 'ended, or reset or destroyed now', owners)
                 for pool in others]
        if rows:
            table_print(rows)
        gdb.write('%d pool%s, %s\n' % (len(rows), 's' * (len(rows) != 1), how))

    @staticmethod
    def row(pool, depth, busy, owners):
        notes = []
        try:
            if pool.address in owners:
                notes.append('of thread %d' % owners[pool.address])
            if pool.is_busy():
                notes.append('(%s)' % busy)
            return table_row(pool, depth, notes)
        except gdb.MemoryError as error:
            return ('  ' * depth + hex(pool.address), '', '', '', '',
                    '(cannot be read: %s)' % error)


# ---- tarn pool -----------------------------------------------------------


class Report:
    """What tarn_pool_report writes of one pool, and what gdb knows beside."""

    def __init__(self, pool):
        self.pool = pool
        self.blocks = list(pool.blocks())
        self.threads = threads()
        self.spans = sorted((start, end, local.slot)
                            for local in pool.locals() if not local.first
                            for start, end in local.chunks())

    def thread(self, slot):
        return 'any' if slot == SLOT_UNOWNED else str(slot_number(slot))

    def span(self, last, end):
        """Where a room is, if it is, and its bytes."""
        for i, block in enumerate(self.blocks):
            if block.has(last, end):
                return ['%d in block %d' % (end - last, i)], end - last
        return [], 0

    def head(self):
        pool = self.pool
        held, handed_out = pool.held(), pool.handed_out()
        name = pool.name()
        return ('pool 0x%x, %d deep%s%s: %d bytes held, %d handed out, %d '
                'unused, %d in large allocations, limit %d, %d children' %
                (pool.address, pool.depth(),
                 '' if name is None else ', ' + quoted(name, "'"),
                 ' (reset or destroyed, now or before)'
                 if pool.is_busy() else '',
                 held, handed_out, max(held - handed_out, 0),
                 pool.large_held(), int(pool.value['limit']),
                 int(pool.value['child_count'])))

    def chunks(self, block):
        """What was claimed of a block, as ledgers say, else by the rest."""
        done, stop = block.address + block.base, block.address + block.low
        for start, end, slot in self.spans:
            if done <= start < stop:
                yield done, start, self.pool.rest()
                done = min(end, stop)
                yield start, done, slot
        yield done, stop, self.pool.rest()

    def block(self, number, block):
        chunks = ['%d..%d by %s' % (start - block.memory, end - block.memory,
                                    self.thread(slot))
                  for start, end, slot in self.chunks(block) if start < end]
        held = number != 0 or int(self.pool.value['taken']) != 0
        return ('  block %d: %d bytes%s, %d header, %d kept, %d unclaimed; '
                'claimed:%s%s' %
                (number, block.size, '' if held else " of the caller's",
                 block.header, block.kept, block.unclaimed,
                 self.words(chunks),
                 '' if block.is_whole() else '; its header was overwritten'))

    @staticmethod
    def words(words):
        return ' ' + ', '.join(words) if words else ''

    def local(self, local):
        room, _ = self.span(*local.room)
        tails = [word for tail in local.tails() for word in
                 self.span(*tail)[0]]
        aside, _ = self.span(*local.aside())
        number = slot_number(local.slot)
        known = self.threads.get(number)
        return ('  thread %d%s%s: %d handed out%s; room:%s; tails:%s%s' %
                (number, ', the owner' if local.first else '',
                 '' if known is None else " (gdb's thread %d)" % known,
                 local.handed_out,
                 ' (in the middle of a change)' if local.is_torn() else '',
                 self.words(room), self.words(tails),
                 '; aside:' + self.words(aside) if aside else ''))

    def cache(self, cache):
        depot = cache['depot']
        slabs = (at(depot['slabs'][i], 'slab')
                 for i in range(int(depot['count'])))
        places = [word for slab in slabs for word in
                  self.span(int(slab.address),
                            int(slab.address) + int(slab['size']))[0]]
        return ('of %d bytes: %d slabs of %d bytes, %d objects, %d of them '
                'free:%s' %
                (int(cache['size']), int(depot['count']), int(depot['bytes']),
                 int(depot['units']), int(depot['free']), self.words(places)))

    @staticmethod
    def cleanup(cleanup):
        function = str(cleanup['fn'].dereference().address)
        known = re.search(r'<([^>]*)>', function)
        return '%s(0x%x)' % (known[1] if known else
                             hex(int(cleanup['fn'])), int(cleanup['data']))

    def unused(self):
        room = sum(self.span(*local.room)[1] for local in self.pool.locals())
        tails = sum(self.span(*tail)[1] for local in self.pool.locals()
                    for tail in local.tails())
        return ('  unused: %d unclaimed, %d kept, %d room, %d tails, %d freed'
                % (sum(block.unclaimed for block in self.blocks),
                   sum(block.kept + block.header for block in self.blocks),
                   room, tails, self.pool.freed()))

    def lines(self):
        yield self.head()
        for number, block in enumerate(self.blocks):
            yield self.block(number, block)
        for local in self.pool.locals():
            yield self.local(local)
        parts = (('large_allocations', lambda entry: str(int(entry['size'])),
                  self.pool.large()),
                 ('caches', self.cache, self.pool.caches()),
                 ('cleanups', self.cleanup, self.pool.cleanups()))
        for name, tell, elements in parts:
            words = [tell(element) for element in elements]
            if words:
                yield '  %s:%s' % (name, self.words(words))
        yield self.unused()


def pool_of(value):
    """The pool that an expression is, points to or is a part of."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR and \
            value.type.strip_typedefs().target().strip_typedefs().code == \
            gdb.TYPE_CODE_STRUCT:
        value = value.dereference()
    tag = value.type.strip_typedefs().tag
    if tag in ('tarn_local', 'local') and value.address is not None:
        return Pool(at(value.address, 'local')['pool'])
    if tag == 'tarn_pool':
        return Pool(value.address)
    if tag is not None:
        raise gdb.GdbError('That is no pool and no local pool, but a struct %s.'
                           % tag)
    pool = Pool(value)
    if pool.address % LINE != 0 or not is_pool(pool):
        raise gdb.GdbError('There is no pool at 0x%x.' % pool.address)
    return pool


class TarnPool(Command):
    """What a pool is made of, as tarn_pool_report tells it.

usage: tarn pool EXPRESSION

The expression is a tarn_pool or a tarn_local, a pointer to one, or the address
of a pool as a number. Numbers of threads are those of the library's slots;
gdb's own follow where the thread is alive."""

    def __init__(self):
        super().__init__('tarn pool', gdb.COMMAND_DATA,
                         gdb.COMPLETE_EXPRESSION)

    def tell(self, argument):
        if not argument:
            raise gdb.GdbError('usage: tarn pool EXPRESSION')
        for line in Report(pool_of(gdb.parse_and_eval(argument))).lines():
            gdb.write(line + '\n')


# ---- tarn find -----------------------------------------------------------


def place(pool, address):
    """What there is at an address, or None: it is not in this pool."""
    for start, size in pool.objects():
        if start <= address < start + size:
            return ('%d bytes into an object of %d bytes' %
                    (address - start, size))
    for entry in pool.large():
        start = int(entry['object'])
        if start <= address < start + int(entry['held']):
            return ('%d bytes into a large allocation of %d bytes' %
                    (address - start, int(entry['size'])))
    for number, block in enumerate(pool.blocks()):
        if block.memory <= address < block.memory + block.size:
            return ('%d bytes into block %d, %s' %
                    (address - block.memory, number,
                     place_in_block(pool, block, address)))
    return None


def place_in_block(pool, block, address):
    offset = address - block.address
    if offset < block.base:
        return "in its header, which is the library's"
    if offset >= block.high:
        return "kept until the pool ends, which is the library's"
    if offset >= block.low:
        return 'which no thread has claimed'
    if any(True for _ in pool.objects()):
        return 'in no object that is handed out'
    report = Report(pool)
    chunk = next((report.thread(slot)
                  for start, end, slot in report.chunks(block)
                  if start <= address < end), '?')
    for local in pool.locals():
        rooms = [('room', local.room), ('room', local.aside())]
        rooms += [('tails', tail) for tail in local.tails()]
        for name, (last, end) in rooms:
            if last <= address < end:
                return ('in a chunk of thread %s, in the %s of thread %s: not '
                        'handed out' % (chunk, name, report.thread(local.slot)))
    return 'in a chunk of thread %s: handed out, or freed since' % chunk


class TarnFind(Command):
    """Which pool an address is in, and where.

usage: tarn find EXPRESSION

The expression is a pointer or a number. Pools are found as by "tarn pools". Of
one that is watched each object is known; else which thread's chunk it is."""

    def __init__(self):
        super().__init__('tarn find', gdb.COMMAND_DATA,
                         gdb.COMPLETE_EXPRESSION)

    def tell(self, argument):
        if not argument:
            raise gdb.GdbError('usage: tarn find EXPRESSION')
        address = int(gdb.parse_and_eval(argument))
        tops, _, how = known_pools(False, False)
        pools = [pool for top in tops for pool, _ in family(top)]
        for pool in pools:
            try:
                found = place(pool, address)
            except gdb.MemoryError:
                continue
            if found is not None:
                name = pool.name()
                gdb.write('0x%x is in pool 0x%x%s: %s\n' %
                          (address, pool.address,
                           '' if name is None else ', ' + quoted(name, "'"),
                           found))
                return
        gdb.write('0x%x is in no pool of %d, %s\n' %
                  (address, len(pools), how))


# ---- printers ------------------------------------------------------------


class Printer:
    """One line of text, or that memory cannot be read."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.text()
        except gdb.MemoryError as error:
            return '(cannot be read: %s)' % error


class PoolPrinter(Printer):
    """Of a pool: its figures; below it its blocks and local pools."""

    def text(self):
        pool = Pool(self.value.address)
        name = pool.name()
        return ('tarn_pool%s%s: %d bytes held, %d handed out, %d children' %
                ('' if name is None else ' ' + quoted(name, '"'),
                 ' (reset or destroyed, now or before)'
                 if pool.is_busy() else '', pool.held(), pool.handed_out(),
                 int(self.value['child_count'])))

    def children(self):
        pool = Pool(self.value.address)
        yield 'parent', self.value['parent']
        for number, block in enumerate(pool.blocks()):
            yield 'block %d' % number, block.value
        for local in pool.locals():
            yield 'thread %d' % slot_number(local.slot), local.value


class LocalPrinter(Printer):
    """Of a local pool, also where only its public part is known."""

    def text(self):
        local = at(self.value.address, 'local')
        pool = Pool(local['pool'])
        slot = next((other.slot for other in pool.locals()
                     if other.value.address == local.address), SLOT_UNOWNED)
        local = Local(local, slot)
        name = pool.name()
        sizes = [end - last for last, end in local.tails() if end > last]
        return ('local pool of %s, thread %s: %d handed out, room %d, tails%s'
                % (hex(pool.address) if name is None else quoted(name, '"'),
                   'none' if slot == SLOT_UNOWNED else slot_number(slot),
                   local.handed_out, local.room[1] - local.room[0],
                   ''.join(' %d' % size for size in sizes) or ' none'))


class BlockPrinter(Printer):
    """Of a block: what became of its bytes."""

    def text(self):
        block = Block(self.value)
        return ('block of %d bytes: %d header, %d claimed, %d unclaimed, %d '
                'kept%s' %
                (block.size, block.header, block.claimed, block.unclaimed,
                 block.kept,
                 '' if block.is_whole() else '; its header was overwritten'))


class Printers(gdb.printing.PrettyPrinter):
    """By the tag of a struct, and by fields: others have blocks, too."""

    known = {'tarn_pool': (PoolPrinter, {'cursor', 'own', 'cleanups'}),
             'tarn_local': (LocalPrinter, {'last', 'end', 'reserved'}),
             'local': (LocalPrinter, {'changes', 'claimer', 'tails'}),
             'block': (BlockPrinter, {'room', 'failed', 'skip', 'check'})}

    def __init__(self):
        super().__init__('tarn')

    def __call__(self, value):
        kind = value.type.strip_typedefs()
        if kind.code != gdb.TYPE_CODE_STRUCT or kind.tag not in self.known:
            return None
        printer, fields = self.known[kind.tag]
        if value.address is None or \
                not fields <= {field.name for field in kind.fields()}:
            return None
        try:
            library_type('tarn_pool')
        except gdb.GdbError:
            return None
        return printer(value)


gdb.printing.register_pretty_printer(gdb.current_objfile(), Printers(),
                                     replace=True)
Tarn()
TarnPools()
TarnPool()
TarnFind()
