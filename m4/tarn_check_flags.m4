# SPDX-License-Identifier: BSD-2-Clause
# TARN_CHECK_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of FLAGS that the C compiler knows.
#
# TARN_CHECK_LDFLAGS(VARIABLE, FLAGS)
# The same for flags of a link. Both ask with warnings as errors, since clang
# only warns of a flag that it does not know.
AC_DEFUN([TARN_CHECK_CFLAGS], [
tarn_saved_CFLAGS=$CFLAGS
for tarn_flag in $2; do
	AC_MSG_CHECKING([whether $CC knows $tarn_flag])
	CFLAGS="$tarn_saved_CFLAGS -Werror $tarn_flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		 $1="$$1 $tarn_flag"],
		[AC_MSG_RESULT([no])])
done
CFLAGS=$tarn_saved_CFLAGS
])

AC_DEFUN([TARN_CHECK_LDFLAGS], [
tarn_saved_LDFLAGS=$LDFLAGS
for tarn_flag in $2; do
	AC_MSG_CHECKING([whether the linker knows $tarn_flag])
	LDFLAGS="$tarn_saved_LDFLAGS -Werror $tarn_flag"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		 $1="$$1 $tarn_flag"],
		[AC_MSG_RESULT([no])])
done
LDFLAGS=$tarn_saved_LDFLAGS
])
