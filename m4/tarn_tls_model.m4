# SPDX-License-Identifier: BSD-2-Clause
# TARN_TLS_MODEL
# Defines TARN_TLS in config.h: how a thread-local variable of the library is
# declared. The fast model needs room in the static block of threads that run
# already when the library is loaded: glibc keeps some, musl refuses to load.
AC_DEFUN([TARN_TLS_MODEL], [
AC_CACHE_CHECK([for the model of thread-local storage], [tarn_cv_tls], [
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
		#include <stdlib.h>
		#ifndef __GLIBC__
		#error this is not glibc
		#endif
		static _Thread_local
			__attribute__((__tls_model__("initial-exec"))) int number;
		]], [[return number;]])],
		[tarn_cv_tls=initial-exec],
		[tarn_cv_tls=default])])
AS_IF([test "x$tarn_cv_tls" = xdefault],
	[tarn_tls='_Thread_local'],
	[tarn_tls='_Thread_local __attribute__((__tls_model__("initial-exec")))'])
AC_DEFINE_UNQUOTED([TARN_TLS], [$tarn_tls],
	[How a thread-local variable is declared.])
])
