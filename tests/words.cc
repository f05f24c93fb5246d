// SPDX-License-Identifier: BSD-2-Clause
// Functions of the library with words of 8 bits: see test_words.sh. What they
// say is compared with the same in numbers that do not wrap.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// A size or an address. As size_t, and unlike a narrow integer of C, it stays
// as wide as it is in arithmetic with an int.
struct word {
	uint8_t value;

	constexpr word(long long from = 0) : value(static_cast<uint8_t>(from))
	{
	}
	explicit constexpr operator bool() const
	{
		return value != 0;
	}
	constexpr word operator~() const
	{
		return ~value;
	}
	constexpr word operator-() const
	{
		return -value;
	}
	word &operator+=(word other)
	{
		return *this = value + other.value;
	}
	word &operator-=(word other)
	{
		return *this = value - other.value;
	}
};

#define OPERATOR(type, sign)                                                   \
	constexpr type operator sign(word a, word b)                           \
	{                                                                      \
		return a.value sign b.value;                                   \
	}
OPERATOR(word, +)
OPERATOR(word, -)
OPERATOR(word, *)
OPERATOR(word, /)
OPERATOR(word, &)
OPERATOR(bool, ==)
OPERATOR(bool, !=)
OPERATOR(bool, <)
OPERATOR(bool, <=)
OPERATOR(bool, >)
OPERATOR(bool, >=)

typedef word address;

struct room {
	address last, end;
};

struct tarn_local {
	address last, end;
	word max;
};

struct claim {
	word need, want;
	bool lasting;
};

struct units {
	word low, high;
};

static word block_low(units room)
{
	return room.low;
}
static word block_high(units room)
{
	return room.high;
}
static units block_room(word low, word high)
{
	return {low, high};
}
static address tarn_local_palloc_miss(tarn_local *, word)
{
	return 0;
}
static address tarn_local_pmemalign_miss(tarn_local *, word, word)
{
	return 0;
}

// The constants of the library, in proportion: what is small is at most 1/8 of
// all there is. Here is a type for each alias that its code has.
#undef SIZE_MAX
#undef UINTPTR_MAX
#undef NULL
#define SIZE_MAX                           word(255)
#define UINTPTR_MAX                        word(255)
#define NULL                               0
#define TARN_ALIGNMENT                     word(8)
#define TARN_ALIGNMENT_INLINE              word(32)
#define BLOCK_LINE                         word(32)
#define BLOCK_UNIT                         word(8)
#define UNIT_LEAST                         word(8)
#define UPSTREAM_SMALL_MOST                word(32)
#define TARN_LIKELY(test)                  (test)
#define __atomic_load_n(at, order)         (*(at))
#define __atomic_store_n(at, value, order) (*(at) = (value))
#define size_t                             word
#define uintptr_t                          word
#define uint32_t                           word
#define uint64_t                           units
#include "words.inc"

static const int words = 256, small = 32, line = 32, unit = 8, piece = 8;
static unsigned long checked;

static int up(int size, int alignment)
{
	return (size + alignment - 1) / alignment * alignment;
}

static void must(bool holds, const char *what, int a, int b, int c)
{
	checked++;
	if (holds)
		return;
	printf("test_words: %s: %d %d %d\n", what, a, b, c);
	exit(1);
}

static void check_rounding(int alignment)
{
	for (int size = 0; size < words; size++) {
		word got = 7;
		bool fits = up(size, alignment) < words;

		must(align_up_checked(size, alignment, &got) == fits &&
			     got.value == (fits ? up(size, alignment) : 7),
		     "align_up_checked", size, alignment, got.value);
	}
}

static void check_sums()
{
	for (int a = 0; a < words; a++)
		for (int b = 0; b < words; b++) {
			word got = 7;
			bool fits = a + b < words;

			must(align_sum(a, b, &got) == fits &&
				     got.value == (fits ? a + b : 7),
			     "align_sum", a, b, got.value);
		}
}

// A chunk, which begins on a line, of what local_need says serves the request,
// whose size is a small part of the address space: local_need does not check.
static void check_need(int alignment)
{
	for (int size = 0; size <= words / 4; size++) {
		int most = size + (alignment > line ? alignment - line : 0);
		word need = local_need(alignment, size);

		must(need.value == up(most, unit), "local_need", alignment,
		     size, need.value);
		for (int start = line; start + need.value < words;
		     start += line) {
			room room = {start, start + need.value};
			int object = room_take(&room, alignment, size).value;

			must(object >= start && object % alignment == 0 &&
				     object + size <= start + need.value,
			     "room_take", alignment, size, start);
			must(room.last.value >= start &&
				     room.last <= room.end &&
				     room.end.value <= start + need.value,
			     "room_take leaves", alignment, size, start);
		}
	}
}

// An inline call gives an object that is within the room, or misses.
static void check_hit(tarn_local before, int alignment, int size, bool packed)
{
	tarn_local local = before;
	int object = (packed ? tarn_local_pmemalign(&local, alignment, size)
			     : tarn_local_palloc(&local, size))
			     .value;
	int last = before.last.value, end = before.end.value;
	int down = end - size - ((end - size) & (alignment - 1));
	bool fits = packed ? down >= last : last + up(size, unit) <= end;
	bool hit = size >= 1 && size <= before.max.value && fits &&
		   (!packed || (alignment >= 1 && alignment <= line &&
				(alignment & (alignment - 1)) == 0));

	must(object == (!hit     ? 0
			: packed ? down
				 : last),
	     "a hit", last, end, size);
	must(local.last.value == last + (hit && !packed ? up(size, unit) : 0),
	     "last", last, end, size);
	must(local.end.value == (hit && packed ? down : end), "end", last, end,
	     size);
}

// What the library does where the inline calls are not used.
static void check_take(int last, int end, int alignment, int size)
{
	room room = {last, end};
	int object = room_take(&room, alignment, size).value;
	int down = (end - size) & -alignment;
	bool up = alignment == unit && size % unit == 0;
	bool fits = up ? last + size <= end : down >= last;

	must(object == (!fits ? 0
			: up  ? last
			      : down),
	     "room_take", last, end, size);
	must(room.last == last + (fits && up ? size : 0) &&
		     room.end == (fits && !up ? down : end),
	     "room_take leaves", last, end, size);
}

static bool is_kept(int size)
{
	return size == 0 || size >= piece;
}

// And where it frees what is left: nothing, or what can be kept.
static void check_take_neatly(int last, int end, int alignment, int size)
{
	room room = {last, end};
	int object = room_take_neatly(&room, alignment, size).value;
	int from = room.last.value, to = room.end.value;

	if (object == 0) {
		must(from == last && to == end, "neatly", last, end, size);
		return;
	}
	must(object >= last && object % alignment == 0 && is_kept(to - from),
	     "neatly", last, end, size);
	must(from == last + size
		     ? object == last && to == end
		     : from == last && to == object &&
			       is_kept(end - object - size),
	     "neatly leaves", last, end, size);
}

// Whether upstream may give memory in which this can be the room at hand.
static bool is_usable(int last, int end)
{
	for (int from = 0; from <= last; from += unit)
		for (int to = end; to < words; to++)
			if (upstream_usable(from, to - from, unit))
				return true;
	return false;
}

static void check_hits(int last, int end)
{
	static const int most[] = {1, 7, 8, small - 1, small};

	if (!is_usable(last, end))
		return;
	for (int alignment = 1; alignment < words; alignment *= 2)
		for (int size = 0; size <= small && size <= end - last; size++)
			check_take(last, end, alignment, size);
	for (int alignment = 1; alignment < words; alignment *= 2)
		for (int size = 1; size <= small && size <= end - last; size++)
			check_take_neatly(last, end, alignment, size);
	for (int max : most)
		for (int size = 0; size < words; size++) {
			tarn_local local = {last, end, max};

			check_hit(local, 1, size, false);
			for (int alignment = 0; alignment < words; alignment++)
				check_hit(local, alignment, size, true);
		}
}

static void check_claim(int low, int high, claim claim)
{
	units after = {low, high};
	int need = claim.need.value, least = up(need, line) / unit;
	int above = high / (line / unit) * (line / unit) - least;
	bool fits = claim.lasting ? above >= low : (high - low) * unit >= need;

	must(claim_divide(&claim, {low, high}, &after) == fits, "claim_divide",
	     low, high, need);
	if (fits && claim.lasting)
		must(after.low == low && after.high == above, "from above", low,
		     high, need);
	else if (fits)
		must(after.high == high && after.low >= low &&
			     after.low <= high &&
			     (after.low.value - low) * unit >= need &&
			     (after.low == high ||
			      after.low.value % (line / unit) == 0),
		     "from below", low, high, need);
}

// Sizes up to half of all there is, as a request that is not large has them.
static void check_claims(int low, int high)
{
	for (int need = 0; need < words / 2; need++) {
		check_claim(low, high, {need, need, true});
		for (int want = need; want < words / 2; want++)
			check_claim(low, high, {need, want, false});
	}
}

int main()
{
	check_sums();
	for (int alignment = 1; alignment < words; alignment *= 2) {
		check_rounding(alignment);
		check_need(alignment);
	}
	for (int last = 0; last < words; last += unit)
		for (int end = last; end < words; end++)
			check_hits(last, end);
	for (int low = 0; low < words / unit; low += line / unit)
		for (int high = low; high < words / unit; high++)
			check_claims(low, high);
	printf("test_words: %lu times as it must be\n", checked);
}
