# SPDX-License-Identifier: BSD-2-Clause
# TARN_C11
# Stops where the C compiler cannot do what the sources need of C11 and of gcc.
AC_DEFUN([TARN_C11], [
AC_CACHE_CHECK([for C11 with atomics and thread-local storage],
	[tarn_cv_c11], [
	tarn_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -std=gnu11 -pthread"
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[
		#include <pthread.h>
		#include <stdatomic.h>
		#include <stddef.h>
		static _Thread_local int number;
		static atomic_size_t sum;
		_Static_assert(_Alignof(max_align_t) > 1, "alignment");
		]], [[
		number = (int)atomic_fetch_add(&sum, 1);
		return number + __atomic_load_n(&number, __ATOMIC_RELAXED);
		]])],
		[tarn_cv_c11=yes],
		[tarn_cv_c11=no])
	CFLAGS=$tarn_saved_CFLAGS])
AS_IF([test "x$tarn_cv_c11" = xno],
	[AC_MSG_ERROR([$CC does not do: C11 (-std=gnu11) with its atomics, and
the __atomic builtins of gcc. On Debian: apt-get install gcc libc6-dev])])
])
