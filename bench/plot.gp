# SPDX-License-Identifier: BSD-2-Clause
# plot.gp: one plot, `kind` is bars, lines or readme, of `data` to `out`.
set encoding utf8
set border 0
set tics nomirror scale 0
set grid xtics lc rgb '#b0b0b0' lw 0.5
set style fill solid 1.0 noborder

if (kind eq 'bars') {
	set datafile separator tab
	stats data using 2 nooutput
	set terminal svg size 760,(60 + 17 * STATS_records) \
		font 'sans-serif,12'
	set output out
	least = STATS_min
	# A factor of 12 still shows on a plain axis.
	wide = STATS_max > 12 * STATS_min
	if (wide) { set logscale x; from = 10 ** floor(log10(least)) } \
	else { from = 0 }
	set xrange [from:STATS_max * (wide ? 3 : 1.15)]
	set yrange [-0.6:STATS_records - 0.4]
	set xlabel axis . (wide ? ' (logarithmic)' : '')
	set lmargin 22
	unset key
	plot data using 2:0:(from):2:($0 - 0.36):($0 + 0.36):5:yticlabel(1) \
		with boxxyerror lc rgb variable, \
	     data using 2:0:3:4 with xerrorbars pt -1 lw 1.2 lc rgb '#404040', \
	     data using ($4 * (wide ? 1.06 : 1) + (wide ? 0 : STATS_max * 0.01)):0:(sprintf($2 < 100 ? '%.2f' : '%.0f', $2)) \
		with labels left font 'sans-serif,11'
}

if (kind eq 'lines') {
	set terminal svg size 760,380 font 'sans-serif,12'
	set output out
	set logscale xy
	set xtics (1, 2, 4, 8)
	set xrange [0.9:8.8]
	set grid ytics
	set xlabel 'threads'
	set ylabel 'ns an object, of one processor (logarithmic)'
	set key outside right
	colours = '#56b4e9 #0072b2 #009e73 #d55e00 #cc79a7 #e69f00 #8c8c8c #707070 #b09000'
	stats data using 1:2 nooutput
	plot for [i = 0:STATS_blocks - 2] data index i using 1:2 \
		with linespoints lw (i < 2 ? 3 : 1.5) pt 7 ps 0.5 \
		lc rgb word(colours, i + 1) title columnheader(1)
}

if (kind eq 'readme') {
	set terminal svg size 760,300 font 'sans-serif,12' background '#ffffff'
	set output out
	set style data histograms
	set style histogram clustered gap 1.5
	set logscale y
	unset grid
	set grid ytics lc rgb '#d0d0d0' lw 0.5
	set ylabel 'ns an object (logarithmic)'
	set yrange [0.5:*]
	set bmargin 4
	set key outside right reverse Left
	set xtics ("1 thread" 0, "2 threads,\none pool" 1, \
		"8 threads,\none pool" 2, "2 threads,\n16 pools" 3)
	plot for [i = 2:9] data using i lc rgb (word('#56b4e9 #0072b2 #d55e00 #cc79a7 #009e73 #e69f00 #b0a000 #8c8c8c', i - 1)) title columnheader(i)
}
