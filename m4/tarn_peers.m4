# SPDX-License-Identifier: BSD-2-Clause
# TARN_PEERS
# Looks for what the bench compares with; each is optional. Sets BENCH_PEERS,
# the programs that can be built, and NAME_CFLAGS and NAME_LIBS of each library.

# TARN_PEER(NAME, PROGRAMS, LANGUAGE, HEADER, LIBS, [MODULE])
# The peers PROGRAMS need HEADER and LIBS, or what pkg-config says of MODULE.
AC_DEFUN([TARN_PEER], [
AC_MSG_CHECKING([for the peers $2])
$1_CFLAGS=
$1_LIBS="$5"
m4_ifval([$6], [AS_IF([test -n "$PKG_CONFIG" && $PKG_CONFIG --exists $6],
	[$1_CFLAGS=`$PKG_CONFIG --cflags $6`
	 $1_LIBS=`$PKG_CONFIG --libs $6`])])
AC_LANG_PUSH([$3])
tarn_saved_CPPFLAGS=$CPPFLAGS tarn_saved_LIBS=$LIBS
tarn_saved_CXXFLAGS=$CXXFLAGS
CPPFLAGS="$CPPFLAGS $$1_CFLAGS" LIBS="$$1_LIBS $LIBS"
CXXFLAGS="$CXXFLAGS -std=c++17"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$4>]], [])],
	[tarn_found=yes
	 BENCH_PEERS="$BENCH_PEERS $2"],
	[tarn_found=no
	 BENCH_MISSING="$BENCH_MISSING $2"])
CPPFLAGS=$tarn_saved_CPPFLAGS LIBS=$tarn_saved_LIBS
CXXFLAGS=$tarn_saved_CXXFLAGS
AC_LANG_POP([$3])
AC_MSG_RESULT([$tarn_found])
AC_SUBST([$1_CFLAGS])
AC_SUBST([$1_LIBS])
])

AC_DEFUN([TARN_PEERS], [
AC_REQUIRE([TARN_CXX17])
BENCH_PEERS='tarn tarn-8 tarn-cache tarn-local original'
BENCH_PEERS="$BENCH_PEERS floor-inline floor-call floor-tls floor-xadd floor-cas"
BENCH_MISSING=
TARN_PEER([GLIBC], [glibc obstack], [C], [obstack.h], [])
TARN_PEER([JEMALLOC], [jemalloc jemalloc-arena], [C], [jemalloc/jemalloc.h],
	[-ljemalloc], [jemalloc])
TARN_PEER([MIMALLOC], [mimalloc mimalloc-heap], [C], [mimalloc.h],
	[-lmimalloc])
TARN_PEER([TCMALLOC], [tcmalloc], [C], [gperftools/tcmalloc.h],
	[-ltcmalloc_minimal], [libtcmalloc_minimal])
TARN_PEER([APR], [apr apr-child], [C], [apr_pools.h], [-lapr-1], [apr-1])
TARN_PEER([TALLOC], [talloc], [C], [talloc.h], [-ltalloc], [talloc])
TARN_PEER([GLIB], [glib-slice], [C], [glib.h], [-lglib-2.0], [glib-2.0])
TARN_PEER([PROTOBUF], [protobuf], [C++], [google/protobuf/arena.h],
	[-lprotobuf-lite], [protobuf-lite])
TARN_PEER([PMR], [pmr-monotonic pmr-pool], [C++], [memory_resource], [])
TARN_PEER([TBB], [tbb], [C++], [oneapi/tbb/scalable_allocator.h],
	[-ltbbmalloc])
TARN_PEER([BOOST], [boost-pool], [C++], [boost/pool/pool.hpp], [])
tarn_peers=$BENCH_PEERS
TARN_PEER([LZMA], [], [C], [lzma.h], [-llzma], [liblzma])
AS_IF([test "x$tarn_found" = xyes], [LZMA_CFLAGS="$LZMA_CFLAGS -DHAVE_LZMA"],
	[LZMA_LIBS=])
tarn_lzma=$tarn_found
AC_SUBST([BENCH_PEERS])
])
