# SPDX-License-Identifier: BSD-2-Clause
# report.jq: what report.sh draws and writes, from the JSON of tarn-bench.
#	jq -r -f report.jq --arg what WHAT --arg id CASE RESULTS
# WHAT is one of the names at the end.

def peer($id): .peers[] | select(.id == $id);
def kind($id): peer($id) | .kind;
def result_case: .cases[] | select(.id == $id);

# Of a case the rows with the metric, a tuned one as its peer where it is better.
def best($metric):
	. as $all | [result_case.results[] | select(.metrics[$metric] != null)
		| . + {base: (.peer | rtrimstr("+"))}]
	| group_by(.base) | map(min_by(.metrics[$metric].median))
	| map(. + {kind: (.peer as $p | $all | kind($p))})
	| sort_by(.metrics[$metric].median);

# By kind: ours, others, references, floors. Safe for the colour-blind.
def colour:
	if .kind == "tarn" then 29362             # 0x0072b2
	elif .kind == "reference" then 15113984   # 0xe69f00
	elif .kind == "floor" then 40563          # 0x009e73
	else 9211020 end;                         # 0x8c8c8c

def name_of($all):
	.peer as $p | $p + (if ($all | peer($p).shared) == "mutex" and
		($id | test("^W([345]|7-passed|8-2|9)"))
		then " (mutex)" else "" end);

def bars($metric):
	. as $all | best($metric) | reverse[]
	| [name_of($all), .metrics[$metric].median, .metrics[$metric].min,
	   .metrics[$metric].max, colour] | @tsv;

# The metric that a case is about.
def main_metric:
	[result_case.results[].metrics | keys[]] | unique
	| if index("ns") then "ns" else "rss" end;

# ---- over threads ----

def threads: [1, 2, 4, 8];
def line_peers: ["tarn-local", "tarn", "floor-tls", "protobuf+", "mimalloc",
	"tcmalloc", "jemalloc", "glibc", "apr"];

# One block for each peer, $id is W3- or W3-c.
def lines:
	. as $all | line_peers[] as $p
	| [threads[] as $t | $all.cases[] | select(.id == "\($id)\($t)")
		| .results[] | select(.peer == $p and .metrics.ns != null)
		| "\($t)\t\(.metrics.ns.median)"]
	| select(length > 0)
	| "\"\($p)\"\n" + join("\n") + "\n\n";

# ---- text ----

def rounded:
	if . == null then ""
	elif . >= 100 then (. + 0.5 | floor | tostring)
	else (. * 100 + 0.5 | floor / 100 | tostring) end;

def quartile($at): sort | .[(($at * (length - 1)) + 0.5) | floor];

# ~ where the quartiles overlap with ours.
def noise($ours):
	[.metrics.ns.values[]? | select(. != null)] as $a
	| [$ours.metrics.ns.values[]? | select(. != null)] as $b
	| if ($a | length) == 0 or ($b | length) == 0 then ""
	  elif ($a | quartile(0.75)) < ($b | quartile(0.25)) or
	       ($b | quartile(0.75)) < ($a | quartile(0.25)) then ""
	  else "~" end;

def ratio($ours):
	[.metrics.ns.values // [], $ours.metrics.ns.values // []]
	| transpose | map(select(.[0] != null and .[1] != null) | .[0] / .[1])
	| if length == 0 then null else quartile(0.5) end;

def columns: ["ns", "reset_ns", "held", "rss", "peak_held", "peak_rss"];
def heading: {ns: "ns", reset_ns: "reset, ns an object", held: "held / asked",
	rss: "RSS / asked", peak_held: "peak held, bytes",
	peak_rss: "peak RSS, bytes"};

def table:
	result_case as $case
	| ($case.results | map(select(.peer == "tarn"))[0]) as $ours
	| [columns[] | . as $c | select(any($case.results[]; .metrics[$c]))]
		as $shown
	| (any($case.results[]; .instructions)) as $counted
	| "<table><tr><th>" + ([$shown[] | "<th>" + heading[.]] | join(""))
	+ "<th>least .. most<th>to tarn"
	+ (if $counted then "<th>instructions" else "" end)
	+ ([$case.results[] | "\n<tr"
		+ (if .peer | startswith("tarn") then " class=ours" else "" end)
		+ "><td>" + (.peer | @html)
		+ (. as $r | [$shown[] | "<td>" + ($r.metrics[.].median |
			rounded)] | join(""))
		+ "<td>" + (.metrics.ns // .metrics.rss | (.min | rounded)
			+ " .. " + (.max | rounded))
		+ "<td>" + (if $ours == null or .metrics.ns == null or
				.peer == "tarn" then ""
			else (ratio($ours) | rounded) + noise($ours) end)
		+ (if $counted then "<td>" + (.instructions | rounded)
			else "" end)] | join(""))
	+ "</table>";

def median_of($case_id; $peer):
	[.cases[] | select(.id == $case_id) | .results[]
	 | select(.peer == $peer) | .metrics.ns.median][0];

def head:
	"<p>tarn \(.tarn | @html) beside \([.peers[] | select(.kind == "peer" or
		.kind == "optional") | .id | rtrimstr("+")] | unique | length)"
	+ " other ways to allocate memory, measured in one run on \(.date[:10])"
	+ " on \(.machine.processors) processors of an "
	+ "\(.machine.cpu | @html) machine, "
	+ "\(.machine.kernel | @html), \(.libc | @html), "
	+ "\(.compiler | @html) \(.flags | @html)."
	+ " Smaller is better in every plot.</p>";

def summary_line($case_id; $what):
	. as $all | median_of($case_id; "tarn") as $ours
	| [.cases[] | select(.id == $case_id) | .results[]
		| select(.metrics.ns != null) | . as $r
		| select(($all | kind($r.peer)) == "peer")]
	| min_by(.metrics.ns.median) as $best
	| if $ours == null or $best == null then empty else
		"<tr><td>\($what)<td>\($ours | rounded)<td>"
		+ "\(($all | median_of($case_id; "tarn-local")) | rounded)"
		+ "<td>\($best.metrics.ns.median | rounded) \($best.peer | @html)"
	  end;

def summary:
	"<table class=summary><tr><th>ns<th>tarn<th>tarn, inline"
	+ "<th>the best peer\n"
	+ ([summary_line("W1-code"; "an object of 8..128 bytes, one thread"),
	    summary_line("W2-1"; "a request: pool, 41 objects, end"),
	    summary_line("W2-handed"; "a request, ended by another thread"),
	    summary_line("W3-2"; "an object, two threads share the pool"),
	    summary_line("W3-8"; "an object, eight threads share the pool"),
	    summary_line("W4-16"; "an object, 16 shared pools in turn"),
	    summary_line("W9-64K-2"; "64 KiB taken and freed, two threads"),
	    summary_line("W10-nginx"; "a call of nginx, replayed")]
		| join("\n"))
	+ "</table>";

def peers:
	"<table class=peers><tr><th><th>what<th>version<th>how it is used"
	+ ([.peers[] | "\n<tr><td>\(.id | @html)<td>\(.title | @html)"
		+ "<td>\(.version | @html)<td>\(.tuning | @html)"
		+ (if .tuning != "" and .note != "" then "; " else "" end)
		+ "\(.note | @html)"
		+ (if .shared == "mutex" then
			"; not for several threads: shared under one mutex"
		   elif .shared == "none" then "; of one thread only"
		   else "" end)] | join(""))
	+ "</table>";

def foot:
	"<p>Each figure is the median of \(.repetitions) repetitions. In each"
	+ " round every peer runs once, in turn, as a process of its own with"
	+ " its threads pinned; ratios are taken round by round. An empty loop"
	+ " is timed before and after: \(.thrown_away) repetitions in which it"
	+ " was off were thrown away and run again. ~ marks a difference to"
	+ " tarn below the noise (the quartiles overlap). With several threads"
	+ " ns are of one processor, for an object. A peer's tuned row is the"
	+ " one drawn where it is the better one. Instructions are callgrind's,"
	+ " for an operation, reset included.</p>";

# For the README: the main peers in four cases.
def readme_peers: ["tarn-local", "tarn", "apr", "protobuf+", "mimalloc",
	"jemalloc", "tcmalloc", "glibc"];
def readme:
	. as $all | readme_peers[] as $p
	| [$p, (["W1-code", "W3-2", "W3-8", "W4-16"][] as $c
		| ($all | median_of($c; $p)) // "NaN")] | @tsv;

if (.tarn | type) != "string" or (.cases | type) != "array" then
	error("not a result of tarn-bench")
elif $what == "cases" then .cases[].id
elif $what == "title" then result_case.title | @html
elif $what == "metric" then main_metric
elif $what == "bars" then bars(main_metric)
elif $what == "lines" then lines
elif $what == "table" then table
elif $what == "head" then head
elif $what == "summary" then summary
elif $what == "peers" then peers
elif $what == "foot" then foot
elif $what == "readme" then readme
else error("nothing is called " + $what) end
