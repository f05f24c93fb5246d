# SPDX-License-Identifier: BSD-2-Clause
# bars.jq: what was promised beside others, from the JSON of tarn-bench. One
# line a promise: what, figure, < or <=, bar, ok or MISSED or "not measured".

# Of a case and a peer, the values by round.
def values($id; $peer; $metric):
	[.cases[] | select(.id == $id) | .results[] | select(.peer == $peer)
	 | .metrics[$metric].values // empty][0];

def median: if length == 0 then null else sort | .[((length - 1) / 2 + 0.5) | floor] end;

# The median of a / b, round by round where both were in the same rounds.
def ratio($a; $b):
	if $a == null or $b == null then null
	else [$a, $b] | transpose
		| map(select(.[0] != null and .[1] != null) | .[0] / .[1])
		| median end;

def ns($id; $peer): values($id; $peer; "ns");

# The least median of the peers that `keep` takes.
def best($id; keep):
	. as $all | [.cases[] | select(.id == $id) | .results[]
		| select(.metrics.ns != null) | .peer as $p
		| select($all.peers[] | select(.id == $p) | keep)
		| {peer: $p, median: .metrics.ns.median}]
	| min_by(.median) | .peer;

def is_peer: .kind == "peer" or .kind == "optional";
def is_any: is_peer or .kind == "reference";

def beside($id; $ours; $theirs):
	if $theirs == null then null
	else ratio(ns($id; $ours); ns($id; $theirs)) end;

def at_most($what; $figure; $bar):
	[$what, $figure, "<=", $bar,
	 if $figure == null then "not measured"
	 elif $figure <= $bar then "ok" else "MISSED" end];
def at_least($what; $figure; $bar):
	[$what, $figure, ">=", $bar,
	 if $figure == null then "not measured"
	 elif $figure >= $bar then "ok" else "MISSED" end];

# Beside the best of some peers, which is named.
def best_of($id; $ours; keep; $bar):
	best($id; keep) as $peer
	| at_most("\($id): \($ours) / the best, \($peer)";
		beside($id; $ours; $peer); $bar);

def bars:
	at_most("W1-code: tarn / floor-tls";
		beside("W1-code"; "tarn"; "floor-tls"); 1.1),
	best_of("W1-code"; "tarn"; is_peer and
		(.shared == "native" or (.id | startswith("apr"))); 1),
	at_most("W1-code: tarn-local / floor-inline";
		beside("W1-code"; "tarn-local"; "floor-inline"); 1.1),
	at_most("W1-memory: tarn / floor-tls";
		beside("W1-memory"; "tarn"; "floor-tls"); 1.15),
	(("W2-1", "W2-2") as $id
	 | best_of($id; "tarn"; is_any; 0.9),
	   best_of($id; "tarn-local"; is_any; 0.75)),
	(("W3-2", "W3-8") as $id
	 | at_most("\($id): tarn / floor-tls";
		beside($id; "tarn"; "floor-tls"); 1.15),
	   at_most("\($id): tarn / protobuf+";
		beside($id; "tarn"; "protobuf+"); 1)),
	at_least("W3: objects a second, 2 threads / 1";
		(ratio(ns("W3-1"; "tarn"); ns("W3-2"; "tarn")) // null
		 | if . == null then null else 2 * . end); 1.6),
	(("2", "8") as $n
	 | at_most("W3: \($n) threads, creator among them / idle";
		ratio(ns("W3-c\($n)"; "tarn"); ns("W3-\($n)"; "tarn")); 1.15)),
	at_most("W4-16 / W3-2: tarn";
		ratio(ns("W4-16"; "tarn"); ns("W3-2"; "tarn")); 1.2),
	at_most("W5: tarn / a thread alone";
		beside("W5"; "tarn"; "floor-inline"); 1.15),
	at_most("W6-nodes: held / asked, tarn-8";
		(values("W6-nodes"; "tarn-8"; "held") // [] | median); 1.03),
	at_most("W7-lifo: tarn-cache / mimalloc";
		beside("W7-lifo"; "tarn-cache"; "mimalloc"); 0.5),
	at_most("W7-fifo: tarn-cache / mimalloc";
		beside("W7-fifo"; "tarn-cache"; "mimalloc"); 0.7),
	best_of("W7-passed"; "tarn-cache"; is_peer; 0.7),
	(("W9-64K-1", "W9-64K-2") as $id
	 | at_most("\($id): tarn / glibc"; beside($id; "tarn"; "glibc"); 1)),
	at_most("W9-64K: two threads / one";
		ratio(ns("W9-64K-2"; "tarn"); ns("W9-64K-1"; "tarn")); 1.3),
	(("W10-cc1", "W10-sqlite") as $id
	 | at_most("\($id): tarn / mimalloc";
		beside($id; "tarn"; "mimalloc"); 1)),
	at_most("W10-nginx: tarn / original";
		beside("W10-nginx"; "tarn"; "original"); 0.7),
	at_most("W10-nginx: peak held, tarn / original";
		ratio(values("W10-nginx"; "tarn"; "peak_held");
			values("W10-nginx"; "original"; "peak_held")); 1);

if (.tarn | type) != "string" or (.cases | type) != "array" then
	error("not a result of tarn-bench")
else bars | @tsv end
