# SPDX-License-Identifier: BSD-2-Clause
# TARN_VERSION_SCRIPT
# Sets the conditional VERSION_SCRIPT: the linker takes a file that says which
# symbols are exported, and under which version.
AC_DEFUN([TARN_VERSION_SCRIPT], [
AC_CACHE_CHECK([whether the linker knows version scripts],
	[tarn_cv_version_script], [
	tarn_saved_LDFLAGS=$LDFLAGS
	echo 'CONFTEST_1 { global: main; local: *; };' >conftest.map
	LDFLAGS="$LDFLAGS -Wl,--version-script=conftest.map"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[tarn_cv_version_script=yes],
		[tarn_cv_version_script=no])
	LDFLAGS=$tarn_saved_LDFLAGS
	rm -f conftest.map])
AM_CONDITIONAL([VERSION_SCRIPT], [test "x$tarn_cv_version_script" = xyes])
])
