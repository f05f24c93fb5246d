# SPDX-License-Identifier: BSD-2-Clause
# TARN_MICROHTTPD
# Looks for libmicrohttpd, whose callbacks return an enum since 0.9.71;
# optional. Sets MICROHTTPD_CFLAGS, MICROHTTPD_LIBS, and the conditional
# HAVE_MICROHTTPD.
AC_DEFUN([TARN_MICROHTTPD], [
AC_REQUIRE([PKG_PROG_PKG_CONFIG])
AC_ARG_VAR([MICROHTTPD_CFLAGS], [C compiler flags for libmicrohttpd])
AC_ARG_VAR([MICROHTTPD_LIBS], [linker flags for libmicrohttpd])
AC_MSG_CHECKING([for libmicrohttpd])
AS_IF([test -z "$MICROHTTPD_LIBS" && test -n "$PKG_CONFIG" &&
	$PKG_CONFIG --exists libmicrohttpd],
	[MICROHTTPD_CFLAGS=`$PKG_CONFIG --cflags libmicrohttpd`
	 MICROHTTPD_LIBS=`$PKG_CONFIG --libs libmicrohttpd`])
tarn_saved_CPPFLAGS=$CPPFLAGS tarn_saved_LIBS=$LIBS
CPPFLAGS="$CPPFLAGS $MICROHTTPD_CFLAGS" LIBS="$MICROHTTPD_LIBS $LIBS"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <microhttpd.h>
	#if MHD_VERSION < 0x00097100
	#error another version
	#endif]], [[MHD_stop_daemon(0);]])],
	[tarn_have_microhttpd=yes],
	[tarn_have_microhttpd=no])
CPPFLAGS=$tarn_saved_CPPFLAGS LIBS=$tarn_saved_LIBS
AC_MSG_RESULT([$tarn_have_microhttpd])
AM_CONDITIONAL([HAVE_MICROHTTPD], [test "x$tarn_have_microhttpd" = xyes])
])
