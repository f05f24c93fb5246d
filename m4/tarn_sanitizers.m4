# SPDX-License-Identifier: BSD-2-Clause
# TARN_SANITIZERS
# --enable-sanitizers=LIST, as -fsanitize takes it. Sets SANITIZER_FLAGS, for
# compiling and linking, and the conditional SANITIZERS.
AC_DEFUN([TARN_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers=LIST],
		[build with -fsanitize=LIST, for instance
		 address,undefined or thread])],
	[],
	[enable_sanitizers=no])
AS_CASE([$enable_sanitizers],
	[no], [],
	[yes], [AC_MSG_ERROR([--enable-sanitizers=LIST needs its LIST])],
	[SANITIZER_FLAGS="-fsanitize=$enable_sanitizers"
	 SANITIZER_FLAGS="$SANITIZER_FLAGS -fno-sanitize-recover=all"
	 SANITIZER_FLAGS="$SANITIZER_FLAGS -fno-omit-frame-pointer -g"
	 AC_MSG_CHECKING([whether $CC does -fsanitize=$enable_sanitizers])
	 tarn_saved_CFLAGS=$CFLAGS
	 CFLAGS="$CFLAGS $SANITIZER_FLAGS"
	 AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([$CC cannot do -fsanitize=$enable_sanitizers])])
	 CFLAGS=$tarn_saved_CFLAGS])
AC_SUBST([SANITIZER_FLAGS])
AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" != xno])
])
