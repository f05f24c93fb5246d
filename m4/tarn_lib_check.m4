# SPDX-License-Identifier: BSD-2-Clause
# TARN_LIB_CHECK
# Looks for the test framework Check, by pkg-config where there is one, else by
# hand. Sets CHECK_CFLAGS, CHECK_LIBS, and the conditional HAVE_CHECK.
AC_DEFUN([TARN_LIB_CHECK], [
PKG_CHECK_MODULES([CHECK], [check >= 0.10],
	[tarn_have_check=yes],
	[tarn_have_check=no])
AS_IF([test "x$tarn_have_check" = xno], [
	tarn_saved_LIBS=$LIBS
	for tarn_libs in '-lcheck' '-lcheck -lsubunit -lrt -lm'; do
		AC_MSG_CHECKING([for Check with $tarn_libs])
		LIBS="$tarn_libs -pthread $tarn_saved_LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <check.h>]],
			[[srunner_create(suite_create("suite"));]])],
			[tarn_have_check=yes
			 CHECK_LIBS="$tarn_libs -pthread"],
			[])
		AC_MSG_RESULT([$tarn_have_check])
		AS_IF([test "x$tarn_have_check" = xyes], [break])
	done
	LIBS=$tarn_saved_LIBS])
AM_CONDITIONAL([HAVE_CHECK], [test "x$tarn_have_check" = xyes])
])
