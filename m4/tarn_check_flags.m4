# SPDX-License-Identifier: BSD-2-Clause
# TARN_CHECK_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of FLAGS that the C compiler knows.
#
# TARN_CHECK_LDFLAGS(VARIABLE, FLAGS)
# The same for flags of a link. Both ask with warnings as errors, since clang
# only warns of a flag that it does not know. The answer to a flag of a link is
# kept in tarn_cv_link_FLAG, where one can be given that the linker would not.
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
	AS_VAR_PUSHDEF([tarn_known], [tarn_cv_link_$tarn_flag])
	AC_CACHE_CHECK([whether the linker knows $tarn_flag], [tarn_known], [
		LDFLAGS="$tarn_saved_LDFLAGS -Werror $tarn_flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM()],
			[AS_VAR_SET([tarn_known], [yes])],
			[AS_VAR_SET([tarn_known], [no])])
		LDFLAGS=$tarn_saved_LDFLAGS])
	AS_VAR_IF([tarn_known], [yes], [$1="$$1 $tarn_flag"])
	AS_VAR_POPDEF([tarn_known])
done
])
